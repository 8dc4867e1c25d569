"""JPEG to JPEG where jpeglib cannot be installed: nearly the same file, and a sentence that says what is not exact."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.imageio import read_photo, write_photo
from tests.imageio.test_jpeg import CODINGS, KINDS, encode, markers


@pytest.fixture(autouse=True)
def without_jpeglib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jpeglib", None)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_photo_is_compressed_with_its_own_tables(tmp_path: Path, kind: str, coding: str) -> None:
    source, result = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(encode((61, 70), kind, coding, 90, 5))
    photo = read_photo(source)
    hole = np.zeros((61, 70), bool)
    hole[16:48, 16:48] = True
    told = write_photo(photo, np.broadcast_to(np.array([200, 60, 90], np.uint8), (61, 70, 3)), hole, result)
    assert len(told) == 1 and "jpeglib" in told[0] and str(result) in told[0] and ".png" in told[0]
    with Image.open(source) as old, Image.open(result) as new:
        assert (new.format, new.mode, new.size) == ("JPEG", old.mode, old.size)
        before, after = (np.asarray(image.convert("RGB")).astype(int) for image in (old, new))
        tables = [[image.quantization[layer[3]] for layer in image.layer] for image in (old, new)]  # type: ignore[attr-defined]
    assert tables[0] == tables[1]
    far = np.ones((61, 70), bool)
    far[14:50, 14:50] = False
    # quality 90 rounds noise of 8 by about 2; half-resolution colours by more, where they were enlarged
    assert np.abs(after - before)[far].mean() < 4
    shown = after[20:44, 20:44].reshape(-1, 3).mean(axis=0)
    assert np.abs(shown - ([117] * 3 if kind == "L" else [200, 60, 90])).max() < 5
    kept = [[(m, c) for m, c in markers(path.read_bytes()) if c[:5] != b"Adobe"] for path in (source, result)]
    assert kept[0] == kept[1]


def test_what_the_hole_leaves_alone_hardly_changes(tmp_path: Path) -> None:
    """The tables are the photo's own, so that rounding again finds the same numbers; the default ones change 1.3."""
    (tmp_path / "a.jpg").write_bytes(encode((64, 64), "4:4:4", "plain", 60, 5))
    photo, corner = read_photo(tmp_path / "a.jpg"), np.zeros((64, 64), bool)
    corner[0, 0] = True
    write_photo(photo, photo.samples, corner, tmp_path / "b.jpg")
    again = read_photo(tmp_path / "b.jpg")
    assert np.abs(again.samples.astype(int) - photo.samples).mean() < 0.1


def test_the_command_says_it_and_a_png_needs_no_word(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(encode((64, 64), "4:2:0", "plain", 90, 5))
    Image.fromarray(np.eye(64, dtype=bool)).save(tmp_path / "holes.png")
    code = (
        "import sys; sys.modules['jpeglib'] = None\n"
        "import partialconv.__main__ as m\n"
        "sys.argv = ['partialconv', 'fill', 'photo.jpg', 'holes.png', '-o', 'out.' + sys.argv[1]]; m.run()"
    )
    for suffix, lines in (("jpg", 1), ("png", 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, suffix], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (0, lines), done.stderr
        assert "jpeglib" in done.stderr or not lines
