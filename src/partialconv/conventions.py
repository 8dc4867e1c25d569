"""The facts everything else agrees on.

* Files, command line and arrays at the edge speak of `hole`: white, 1 or True = pixel to fill, (H, W).
* Layers, network and losses speak of `valid`: 1 = known pixel, (N, 1, H, W).
* Image values inside the library are floats in [0, 1], channels RGB; sizes are (height, width).

`hole` becomes `valid` in this file and nowhere else. The functions take NumPy arrays and PyTorch tensors alike.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

# of the output of networks that feather the edge of the hole themselves; others call it "output"
FEATHERED = "feathered"
# how the edge is feathered, see `inference.feather`; networks with detail layers were trained with these
FEATHER_STRENGTH, FEATHER_LARGEST = 2.0, 0.9

Hole = NDArray[np.bool_]  # (H, W), True = hole
FloatArray = NDArray[np.float32]
Progress = Callable[[str, int, int], None]  # of what, how many are done, and of how many; 0 = not known

Mask = TypeVar("Mask", "Tensor", NDArray[np.bool_])
Array = TypeVar("Array", "Tensor", NDArray[np.float32])


def valid_from_hole(hole: Mask) -> Mask:
    """Turn a hole into the mask of its known pixels; same shape, bool in and out."""
    return ~hole


def some_blocks(hole: Hole, height: int, width: int) -> Hole:
    """Which blocks of an array hold a pixel of the hole; those at the right and the bottom may be smaller.

    Several times as fast as `reduceat` of the pixels, for it looks at eight of them at a time, and only from the first
    row with any to the last one.

    Args:
        hole: (H, W).
        height: Of a block, in pixels.
        width: Of a block, a multiple of 8.

    Returns:
        (ceil(H / height), ceil(W / width)).

    Example:
        >>> import numpy as np
        >>> some_blocks(np.eye(20, dtype=bool), 10, 16).astype(int).tolist()
        [[1, 0], [1, 1]]
    """
    found = np.zeros((-(-hole.shape[0] // height), -(-hole.shape[1] // width)), bool)
    marked = np.flatnonzero(hole.any(axis=1))
    if len(marked):
        first, last = int(marked[0]) // height, int(marked[-1]) // height + 1
        packed = np.packbits(hole[first * height : last * height], axis=1)
        lines = np.bitwise_or.reduceat(packed, np.arange(0, len(packed), height), axis=0)
        found[first:last] = np.bitwise_or.reduceat(lines, np.arange(0, lines.shape[1], width // 8), axis=1) > 0
    return found


def composite(target: Array, output: Array, valid: Array) -> Array:
    """Known pixels of `target`, the rest of `output`: I_comp of the paper.

    Args:
        target: (N, C, H, W), finite.
        output: (N, C, H, W), finite.
        valid: 1 = known, 0 = hole, floating, (N, 1, H, W).

    Source: Liu et al. 2018, section 3.2.
    """
    return valid * target + (1 - valid) * output
