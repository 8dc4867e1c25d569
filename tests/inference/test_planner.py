"""What every plan has to promise, and what it should cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from partialconv.inference.planner import BLOCK_PX, CONTEXT_PX, MAX_SIDE_PX, Plan, halved_hole, pixels_of, plan
from partialconv.inference.planner import Box as BoxOf

Hole = NDArray[np.bool_]


def specks(size: tuple[int, int], num: int, largest_px: int, seed: int = 0) -> Hole:
    hole, rng = np.zeros(size, bool), np.random.default_rng(seed)
    for y, x, height, width in zip(
        rng.integers(0, size[0], num),
        rng.integers(0, size[1], num),
        rng.integers(1, largest_px + 1, num),
        rng.integers(1, largest_px + 1, num),
        strict=True,
    ):
        hole[y : y + height, x : x + width] = True
    return hole


def check(given_plan: Plan, hole: Hole) -> None:
    """Every hole pixel is deep, or in the box of a crop that sees what is around it."""
    height, width = hole.shape
    whole = BoxOf(0, 0, height, width)
    covered = np.zeros_like(hole) if given_plan.deep is None else pixels_of(given_plan.deep, whole)
    assert not (covered & ~hole).any()
    for batch in given_plan.batches:
        assert len({crop.window.shape for crop in batch}) == 1
        for crop in batch:
            box, window = crop.box, crop.window
            assert hole[box.slices].any()
            assert 0 <= window.top <= box.top < box.bottom <= window.bottom <= height
            assert 0 <= window.left <= box.left < box.right <= window.right <= width
            assert window.top == 0 or box.top - window.top >= CONTEXT_PX
            assert window.right == width or window.right - box.right >= CONTEXT_PX
            assert max(window.shape) <= MAX_SIDE_PX + 31
            covered[box.slices] = True
    assert covered[hole].all()
    if given_plan.coarser is not None:
        assert given_plan.region is not None
        coarse = halved_hole(hole[given_plan.region.slices])
        assert given_plan.coarser.size == coarse.shape and given_plan.coarser.scale == 2 * given_plan.scale
        check(given_plan.coarser, coarse)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 900), st.integers(1, 900), st.integers(1, 40), st.integers(1, 400), st.integers(0, 99))
def test_every_hole_is_covered(height: int, width: int, num: int, largest_px: int, seed: int) -> None:
    hole = specks((height, width), num, largest_px, seed)
    if hole.all():
        hole[0, 0] = False
    if hole.any():
        check(plan(hole), hole)


def test_thousands_of_specks_cost_few_crops() -> None:
    hole = specks((3000, 4000), 5000, 6)
    given_plan = plan(hole)
    assert given_plan.num_crops < 100
    assert given_plan.num_pixels < 1.6 * hole.size


def test_scattered_holes_cost_their_surroundings() -> None:
    hole = np.zeros((3000, 4000), bool)
    for y in range(200, 3000, 600):
        for x in range(200, 4000, 600):
            hole[y : y + 10, x : x + 10] = True
    given_plan = plan(hole)
    assert given_plan.num_crops == 35 and len(given_plan.batches) == 1
    assert given_plan.num_pixels == 35 * 80**2


def test_neighbours_share_a_crop() -> None:
    hole = np.zeros((500, 500), bool)
    hole[100:105, 100:105] = hole[140:145, 150:155] = True
    assert plan(hole).num_crops == 1
    hole[480:485, 490:495] = True
    assert plan(hole).num_crops == 2


def test_a_long_scratch_is_cut_along_itself() -> None:
    hole = np.zeros((3000, 3000), bool)
    for i in range(2900):
        hole[i : i + 8, i : i + 8] = True
    given_plan = plan(hole)
    assert given_plan.num_pixels < 0.25 * hole.size
    # pieces that touch are filled one after the other, so that each goes on from the one before
    boxes = [[crop.box for crop in batch] for batch in given_plan.batches]
    assert not any(a.touches(b) for batch in boxes for i, a in enumerate(batch) for b in batch[:i])


@pytest.mark.parametrize(("depth_px", "scales"), [(7, [1]), (40, [4, 2, 1]), (1000, [128, 64, 32, 16, 8, 4, 2, 1])])
def test_deeper_holes_begin_at_coarser_scales(depth_px: int, scales: list[int]) -> None:
    hole = np.zeros((2 * depth_px + 300,) * 2, bool)
    hole[150:-150, 150:-150] = True
    given_plan = plan(hole)
    assert [stage.scale for stage in given_plan.stages] == scales
    check(given_plan, hole)


def test_what_is_deep_is_far_from_all_that_is_known() -> None:
    hole = np.zeros((200, 200), bool)
    hole[50:150, :100] = True  # beyond the photo's left border nothing is known
    deep = plan(hole).deep
    assert deep is not None
    pixels = pixels_of(deep, BoxOf(0, 0, 200, 200))
    rows, columns = np.nonzero(pixels)
    assert columns.min() == 0
    for shift in (-BLOCK_PX, BLOCK_PX):
        assert hole[rows + shift, columns].all() and hole[rows, np.maximum(columns + shift, 0)].all()


def test_only_what_is_wholly_unknown_is_unknown_at_half_size() -> None:
    hole = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
    np.testing.assert_array_equal(halved_hole(hole), [[False, True], [True, True]])
