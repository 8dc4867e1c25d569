"""Holes in a JPEG grow over what rings around them, and over nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.imageio import read_photo
from partialconv.imageio.ringing import _Blocks, with_ringing

SIZE = (96, 120)


def sky(noise: float = 0) -> NDArray[np.float64]:
    """A smooth ground, (H, W, 3)."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    grey = 150 + 0.2 * x + 0.1 * y + 6 * np.sin(x / 40) + np.random.default_rng(0).normal(0, 1, SIZE) * noise
    return np.stack([grey, grey + 20, grey + 40], axis=-1)


def speck() -> NDArray[np.bool_]:
    """A dark disc in the middle of blocks of 8x8 and 16x16, and one over their edge."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray(((y - 40) ** 2 + (x - 56) ** 2 < 9) | ((y - 64) ** 2 + (x - 31) ** 2 < 5))


def saved(pixels: NDArray[np.float64], path: Path, **options: Any) -> Path:
    Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8)).save(path, **options)
    return path


@pytest.mark.parametrize("quality", [50, 75, 90])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_ringing_on_a_smooth_ground_is_in_the_hole(tmp_path: Path, quality: int, subsampling: str) -> None:
    pixels = sky()
    pixels[speck()] = 20
    photo = read_photo(saved(pixels, tmp_path / "a.jpg", quality=quality, subsampling=subsampling))
    grown = with_ringing(photo, speck())
    assert grown[speck()].all()
    error = np.abs((photo.samples - sky()) @ [0.299, 0.587, 0.114])
    before, after = error[~speck()], error[~grown]
    assert before.max() > 8, "nothing rings here"
    assert (after > 4).sum() < 0.1 * (before > 4).sum()
    assert after.max() < 0.5 * before.max()
    unit = 16 if subsampling == "4:2:0" else 8
    rows, columns = np.nonzero(speck())
    touched = set(zip(rows // unit, columns // unit, strict=True))
    assert {(row // unit, column // unit) for row, column in np.argwhere(grown)} == touched


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_grey_photo_rings_too(tmp_path: Path, orientation: int) -> None:
    pixels = sky()[..., 0]
    pixels[speck()] = 20
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_photo(saved(pixels, tmp_path / "a.jpg", quality=75, exif=exif))
    grown = with_ringing(photo, speck())
    error = np.abs(photo.samples - sky()[..., 0])
    assert (error[~grown] > 4).sum() < 0.1 * (error[~speck()] > 4).sum()


def test_where_nothing_was_the_hole_stays(tmp_path: Path) -> None:
    photo = read_photo(saved(sky(noise=2), tmp_path / "a.jpg", quality=75))
    np.testing.assert_array_equal(with_ringing(photo, speck()), speck())


def test_texture_stays(tmp_path: Path) -> None:
    pixels = sky(noise=12)
    pixels[speck()] = 20
    photo = read_photo(saved(pixels, tmp_path / "a.jpg", quality=75))
    np.testing.assert_array_equal(with_ringing(photo, speck()), speck())


def test_another_thing_in_the_block_stays(tmp_path: Path) -> None:
    """A white dot two pixels away from the speck is no ringing: it stands out as much as the speck does."""
    pixels = sky()
    pixels[speck()] = 40
    pixels[44:46, 60:62] = 255
    photo = read_photo(saved(pixels, tmp_path / "a.jpg", quality=92, subsampling="4:4:4"))
    grown = with_ringing(photo, speck())
    assert not grown[44:46, 60:62].any()


def test_other_formats_do_not_ring(tmp_path: Path) -> None:
    pixels = sky()
    pixels[speck()] = 20
    Image.open(saved(pixels, tmp_path / "a.jpg", quality=60)).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(with_ringing(photo, speck()), speck())


def test_the_surface_is_the_one_of_least_squares() -> None:
    """Blocks share their sums, so the fit is compared with one of all samples around a block."""
    rng, (rows, columns) = np.random.default_rng(1), np.mgrid[:3, :3]
    free = np.array([[True, True, False, True, False, True, False, True, True]])
    blocks = _Blocks(np.stack([rows, columns], axis=-1).reshape(1, 9, 2), free)
    window = rng.normal(100, 30, (24, 24))
    tiles = window.reshape(3, 8, 3, 8).swapaxes(1, 2).reshape(9, 64)
    mean_square, middle = blocks.deviation(np.stack([tiles[3 * row + column] for row, column in blocks.places]))
    y, x = (np.mgrid[:24, :24] - 11.5) / 24
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    known = free.reshape(3, 3).repeat(8, axis=0).repeat(8, axis=1)
    coefficients = np.linalg.lstsq(terms[known], window[known])[0]
    deviation = window - terms @ coefficients
    np.testing.assert_allclose(middle[0], deviation[8:16, 8:16], atol=0.05)
    np.testing.assert_allclose(mean_square[0], (deviation[known] ** 2).mean(), rtol=1e-4)
