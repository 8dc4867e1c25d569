"""The shipped network that finds damage: its card, its contract, and that it finds plain damage."""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from partialconv.zoo import FINDER

ROOT = Path(__file__).parents[1]
FILE = ROOT / "src" / "partialconv" / "zoo" / "find.onnx"


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(FILE, providers=["CPUExecutionProvider"])


def test_the_card_names_the_file_and_the_threshold(session: onnxruntime.InferenceSession) -> None:
    card = (ROOT / "docs" / "models" / "find.md").read_text("utf-8")
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() in card
    notes = session.get_modelmeta().custom_metadata_map
    assert notes["threshold"] in card and f"{int(notes['step']):,} steps" in card
    assert notes["kinds"] == "dust,scratches,cracks,stamp,text"
    assert FILE.stat().st_size <= 4e6


def test_finds_scratches_and_leaves_a_smooth_picture_alone(session: onnxruntime.InferenceSession) -> None:
    threshold = float(session.get_modelmeta().custom_metadata_map["threshold"])
    plain = np.linspace(0.3, 0.6, 128, dtype=np.float32)[None, None, :, None].repeat(3, 1).repeat(160, 3)
    scratched = plain.copy()
    scratched[..., 40:42] = 0.95
    scratched[..., 100:102] = 0.05
    valid = np.ones((1, 1, 128, 160), np.float32)
    damage = [session.run(["damage"], {"image": x, "valid": valid})[0][0, 0] >= threshold for x in (plain, scratched)]
    assert damage[0].mean() < 0.001
    truth = np.zeros((128, 160), bool)
    truth[:, [40, 41, 100, 101]] = True
    assert damage[1][truth].mean() > 0.6
    near = truth | np.roll(truth, 2, 1) | np.roll(truth, -2, 1)
    assert damage[1][~near].mean() < 0.01


def test_the_package_knows_the_hash_of_its_file() -> None:
    assert FINDER.path == FILE
    assert FINDER.is_intact(), "after a change of find.onnx, its hash stands in partialconv/zoo/__init__.py, too"
