"""Holes made of strokes: hairlines, streaks, outlines and specks, up to thick blobs.

What is drawn is sampled apart from the drawing, so that any hole can be replayed from its seed or its strokes.
Coordinates are whole pixels and nothing is anti-aliased, so that the same strokes give the same hole on every machine;
a test holds the bytes of some seeds fast against changes of NumPy and Pillow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.masks.morphology import clear_border


@dataclass(frozen=True)
class Stroke:
    """A line of constant width.

    Args:
        points: (x, y) in pixels; a single point is a square speck.
        width: In pixels, at least 1.
        round: Whether its ends and joints are discs, as of a brush, instead of squares.
    """

    points: tuple[tuple[int, int], ...]
    width: int
    round: bool = False


@dataclass(frozen=True)
class Rectangle:
    """A filled rectangle, in pixels; `right` and `bottom` belong to it."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Polygon:
    """A filled polygon with corners at (x, y), in pixels; they may lie outside of the picture."""

    points: tuple[tuple[int, int], ...]


Mark = Stroke | Rectangle | Polygon


def stroke_hole(
    size: tuple[int, int],
    seed: int | tuple[int, ...],
    hole_ratio: tuple[float, float] = (0.01, 0.5),
    width_px: tuple[float, float] | None = None,
    clear_px: int = 0,
) -> Hole:
    """Draw an irregular hole from a seed.

    Args:
        size: (height, width) in pixels.
        seed: Same seed, same hole.
        hole_ratio: The share of hole pixels lies in (low, high].
        width_px: Range of the strokes' widths; see `sample_strokes`.
        clear_px: Pixels nearer to the border than that are no hole.

    Returns:
        (H, W), True = hole.

    Raises:
        InputError: the ratio cannot be met at this size.

    Source: ours; the range of widths follows the published test masks (Liu et al. 2018, section 3.1).
    """
    strokes = sample_strokes(np.random.default_rng(seed), size, hole_ratio, width_px, clear_px)
    return clear_border(draw_strokes(strokes, size), clear_px)


