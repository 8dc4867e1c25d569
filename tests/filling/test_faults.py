"""Inputs that gave wrong results with exit code 0: the whole way, from files to a file, and what is said of it."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

import partialconv
from partialconv import FillJob, FillOptions, HoleWarning, InputError, PhotoWarning, fill_file
from tests.command import call

SIZE = (160, 120)


def photo() -> Image.Image:
    return Image.fromarray(data.coffee()).resize(SIZE)


def line(width: int = 8) -> Image.Image:
    picture = Image.new("L", SIZE)
    ImageDraw.Draw(picture).line([(30, 30), (120, 90)], fill=255, width=width)
    return picture


def soft() -> Image.Image:
    return Image.eval(line().filter(ImageFilter.GaussianBlur(3)), lambda value: 255 - value)


def opened(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


def erased_photo(path: Path) -> Path:
    """What a soft eraser left of the photo."""
    picture = photo()
    if path.suffix == ".bmp":  # with alpha, which Pillow reads from such a header
        picture.putalpha(soft())
        info = (108).to_bytes(4, "little") + SIZE[0].to_bytes(4, "little") + SIZE[1].to_bytes(4, "little")
        info += b"\1\0\x20\0\3\0\0\0" + bytes(20) + b"\0\0\xff\0\0\xff\0\0\xff\0\0\0\0\0\0\xff" + b"BGRs" + bytes(48)
        rows = np.asarray(picture)[::-1, :, [2, 1, 0, 3]].tobytes()
        path.write_bytes(b"BM" + (14 + len(info) + len(rows)).to_bytes(4, "little") + bytes(4)
                         + (14 + len(info)).to_bytes(4, "little") + info + rows)  # fmt: skip
        return path
    if path.name.startswith("palette"):
        picture = picture.quantize(200)
        pixels, alpha = np.array(picture), np.asarray(soft())
        pixels[alpha < 255] = 200 + alpha[alpha < 255] // 5
        palette = Image.fromarray(pixels, "P")
        palette.putpalette((picture.getpalette() or [])[:600] + [128, 128, 128] * 56)
        palette.save(path, transparency=bytes([255] * 200 + [5 * number for number in range(51)] + [254] * 5))
        return path
    picture.putalpha(soft())
    options: dict[str, Any] = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.bmp", "palette.png"])
@pytest.mark.parametrize("way", ["holes from alpha", "the photo as its own hole"])
def test_all_that_a_soft_eraser_touched_is_filled_and_opaque(tmp_path: Path, name: str, way: str) -> None:
    source, result = erased_photo(tmp_path / name), tmp_path / f"out{Path(name).suffix}"
    before, touched = opened(source), np.asarray(soft()) < 255
    assert (before[touched][:, 3] < 255).all() and (before[~touched][:, 3] == 255).all()
    from_alpha = way == "holes from alpha"
    fill_file(FillJob(source, result, None if from_alpha else source, FillOptions(hole_from_alpha=from_alpha)))
    after = opened(result)
    assert (after[..., 3] == 255).all()
    np.testing.assert_array_equal(after[~touched], before[~touched])
    truth = np.asarray(photo(), float)[touched]
    assert np.abs(after[touched][:, :3] - truth).mean() < 40


def test_holes_from_alpha_grow_and_have_no_colour(tmp_path: Path) -> None:
    erased_photo(tmp_path / "a.png")
    wide = np.asarray(Image.fromarray(np.asarray(soft()) < 255).filter(ImageFilter.MaxFilter(7)))
    results = []
    colors: tuple[Literal["auto", "white", "black"], ...] = ("auto", "white", "black")
    for number, color in enumerate(colors):
        options = FillOptions(hole_from_alpha=True, grow_px=3, hole_color=color)
        filling = fill_file(FillJob(tmp_path / "a.png", tmp_path / f"{number}.png", None, options))
        assert filling.report.hole_ratio == pytest.approx(wide.mean(), abs=1e-6)
        results.append((tmp_path / f"{number}.png").read_bytes())
        image = partialconv.fill(tmp_path / "a.png", hole_from_alpha=True, grow_px=3, hole_color=color)
        np.testing.assert_array_equal(np.asarray(image), opened(tmp_path / f"{number}.png"))
    assert results[0] == results[1] == results[2]


def test_a_palette_that_is_nowhere_quite_opaque_is_filled(tmp_path: Path) -> None:
    picture = photo().quantize(255)
    picture.save(tmp_path / "a.png", transparency=bytes([254] * 255))
    line().save(tmp_path / "hole.png")
    fill_file(FillJob(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "hole.png"))
    before, after, hole = opened(tmp_path / "a.png"), opened(tmp_path / "b.png"), np.asarray(line()) > 0
    assert (after[..., 3] == 254).all() and (before != after).any(axis=2)[hole].mean() > 0.5
    np.testing.assert_array_equal(before[~hole], after[~hole])


def test_an_inverted_hole_is_refused_until_its_color_is_said(tmp_path: Path) -> None:
    photo().save(tmp_path / "a.png")
    inverted = Image.eval(line(), lambda value: 255 - value)
    inverted.save(tmp_path / "inverted.png")
    line().save(tmp_path / "hole.png")
    fill_file(FillJob(tmp_path / "a.png", tmp_path / "right.png", tmp_path / "hole.png"))
    with pytest.raises(InputError, match="looks inverted"):
        fill_file(FillJob(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "inverted.png"))
    with pytest.raises(InputError, match="looks inverted"):
        partialconv.fill(photo(), np.asarray(inverted) > 0)
    options = FillOptions(hole_color="black")
    fill_file(FillJob(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "inverted.png", options))
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "right.png").read_bytes()
    # as when a photo is continued beyond its border
    assert partialconv.fill(photo(), np.asarray(inverted) > 0, hole_color="white").size == SIZE


def test_a_painted_copy_as_an_image_or_array(tmp_path: Path) -> None:
    copy = photo()
    copy.paste((255, 0, 0), mask=line())
    marked = (np.asarray(copy) != np.asarray(photo())).any(axis=2)
    photo().save(tmp_path / "a.png")
    for image in (photo(), np.asarray(photo()), tmp_path / "a.png"):
        for hole in (copy, np.asarray(copy)):
            with pytest.warns(HoleWarning, match="copy of the photo"):
                filled = np.asarray(partialconv.fill(image, hole))
            assert ((filled != np.asarray(photo())).any(axis=2) & ~marked).sum() == 0


def test_floats_a_rounding_error_beyond_1_are_taken() -> None:
    pixels = np.asarray(photo(), np.float32) / np.float32(255)
    pixels *= np.float32(1.0000002) / pixels.max()
    hole = np.asarray(line()) > 0
    filled = partialconv.fill(pixels, hole)
    np.testing.assert_array_equal(filled[~hole], pixels[~hole])
    assert filled[hole].min() >= 0 and filled[hole].max() <= 1
    np.testing.assert_array_equal(filled[hole], partialconv.fill(pixels.clip(0, 1), hole)[hole])
    with pytest.raises(InputError, match="expected floats from 0 to 1"):
        partialconv.fill(pixels * 255, hole)


def speck(path: Path, orientation: int = 1) -> NDArray[np.bool_]:
    """A JPEG of a sky with a dark speck; the hole as it is stored."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    hole = (y - 60) ** 2 + (x - 77) ** 2 < 12
    grey = np.where(hole, 20, 150 + x / 8 + y / 16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.dstack([grey, grey + 10, grey + 30]).astype(np.uint8)).save(path, quality=70, exif=exif)
    return np.asarray(hole)


