"""Holes of other projects, and wide ones, by name; parameters are sampled apart from drawing, as in `strokes`.

Lengths and widths are those of the sources at their own size, and grow and shrink with the shorter side of the picture.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.masks.morphology import clear_border
from partialconv.masks.strokes import Mark, Rectangle, Stroke, check_hole_ratio, draw_strokes
from partialconv.masks.wide import sample_blobs, sample_halves, sample_silhouettes

Marks = list[Mark]
Sampler = Callable[[np.random.Generator, tuple[int, int]], Marks]
TRIES = 2000


@dataclass(frozen=True)
class Boxes:
    """How rectangles are sampled, in pixels of the picture that the settings are for; ranges are inclusive."""

    side: tuple[int, int]
    count: tuple[int, int]
    margin: int


@dataclass(frozen=True)
class Bristles:
    """How LaMa's masks of one kind are sampled at one size of picture; ranges are inclusive.

    Its files give numbers of chains from `min_times` to `max_times`; its code draws up to one more.
    """

    num_chains: tuple[int, int]
    max_width: int
    max_length: int
    boxes: Boxes | None = None


LAMA: Mapping[str, Mapping[int, Bristles]] = MappingProxyType(
    {
        "lama-thin": {256: Bristles((4, 51), 10, 40), 512: Bristles((4, 71), 20, 100)},
        "lama-medium": {
            256: Bristles((4, 6), 50, 100, Boxes((10, 50), (1, 5), 0)),
            512: Bristles((4, 11), 100, 200, Boxes((30, 150), (1, 5), 0)),
        },
        "lama-thick": {
            256: Bristles((1, 6), 100, 200, Boxes((30, 150), (1, 3), 10)),
            512: Bristles((1, 6), 250, 450, Boxes((30, 300), (1, 4), 10)),
        },
    }
)
BOXES_IN_LAMA = 0.3 / 1.3  # share of the masks that are boxes, where there are some: their weight is 0.3, of strokes 1
BOXES = Boxes((30, 300), (1, 4), 10)  # at 512


def sample_lama(rng: np.random.Generator, size: tuple[int, int], bristles: Mapping[int, Bristles]) -> Marks:
    """Sample chains of up to five segments, each with a width of its own, or boxes.

    Args:
        rng: Source of randomness.
        size: (height, width) in pixels.
        bristles: One of `LAMA`: the settings for the nearer size are scaled to this one.

    Source: Suvorov et al. 2022 (LaMa), the settings of its random_{thin,medium,thick}_{256,512} masks.
    """
    height, width = size
    own = min(bristles, key=lambda side: abs(math.log(min(size) / side)))
    chosen, scale = bristles[own], min(size) / own
    if chosen.boxes is not None and rng.random() < BOXES_IN_LAMA:
        return sample_boxes(rng, size, chosen.boxes, own)
    marks: Marks = []
    for chain in range(int(rng.integers(chosen.num_chains[0], chosen.num_chains[1] + 1))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        for _ in range(int(rng.integers(1, 6))):
            angle = 0.01 + int(rng.integers(4))  # radians: one of four directions, turned about in every other chain
            angle = angle if chain % 2 else 2 * np.pi - angle
            length = (10 + int(rng.integers(chosen.max_length))) * scale
            asked = 5 + int(rng.integers(chosen.max_width))
            thickness = max(1, round((asked + 1 + asked % 2) * scale))  # what OpenCV draws if asked for it
            end = _clip(x + length * np.sin(angle), width), _clip(y + length * np.cos(angle), height)
            marks.append(Stroke(((x, y), end), thickness, round=True))
            x, y = end
    return marks


def sample_brush(rng: np.random.Generator, size: tuple[int, int]) -> Marks:
    """Sample one to three strokes of a round brush that turns back and forth.

    Args:
        rng: Source of randomness.
        size: (height, width) in pixels.

    Source: Yu et al. 2019 (DeepFill v2), free-form masks; its values at 256 pixels.
    """
    height, width = size
    scale = min(size) / 256
    radius = np.hypot(height, width) / 8
    marks: Marks = []
    for _ in range(int(rng.integers(1, 4))):
        turn, spread = 2 * np.pi / 5, 2 * np.pi / 15
        low, high = turn - rng.uniform(0, spread), turn + rng.uniform(0, spread)
        points = [(int(rng.integers(width)), int(rng.integers(height)))]
        for vertex in range(int(rng.integers(4, 12))):
            angle = rng.uniform(low, high)
            angle = angle if vertex % 2 else 2 * np.pi - angle
            length = min(max(rng.normal(radius, radius / 2), 0), 2 * radius)
            x, y = points[-1]
            points.append((_clip(x + length * np.cos(angle), width), _clip(y + length * np.sin(angle), height)))
        marks.append(Stroke(tuple(points), max(1, round(float(rng.uniform(12, 40)) * scale)), round=True))
    return marks


def sample_boxes(rng: np.random.Generator, size: tuple[int, int], boxes: Boxes = BOXES, at: int = 512) -> Marks:
    """Sample rectangles.

    Args:
        rng: Source of randomness.
        size: (height, width) in pixels.
        boxes: Their sides, number and distance from the border.
        at: The shorter side of the picture that `boxes` is for.

    Source: as `sample_lama`, the boxes of its thick masks.
    """
    scale = min(size) / at
    margin = round(boxes.margin * scale)
    marks: Marks = []
    for _ in range(int(rng.integers(boxes.count[0], boxes.count[1] + 1))):
        sides = [
            max(1, min(round(int(rng.integers(boxes.side[0], boxes.side[1] + 1)) * scale), extent - 2 * margin))
            for extent in size
        ]
        top, left = (int(rng.integers(margin, extent - s - margin + 1)) for s, extent in zip(sides, size, strict=True))
        marks.append(Rectangle(left, top, left + sides[1] - 1, top + sides[0] - 1))
    return marks


PRESETS: Mapping[str, Sampler] = MappingProxyType(
    {
        **{name: partial(sample_lama, bristles=bristles) for name, bristles in LAMA.items()},
        "brush": sample_brush,
        "boxes": sample_boxes,
        "silhouettes": sample_silhouettes,
        "blobs": sample_blobs,
        "halves": sample_halves,
    }
)


def preset_hole(
    name: str,
    size: tuple[int, int],
    seed: int | tuple[int, ...] | np.random.Generator,
    hole_ratio: tuple[float, float] = (0.0, 0.5),
    clear_px: int = 0,
) -> Hole:
    """Draw a hole of a named kind, again and again until its ratio lies in the range.

    Args:
        name: One of `PRESETS`.
        size: (height, width) in pixels.
        seed: Same seed, same hole; or a source of randomness.
        hole_ratio: The share of hole pixels lies in (low, high].
        clear_px: Pixels nearer to the border than that are no hole.

    Returns:
        (H, W), True = hole.

    Raises:
        InputError: this kind of hole does not reach the range.
    """
    rng = np.random.default_rng(seed)
    low, high = check_hole_ratio(hole_ratio)
    for _ in range(TRIES):
        hole = clear_border(draw_strokes(PRESETS[name](rng, size), size), clear_px)
        if low < hole.mean() <= high:
            return hole
    raise InputError(
        f"none of {TRIES} holes of kind {name} has a hole ratio in ({low:g}, {high:g}] at {size[0]}x{size[1]} pixels"
        f"{f' with {clear_px} px kept clear' if clear_px else ''}: widen the range, or take another kind."
    )


def _clip(value: float, extent: int) -> int:
    return int(min(max(value, 0), extent))
