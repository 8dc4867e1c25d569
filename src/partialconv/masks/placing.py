"""Where a hole lies on a photo: at its corner or middle, and turned as the photo is stored."""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from PIL import Image

from partialconv.conventions import Hole
from partialconv.masks.doctor import STORED
from partialconv.masks.findings import Diagnosis, Finding

Anchor = Literal[
    "none", "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
]
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)


def placed(found: Diagnosis, size: tuple[int, int], anchor: Anchor) -> Diagnosis:
    """Lay a hole over a photo of another size, pixel by pixel, instead of resizing it.

    Args:
        found: The hole, of its own size.
        size: (height, width) of the photo as it is shown. What of the hole lies beyond is cut off.
        anchor: Which corner or side of the hole lies on that of the photo.

    Returns:
        The hole, of `size`; with the finding "empty" if nothing of it is left.
    """
    spans = []
    for length, whole, before, after in zip(found.hole.shape, size, ("top", "left"), ("bottom", "right"), strict=True):
        start = 0 if before in anchor else whole - length if after in anchor else (whole - length) // 2
        spans.append((slice(max(0, start), min(whole, start + length)), max(0, -start)))
    (rows, top), (columns, left) = spans
    hole = np.zeros(size, bool)
    hole[rows, columns] = found.hole[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    findings = found.findings
    if found.hole.any() and not hole.any():
        height, width = size
        message = f"nothing of the hole lies on the photo of {width}x{height} pixels when it is laid on its {anchor}"
        findings += (Finding("empty", message, "choose another anchor, or a smaller picture of the hole", fatal=True),)
    return replace(found, hole=hole, findings=findings)


def as_stored(hole: Hole, orientation: int) -> Hole:
    """Turn a hole that was drawn over a photo as it is shown to how the photo is stored.

    Args:
        hole: (H, W), True = hole.
        orientation: Of the photo's EXIF, 1 to 8.
    """
    if orientation not in STORED:
        return hole
    return np.asarray(Image.fromarray(hole).transpose(STORED[orientation]))
