"""Running detail layers only where pixels are to be filled, on tiles with all that they see around them."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole, some_blocks

SIDES_PX = (16, 32, 64, 128)  # of what a tile is cut for: small ones waste less, and have more around them
WORTH = 0.9  # of the pixels of all crops: with more in tiles, crops are run whole
Layers = Callable[[Sequence[FloatArray]], FloatArray]


def run_on_tiles(
    layers: Layers, maps: Sequence[FloatArray], hole: NDArray[np.bool_], halo_px: int, output: FloatArray
) -> FloatArray:
    """Put what the layers give into `output` where there is a hole, and in places beside it.

    A tile has `halo_px` around its cell, or ends where the crop does, so each pixel of the cell is exactly what the
    layers give for whole crops.

    Args:
        layers: Convolutions that keep the size; take maps of a batch of tiles.
        maps: Of whole crops, (N, C, H, W) each.
        hole: (N, H, W).
        halo_px: How far the layers look.
        output: (N, C, H, W), changed in place.

    Returns:
        `output`; or what the layers give for whole crops, if tiles would not save much.
    """
    num, height, width = hole.shape
    firsts = [[int(lines.argmax()) for lines in (one.any(axis=1), one.any(axis=0))] for one in hole]
    best: tuple[float, int, int, list[Hole]] = (WORTH * num * height * width, 0, 0, [])
    for tall, wide in product(SIDES_PX, SIDES_PX):
        size = tall + 2 * halo_px, wide + 2 * halo_px
        if size[0] <= height and size[1] <= width:
            marked = [some_blocks(one[top:, left:], tall, wide) for one, (top, left) in zip(hole, firsts, strict=True)]
            best = min(
                best,
                (sum(map(np.count_nonzero, marked)) * size[0] * size[1], tall, wide, marked),
                key=lambda one: one[0],
            )
    _, tall, wide, marked = best
    if not marked:
        return layers(maps)
    size = tall + 2 * halo_px, wide + 2 * halo_px
    places = []
    for number, (cells, (first, leftmost)) in enumerate(zip(marked, firsts, strict=True)):
        for row, column in np.argwhere(cells):
            top, left = first + row * tall, leftmost + column * wide
            y, x = min(max(0, top - halo_px), height - size[0]), min(max(0, left - halo_px), width - size[1])
            places.append((number, top, left, y, x))
    if not places:
        return output
    parts = [np.stack([m[n, :, y : y + size[0], x : x + size[1]] for n, _, _, y, x in places]) for m in maps]
    for (number, top, left, y, x), values in zip(places, layers(parts), strict=True):
        place = output[number, :, top : top + tall, left : left + wide]
        place[:] = values[:, top - y : top - y + place.shape[1], left - x : left - x + place.shape[2]]
    return output
