"""Scans of film: infrared as a fourth channel or a page of its own, thumbnails, planes; the rest of the file stays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from partialconv.errors import InputError
from partialconv.imageio import read_photo, write_photo
from tests.imageio.formats import tiff_samples

SIZE = (41, 50)
HOLE = np.zeros(SIZE, bool)
HOLE[10:20, 15:40] = True
PACKINGS: dict[str, dict[str, Any]] = {
    "raw": {},
    "zlib": {"compression": "zlib", "predictor": True},
    "tiles": {"tile": (16, 32)},
    "rows": {"rowsperstrip": 1},
    "Motorola": {"byteorder": ">", "rowsperstrip": 7},
    "big": {"bigtiff": True},
}


def scan(depth: int, channels: int, seed: int = 0) -> NDArray[Any]:
    dtype = np.uint16 if depth == 16 else np.uint8
    return np.random.default_rng(seed).integers(0, 2**depth, (*SIZE, channels)).astype(dtype)


def patched(source: Path, result: Path, opaque: bool = False) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Fill with noise; gives the colours and what was remarked."""
    photo = read_photo(source)
    colours = scan(photo.bits, 3, 9)
    remarks = write_photo(photo, colours, HOLE, result, opaque=opaque)
    return colours, remarks


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("extra", [["unspecified"], ["unassalpha", "unspecified"], ["unspecified", "unspecified"]])
def test_infrared_beside_the_colours_stays(tmp_path: Path, packing: str, depth: int, extra: list[str]) -> None:
    before = scan(depth, 3 + len(extra))
    source, result = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(source, before, photometric="rgb", extrasamples=extra, metadata=None, **PACKINGS[packing])
    colours, remarks = patched(source, result)
    after = tiff_samples(result)
    np.testing.assert_array_equal(after[..., 3:], before[..., 3:])
    np.testing.assert_array_equal(after[~HOLE], before[~HOLE])
    np.testing.assert_array_equal(after[HOLE][:, :3], colours[HOLE])
    assert remarks == ()


@pytest.mark.parametrize("packing", ["raw", "zlib", "tiles", "Motorola"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("orientation", [1, 6])
def test_16_bit_planes(tmp_path: Path, packing: str, channels: int, orientation: int) -> None:
    before = scan(16, channels)
    source, result = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(
        source, before.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", metadata=None,
        extrasamples=["unspecified"] * (channels - 3), extratags=[(274, 3, 1, orientation, True)], **PACKINGS[packing],
    )  # fmt: skip
    colours, _ = patched(source, result)
    assert read_photo(result).orientation == orientation
    after = tiff_samples(result).transpose(1, 2, 0)
    np.testing.assert_array_equal(after[..., 3:], before[..., 3:])
    np.testing.assert_array_equal(after[~HOLE], before[~HOLE])
    np.testing.assert_array_equal(after[HOLE][:, :3], colours[HOLE])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("pages", ["infrared", "thumbnail", "both"])
def test_further_pages_stay(tmp_path: Path, depth: int, pages: str) -> None:
    source, result = tmp_path / "a.tif", tmp_path / "b.tif"
    before = scan(depth, 3)
    with tifffile.TiffWriter(source) as tiff:
        tiff.write(before, photometric="rgb", metadata=None)
        if pages != "thumbnail":
            tiff.write(before[..., 1], photometric="minisblack", metadata=None)
        if pages != "infrared":
            tiff.write(before[::4, ::4], photometric="rgb", subfiletype=1, metadata=None)
    colours, remarks = patched(source, result)
    with tifffile.TiffFile(source) as old, tifffile.TiffFile(result) as new:
        assert len(new.pages) == len(old.pages) == (3 if pages == "both" else 2)
        for number in range(1, len(old.pages)):
            np.testing.assert_array_equal(old.pages[number].asarray(), new.pages[number].asarray())
        after = new.pages[0].asarray()
    np.testing.assert_array_equal(after[~HOLE], before[~HOLE])
    np.testing.assert_array_equal(after[HOLE], colours[HOLE])
    assert remarks == ()


def test_pages_that_are_pictures_of_their_own_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for seed in (0, 1):
            tiff.write(scan(16, 3, seed), photometric="rgb", metadata=None)
    with pytest.raises(InputError, match="has more than one frame, expected a still picture"):
        read_photo(tmp_path / "a.tif")


def test_what_another_format_cannot_hold_is_told(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(scan(16, 4), photometric="rgb", extrasamples=["unspecified"], metadata=None)
        tiff.write(scan(16, 3)[::4, ::4], photometric="rgb", subfiletype=1, metadata=None)
    _, remarks = patched(tmp_path / "a.tif", tmp_path / "b.png")
    beside = "further channels, as of infrared, and further pages"
    assert remarks == (f"{tmp_path}/b.png does not hold the {beside} of {tmp_path}/a.tif",)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("planes", [False, True])
def test_a_hole_in_alpha_becomes_opaque(tmp_path: Path, depth: int, kind: str, planes: bool) -> None:
    before = scan(depth, 4)
    before[~HOLE, 3] = 2**depth - 1
    before[HOLE, 3] //= 2
    if kind == "assocalpha":
        before[..., :3] = (before[..., :3].astype(np.uint64) * before[..., 3:]) // (2**depth - 1)
    tifffile.imwrite(
        tmp_path / "a.tif", before.transpose(2, 0, 1) if planes else before, photometric="rgb", extrasamples=[kind],
        planarconfig="separate" if planes else "contig", metadata=None,
    )  # fmt: skip
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").erased, HOLE)
    colours, _ = patched(tmp_path / "a.tif", tmp_path / "b.tif", opaque=True)
    after = tiff_samples(tmp_path / "b.tif")
    after = after.transpose(1, 2, 0) if planes else after
    np.testing.assert_array_equal(after[~HOLE], before[~HOLE])
    np.testing.assert_array_equal(after[HOLE], np.pad(colours[HOLE], [(0, 0), (0, 1)], constant_values=2**depth - 1))
