"""The edge of a hole, made to fit the photo."""

import numpy as np

from partialconv.conventions import FEATHER_LARGEST, FEATHER_STRENGTH, FloatArray


def feather(output: FloatArray, image: FloatArray, valid: FloatArray) -> FloatArray:
    """Mix the pixels of the hole that touch known ones with the mean of those.

    The share of the mean is in proportion to how many of the neighbours are known, so it is largest in hairlines, and
    nothing changes further inside. Known pixels are not looked at: the composite takes the photo's.

    Args:
        output: What the network gives, (N, C, H, W).
        image: What it was given, (N, C, H, W); values under the hole do not matter.
        valid: 1 = known, 0 = hole, (N, 1, H, W).

    Returns:
        (N, C, H, W).
    """
    share = _blurred(valid)
    known = _blurred(np.where(valid > 0, image, np.float32(0)))
    mean = known / np.maximum(share, np.float32(1 / 16))
    weight = np.minimum(share * np.float32(FEATHER_STRENGTH), np.float32(FEATHER_LARGEST))
    return np.asarray(output + (mean - output) * weight)


def _blurred(maps: FloatArray) -> FloatArray:
    """Binomial filter of 3x3 pixels, beyond the border zeros."""
    padded = np.pad(maps, [(0, 0), (0, 0), (1, 1), (1, 1)])
    rows = (padded[:, :, :-2] + padded[:, :, 2:]) / 4 + padded[:, :, 1:-1] / 2
    return np.asarray((rows[..., :-2] + rows[..., 2:]) / 4 + rows[..., 1:-1] / 2)