def sample_strokes(
    rng: np.random.Generator,
    size: tuple[int, int],
    hole_ratio: tuple[float, float] = (0.01, 0.5),
    width_px: tuple[float, float] | None = None,
    clear_px: int = 0,
) -> list[Stroke]:
    """Sample strokes whose hole has a ratio in (low, high].

    A hole has a typical width, log-uniform from one pixel (more, for large ratios) to an eighth of the shorter side,
    around which its strokes vary; a third of them take a width of their own. Strokes are added until a ratio drawn
    from the range is reached. One that overshoots the range is dropped: inside the range that is the end, below it
    a thinner one is tried.

    Args:
        rng: Source of randomness.
        size: (height, width) in pixels.
        hole_ratio: (low, high], both in [0, 1].
        width_px: Narrowest and widest stroke, log-uniform for each stroke alone, in place of a typical width;
            narrower ones come where these overshoot the ratio.
        clear_px: The ratio counts nothing that lies nearer to the border than that.

    Raises:
        InputError: a range is empty, or the ratio cannot be met at this size.
    """
    low, high = check_hole_ratio(hole_ratio)
    if width_px is not None and not 1 <= width_px[0] <= width_px[1]:
        raise InputError(f"width_px is {width_px}, expected 1 <= narrowest <= widest.")
    side = min(size)
    target = rng.uniform(low, high)
    widest = max(1.0, side / 8)
    typical = _log_uniform(rng, min(widest, max(1.0, target * side / 16)), widest)
    strokes: list[Stroke] = []
    canvas = Image.new("L", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    ratio, num_hole, overshoots = 0.0, 0, 0
    while ratio <= low or ratio < target:
        if width_px is not None:
            width = _log_uniform(rng, *width_px)
        elif rng.random() < 1 / 3:
            width = _log_uniform(rng, 1, widest)
        else:
            width = min(typical * rng.lognormal(0, 0.4), widest)
        stroke = _sample_stroke(rng, size, max(1, round(width / 2**overshoots)))
        box, counted = _bounding_box(stroke, size, 0), _bounding_box(stroke, size, clear_px)
        before = canvas.crop(box)
        num_before = int(np.count_nonzero(np.asarray(canvas.crop(counted))))
        _draw(draw, stroke)
        num_new = num_hole + int(np.count_nonzero(np.asarray(canvas.crop(counted)))) - num_before
        new_ratio = num_new / (size[0] * size[1])
        if new_ratio > high:
            if ratio > low:
                break
            canvas.paste(before, box)
            overshoots += 1
            if overshoots > 30:
                raise InputError(
                    f"no strokes give a hole ratio in ({low}, {high}] at {size[0]}x{size[1]} pixels: widen the range."
                )
            continue
        ratio, num_hole = new_ratio, num_new
        strokes.append(stroke)
    return strokes


def check_hole_ratio(hole_ratio: tuple[float, float]) -> tuple[float, float]:
    """Return the range (low, high] if it is one, else raise `InputError`."""
    low, high = hole_ratio
    if not 0 <= low < high <= 1:
        raise InputError(f"hole_ratio is ({low}, {high}], expected 0 <= low < high <= 1.")
    return hole_ratio


def draw_strokes(strokes: Sequence[Mark], size: tuple[int, int]) -> Hole:
    """Draw strokes, boxes and polygons as a hole of `size` (height, width): (H, W), True = hole."""
    canvas = Image.new("1", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        _draw(draw, stroke)
    return np.array(canvas)


def _sample_stroke(rng: np.random.Generator, size: tuple[int, int], width: int) -> Stroke:
    height, breadth = size
    x, y = rng.uniform(0, breadth), rng.uniform(0, height)
    kind = rng.choice(["speck", "straight", "wander", "outline"], p=[0.2, 0.2, 0.4, 0.2])
    side = min(size)
    points = [(x, y)]
    if kind == "straight":
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 1.0) * side
        points.append((x + length * np.cos(angle), y + length * np.sin(angle)))
    elif kind == "wander":
        angle, step = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.12) * side
        bend = rng.uniform(0.1, 1.0)
        for _ in range(int(rng.integers(3, 16))):
            angle += rng.normal(0, bend)
            x, y = x + step * np.cos(angle), y + step * np.sin(angle)
            points.append((x, y))
    elif kind == "outline":
        angles = np.linspace(0, 2 * np.pi, int(rng.integers(8, 24)))
        radii = rng.uniform(0.04, 0.3, size=2) * side
        wobble = rng.uniform(0.75, 1.25, size=len(angles))
        wobble[-1] = wobble[0]
        points = [
            (x + radii[0] * w * np.cos(a), y + radii[1] * w * np.sin(a)) for a, w in zip(angles, wobble, strict=True)
        ]
    return Stroke(tuple((int(px), int(py)) for px, py in points), width)


def _bounding_box(stroke: Stroke, size: tuple[int, int], clear_px: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of where a stroke may draw, without the border of the picture."""
    x, y = zip(*stroke.points, strict=True)
    reach, limits = stroke.width + 2, (size[1] - clear_px, size[0] - clear_px)
    left, top = (min(max(min(v) - reach, clear_px), limit) for v, limit in zip((x, y), limits, strict=True))
    right, bottom = (
        max(min(max(v) + reach, limit), s) for v, limit, s in zip((x, y), limits, (left, top), strict=True)
    )
    return left, top, right, bottom


def _draw(draw: ImageDraw.ImageDraw, stroke: Mark) -> None:
    if isinstance(stroke, Polygon):
        draw.polygon(stroke.points, fill=1)
        return
    if isinstance(stroke, Rectangle):
        draw.rectangle((stroke.left, stroke.top, stroke.right, stroke.bottom), fill=1)
        return
    if len(stroke.points) > 1:
        draw.line(stroke.points, fill=1, width=stroke.width)
    # square ends and joints, as in the published masks, which were dilated by a square
    before, after = (stroke.width - 1) // 2, stroke.width // 2
    draw_joint = draw.ellipse if stroke.round else draw.rectangle
    for x, y in stroke.points:
        draw_joint((x - before, y - before, x + after, y + after), fill=1)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))
