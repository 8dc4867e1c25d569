"""What every test starts from."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random tensors in every run."""
    torch.manual_seed(0)