def test_ringing_around_a_speck_is_filled_and_told(tmp_path: Path) -> None:
    hole = speck(tmp_path / "a.jpg")
    Image.fromarray(hole).save(tmp_path / "hole.png")
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    sky, beside, largest = 150 + x / 8 + y / 16, np.s_[48:72, 64:88], {}
    for ringing in (True, False):
        options = FillOptions(ringing=ringing)
        job = FillJob(tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "hole.png", options, overwrite=True)
        report = fill_file(job).report
        assert any("ripples of JPEG" in remark for remark in report.remarks) == ringing
        error = np.abs(opened(tmp_path / "b.jpg")[..., 0] - sky)
        largest[ringing] = error[beside].max()
        np.testing.assert_array_equal(opened(tmp_path / "b.jpg")[:44], opened(tmp_path / "a.jpg")[:44])
    assert largest[True] < 0.5 * largest[False]


@pytest.mark.parametrize("orientation", [1, 6, 3])
def test_ringing_is_found_in_turned_photos(tmp_path: Path, orientation: int) -> None:
    hole = speck(tmp_path / "a.jpg", orientation)
    Image.fromarray(np.rot90(hole, {1: 0, 3: 2, 6: 3}[orientation])).save(tmp_path / "hole.png")
    filling = fill_file(FillJob(tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "hole.png"))
    assert filling.report.hole_ratio > 2 * hole.mean()
    changed = (opened(tmp_path / "a.jpg") != opened(tmp_path / "b.jpg")).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() >= 46 and rows.max() < 82 and columns.min() >= 62 and columns.max() < 98


def test_what_is_no_jpeg_afterwards_keeps_all_pixels_beside_the_hole(tmp_path: Path) -> None:
    hole = speck(tmp_path / "a.jpg")
    Image.fromarray(hole).save(tmp_path / "hole.png")
    assert fill_file(FillJob(tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "hole.png")).report.remarks == ()
    before = opened(tmp_path / "a.jpg")
    np.testing.assert_array_equal(opened(tmp_path / "b.png")[~hole], before[~hole])
    np.testing.assert_array_equal(np.asarray(partialconv.fill(tmp_path / "a.jpg", hole))[~hole], before[~hole][:, :3])


def test_remarks_reach_the_command_line_and_the_report_of_a_batch(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    source = tmp_path / "photos" / "a.jpg"
    photo().save(source, quality=90)
    source.write_bytes(source.read_bytes()[:-2])
    line().save(tmp_path / "hole.png")
    done = call("fill", "photos/a.jpg", "hole.png", "-o", "b.jpg", cwd=tmp_path)
    assert done.returncode == 0
    assert "warning: photos/a.jpg lacks its end marker, but its picture is whole." in done.stderr
    assert call("batch", "photos", "hole.png", "-o", "out", cwd=tmp_path).returncode == 0
    (record,) = map(json.loads, (tmp_path / "out" / "report.jsonl").read_text().splitlines())
    assert any("lacks its end marker" in finding for finding in record["findings"])
    with pytest.warns(PhotoWarning, match="lacks its end marker"):
        partialconv.fill(source, tmp_path / "hole.png")


def test_fill_takes_holes_from_alpha(tmp_path: Path) -> None:
    erased_photo(tmp_path / "a.png")
    done = call("fill", "a.png", "--holes-from-alpha", "--grow", "2", "-o", "b.png", cwd=tmp_path)
    assert done.returncode == 0 and (opened(tmp_path / "b.png")[..., 3] == 255).all()


def test_filling_in_place_keeps_the_mode(tmp_path: Path) -> None:
    photo().save(tmp_path / "a.jpg")
    line().save(tmp_path / "hole.png")
    before = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").chmod(0o600)
    assert call("fill", "a.jpg", "hole.png", "-o", "a.jpg", "--overwrite", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.jpg").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.jpg").read_bytes() != before
