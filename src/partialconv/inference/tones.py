"""The colours of a fill kept to the kind of the photo's.

A grey photo, kept as RGB, has no colours, a toned one (sepia, cyanotype) has one for each brightness, and a drawing has
few that stand alone. A network, which knows photos, is off by a few levels, and that shows as a tint or a stain. What
is known around a hole says which differences of channels go with which brightness; the fill is held to them. And where
many known pixels have exactly one colour, and hardly any a similar one, what the fill has near it is that colour.

Source: ours.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.planner import Plan
from partialconv.inference.scales import rounded

NUM_TONES = 64  # steps of brightness
CONTEXT_PX = 64  # around a box, to learn from
ALONE_SHARE = 0.05  # of the known pixels: as many of one colour stand alone
ALONE_TIMES = 4  # as many as similar ones
SIMILAR = 6 / 255  # largest difference of a channel
CHUNK_PX = 1 << 20
FEWEST = 64  # known pixels, to learn anything
Pixels = NDArray[Any]
Index = NDArray[np.intp]
Limits = NDArray[np.float32]


def keep_tones(photo: Pixels, hole: Hole, steps: Plan, peak: float) -> None:
    """Hold the colours of a fill to those of the known pixels around it, in place.

    Args:
        photo: Filled, (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = was filled.
        steps: The plan of the hole.
        peak: The value of white.
    """
    left = hole.copy()
    for box in steps.boxes:
        places = np.nonzero(left[box.slices])
        if not len(places[0]):
            continue
        left[box.slices] = False
        window = box.grown(CONTEXT_PX, steps.size).slices
        # several times as fast as a boolean index
        known = np.take(photo[window].reshape(-1, 3), np.flatnonzero(~hole[window]), axis=0)
        if len(known) < FEWEST:
            continue
        limits = _limits(known, peak)
        alone = _alone(known, peak)
        values = photo[box.slices][places]
        for start in range(0, len(values), CHUNK_PX):
            part = slice(start, start + CHUNK_PX)
            values[part] = _snapped(_held(values[part], limits, peak), alone, peak)
        photo[box.slices][places] = values


def _held(values: Pixels, limits: Limits, peak: float) -> Pixels:
    """Colours, (N, 3), with the differences of their channels within the limits of their brightness."""
    colours = values.astype(np.float32)
    brightness, tone, differences = _split(colours, peak)
    held = differences.clip(limits[0, tone], limits[1, tone])
    off = (held != differences).any(axis=1)
    held = held[off]
    if values.dtype.kind == "u":
        held = np.rint(held)  # so that equal channels stay equal
    green = brightness[off] - held.sum(axis=1) / 3
    if values.dtype.kind == "u":
        green = np.rint(green)
    result = values.copy()
    moved = np.stack([green + held[:, 0], green, green + held[:, 1]], axis=1)
    result[off] = rounded(moved.clip(0, peak), values.dtype)
    return result


def _split(colours: NDArray[np.float32], peak: float) -> tuple[NDArray[np.float32], Index, NDArray[np.float32]]:
    """Brightness, its step, and the differences of red and of blue to green, (N, 2)."""
    brightness = (colours[:, 0] + colours[:, 1] + colours[:, 2]) / np.float32(3)
    tone = (brightness * np.float32(NUM_TONES / peak)).astype(np.intp).clip(0, NUM_TONES - 1)
    return brightness, tone, colours[:, ::2] - colours[:, 1:2]


def _limits(known: Pixels, peak: float) -> Limits:
    """The least and largest differences, (2, tones, 2): red less green, and blue less green, for each brightness."""
    least = np.full((NUM_TONES, 2), np.inf, np.float32)
    largest = -least
    for start in range(0, len(known), CHUNK_PX):
        _, tone, differences = _split(known[start : start + CHUNK_PX].astype(np.float32), peak)
        for channel in (0, 1):
            np.minimum.at(least[:, channel], tone, differences[:, channel])
            np.maximum.at(largest[:, channel], tone, differences[:, channel])
    # a brightness that nothing has takes the limits of its neighbours, as a neighbour of one that something has does
    for bound, pick in ((least, np.minimum), (largest, np.maximum)):
        seen = np.flatnonzero(np.isfinite(bound[:, 0]))
        nearest = seen[np.abs(np.arange(NUM_TONES)[:, None] - seen).argmin(axis=1)]
        bound[:] = bound[nearest]
        wider = bound.copy()
        wider[1:] = pick(wider[1:], bound[:-1])
        wider[:-1] = pick(wider[:-1], bound[1:])
        bound[:] = wider
    return np.stack([least, largest])


def _alone(known: Pixels, peak: float) -> Pixels:
    """Colours, (n, 3), that many known pixels have exactly, and hardly any nearly."""
    steps = np.rint(known.astype(np.float32) * (65535 / peak)).astype(np.int64)
    enough = max(FEWEST / 2, ALONE_SHARE * len(known))
    often = steps.clip(0, 65535)
    for channel in range(3):  # a colour is as frequent as its channels are, and those are soon counted
        counts = np.bincount(often[:, channel])
        often = often[counts[often[:, channel]] >= enough]
        if not len(often):
            return known[:0]
    _, first, counts = np.unique(steps @ np.array([1 << 32, 1 << 16, 1]), return_index=True, return_counts=True)
    many = counts >= enough
    candidates = known[first[many]]
    every = known[first].astype(np.float32)
    found = []
    for colour, count in zip(candidates, counts[many], strict=True):
        near = np.abs(every - colour.astype(np.float32)).max(axis=1) <= SIMILAR * peak
        if count > ALONE_TIMES * (counts[near].sum() - count):
            found.append(colour)
    return np.array(found, known.dtype).reshape(-1, 3)


def _snapped(values: Pixels, alone: Pixels, peak: float) -> Pixels:
    for colour in alone:
        near = np.abs(values.astype(np.float32) - colour.astype(np.float32)).max(axis=1) <= SIMILAR * peak
        values = np.where(near[:, None], colour, values)
    return values
