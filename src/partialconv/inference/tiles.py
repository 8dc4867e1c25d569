"""Running detail layers only where pixels are to be filled, on tiles with all that they see around them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, some_blocks
from partialconv.inference.cutting import Cutter

BLOCK_PX = 8  # tiles are cut on a grid of such blocks, which begins where the hole does
STEP_PX = 16  # sides of cells are multiples of this, so that many are of one shape
OVERHEAD_PX = 1024  # what a run costs beside its pixels, in pixels
WORTH = 0.9  # of the pixels of all crops: with more in tiles, crops are run whole
Layers = Callable[[Sequence[FloatArray]], FloatArray]
Place = tuple[int, slice, slice, int, int]  # number of the crop, rows and columns of the cell, first ones of the tile


def run_on_tiles(
    layers: Layers, maps: Sequence[FloatArray], image: FloatArray, valid: FloatArray, halo_px: int
) -> FloatArray:
    """What detail layers make of the holes of some crops.

    A tile has `halo_px` around its cell, or ends where the crop does, so each pixel of the cell is exactly what the
    layers give for whole crops.

    Args:
        layers: Convolutions that keep the size; take maps of a batch of tiles.
        maps: Of whole crops, (N, C, H, W) each.
        image: (N, 3, H, W) in [0, 1].
        valid: (N, 1, H, W), 1 = known, 0 = hole.
        halo_px: How far the layers look.

    Returns:
        (N, 3, H, W): what the layers give in holes and in places beside them, the image elsewhere; or what they give
        for whole crops, if tiles would not save much.
    """
    hole = valid[:, 0] <= 0
    tiles = _tiles(hole, halo_px)
    cost = sum(OVERHEAD_PX + len(places) * height * width for (height, width), places in tiles.items())
    if cost > WORTH * hole.size:
        return layers(maps)
    output = np.where(hole[:, None], np.float32(0.5), image)  # what lies under the hole may be NaN
    for (height, width), places in tiles.items():
        parts = [np.stack([m[n, :, y : y + height, x : x + width] for n, _, _, y, x in places]) for m in maps]
        for (n, rows, columns, y, x), values in zip(places, layers(parts), strict=True):
            inner = slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x)
            output[n, :, rows, columns] = values[:, *inner]
    return output


def _tiles(hole: NDArray[np.bool_], halo_px: int) -> dict[tuple[int, int], list[Place]]:
    """The tiles that cost least, by their shapes."""
    cutter = Cutter(BLOCK_PX, halo_px, OVERHEAD_PX)
    tiles: dict[tuple[int, int], list[Place]] = {}
    for number, one in enumerate(hole):
        if one.any():
            top, left = (int(lines.argmax()) for lines in (one.any(axis=1), one.any(axis=0)))
            for rows, columns in cutter.cut(some_blocks(one[top:, left:], BLOCK_PX, BLOCK_PX)):
                lines, y, height = _span(top, rows, halo_px, one.shape[0])
                points, x, width = _span(left, columns, halo_px, one.shape[1])
                tiles.setdefault((height, width), []).append((number, lines, points, y, x))
    return tiles


def _span(first: int, blocks: slice, halo_px: int, length: int) -> tuple[slice, int, int]:
    """A cell along one axis of a crop, and the begin and the length of its tile."""
    cell = slice(first + blocks.start * BLOCK_PX, min(length, first + blocks.stop * BLOCK_PX))
    size = min(length, -(-(cell.stop - cell.start) // STEP_PX) * STEP_PX + 2 * halo_px)
    return cell, min(max(0, cell.start - halo_px), length - size), size
