"""The vectors that web/ is tested with are those of this code: else its own tests would prove nothing."""

import base64
import gzip
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
web_vectors = runpy.run_path(str(ROOT / "benchmarks" / "web_vectors.py"))


def committed(name: str) -> list[dict[str, Any]]:
    with gzip.open(web_vectors["FOLDER"] / f"{name}.json.gz") as file:
        vectors: list[dict[str, Any]] = json.load(file)
    return vectors


def pixels(text: str) -> NDArray[np.int16]:
    return np.frombuffer(base64.b64decode(text), np.uint8).astype(np.int16)


def test_plans() -> None:
    found = json.loads(json.dumps(web_vectors["plans"]()))
    assert len(found) == 200
    assert found == committed("plans")


def test_fills() -> None:
    """Other processors sum in another order, so a level more or less is no fault."""
    vectors = committed("fills")
    assert len(vectors) == 20
    for found, kept in zip(web_vectors["fills"](), vectors, strict=True):
        assert {key: found[key] for key in ("photo", "hole")} == {key: kept[key] for key in ("photo", "hole")}
        assert np.abs(pixels(found["filled"]) - pixels(kept["filled"])).max() <= 1


def test_finds() -> None:
    for found, kept in zip(web_vectors["finds"](), committed("finds"), strict=True):
        levels = pixels(kept["levels"])
        assert levels.any() and np.abs(pixels(found["levels"]) - levels).max() <= 1


def test_run_lengths_give_the_map_back() -> None:
    grid = np.array([[True, True, False], [False, True, False]])
    lengths = web_vectors["runs"](grid)
    assert lengths == [0, 2, 2, 1, 1]
    assert web_vectors["runs"](~grid[:1]) == [2, 1]
