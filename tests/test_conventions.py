"""Blocks that hold a pixel of a hole."""

import numpy as np
import pytest

from partialconv.conventions import some_blocks


@pytest.mark.parametrize("size", [(16, 32), (17, 33), (5, 3), (40, 71)])
@pytest.mark.parametrize("block", [(8, 8), (16, 16), (8, 32), (3, 8)])
def test_a_block_is_marked_where_a_pixel_of_it_is(size: tuple[int, int], block: tuple[int, int]) -> None:
    hole = np.random.default_rng(0).random(size) < 0.02
    expected = np.zeros([-(-side // unit) for side, unit in zip(size, block, strict=True)], bool)
    for row, column in np.argwhere(hole):
        expected[row // block[0], column // block[1]] = True
    np.testing.assert_array_equal(some_blocks(hole, *block), expected)
