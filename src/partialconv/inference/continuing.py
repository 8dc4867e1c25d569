"""What goes on under a hole without a doubt: one flat colour, a smooth surface, a pattern that repeats.

No network is needed there, and none is as exact. Whether it is so is decided by what is around a hole alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.planner import Box
from partialconv.inference.repeats import repeat
from partialconv.inference.scales import rounded
from partialconv.inference.shapes import opened
from partialconv.inference.surfaces import LEAST_LEVELS, flat_colour, surface
from partialconv.masks.morphology import dilate

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
    done, noiseless = np.zeros_like(hole), np.zeros_like(hole)
    seen = np.zeros_like(hole)
    for box in boxes:
        if seen[box.slices].any():
            continue
        whole, around = _whole(hole, box)
        seen[around.slices] |= whole[around.slices]
        window = around.grown(max(CONTEXT_PX, *around.shape), (hole.shape[0], hole.shape[1])).slices
        for part in (whole[window], hole[window] & ~whole[window]):
            filled, is_noisy = _continue(photo[window], part & ~done[window], hole[window], peak)
            done[window] |= filled
            if is_noisy:
                noiseless[window] |= filled
            if not filled.any():
                break  # what is thin beside it is for the network, too
    return done, noiseless


def is_drawn(photo: NDArray[Any], hole: Hole) -> bool:
    """Whether a picture is no photo, but drawn: without noise, so that most neighbours are the same."""
    same = (photo[:, 1:] == photo[:, :-1]).all(axis=2)
    known = ~(hole[:, 1:] | hole[:, :-1])
    return bool(known.any()) and bool(same[known].mean() > DRAWN)


def _whole(hole: Hole, box: Box) -> tuple[Hole, Box]:
    """All of a hole that hangs together with what is in a box, told by squares that touch, and the box around that."""
    height, width = (-(-side // BLOCK_PX) for side in hole.shape)
    padded = np.zeros((height * BLOCK_PX, width * BLOCK_PX), bool)
    padded[: hole.shape[0], : hole.shape[1]] = hole
    squares: Hole = np.asarray(padded.reshape(height, BLOCK_PX, width, BLOCK_PX).any(axis=(1, 3)))
    reached: Hole = np.zeros_like(squares)
    top, left = box.top // BLOCK_PX, box.left // BLOCK_PX
    bottom, right = -(-box.bottom // BLOCK_PX), -(-box.right // BLOCK_PX)
    reached[top:bottom, left:right] = squares[top:bottom, left:right]
    while True:
        grown = dilate(reached, 1)
        grown &= squares
        if (grown == reached).all():
            break
        reached = grown
    first = [int(np.flatnonzero(reached.any(axis=axis))[0]) * BLOCK_PX for axis in (1, 0)]
    last = [int(np.flatnonzero(reached.any(axis=axis))[-1] + 1) * BLOCK_PX for axis in (1, 0)]
    around = Box(first[0], first[1], min(hole.shape[0], last[0]), min(hole.shape[1], last[1]))
    whole: Hole = reached.repeat(BLOCK_PX, axis=0).repeat(BLOCK_PX, axis=1)[: hole.shape[0], : hole.shape[1]] & hole
    return whole, around


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
