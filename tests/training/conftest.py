"""A finished run."""

from pathlib import Path

import pytest

from partialconv.training.trainer import train
from tests.training.small import RECIPE


@pytest.fixture(scope="session")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run: Path = tmp_path_factory.mktemp("run") / "one"
    assert train(RECIPE, photos, run) == (6, True)
    return run
