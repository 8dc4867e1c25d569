"""What goes on under a wide hole without a doubt: the truth is known, so it must come back."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.inference import Inpainter
from partialconv.inference.continuing import _connected, continue_certain, is_drawn
from partialconv.inference.planner import Box

SIZE = 240, 260
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
HOLE = np.hypot(ROWS - 120, COLUMNS - 130) < 45
HOLE[60:100, 150:156] = True  # a thin part hangs on it
BOX = Box(40, 60, 200, 200)
EXAMPLES = Path(__file__).parents[2] / "examples"


def grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.stack([values, values * 0.8 + 10, values * 0.5 + 60], axis=-1)).astype(np.uint8)


def tiles() -> NDArray[np.uint8]:
    """A pattern without any symmetry inside a tile of 37 x 41 pixels."""
    tile = np.random.default_rng(3).integers(0, 256, (37, 41, 3), dtype=np.uint8)
    return np.asarray(np.tile(tile, (7, 7, 1))[: SIZE[0], : SIZE[1]])


PICTURES = {
    "one colour": (np.full((*SIZE, 3), (12, 200, 77), np.uint8), 0),
    "linear": (grey(40 + 0.3 * ROWS + 0.2 * COLUMNS), 1),
    "radial": (grey(240 - 0.5 * np.hypot(ROWS + 40, COLUMNS + 60)), 1),
    "stripes": (grey(np.where(COLUMNS % 24 < 9, 30, 220)), 0),
    "slanting stripes": (grey(np.where((COLUMNS + 2 * ROWS) % 31 < 12, 60, 180)), 0),
    "checks": (grey(np.where((COLUMNS // 17 + ROWS // 17) % 2 > 0, 25, 230)), 0),
    "edge": (grey(np.where(COLUMNS > 2 * ROWS - 110, 20, 240)), 0),
    "tiles": (tiles(), 0),
}


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    return Inpainter()


@pytest.mark.parametrize("name", PICTURES)
def test_goes_on(name: str, inpainter: Inpainter) -> None:
    picture, levels = PICTURES[name]
    damaged = picture.copy()
    damaged[HOLE] = (255, 0, 255)
    filled = inpainter.fill(damaged, HOLE)
    np.testing.assert_allclose(filled.astype(int), picture.astype(int), atol=levels)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_in_any_depth(dtype: str, inpainter: Inpainter) -> None:
    smooth = np.stack([0.2 + ROWS / 900, 0.9 - COLUMNS / 700, 0.1 + ROWS / 1500 + COLUMNS / 900], axis=-1)
    peak = 65535 if dtype == "uint16" else 1
    picture = (np.rint(smooth * peak) if peak > 1 else smooth).astype(dtype)
    filled = inpainter.fill(np.where(HOLE[..., None], np.zeros(3, dtype), picture), HOLE)
    assert filled.dtype == picture.dtype
    assert np.abs(filled.astype(float) - picture).max() <= 3e-5 * peak


def test_a_page_stays_white_where_lines_of_text_are_taken_off(inpainter: Inpainter) -> None:
    rng = np.random.default_rng(0)
    page = np.full((*SIZE, 3), 255, np.uint8)
    for top in range(10, SIZE[0] - 12, 20):
        letters = rng.random((2, 60)) < 0.5
        page[top : top + 12, 10:250] = np.where(letters.repeat(6, 0).repeat(4, 1)[..., None], 20, 255)
    hole = np.zeros(SIZE, bool)
    hole[85:165, 5:255] = True
    filled = inpainter.fill(page, hole)
    assert (filled[hole] == 255).all()
    assert (page[hole] != 255).any()


def test_noise_goes_on_too(inpainter: Inpainter) -> None:
    noise = np.random.default_rng(1).normal(0, 1.5, (*SIZE, 1))
    smooth = np.stack([60 + ROWS / 3, 80 + ROWS / 4, 180 + COLUMNS / 8], axis=-1)
    picture = np.rint(smooth + noise).astype(np.uint8)
    filled = inpainter.fill(np.where(HOLE[..., None], np.uint8(0), picture), HOLE)
    off = (filled - smooth)[HOLE]
    assert np.abs(off.mean(axis=0)).max() < 0.3
    assert 0.5 < off.std() < 2.2
    bare = inpainter.fill(np.where(HOLE[..., None], np.uint8(0), picture), HOLE, grain=False)
    assert (bare - smooth)[HOLE].std() < 0.5


def test_nothing_is_certain_in_a_photo() -> None:
    photo = np.array(Image.open(EXAMPLES / "chelsea.jpg").convert("RGB"))[: SIZE[0], : SIZE[1]]
    filled = photo.copy()
    done, noiseless = continue_certain(filled, HOLE, [BOX], 255)
    assert not done.any()
    assert not noiseless.any()
    np.testing.assert_array_equal(filled, photo)


def test_a_pattern_that_only_looks_alike_is_not_taken() -> None:
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    done, _ = continue_certain(picture.copy(), HOLE, [BOX], 255)
    assert not done.any()


def test_holes_apart_are_told_apart() -> None:
    picture, _ = PICTURES["linear"]
    picture = picture.copy()
    picture[:, :100] = np.random.default_rng(2).integers(0, 256, (SIZE[0], 100, 3), dtype=np.uint8)
    hole = np.zeros(SIZE, bool)
    hole[60:120, 20:80] = hole[60:120, 180:240] = True
    filled = picture.copy()
    done, _ = continue_certain(filled, hole, [Box(60, 20, 120, 80), Box(60, 180, 120, 240)], 255)
    assert not done[:, :100].any()
    np.testing.assert_array_equal(done[:, 130:], hole[:, 130:])
    np.testing.assert_allclose(filled[done].astype(int), picture[done].astype(int), atol=1)


def test_progress_ends_at_one(inpainter: Inpainter) -> None:
    shares: list[float] = []
    inpainter.fill(PICTURES["stripes"][0], HOLE, tell=shares.append)
    assert shares[-1] == 1


@pytest.mark.parametrize("period", [4, 8, 16, 24])
def test_stripes_go_on_under_narrow_holes(period: int, inpainter: Inpainter) -> None:
    picture = grey(np.where((ROWS + COLUMNS) // (period // 2) % 2 > 0, 230, 40))
    hole = np.zeros(SIZE, bool)
    hole[110:122, 40:220] = True
    filled = inpainter.fill(np.where(hole[..., None], np.uint8(0), picture), hole)
    np.testing.assert_array_equal(filled, picture)


def test_what_hangs_together_is_told_by_squares_that_touch() -> None:
    rng = np.random.default_rng(7)
    for share in (0.1, 0.3, 0.45, 0.7):
        squares = rng.random((20, 31)) < share
        num, labels = cv2.connectedComponents(squares.astype(np.uint8), connectivity=8)
        for label in range(1, num):
            rows, columns = np.nonzero(labels == label)
            box = Box(8 * int(rows[-1]) + 3, 8 * int(columns[-1]) + 1, 8 * int(rows[-1]) + 7, 8 * int(columns[-1]) + 2)
            found, around = _connected(squares, box, (157, 245))
            np.testing.assert_array_equal(found, labels == label)
            ends = min(157, 8 * int(rows.max()) + 8), min(245, 8 * int(columns.max()) + 8)
            assert around == Box(8 * int(rows.min()), 8 * int(columns.min()), *ends)


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("name", [*PICTURES, "chelsea.jpg", "rocket.jpg", "coffee.jpg"])
def test_drawn_is_where_more_than_half_of_the_known_neighbours_are_the_same(name: str, scale: int) -> None:
    picture = PICTURES[name][0] if name in PICTURES else np.asarray(Image.open(EXAMPLES / name).convert("RGB"))
    size = picture.shape[1] * scale // 2, picture.shape[0] * scale // 2
    picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    hole = np.random.default_rng(scale).random(picture.shape[:2]) < 0.1
    pairs = [
        (before == after).all()
        for row, unknown in zip(picture[::9], hole[::9], strict=True)
        for before, after, *holes in zip(row, row[1:], unknown, unknown[1:], strict=False)
        if not any(holes)
    ]
    assert is_drawn(picture[::9], hole[::9]) == (sum(pairs) / len(pairs) > 0.5)


def test_nothing_known_is_nothing_drawn() -> None:
    assert not is_drawn(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool))
