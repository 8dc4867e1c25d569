"""Growing and shrinking holes, and sums over squares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole

Map = NDArray[np.floating[Any]]


def grown(hole: Hole, px: int) -> Hole:
    """A hole, (H, W), with all pixels whose distance to it is at most `px` along both axes."""
    for axis in (0, 1):
        count = _window_sums(hole, px, axis)
        hole = count > 0
    return hole


def shrunk(hole: Hole, px: int) -> Hole:
    """The pixels of a hole, (H, W), that are further than `px` from known ones; beyond the border nothing is known."""
    return ~grown(~hole, px)


def opened(hole: Hole, px: int) -> Hole:
    """The part of a hole that squares of 2 `px` + 1 pixels inside it cover."""
    return grown(shrunk(hole, px), px)


def depths(hole: Hole, most: int) -> Map:
    """How many pixels lie between each pixel of a hole and the known ones, 1 at the rim, at most `most`; 0 outside.

    Steps alternate between four and eight neighbours, so that distances are nearly Euclidean.
    """
    depth = np.zeros(hole.shape, np.float32)
    left = hole
    for step in range(most):
        if not left.any():
            break
        depth += left
        padded = np.pad(left, 1, mode="edge")
        rows = padded[:-2] & padded[1:-1] & padded[2:]
        if step % 2:
            left = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
        else:
            left = rows[:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return depth


def box_sums(values: NDArray[Any], px: int) -> Map:
    """The sums of `values`, (H, W), over squares of 2 `px` + 1 pixels; zeros beyond the border."""
    for axis in (0, 1):
        values = _window_sums(values, px, axis).astype(np.float32)
    return values


def _window_sums(values: NDArray[Any], px: int, axis: int) -> NDArray[Any]:
    kind = np.int32 if values.dtype == np.bool_ else np.float64
    padded = np.pad(values, [(px + 1, px) if a == axis else (0, 0) for a in (0, 1)])
    total: NDArray[Any] = np.cumsum(padded, axis=axis, dtype=kind)
    length = values.shape[axis]
    if axis == 0:
        return np.asarray(total[2 * px + 1 :] - total[:length])
    return np.asarray(total[:, 2 * px + 1 :] - total[:, :length])
