"""Growing holes."""

import numpy as np

from partialconv.conventions import Hole


def dilate(hole: Hole, radius_px: int) -> Hole:
    """Grow a hole by a square of side 2 `radius_px` + 1, exactly; the time grows with the logarithm of the side.

    Args:
        hole: (H, W), True = hole.
        radius_px: In pixels, at least 0.

    Returns:
        (H, W): True where a hole pixel lies at most `radius_px` away in both directions.

    Source: ours; the square is that of the published test masks.
    """
    if radius_px == 0 or hole.size == 0:
        return hole.copy()
    return _dilate_rows(_dilate_rows(hole, radius_px).T, radius_px).T


def _dilate_rows(hole: Hole, radius_px: int) -> Hole:
    # a window of 2 radius + 1 is the union of two overlapping windows whose width is a power of two
    width, span = 2 * radius_px + 1, 1
    window = np.pad(hole, ((radius_px, radius_px), (0, 0)))
    while span * 2 <= width:
        window = window[:-span] | window[span:]
        span *= 2
    rest = width - span
    return window[: len(window) - rest] | window[rest:]


def clear_border(hole: Hole, width_px: int) -> Hole:
    """The hole without what lies less than `width_px` pixels from the border of the picture: (H, W)."""
    kept = np.zeros_like(hole)
    inner = slice(width_px, -width_px or None)
    kept[inner, inner] = hole[inner, inner]
    return kept
