"""The infrared image of a scan is found where scanners' programs put it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import read_photo
from partialconv.imageio.infrared import infrared_beside, infrared_of, read_infrared, without_infrared

SAMPLES = np.random.default_rng(0).integers(0, 65535, (41, 50, 5)).astype(np.uint16)


@pytest.mark.parametrize("extra", [["unspecified"], ["unassalpha", "unspecified"]])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 32)}, {"byteorder": ">"}])
def test_a_further_sample(tmp_path: Path, extra: list[str], options: dict[str, Any]) -> None:
    stored = SAMPLES[..., : 3 + len(extra)]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=extra, metadata=None, **options)
    np.testing.assert_array_equal(infrared_of(read_photo(tmp_path / "a.tif")), stored[..., -1])


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_grey_page_of_the_same_size(tmp_path: Path, orientation: int) -> None:
    turn = [(274, 3, 1, orientation, True)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(SAMPLES[..., :3], photometric="rgb", metadata=None, extratags=turn)
        tiff.write(SAMPLES[::4, ::4, 0], photometric="minisblack", subfiletype=1, metadata=None)
        tiff.write(SAMPLES[..., 4], photometric="minisblack", metadata=None, extratags=turn)
    photo = read_photo(tmp_path / "a.tif")
    want = SAMPLES[..., 4] if orientation == 1 else np.rot90(SAMPLES[..., 4], -1)
    np.testing.assert_array_equal(infrared_of(photo), want)
    assert photo.shown.size == want.shape


def test_alpha_and_thumbnails_are_no_infrared(tmp_path: Path) -> None:
    alpha = SAMPLES[..., :4].copy()
    alpha[..., 3] = 65535
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(alpha, photometric="rgb", extrasamples=["unassalpha"], metadata=None)
        tiff.write(SAMPLES[::4, ::4, :3], photometric="rgb", subfiletype=1, metadata=None)
    assert infrared_of(read_photo(tmp_path / "a.tif")) is None


@pytest.mark.parametrize("name", ["scan_ir.tif", "scan-IR.png", "scan.infrared.tiff"])
def test_a_file_beside(tmp_path: Path, name: str) -> None:
    Image.fromarray(SAMPLES[..., 0] >> 8).convert("L").save(tmp_path / "scan.png")
    Image.fromarray((SAMPLES[..., 1] >> 8).astype(np.uint8)).save(tmp_path / name)
    Image.new("L", (50, 41)).save(tmp_path / "scanner_ir.png")
    photo = read_photo(tmp_path / "scan.png")
    assert infrared_beside(photo.path) == tmp_path / name
    np.testing.assert_array_equal(infrared_of(photo), SAMPLES[..., 1] >> 8)
    assert without_infrared(sorted(tmp_path.iterdir())) == [tmp_path / "scan.png", tmp_path / "scanner_ir.png"]


def test_one_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("L", (50, 40)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"has 50x40 pixels, expected 50x41 as scan\.tif"):
        read_infrared(tmp_path / "a.png", (41, 50), "scan.tif")
