"""Colours keep their kind: grey, toned, flat and white, in all depths."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from partialconv import Inpainter
from partialconv.conventions import Hole
from partialconv.inference.planner import plan
from partialconv.inference.tones import keep_tones

DEPTHS = [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)]


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    return Inpainter()


def holes(size: tuple[int, int]) -> Hole:
    """A wide one and thin ones."""
    hole = np.zeros(size, bool)
    hole[30:75, 40:100] = hole[10:13, 5:120] = hole[80:110, 120:123] = True
    return hole


def of_depth(values: NDArray[np.floating[Any]], dtype: type, peak: float) -> NDArray[Any]:
    scaled = values.clip(0, 1) * peak
    return np.rint(scaled).astype(dtype) if peak > 1 else scaled.astype(dtype)


def grey_levels(size: tuple[int, int] = (120, 150)) -> NDArray[np.float64]:
    y, x = np.mgrid[: size[0], : size[1]]
    noise = np.random.default_rng(0).normal(0, 0.03, size)
    return np.asarray((0.5 + 0.2 * np.sin(x / 11) + 0.15 * np.cos(y / 7) + noise).clip(0.02, 0.98))


@pytest.mark.parametrize(("dtype", "peak"), DEPTHS)
def test_grey_stays_grey(inpainter: Inpainter, dtype: type, peak: float) -> None:
    photo = of_depth(np.repeat(grey_levels()[..., None], 3, axis=2), dtype, peak)
    filled = inpainter.fill(photo, holes(photo.shape[:2]))
    assert (filled == filled[..., :1]).all()


@pytest.mark.parametrize(("dtype", "peak"), DEPTHS)
def test_toned_photos_stay_on_their_tone(inpainter: Inpainter, dtype: type, peak: float) -> None:
    levels = grey_levels()
    toned = np.stack([levels**0.8, levels, levels**1.35], axis=2)  # sepia
    photo = of_depth(toned, dtype, peak)
    hole = holes(photo.shape[:2])
    filled = inpainter.fill(photo, hole)[hole].astype(float) / peak
    curve = np.linspace(0, 1, 4096)
    curve = np.stack([curve**0.8, curve, curve**1.35], axis=1)
    away = np.abs(filled[:, None, :] - curve[None, ::8]).max(axis=2).min(axis=1)
    assert away.max() < 4 / 255


@pytest.mark.parametrize(("dtype", "peak"), DEPTHS)
@pytest.mark.parametrize("colour", [(1, 1, 1), (0, 0, 0), (0.8, 0.1, 0.3)])
def test_flat_colours_are_exact(
    inpainter: Inpainter, dtype: type, peak: float, colour: tuple[float, float, float]
) -> None:
    photo = of_depth(np.broadcast_to(np.array(colour), (120, 150, 3)), dtype, peak)
    np.testing.assert_array_equal(inpainter.fill(photo, holes((120, 150))), photo)


def test_paper_with_text_is_white_again(inpainter: Inpainter) -> None:
    photo = np.full((120, 150, 3), 255, np.uint8)
    photo[90:100:3, 10:140] = 20  # lines below
    hole = np.zeros((120, 150), bool)
    hole[20:70, 40:110] = True
    assert (inpainter.fill(photo, hole)[hole] == 255).all()


def filled_by(colour: tuple[int, int, int], known: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What becomes of a hole that was filled with one colour."""
    photo, hole = known.copy(), np.zeros(known.shape[:2], bool)
    hole[20:30, 20:30] = True
    photo[hole] = colour
    keep_tones(photo, hole, plan(hole), 255)
    np.testing.assert_array_equal(photo[~hole], known[~hole])
    return photo[hole]


def test_a_blue_sky_gets_no_other_colour() -> None:
    rng = np.random.default_rng(1)
    sky = np.stack(
        [rng.integers(40, 60, (60, 60)), rng.integers(90, 110, (60, 60)), rng.integers(190, 210, (60, 60))], 2
    )
    red, green, blue = filled_by((120, 100, 120), sky.astype(np.uint8)).astype(int).T
    assert (red - green <= -30).all()
    assert (blue - green >= 80).all()


def test_many_colours_are_left_alone() -> None:
    known = np.random.default_rng(2).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert (filled_by((100, 130, 90), known) == (100, 130, 90)).all()


def test_a_colour_with_many_like_it_takes_nothing_up() -> None:
    known = np.random.default_rng(3).integers(118, 123, (60, 60, 3), dtype=np.uint8)
    known[:10] = 120  # many of one colour, but more like it
    assert (filled_by((121, 121, 121), known) == 121).all()
