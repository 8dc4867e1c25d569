"""What every test starts from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import partialconv  # noqa: F401  (switches telemetry off before a test imports what reports)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random tensors in every run."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six small photos, a broken one and a text."""
    folder: Path = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:48, :64]
    for number in range(5):
        waves = [128 + 120 * np.sin(x / (5 + number) + y / (9 - number) + phase) for phase in range(3)]
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(folder / f"{number}.png")
    (folder / "more").mkdir()
    Image.fromarray(np.full((20, 25), 90, np.uint8)).save(folder / "more" / "small_and_grey.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no photo")
    return folder
