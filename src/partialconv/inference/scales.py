"""Photos at half and at double size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIP_PX = 256
Pixels = NDArray[Any]  # uint8, uint16 or float32, (H, W, 3)


def halved(photo: Pixels, hole: NDArray[np.bool_]) -> Pixels:
    """A photo at half the size: each pixel is the mean of the known ones of its four, 0 where there is none.

    Args:
        photo: (H, W, C), uint8, uint16 or float32.
        hole: (H, W), True = unknown.

    Returns:
        (ceil(H / 2), ceil(W / 2), C), of the same type.
    """
    height, width = (-(-side // 2) for side in hole.shape)
    result = np.empty((height, width, photo.shape[2]), photo.dtype)
    for top in range(0, height, STRIP_PX):  # sums of a whole photo would take more memory than the photo
        rows = slice(2 * top, 2 * (top + STRIP_PX))
        result[top : top + STRIP_PX] = _halved(photo[rows], hole[rows])
    return result


def _halved(photo: Pixels, hole: NDArray[np.bool_]) -> Pixels:
    height, width = (-(-side // 2) for side in hole.shape)
    total = np.zeros((height, width, photo.shape[2]), np.float32)
    count = np.zeros((height, width, 1), np.uint8)
    for row in (0, 1):
        for column in (0, 1):
            known = ~hole[row::2, column::2, None]
            place = slice(known.shape[0]), slice(known.shape[1])
            total[place] += np.where(known, photo[row::2, column::2], 0)
            count[place] += known
    total /= np.maximum(count, 1)
    return rounded(total, photo.dtype)


def doubled(coarse: Pixels, top: int, left: int, height: int, width: int) -> NDArray[np.float32]:
    """A rectangle of a photo at double size, bilinear: pixels `top` to `top + height`, `left` to `left + width`.

    Returns:
        (height, width, C).
    """
    lines = _taps(top, height, coarse.shape[0])
    points = _taps(left, width, coarse.shape[1])
    (above, a), (below, b) = lines
    rows = coarse[above] * a[:, None, None] + coarse[below] * b[:, None, None]
    (before, a), (after, b) = points
    return np.asarray(rows[:, before] * a[:, None] + rows[:, after] * b[:, None])


def rounded(values: NDArray[np.float32], dtype: np.dtype[Any]) -> Pixels:
    """Values of the range of `dtype` as that type."""
    return np.rint(values).astype(dtype) if dtype.kind == "u" else values.astype(dtype)


def _taps(start: int, length: int, size: int) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """For each pixel the two of half the size whose mixture it is, and their weights."""
    position = (np.arange(start, start + length) - 0.5) / 2
    first = np.floor(position).astype(np.intp)
    weight = (position - first).astype(np.float32)
    return [(first.clip(0, size - 1), 1 - weight), ((first + 1).clip(0, size - 1), weight)]
