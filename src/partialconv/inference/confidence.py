"""How much of a fill the network saw, and how much it had to guess."""

import numpy as np
from numpy.typing import NDArray

KERNELS = (7, 5, 5)  # of the first levels of the network, all of stride 2; then 3
NUM_LEVELS = 8


def confidence(hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How near to known pixels each pixel of a hole lies, as a partial convolution sees it.

    The level of a pixel is the number of halvings after which the window above it first holds a known pixel, 1 to 8;
    confidence falls with it in equal steps. It says nothing about what was filled in: flat sky is easy at any level.

    Args:
        hole: (H, W), True = hole.

    Returns:
        (H, W): 1 at known pixels, 8/9 to 1/9 in the hole, 0 where eight levels do not reach.

    Source: the updated masks of Liu et al. 2018, section 3.1; reading them as confidence is ours.
    """
    result = np.where(hole, np.float32(0), np.float32(1))
    rows, columns = np.nonzero(hole)
    known = ~hole
    for level in range(NUM_LEVELS):
        known = _reached(known, KERNELS[level] if level < len(KERNELS) else 3)
        rows_above, columns_above = rows >> (level + 1), columns >> (level + 1)
        closed = known[rows_above, columns_above]
        result[rows[closed], columns[closed]] = 1 - (level + 1) / (NUM_LEVELS + 1)
        rows, columns = rows[~closed], columns[~closed]
        if rows.size == 0:
            break
    return result


def _reached(known: NDArray[np.bool_], kernel: int) -> NDArray[np.bool_]:
    """Whether any pixel is known in each window of stride 2; beyond the photo none is."""
    for axis in (0, 1):
        padding = [(kernel // 2, kernel // 2) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(known, padding)
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=axis)
        known = np.asarray((windows[::2] if axis == 0 else windows[:, ::2]).any(axis=-1))
    return known
