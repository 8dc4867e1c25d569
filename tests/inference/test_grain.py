"""Grain: of the kind that the surroundings have, in the hole alone."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from partialconv import Inpainter
from partialconv.inference.grain import DETAIL_PX, _seen_in
from partialconv.inference.grain import add_grain as add_grain_by_plan
from partialconv.inference.planner import plan
from partialconv.inference.tones import keep_tones

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]


def add_grain(photo: NDArray[Any], hole: Hole, peak: float) -> None:
    add_grain_by_plan(photo, hole, plan(hole), peak)


def noisy(strength: float, size: tuple[int, int] = (200, 240), sigma: tuple[float, float] = (0, 0)) -> Pixels:
    """A grey photo with noise of that standard deviation, blurred by `sigma` before."""
    noise = gaussian_filter(np.random.default_rng(5).standard_normal(size), sigma, mode="wrap")
    return np.repeat(np.rint(120 + strength * noise / noise.std()).astype(np.uint8)[..., None], 3, axis=2)


def smooth_hole(photo: Pixels, rows: slice, columns: slice) -> Hole:
    """Make a part of a photo as smooth as a fill, in place."""
    hole = np.zeros(photo.shape[:2], bool)
    hole[rows, columns] = True
    photo[hole] = 120
    return hole


def typical(photo: Pixels, where: Hole) -> float:
    """The geometric mean of the detail's amplitude, by SciPy's blur."""
    grey = photo.mean(axis=2)
    detail = grey - gaussian_filter(grey, DETAIL_PX)
    return float(np.exp(np.log(detail[where] ** 2 + 0.5).mean() / 2))


QUIET = slice(None), slice(None, 30)  # a part of the photo


@pytest.mark.parametrize("strength", [6, 12, 24])
@pytest.mark.parametrize(("kind", "least", "most"), [("grain", 0.8, 1.1), ("texture", 0.35, 0.7)])
def test_grain_is_continued_in_full_and_texture_by_half(kind: str, least: float, most: float, strength: float) -> None:
    photo = noisy(strength)
    if kind == "texture":
        photo[QUIET] = 120
    hole = smooth_hole(photo, slice(80, 120), slice(90, 140))
    inside, around = np.zeros_like(hole), ~hole
    inside[88:112, 98:132] = True
    around[QUIET] = False
    before = typical(photo, inside)
    add_grain(photo, hole, 255)
    assert before < 0.2 * typical(photo, around)
    assert least < typical(photo, inside) / typical(photo, around) < most


@pytest.mark.parametrize(("kind", "least", "most"), [("grain", 0.3, 0.7), ("texture", 0.0, 0.15)])
def test_grain_comes_up_to_the_edge_and_texture_does_not(kind: str, least: float, most: float) -> None:
    photo = noisy(24)
    if kind == "texture":
        photo[QUIET] = 120
    hole = smooth_hole(photo, slice(80, 120), slice(90, 140))
    before = photo.astype(float)
    add_grain(photo, hole, 255)
    added = np.abs(photo - before).mean(axis=2)
    rim = [added[80:82, 95:135].mean(), added[118:120, 95:135].mean()]
    assert least < np.mean(rim) / added[92:108, 102:128].mean() < most


def test_what_is_quiet_anywhere_around_a_hole_has_no_grain_anywhere() -> None:
    photo = noisy(20, (200, 1500))
    photo[:, 1400:] = 120
    hole = smooth_hole(photo, slice(80, 120), slice(50, 1450))
    assert len(plan(hole).boxes) > 1
    add_grain(photo, hole, 255)
    inside = np.zeros_like(hole)
    inside[88:112, 60:400] = True
    assert typical(photo, inside) < 0.7 * typical(photo, ~hole)


@pytest.mark.parametrize("tone", [0, 255])
def test_black_and_white_borders_of_a_grainy_photo_stay_clean(tone: int) -> None:
    photo = noisy(12)
    photo[:, :60] = tone
    hole = np.zeros(photo.shape[:2], bool)
    hole[80:120, 10:200] = True
    photo[80:120, 60:200] = 120
    add_grain(photo, hole, 255)
    assert (np.abs(photo[:, :50].astype(int) - tone) <= 1).all()
    assert photo[88:112, 100:190].std() > 9


def test_a_fill_that_has_grain_gets_little() -> None:
    photo = noisy(12)
    hole = np.zeros(photo.shape[:2], bool)
    hole[80:120, 90:140] = True
    before = photo.copy()
    add_grain(photo, hole, 255)
    change = (photo.astype(float) - before)[hole]
    assert change.std() < 0.25 * 12


@pytest.mark.parametrize("axis", [0, 1])
def test_it_runs_in_the_direction_of_the_texture(axis: int) -> None:
    photo = noisy(20, sigma=(3, 0) if axis == 0 else (0, 3))
    hole = smooth_hole(photo, slice(80, 120), slice(90, 140))
    add_grain(photo, hole, 255)
    grain = photo[80:120, 90:140, 0].astype(float) - 120
    steps = [np.diff(grain, axis=a).std() for a in (0, 1)]
    assert steps[axis] < 0.6 * steps[1 - axis]


def test_smooth_parts_of_a_photo_stay_smooth() -> None:
    photo = noisy(20, (200, 300))
    photo[:, :150] = 200
    hole = np.zeros(photo.shape[:2], bool)
    hole[80:120, 100:200] = True
    photo[80:120, 150:200] = 120
    add_grain(photo, hole, 255)
    changes = np.abs(photo[80:120].astype(float) - np.where(np.arange(300) < 150, 200, 120)[:, None]).mean(axis=(0, 2))
    assert changes[165:200].mean() > 3
    assert changes[100:135].mean() < 0.15 * changes[165:200].mean()


def test_an_edge_is_no_grain() -> None:
    photo = np.full((200, 240, 3), 200, np.uint8)
    photo[:, :100] = 40
    photo[:, 175:178] = 0
    before = photo.copy()
    hole = np.zeros(photo.shape[:2], bool)
    hole[60:140, 120:160] = True
    add_grain(photo, hole, 255)
    assert np.abs(photo.astype(int) - before).max() <= 1


@pytest.mark.parametrize("kind", ["grain", "texture"])
def test_far_inside_of_a_wide_hole_nothing_is_added_and_it_fades(kind: str) -> None:
    photo = noisy(20, (900, 900))
    if kind == "texture":
        photo[QUIET] = 120
    hole = smooth_hole(photo, slice(60, 840), slice(60, 840))
    add_grain(photo, hole, 255)
    change = np.abs(photo[..., 0].astype(int) - 120)
    assert change[70:90, 100:800].mean() > 3
    assert change[430:470, 430:470].mean() < 0.5  # of 16
    along = [change[row : row + 20, 300:600].mean() for row in range(70, 430, 20)]
    assert all(later < earlier + 0.6 for earlier, later in pairwise(along))


def test_pieces_of_one_hole_fit() -> None:
    photo = noisy(20, (200, 1500), sigma=(0, 2))
    hole = smooth_hole(photo, slice(80, 104), slice(50, 1450))
    seams = sorted({box.left for box in plan(hole).boxes} - {50})
    assert seams
    add_grain(photo, hole, 255)
    steps = np.abs(np.diff(photo[80:104, :, 0].astype(float), axis=1)).mean(axis=0)
    usual = steps[100:1400]
    assert max(steps[seam - 1] for seam in seams) < usual.mean() + 3 * usual.std()


@pytest.mark.parametrize(("dtype", "peak"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_known_pixels_and_types_are_kept_and_grey_stays_grey(dtype: str, peak: float) -> None:
    eight = noisy(20)
    hole = smooth_hole(eight, slice(80, 120), slice(90, 140))
    photo = (eight / 255 * peak).astype(dtype)
    before = photo.copy()
    add_grain(photo, hole, peak)
    assert photo.dtype == dtype
    np.testing.assert_array_equal(photo[~hole], before[~hole])
    assert (photo[hole] != before[hole]).any()
    assert (photo[..., 0] == photo[..., 1]).all()
    assert photo.min() >= 0 and photo.max() <= peak
    add_grain(eight, hole, 255)
    np.testing.assert_allclose(photo / peak, eight / 255, atol=1.5 / 255)


@pytest.mark.parametrize("size", [(1, 2), (5, 3), (40, 33), (1, 700)])
def test_photos_of_any_size(size: tuple[int, int]) -> None:
    photo = noisy(20, size)
    hole = np.zeros(size, bool)
    hole[0, size[1] // 2] = True
    hole[: size[0] // 2, size[1] // 2 :] = size[0] > 20
    before = photo.copy()
    add_grain(photo, hole, 255)
    np.testing.assert_array_equal(photo[~hole], before[~hole])


def test_the_inpainter_adds_it_and_can_leave_it_out() -> None:
    photo = noisy(20)
    hole = smooth_hole(photo, slice(80, 110), slice(90, 140))
    inpainter = Inpainter()
    bare, filled = inpainter.fill(photo, hole, grain=False), inpainter.fill(photo, hole)
    np.testing.assert_array_equal(filled, inpainter.fill(photo, hole))
    again = bare.copy()
    add_grain(again, hole, 255)
    keep_tones(again, hole, plan(hole), 255)
    np.testing.assert_allclose(filled, again, atol=1)  # `bare` was rounded, and held to the tones, once before
    assert typical(filled, hole) > 1.2 * typical(bare, hole)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_hairlines_stay_as_they_are(width: int) -> None:
    photo = noisy(12)
    hole = np.zeros(photo.shape[:2], bool)
    hole[100 : 100 + width] = True
    photo[hole] = 120
    before = photo.copy()
    add_grain(photo, hole, 255)
    np.testing.assert_array_equal(photo, before)


def test_a_window_that_is_not_kept_gets_the_same_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed once and what is computed anew for lack of room are the same, and independent of the order."""
    rng = np.random.default_rng(0)
    photo = rng.normal(128, 12, (400, 400, 3)).clip(0, 255).astype(np.uint8)
    hole = np.zeros((400, 400), bool)
    hole[100:180, 40:60] = hole[100:180, 90:110] = hole[300:320, 300:380] = True
    smooth = np.where(hole[..., None], np.uint8(128), photo)
    results, num_computed = [], []
    for room in (0, 1 << 30):
        monkeypatch.setattr("partialconv.inference.grain.KEPT_PX", room)
        seen: list[int] = []
        monkeypatch.setattr("partialconv.inference.grain._seen_in", counted(_seen_in, seen))
        filled = smooth.copy()
        add_grain(filled, hole, 255)
        results.append(filled)
        num_computed.append(len(seen))
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != smooth)[hole].mean() > 0.5
    assert num_computed[0] == 2 * num_computed[1]


def counted(function: Any, calls: list[int]) -> Any:
    def call(*arguments: Any) -> Any:
        calls.append(1)
        return function(*arguments)

    return call
