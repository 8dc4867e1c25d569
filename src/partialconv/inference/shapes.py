"""The inside of holes, and sums and means over squares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.masks.morphology import dilate

Map = NDArray[np.floating[Any]]


def shrunk(hole: Hole, px: int) -> Hole:
    """The pixels of a hole, (H, W), that are further than `px` from known ones; beyond the border nothing is known."""
    return ~dilate(~hole, px)


def opened(hole: Hole, px: int) -> Hole:
    """The part of a hole that squares of 2 `px` + 1 pixels inside it cover."""
    return dilate(shrunk(hole, px), px)


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
    for _ in (0, 1):
        length = len(values)
        total = np.cumsum(np.pad(values, [(px + 1, px), (0, 0)]), axis=0, dtype=np.float64)
        values = (total[2 * px + 1 :] - total[:length]).astype(np.float32).T
    return values


def smooth(values: Map, px: int) -> Map:
    """The means of `values`, (H, W, C), over squares of 2 `px` + 1 pixels, taken twice: nearly a Gaussian blur."""
    count = box_sums(np.ones(values.shape[:2], np.float32), px)[..., None]
    for _ in (0, 1):
        values = np.stack([box_sums(values[..., c], px) for c in range(values.shape[2])], axis=2) / count
    return values


def spread(values: Map, known: Hole) -> Map:
    """`values`, (H, W), where they are known, and smooth between them: pulled up a pyramid and pushed down again."""
    if known.all() or min(known.shape) < 2 or not known.any():
        return values
    height, width = known.shape
    padding = [(0, height % 2), (0, width % 2)]
    weights = np.pad(known.astype(np.float32), padding, mode="edge")
    total, count = _quarter(np.pad(values * known, padding, mode="edge") * weights), _quarter(weights)
    coarse = spread(total / np.maximum(count, 1), count > 0)
    size = 2 * coarse.shape[1], 2 * coarse.shape[0]
    between = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))[:height, :width]
    return np.where(known, values, between).astype(np.float32)


def _quarter(values: Map) -> Map:
    return np.asarray(values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2])
