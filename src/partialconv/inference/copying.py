"""Detail of the photo itself, copied into wide holes.

A network answers with something near the mean of all likely pictures. In thin holes nobody sees it; in wide ones it is
a smear where a photo has grass, bricks or waves. There the known pixels take over: see `patchmatch` and `carrying`.
The network stays where it is right: in thin parts, and where what is around a hole is smooth and so is its fill, as in
skies, walls and paper. In parts of middling width its colours stay and get copied detail.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.carrying import Level, carry
from partialconv.inference.continuing import is_drawn
from partialconv.inference.patchmatch import is_available, patchmatch
from partialconv.inference.planner import Box, Plan, halved_hole
from partialconv.inference.scales import halved, rounded
from partialconv.inference.shapes import box_sums, depths, opened, smooth, spread
from partialconv.masks.morphology import dilate

Map = NDArray[np.floating[Any]]
THICK_PX = 16  # half the width of what is copied into; thinner parts lose PSNR by it
CORE_PX = 30  # half the width of a hole, somewhere, from which it is taken for an object's
LIMB_PX = 8  # THICK_PX of objects: viewers see what is blurred beside what is crisp
WIDTHS_PX = (26, 29, 32, 35, 38)  # half widths from which to which colours are copied, too, not only detail
LIMBS_PX = (8, 9, 10)  # the same, of objects
SCATTERED = 0.35  # share of holes, around: above it too little is known to copy colours from
NARROW = 0.7  # share of copied detail where colours are the network's
RAMP_PX, SHORT_RAMP_PX = 10, 3  # from the rim inwards, where colours are the network's, and where they are copied
DETAIL_PX = 6  # half a side of the squares whose mean is taken off detail
TEXTURE_PX = 4  # half a side of the squares in which texture is measured
SMOOTH, ROUGH = 0.8, 2.0  # mean differences of neighbours, in levels: around what is smooth, and what is not
FLAT, STEEP = 0.4, 1.2  # slopes of the network's fill, in levels a pixel: where it is sure, and where not
CONTEXT_PX = 64  # around a hole, at least
NEAR_PX = 32  # wide parts nearer than this to each other are filled together
MARGIN_PX = 16  # around what is copied into, for means
MOST_PX = 30_000  # of a hole that PatchMatch fills; larger ones it fills where they are smaller: quicker, and better
FEWEST_SOURCES = 400  # known pixels, or there is too little to choose from


def copy_detail(photo: NDArray[Any], hole: Hole, steps: Plan, peak: float, tell: Callable[[float], None]) -> None:
    """Copy detail of the known pixels into the wide parts of a filled hole, in place.

    Args:
        photo: Filled by the network, (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = was filled.
        steps: The plan of the hole.
        peak: The value of white.
        tell: Called with the share of the work that is done; may raise, and then the photo is filled in part.
    """
    boxes = wide_boxes(steps, hole)
    if not boxes or not is_available():
        return
    for number, box in enumerate(boxes):
        window = box.grown(max(CONTEXT_PX, *box.shape), steps.size)
        marked = hole[window.slices]
        thick = thick_part(marked, box.moved(-window.top, -window.left))
        if not thick.any() or np.count_nonzero(~marked) < FEWEST_SOURCES:
            continue
        level = _level(photo[window.slices], marked, thick)
        copies = _copies(level, partial(_tell_part, tell, number, len(boxes)))
        part = level.box.slices
        before, inside = level.colours(part), thick[part]
        if is_drawn(photo[window.slices], marked):
            mixed = np.where(_sure(before, marked[part])[..., None] > 0.5, before, copies)
        else:
            detail, colour = _shares(before, marked[part], inside, marked.mean() > SCATTERED)
            smooth_after, smooth_before = smooth(copies, DETAIL_PX), smooth(before, DETAIL_PX)
            mixed = before + detail * ((copies - smooth_after) - (before - smooth_before))
            mixed += colour * (smooth_after - smooth_before)
        values = mixed * np.float32((level.high - level.low) / 255) + np.float32(level.low)
        photo[window.slices][part][inside] = rounded(values[inside].clip(0, peak), photo.dtype)
        tell((number + 1) / len(boxes))


def _tell_part(tell: Callable[[float], None], number: int, count: int, share: float) -> None:
    tell((number + share) / count)


def wide_boxes(steps: Plan, hole: Hole) -> list[Box]:
    """Rectangles around the wide parts of a hole; those near each other are one."""
    boxes = [
        box for box in steps.deep_boxes if opened(hole[box.grown(2 * THICK_PX, steps.size).slices], THICK_PX).any()
    ]
    merged: list[Box] = []
    while boxes:
        box = boxes.pop()
        near = box.grown(NEAR_PX, steps.size)
        touching = [other for other in boxes + merged if near.touches(other)]
        for other in touching:
            box = box.united(other)
        boxes = [other for other in boxes if other not in touching]
        merged = [other for other in merged if other not in touching]
        (boxes if touching else merged).append(box)
    return sorted(merged, key=lambda box: (box.top, box.left))


def thick_part(hole: Hole, box: Box) -> Hole:
    """What of a hole near one of its wide boxes is copied into, (H, W)."""
    inside = np.zeros_like(hole)
    inside[box.grown(THICK_PX, (hole.shape[0], hole.shape[1])).slices] = True
    part = hole & inside
    return opened(part, LIMB_PX if opened(part, CORE_PX).any() else THICK_PX)


def _level(photo: NDArray[Any], hole: Hole, thick: Hole) -> Level:
    """A window of the photo, ready to be copied into."""
    wanted = dilate(thick, THICK_PX) & hole
    low, high = 0.0, 255.0
    if photo.dtype != np.uint8:  # PatchMatch sees 256 levels: what is known is stretched to them, dark scans, too
        known = photo[~hole]
        low, high = float(known.min()), float(known.max())
    return Level(photo, wanted, hole & ~wanted, _box_of(wanted), low, high if high > low else low + 1)


def _box_of(hole: Hole) -> Box:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return box.grown(MARGIN_PX, (hole.shape[0], hole.shape[1]))


def _copies(level: Level, tell: Callable[[float], None]) -> Map:
    """Known pieces of the photo in the box of a level, (h, w, 3), 0 to 255."""
    levels = [level]
    while np.count_nonzero(levels[-1].hole) > MOST_PX:
        smaller = _halved(levels[-1])
        if np.count_nonzero(~(smaller.hole | smaller.shut)) < FEWEST_SOURCES:
            break
        levels.append(smaller)
    tell(0)
    smallest = levels[-1]
    everywhere = slice(None), slice(None)
    made = patchmatch(smallest.colours(everywhere), smallest.hole, smallest.shut)
    tell(0.5)
    if len(levels) == 1:
        return made[level.box.slices]
    return carry(levels, made, lambda share: tell((1 + share) / 2))


def _halved(level: Level) -> Level:
    """A level at half the size; a pixel is in the hole where any of its four is."""
    marked = level.hole | level.shut
    photo = halved(level.photo, marked)
    hole, shut = (~halved_hole(~part) for part in (level.hole, level.shut))
    filled = halved(level.photo, np.zeros_like(marked))
    photo[hole | shut] = filled[hole | shut]
    return replace(level, photo=photo, hole=hole, shut=shut & ~hole, box=_box_of(hole))


def _shares(before: Map, hole: Hole, thick: Hole, scattered: bool) -> tuple[Map, Map]:
    """The shares of copied detail and of copied colours, (H, W, 1), 0 to 1."""
    depth = depths(thick, RAMP_PX)
    if scattered:
        wide = np.zeros(thick.shape, np.float32)
    else:
        widths = LIMBS_PX if opened(thick, CORE_PX).any() else WIDTHS_PX
        wide = np.mean([opened(thick, px) for px in widths], axis=0, dtype=np.float32)
    ramp = wide * (depth / SHORT_RAMP_PX).clip(0, 1) + (1 - wide) * NARROW * (depth / RAMP_PX).clip(0, 1)
    copied = 1 - _sure(before, hole)
    return (ramp * copied)[..., None], (wide * (depth / SHORT_RAMP_PX).clip(0, 1) * copied)[..., None]


def _sure(before: Map, hole: Hole) -> Map:
    """Where the network is right, (H, W), 0 to 1: all around is smooth, and its fill goes on from there, flat."""
    texture = _texture(before.mean(axis=2), ~hole)
    far = smooth(before, TEXTURE_PX)
    slope = np.sqrt(sum(np.square(np.gradient(far, axis=axis)).max(axis=2) for axis in (0, 1)))
    even = ((ROUGH - texture) / (ROUGH - SMOOTH)).clip(0, 1) * ((STEEP - slope) / (STEEP - FLAT)).clip(0, 1)
    return smooth(even[..., None], TEXTURE_PX)[..., 0]


def _texture(grey: Map, known: Hole) -> Map:
    """The mean difference of neighbouring known pixels, in levels, and in the hole that of those around, (H, W)."""
    strengths = []
    for axis in (0, 1):
        padding = [(0, 1) if a == axis else (0, 0) for a in (0, 1)]
        ahead, behind = (slice(1, None), slice(None, -1))
        pair = (known[ahead] & known[behind]) if axis == 0 else (known[:, ahead] & known[:, behind])
        steps = np.pad(np.abs(np.diff(grey, axis=axis)) * pair, padding)
        count = box_sums(np.pad(pair.astype(np.float32), padding), TEXTURE_PX)
        mean = box_sums(steps.astype(np.float32), TEXTURE_PX) / np.maximum(count, 1)
        strengths.append(spread(mean, count > 0.5))
    return np.asarray(np.mean(strengths, axis=0))
