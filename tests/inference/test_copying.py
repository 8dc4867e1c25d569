"""Detail of the photo in wide holes: where it goes, what it is, and that it is the same every time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, laplace

from partialconv import Inpainter
from partialconv.conventions import Hole
from partialconv.inference import copying, patchmatch
from partialconv.inference.carrying import Level, Mosaic, carry, find_sources
from partialconv.inference.continuing import is_drawn
from partialconv.inference.planner import Box, plan

Pixels = NDArray[np.uint8]


def textured(size: tuple[int, int] = (240, 320)) -> Pixels:
    """Coarse noise in colours, as of grass."""
    noise = gaussian_filter(np.random.default_rng(3).standard_normal((*size, 3)), (1.5, 1.5, 0))
    return np.asarray((120 + 30 * noise / noise.std()).clip(0, 255), np.uint8)


def square(size: tuple[int, int], side: int = 80) -> Hole:
    hole = np.zeros(size, bool)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    hole[top : top + side, left : left + side] = True
    return hole


def detail(photo: NDArray[Any], where: Hole) -> float:
    return float(np.square(laplace(photo.mean(axis=2)))[where].mean())


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    return Inpainter()


def test_a_wide_hole_gets_the_texture_around_it(inpainter: Inpainter) -> None:
    photo = textured()
    hole = square(photo.shape[:2])
    without, filled = (inpainter.fill(photo, hole, grain=False, copy=copy) for copy in (False, True))
    assert detail(without, hole) < 0.4 * detail(photo, hole)
    assert 0.7 * detail(photo, hole) < detail(filled, hole) < 2 * detail(photo, hole)  # seams add some
    np.testing.assert_array_equal(filled[~hole], photo[~hole])


def test_a_thin_hole_is_filled_as_before(inpainter: Inpainter) -> None:
    photo = textured()
    hole = np.zeros(photo.shape[:2], bool)
    hole[100:122, 40:280] = hole[40:200, 60:80] = True
    np.testing.assert_array_equal(inpainter.fill(photo, hole), inpainter.fill(photo, hole, copy=False))


def test_a_thin_part_of_a_wide_hole_stays(inpainter: Inpainter) -> None:
    photo = textured()
    hole = square(photo.shape[:2])
    hole[110:120, 10:300] = True
    without, filled = (inpainter.fill(photo, hole, grain=False, copy=copy) for copy in (False, True))
    np.testing.assert_array_equal(filled[:, :100], without[:, :100])
    assert (filled != without).any()


def test_what_lies_under_the_hole_does_not_matter(inpainter: Inpainter) -> None:
    photo, spoiled = textured(), textured()
    hole = square(photo.shape[:2])
    spoiled[hole] = (255, 0, 0)
    np.testing.assert_array_equal(inpainter.fill(spoiled, hole), inpainter.fill(photo, hole))


def test_two_threads_give_the_same(inpainter: Inpainter) -> None:
    photo = textured((160, 200))
    hole = square(photo.shape[:2], 60)
    alone = inpainter.fill(photo, hole)
    with ThreadPoolExecutor(2) as pool:
        for filled in pool.map(lambda _: inpainter.fill(photo, hole), range(2)):
            np.testing.assert_array_equal(filled, alone)


def test_stripes_go_on(inpainter: Inpainter) -> None:
    photo = np.full((200, 260, 3), 230, np.uint8)
    photo[:, np.arange(260) % 20 < 10] = (30, 60, 120)
    hole = square(photo.shape[:2], 70)
    error = np.abs(inpainter.fill(photo, hole)[hole].astype(float) - photo[hole])
    assert np.median(error) == 0
    assert error.mean() < 6


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_photos_get_copies_too(inpainter: Inpainter, dtype: type) -> None:
    values = textured().astype(np.float64) / 255 * 0.1 + 0.02  # a dark scan
    photo = (values * 65535).astype(dtype) if dtype is np.uint16 else values.astype(dtype)
    hole = square(photo.shape[:2])
    filled = inpainter.fill(photo, hole)
    assert filled.dtype == dtype
    assert detail(filled.astype(float), hole) > 0.6 * detail(photo.astype(float), hole)


def test_progress_is_told_and_can_stop(inpainter: Inpainter) -> None:
    photo = textured()
    told: list[float] = []
    inpainter.fill(photo, square(photo.shape[:2]), tell=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 4

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inpainter.fill(photo, square(photo.shape[:2]), tell=stop)


def test_without_pypatchmatch_the_network_fills_alone(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = textured()
    hole = square(photo.shape[:2])
    without = inpainter.fill(photo, hole, copy=False)
    monkeypatch.setattr(copying, "is_available", lambda: False)
    np.testing.assert_array_equal(inpainter.fill(photo, hole), without)
    assert patchmatch.is_available()


def test_large_holes_get_pixels_of_the_photo_itself(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = textured((300, 400))
    hole = square(photo.shape[:2], 120)
    monkeypatch.setattr(copying, "MOST_PX", 1500)  # so that copies are carried over two scales
    filled = inpainter.fill(photo, hole, grain=False)
    assert detail(filled, hole) > 0.7 * detail(photo, hole)


def shifted(size: tuple[int, int], down: int, right: int) -> tuple[NDArray[np.float32], Hole]:
    """A texture of which a square is a copy of what is elsewhere, and that square."""
    photo = textured(size).astype(np.float32)
    hole = np.zeros(size, bool)
    hole[40:80, 40:90] = True
    rows, columns = np.nonzero(hole)
    photo[rows, columns] = photo[rows + down, columns + right]
    return photo, hole


def test_sources_are_found_again() -> None:
    photo, hole = shifted((160, 240), 60, 90)
    offsets = find_sources(photo, hole, np.zeros_like(hole))
    inner = np.zeros_like(hole)
    inner[44:76, 44:86] = True
    assert ((offsets[0] == 60) & (offsets[1] == 90))[inner].mean() > 0.95


def test_a_carried_mosaic_is_exact() -> None:
    photo, hole = shifted((160, 240), 60, 90)
    whole = np.kron(photo, np.ones((2, 2, 1), np.float32)) + np.random.default_rng(0).normal(0, 5, (320, 480, 1))
    large = np.kron(hole, np.ones((2, 2), bool))
    nothing = np.zeros_like(large)
    levels = [
        Level(whole.astype(np.float32), large, nothing, Box(60, 60, 180, 200), 0, 255),
        Level(photo, hole, np.zeros_like(hole), Box(30, 30, 90, 100), 0, 255),
    ]
    told: list[float] = []
    copies = carry(levels, photo, told.append)
    assert copies.shape == (120, 140, 3)
    rows, columns = np.nonzero(large)
    inner = (rows > 88) & (rows < 152) & (columns > 88) & (columns < 172)
    expected = whole[rows[inner] + 120, columns[inner] + 180]
    same = np.abs(copies[rows[inner] - 60, columns[inner] - 60] - expected).max(axis=1) < 0.01
    assert same.mean() > 0.9


def test_nothing_is_copied_from_what_is_shut_or_to_fill() -> None:
    photo = textured((60, 80)).astype(np.float32)
    hole, shut = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    hole[20:40, 20:40], shut[:, 60:] = True, True
    offsets = np.zeros((2, 60, 80), np.int32)
    offsets[1, 20:40, 20:40] = 30  # half of it leads into what is shut
    near = np.full_like(photo, 77)
    copies = Mosaic(Level(photo, hole, shut, Box(0, 0, 60, 80), 0, 255), offsets, near).colours()
    assert (copies[20:40, 31:40] == 77).all()
    np.testing.assert_array_equal(copies[20:40, 20:29], photo[20:40, 50:59])


@pytest.mark.parametrize(
    ("holes", "count"),
    [([(40, 40, 60)], 1), ([(40, 40, 60), (40, 110, 60)], 1), ([(40, 40, 60), (300, 400, 60)], 2), ([(40, 40, 28)], 0)],
)
def test_wide_parts_that_are_near_are_one(holes: list[tuple[int, int, int]], count: int) -> None:
    hole = np.zeros((420, 520), bool)
    for top, left, side in holes:
        hole[top : top + side, left : left + side] = True
    boxes = copying.wide_boxes(plan(hole), hole)
    assert len(boxes) == count


@pytest.mark.parametrize(("body_px", "copied"), [(80, True), (40, False)])
def test_limbs_of_objects_are_copied(body_px: int, copied: bool) -> None:
    """A bar 24 pixels wide, beside what is an object or not."""
    hole = np.zeros((300, 400), bool)
    hole[100 : 100 + body_px, 60 : 60 + body_px] = True
    hole[60:100, 80:104] = True
    steps, found = plan(hole), np.zeros_like(hole)
    for box in copying.wide_boxes(steps, hole):
        window = box.grown(64, steps.size)
        found[window.slices] |= copying.thick_part(hole[window.slices], box.moved(-window.top, -window.left))
    assert found[110:130, 70:90].all()
    assert found[92:99, 82:102].all() == copied
    assert not (found & ~hole).any()


@pytest.mark.parametrize("make", [lambda: np.full((90, 90, 3), 7, np.uint8), lambda: textured((90, 90))])
def test_drawings_are_told_from_photos(make: Callable[[], Pixels]) -> None:
    photo = make()
    assert is_drawn(photo, square((90, 90), 30)) == (photo.std() == 0)
