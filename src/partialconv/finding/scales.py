"""A photo at half its size, and what was found there at its full size again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole

SHORTEST_PX = 400  # of the shorter side of a photo that was made smaller to be looked at again
MOST_SCALES = 3
BAND_ROWS = 512

Picture = tuple[NDArray[Any], Hole | None]  # (H, W, 3), and what of it is known


def pictures_of(rgb: NDArray[Any], valid: Hole | None, most: int = MOST_SCALES) -> list[Picture]:
    """A photo, its half and its quarter; what would be smaller than `SHORTEST_PX` is left out.

    Args:
        rgb: (H, W, 3), uint8, uint16 or float.
        valid: (H, W), False = unknown; None = all known.
        most: Pictures.
    """
    pictures = [(rgb, valid)]
    while len(pictures) < most and min(pictures[-1][0].shape[:2]) // 2 >= SHORTEST_PX:
        pictures.append(halved(*pictures[-1]))
    return pictures


def halved(rgb: NDArray[Any], valid: Hole | None) -> Picture:
    """The mean of each 2 x 2 pixels, of those that are known; an odd last row or column is left out.

    Args:
        rgb: (H, W, 3), uint8, uint16 or float.
        valid: (H, W), False = unknown; None = all known.

    Returns:
        (H // 2, W // 2, 3), in the dtype of `rgb`, and what of it is known: where any of the four pixels is.
    """
    height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
    small = np.empty((height, width, 3), rgb.dtype)
    known = None if valid is None else np.empty((height, width), bool)
    for top in range(0, height, BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, height))
        band = rgb[2 * rows.start : 2 * rows.stop, : 2 * width]
        if valid is None or known is None:
            mean = _summed(band.astype(np.float32, copy=False)) / np.float32(4)
        else:
            mask = valid[2 * rows.start : 2 * rows.stop, : 2 * width, None]
            count = _summed(mask.astype(np.float32))
            mean = _summed(np.where(mask, band, 0).astype(np.float32)) / np.maximum(count, 1)
            known[rows] = count[..., 0] > 0
        small[rows] = mean if rgb.dtype.kind == "f" else np.rint(mean)
    return small, known


def doubled(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Values of a map of half the size between its places, (H, W) of `size`; its border goes on.

    Args:
        values: With one row and column more on each side than `size` needs.
        size: Even height and width.
    """
    for axis in (0, 1):
        values = np.moveaxis(values, axis, 0)
        wide = np.empty((2 * (len(values) - 2), values.shape[1]), values.dtype)
        wide[0::2] = 0.75 * values[1:-1] + 0.25 * values[:-2]
        wide[1::2] = 0.75 * values[1:-1] + 0.25 * values[2:]
        values = np.moveaxis(wide, 0, axis)
    return np.ascontiguousarray(values[: size[0], : size[1]])


def _summed(band: FloatArray) -> FloatArray:
    """The sum of each 2 x 2 places."""
    return band[::2, ::2] + band[::2, 1::2] + band[1::2, ::2] + band[1::2, 1::2]
