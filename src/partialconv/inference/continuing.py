"""What goes on under a hole without a doubt: one flat colour, a smooth surface, a pattern that repeats.

No network is needed there, and none is as exact. Whether it is so is decided by what is around a hole alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole, some_blocks
from partialconv.inference.planner import Box
from partialconv.inference.repeats import repeat
from partialconv.inference.scales import rounded
from partialconv.inference.shapes import opened
from partialconv.inference.surfaces import LEAST_LEVELS, flat_colour, surface

BLOCK_PX = 8  # holes are told apart on a grid of such squares
CONTEXT_PX = 64  # around a hole, at least
NARROW_PX = 3  # half the width of a hole, from which the network's fill of a drawn picture is not exact
ROWS_APART = 4  # of those that tell whether a picture is drawn
DRAWN = 0.5  # share of neighbours that are the same; of photos about 0.1, if no large part is black or white


def drawn_boxes(photo: NDArray[Any], hole: Hole, boxes: list[Box]) -> list[Box]:
    """Those of some boxes where a picture is drawn, and its hole is no hairline: there narrow holes are tried, too."""
    found = []
    for box in boxes:
        window = box.grown(CONTEXT_PX, (hole.shape[0], hole.shape[1])).slices
        if opened(hole[window], NARROW_PX).any() and is_drawn(photo[window][::ROWS_APART], hole[window][::ROWS_APART]):
            found.append(box)
    return found


def continue_certain(photo: NDArray[Any], hole: Hole, boxes: list[Box], peak: float) -> tuple[Hole, Hole]:
    """Fill the holes under which it is certain what goes on, in place.

    Args:
        photo: (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = to be filled.
        boxes: Around the parts of it that are looked at.
        peak: The value of white.

    Returns:
        What was filled, (H, W), and the part of it that has noise around it and has got none.
    """
    done, noiseless, seen = (np.zeros_like(hole) for _ in range(3))
    squares, size = some_blocks(hole, BLOCK_PX, BLOCK_PX), (hole.shape[0], hole.shape[1])
    for box in boxes:
        if seen[box.slices].any():
            continue
        reached, around = _connected(squares, box, size)
        window = around.grown(max(CONTEXT_PX, *around.shape), size).slices
        rows, columns = (np.arange(side.start, side.stop) // BLOCK_PX for side in window)
        whole = hole[window] & reached[rows[:, None], columns]
        seen[window] |= whole
        for part in (whole, hole[window] & ~whole):
            filled, is_noisy = _continue(photo[window], part & ~done[window], hole[window], peak)
            done[window] |= filled
            if is_noisy:
                noiseless[window] |= filled
            if not filled.any():
                break  # what is thin beside it is for the network, too
    return done, noiseless


def is_drawn(photo: NDArray[Any], hole: Hole) -> bool:
    """Whether a picture is no photo, but drawn: without noise, so that most neighbours are the same."""
    same = np.ones((photo.shape[0], photo.shape[1] - 1), bool)
    for channel in range(photo.shape[2]):  # several times as fast as all(axis=2)
        same &= photo[:, 1:, channel] == photo[:, :-1, channel]
    known = ~(hole[:, 1:] | hole[:, :-1])
    return bool(np.count_nonzero(same & known) > DRAWN * np.count_nonzero(known))


def _connected(squares: Hole, box: Box, size: tuple[int, int]) -> tuple[Hole, Box]:
    """The squares that hang together with those in a box, corners included, and the box of pixels around them.

    Args:
        squares: Those that hold a pixel of the hole, (ceil(H / BLOCK_PX), ceil(W / BLOCK_PX)).
        box: In pixels, with a pixel of the hole.
        size: Of the photo, (H, W).
    """
    free = np.pad(squares, 1)
    left = free.reshape(-1)  # without those that were reached
    reached = np.zeros_like(left)
    beside = np.array([down * free.shape[1] + right for down in (-1, 0, 1) for right in (-1, 0, 1)])
    rows = np.arange(box.top // BLOCK_PX, -(-box.bottom // BLOCK_PX)) + 1
    columns = np.arange(box.left // BLOCK_PX, -(-box.right // BLOCK_PX)) + 1
    last = (rows[:, None] * free.shape[1] + columns).reshape(-1)
    last = last[left[last]]
    while len(last):
        reached[last], left[last] = True, False
        near = (last[:, None] + beside).reshape(-1)
        last = np.unique(near[left[near]])
    found = reached.reshape(free.shape)[1:-1, 1:-1]
    sides = [np.flatnonzero(found.any(axis=axis)) * BLOCK_PX for axis in (1, 0)]
    ends = [min(limit, int(side[-1]) + BLOCK_PX) for limit, side in zip(size, sides, strict=True)]
    return found, Box(int(sides[0][0]), int(sides[1][0]), *ends)


def _continue(photo: NDArray[Any], hole: Hole, unknown: Hole, peak: float) -> tuple[Hole, bool]:
    """Fill a hole in place; what was filled, and whether there is noise around it that it has not."""
    if not hole.any():
        return hole, False
    colour = flat_colour(photo, hole, unknown)
    if colour is not None:
        photo[hole] = colour
        return hole, False
    if (fitted := surface(photo, hole, unknown, peak)) is not None:
        values, noise = fitted
        photo[hole] = rounded((values * (peak / 255)).clip(0, peak).astype(np.float32), photo.dtype)
        return hole, noise > LEAST_LEVELS
    if (sources := repeat(photo, hole, unknown, is_drawn(photo, unknown), peak)) is not None:
        filled, rows, columns = sources
        photo[filled] = photo[rows[filled], columns[filled]]
        return filled, False
    return np.zeros_like(hole), False
