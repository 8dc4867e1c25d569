"""Patterns that repeat: stripes, dots, bricks, grids, fences, straight edges.

A frame of known pixels around the hole is laid over the photo at every shift. Where a pattern repeats, it fits at some
of them, and what is under the hole is what the photo has there.

Source: the shifts are those of He and Sun 2012, "Statistics of Patch Offsets for Image Completion"; that a frame
measures them, by Fourier transforms, and that one must fit nearly exactly, is ours.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.planner import halved_hole
from partialconv.inference.scales import halved
from partialconv.masks.morphology import dilate

Map = NDArray[np.floating[Any]]
Shifts = NDArray[np.integer[Any]]
Pixels = NDArray[Any]  # as they are stored
FRAME_PX = 24  # of known pixels around a hole
MOST_PIXELS = 200_000  # of the photo in which shifts are looked for; larger ones are halved first
NUM_SHIFTS = 60  # that are kept
NUM_FINER = 20  # that are looked at again at double size, with their neighbours
LEAST_PX = 4  # of a shift: nearer ones fit everywhere, for neighbours are alike
LEAST_SHARE = 0.5  # of the frame that must lie on known pixels
UNSEEN = 0.003  # of the frame's variance: cost of the share that does not, so that both ends of an edge count
LEAST_FILLED = 0.9  # share of the hole that the shifts must reach
SAMPLES = 6_000  # pixels of the frame at which a shift is measured again
EXACT, ALIKE = (
    0.12,
    0.3,
)  # how far off a frame may be, by what is usual at such a distance: in photos, and drawn pictures
HOPELESS = 0.4  # so far off at half the size, a shift will not fit at full size
NOISE_LEVELS = 1.0  # and this much besides
LEAST_CONTRAST = 3.0  # levels that other shifts are off: below it there is no pattern
ROUNDS = 40  # a hole of so many periods can be crossed


def repeat(photo: Pixels, hole: Hole, unknown: Hole, drawn: bool, peak: float) -> tuple[Hole, Shifts, Shifts] | None:
    """Where what is under a hole stands again.

    Args:
        photo: (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = to be filled.
        unknown: (H, W), True = no source: the hole, and others.
        drawn: Whether the picture is no photo; then a pattern may repeat less exactly.
        peak: The value of white.

    Returns:
        The pixels of the hole, nearly all, that stand again somewhere, (H, W), and the row and the column of each,
        (H, W); None if nothing repeats.
    """
    shifts, differences, usual = _shifts(photo, hole, unknown, 255 / peak)
    good = (differences <= (ALIKE if drawn else EXACT) * usual + NOISE_LEVELS) & (usual >= LEAST_CONTRAST)
    if not good.any():
        return None
    left, rows, columns = _followed(shifts[good], hole, unknown)
    found = hole & ~left
    return (found, rows, columns) if np.count_nonzero(found) >= LEAST_FILLED * np.count_nonzero(hole) else None


def _shifts(photo: Pixels, hole: Hole, unknown: Hole, scale: float) -> tuple[Shifts, Map, Map]:
    """The shifts that fit best, (N, 2), the best first; how far off each is, and is usual at its length, in levels.

    The photo stays as it is stored until little of it is looked at: in levels, it would take four times the memory.
    """
    if hole.size > MOST_PIXELS and min(hole.shape) > 4 * FRAME_PX:
        less = [~halved_hole(~part) for part in (hole, unknown)]
        shifts, differences, usual = _shifts(halved(photo, unknown), less[0], less[1], scale)
        good = differences <= HOPELESS * usual + NOISE_LEVELS
        near = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij"), -1).reshape(-1, 1, 2)
        finer = (2 * shifts[good][:NUM_FINER] + near).reshape(-1, 2)
        shifts, first = np.unique(finer, axis=0, return_index=True)
        usual = np.tile(usual[good][:NUM_FINER], 9)[first]
    else:
        shifts, usual = _fitting(photo * np.float32(scale), hole, unknown)
    frame = np.argwhere(dilate(hole, FRAME_PX) & ~unknown)
    frame = frame[:: -(-len(frame) // SAMPLES) or 1]
    if not len(frame) or not len(shifts):
        return shifts[:0], np.zeros(0), np.zeros(0)
    values = photo[frame[:, 0], frame[:, 1]] * np.float32(scale)
    squares, shares = np.array([_difference(photo, unknown, frame, values, shift, scale) for shift in shifts]).T
    unseen = UNSEEN * float(values.var(axis=0).mean()) * (1 - shares)
    best = np.argsort(squares + unseen, kind="stable")[:NUM_SHIFTS]
    best = best[shares[best] >= LEAST_SHARE]
    return shifts[best], np.sqrt(squares[best]), usual[best]


def _fitting(colours: Map, hole: Hole, unknown: Hole) -> tuple[Shifts, Map]:
    """The shifts at which the frame differs least from the photo, of all there are, and what is usual so far away."""
    known = ~unknown
    frame = (dilate(hole, FRAME_PX) & known).astype(np.float64)
    shape = 2 * hole.shape[0], 2 * hole.shape[1]
    if not frame.any():
        return np.zeros((0, 2), np.intp), np.zeros(0)
    frame_there, known_there = np.conj(np.fft.rfft2(frame, shape)), np.fft.rfft2(known, shape)
    total = np.zeros((shape[0], shape[1] // 2 + 1), np.complex128)
    for channel in range(colours.shape[2]):
        values = (colours[..., channel] - colours[known, channel].mean()) * known
        squares = np.square(values)
        total += np.conj(np.fft.rfft2(squares * frame, shape)) * known_there
        total += frame_there * np.fft.rfft2(squares, shape)
        total -= 2 * np.conj(np.fft.rfft2(values * frame, shape)) * np.fft.rfft2(values, shape)
    count = np.fft.irfft2(frame_there * known_there, shape)
    differences = np.fft.irfft2(total, shape).clip(0) / np.maximum(count, 1) / colours.shape[2]
    share = (count / frame.sum()).clip(0, 1)
    differences[share < LEAST_SHARE] = np.inf
    down, right = (np.minimum(np.arange(side), side - np.arange(side)) for side in shape)
    lengths = np.hypot(down[:, None], right).astype(np.intp)
    differences[(down[:, None] < LEAST_PX) & (right < LEAST_PX)] = np.inf
    fits = np.isfinite(differences)
    usual = np.sqrt(
        np.bincount(lengths[fits], differences[fits], lengths.max() + 1)
        / np.bincount(lengths[fits], None, lengths.max() + 1).clip(1)
    )
    differences += UNSEEN * float(colours[frame > 0].var(axis=0).mean()) * (1 - share)
    least = np.argsort(differences, axis=None, kind="stable")[:NUM_SHIFTS]
    least = least[fits.flat[least]]
    found = np.stack(np.unravel_index(least, shape), axis=1)
    found = np.where(found >= np.array(hole.shape), found - np.array(shape), found)
    return found, usual[lengths.flat[least]]


def _difference(
    photo: Pixels, unknown: Hole, frame: Shifts, values: Map, shift: Shifts, scale: float
) -> tuple[float, float]:
    """The mean square of how far the frame is off at a shift, and the share of it that lies on known pixels."""
    inside, rows, columns = _shifted(frame, shift, unknown)
    if not inside.any():
        return np.inf, 0.0
    return float(np.square(photo[rows, columns] * np.float32(scale) - values)[inside].mean()), float(inside.mean())


def _shifted(places: Shifts, shift: Shifts, unknown: Hole) -> tuple[Hole, Shifts, Shifts]:
    """Places moved by a shift, and whether they are known."""
    rows, columns = (places + shift).T
    inside = (rows >= 0) & (rows < unknown.shape[0]) & (columns >= 0) & (columns < unknown.shape[1])
    rows, columns = rows.clip(0, unknown.shape[0] - 1), columns.clip(0, unknown.shape[1] - 1)
    return inside & ~unknown[rows, columns], rows, columns


def _followed(shifts: Shifts, hole: Hole, unknown: Hole) -> tuple[Hole, Shifts, Shifts]:
    """What no shift reaches, and the source of each other pixel of a hole, by the best shift that leads to one."""
    rows, columns = (np.array(part, np.int32) for part in np.indices(hole.shape, np.int32))
    left, last = unknown.copy(), -1
    for _ in range(ROUNDS):  # a filled pixel leads on to its own source
        places = np.argwhere(left & hole)
        if len(places) in (0, last):
            break
        last = len(places)
        for shift in shifts:
            inside, there, across = _shifted(places, shift, left)
            here = tuple(places[inside].T)
            there, across = there[inside], across[inside]
            rows[here], columns[here] = rows[there, across], columns[there, across]
            left[here] = False
            places = places[~inside]
    return left, rows, columns
