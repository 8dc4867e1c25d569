"""Where the network's fill stays, and where copies take its place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exemplar.shape import box_sums, depths, grown, opened
from exemplar.synthesis import Start, synthesize
from partialconv.conventions import Hole
from partialconv.inference.planner import Box, Plan, pixels_of
from partialconv.inference.scales import rounded

Map = NDArray[np.floating[Any]]
THICK_PX = 8  # half the width of what is copied into; what is thinner the network fills better
WIDTHS_PX = (12, 15, 18, 21, 24)  # half widths from which to which colours are copied, too, not only detail
NARROW = 0.7  # share of copied detail where colours are the network's
RAMP_PX = 10  # from the rim inwards
DETAIL_PX = 6  # half a side of the squares whose mean is taken off detail
SMOOTH, ROUGH = 0.7, 2.0  # strengths of texture, in levels, below which the network stays, and above which it goes
CONTEXT_PX = 64  # around a hole, at least
NEAR_PX = 32  # holes nearer than this to each other are filled together


def copy_detail(photo: NDArray[Any], hole: Hole, steps: Plan, peak: float, start: Start = "network") -> None:
    """Copy detail of the known pixels into the wide parts of a filled hole, in place.

    Args:
        photo: Filled by the network, (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = was filled.
        steps: The plan of the hole.
        peak: The value of white.
        start: See `synthesize`.
    """
    for box in _wide_boxes(steps):
        context = max(CONTEXT_PX, max(box.shape))
        window = box.grown(context, steps.size).slices
        thick = grown(opened(hole[window], THICK_PX), THICK_PX) & hole[window]
        if not thick.any():
            continue
        before = photo[window].astype(np.float32) * np.float32(255 / peak)
        made = synthesize(before, hole[window], thick, start)
        if made is None:
            continue
        detail, colour = (np.maximum(share, made.sure) for share in _shares(hole[window], made.texture))
        smooth_after, smooth_before = _smooth(made.colours), _smooth(before)
        mixed = before + detail[..., None] * ((made.colours - smooth_after) - (before - smooth_before))
        mixed += colour[..., None] * (smooth_after - smooth_before)
        values = rounded((mixed * np.float32(peak / 255)).clip(0, peak), photo.dtype)
        photo[window][thick] = values[thick]


def _shares(hole: Hole, texture: Map) -> tuple[Map, Map]:
    """The shares of copied detail and of copied colours, (H, W), 0 to 1."""
    ramp = (depths(hole, RAMP_PX) / RAMP_PX).clip(0, 1)
    wide = np.mean([opened(hole, px) for px in WIDTHS_PX], axis=0, dtype=np.float32)
    rough = ((texture - SMOOTH) / (ROUGH - SMOOTH)).clip(0, 1)
    return ramp * rough * (NARROW + (1 - NARROW) * wide), ramp * rough * wide


def _smooth(values: Map) -> Map:
    """Means of squares, taken twice, (H, W, 3)."""
    ones = np.ones(values.shape[:2], np.float32)
    for _ in (0, 1):
        count = box_sums(ones, DETAIL_PX)
        values = np.stack([box_sums(values[..., c], DETAIL_PX) / count for c in range(3)], axis=2)
    return values


def _wide_boxes(steps: Plan) -> list[Box]:
    """Rectangles around the deep parts of a hole; those near each other are one."""
    if steps.deep is None:
        return []
    boxes = []
    for box in steps.boxes:
        if pixels_of(steps.deep, box).any():
            boxes.append(box)
    merged = True
    while merged:
        merged = False
        for number, box in enumerate(boxes):
            near = box.grown(NEAR_PX, steps.size)
            other = next((b for b in boxes[number + 1 :] if near.touches(b)), None)
            if other is not None:
                boxes.remove(other)
                boxes[number] = Box(
                    min(box.top, other.top),
                    min(box.left, other.left),
                    max(box.bottom, other.bottom),
                    max(box.right, other.right),
                )
                merged = True
                break
    return boxes
