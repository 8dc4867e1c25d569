"""Nothing is written that shows another photo outside of the hole: damaged files, replaced files, a faulty encoder."""

import io
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import bmp, read_photo, rewritten, rgb_of, write_photo, writing
from partialconv.imageio.colours import Filled

SIZE = (64, 64)
FORMATS = ("png", "jpg", "tif", "bmp", "webp")


def pixels() -> NDArray[np.uint8]:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = np.stack([x * 4 % 256, y * 3 % 256, (x + y) % 256], 2)
    return (waves + np.random.default_rng(1).integers(0, 20, (*SIZE, 3))).clip(0, 255).astype(np.uint8)


def marked() -> NDArray[np.bool_]:
    hole = np.zeros(SIZE, bool)
    hole[20:28, 20:28] = True
    return hole


def test_a_jpeg_with_damaged_tables_is_kept_or_refused(tmp_path: Path) -> None:
    """What Pillow shows outside the hole is what it showed before, or there is one line and no file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels()).save(buffer, "JPEG", quality=90)
    content, chance = buffer.getvalue(), random.Random(0)
    tables, scan = content.find(b"\xff\xc4"), content.find(b"\xff\xda")
    far = np.ones(SIZE, bool)
    far[14:34, 14:34] = False
    kept, refused = 0, 0
    for number in range(120):
        damaged = bytearray(content)
        place = chance.randrange(tables, scan) if number % 2 else chance.randrange(scan + 20, len(content))
        damaged[place] = chance.randrange(256)
        (tmp_path / "a.jpg").write_bytes(damaged)
        try:
            photo = read_photo(tmp_path / "a.jpg")
        except InputError:
            continue
        out = tmp_path / f"{number}.jpg"
        try:
            write_photo(photo, np.zeros((*SIZE, 3), np.uint8), marked(), out)
        except InputError as error:
            refused += "outside of the hole" in str(error)
            assert not out.exists()
            continue
        kept += 1
        with Image.open(io.BytesIO(damaged)) as before, Image.open(out) as after:
            np.testing.assert_array_equal(np.asarray(after)[far], np.asarray(before)[far])
    assert kept > 50 and refused > 0
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".jpg"] * (kept + 1)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("other", [(64, 64), (16, 24)])
def test_a_file_that_is_replaced_after_it_was_read_changes_nothing(
    tmp_path: Path, suffix: str, other: tuple[int, int]
) -> None:
    path, hole = tmp_path / f"a.{suffix}", marked()
    Image.fromarray(np.full((*SIZE, 3), 40, np.uint8)).save(path)
    photo = read_photo(path)
    Image.fromarray(np.full((*other, 3), 220, np.uint8)).save(path)
    write_photo(photo, rgb_of(photo), hole, tmp_path / f"b.{suffix}")
    with Image.open(tmp_path / f"b.{suffix}") as written:
        shown = np.asarray(written.convert("RGB")).astype(int)
    assert shown.shape == (*SIZE, 3) and np.abs(shown - 40).max() <= 1


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("source", ["RGB", "P", "L"])
def test_an_encoder_that_changes_one_known_pixel_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, source: str
) -> None:
    path, out = tmp_path / f"a.{'png' if suffix == 'webp' else suffix}", tmp_path / f"b.{suffix}"
    if (source, suffix) in (("P", "jpg"), ("P", "webp"), ("L", "webp")):
        pytest.skip("the format has no such mode")
    Image.fromarray(pixels()).convert("RGB").convert(source).save(path)
    rows = Filled.rows
    photo, wrong = read_photo(path), [False]

    def faulty(filled: Filled, start: int, stop: int) -> NDArray[np.uint8]:
        found = rows(filled, start, stop).copy()
        if wrong[0] and start <= 50 < stop:
            found[50 - start, 50] ^= 64
        return found

    monkeypatch.setattr(Filled, "rows", faulty)
    wide = marked()
    wide[48:56, 48:56] = True  # the encoders look at rows and blocks with a hole in them alone
    wide[50, 50] = suffix == "jpg"
    write_photo(photo, rgb_of(photo), wide, out)
    wrong[0] = suffix != "jpg"
    if suffix == "jpg":
        monkeypatch.setattr(
            writing, "requantise_blocks", lambda filled, to: Image.fromarray(255 - pixels()).save(to, "JPEG")
        )
    if suffix == "bmp":
        monkeypatch.setattr(writing, "patch_bmp", lambda *_: False)
    if suffix == "tif":
        monkeypatch.setattr(writing, "patch_tiff", lambda *_: False)
    with pytest.raises(InputError, match="pixels outside of the hole would not be those of"):
        write_photo(photo, rgb_of(photo), wide, tmp_path / f"c.{suffix}")
    assert not list(tmp_path.glob("c.*")) and not list(tmp_path.glob(".*")) and bmp.LAYOUTS


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_was_looked_at_is_what_is_read(tmp_path: Path, suffix: str) -> None:
    source, output = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    Image.fromarray(pixels()).resize((150, 200)).save(source, dpi=(72, 72))
    photo, hole = read_photo(source), np.zeros((200, 150), bool)
    hole[60:80, 20:28] = True
    written, read = rewritten(Filled(photo, 255 - rgb_of(photo), hole), output), read_photo(output)
    assert np.array_equal(written.samples, read.samples) and written.samples.flags.writeable
    assert replace(written, samples=read.samples) == read
    assert not np.array_equal(read.samples, photo.samples)
