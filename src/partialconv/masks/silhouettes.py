"""Holes with the outlines of things that people remove from photos: people, animals, cars, posts, trees, blobs.

A silhouette is a list of polygons in units of its own height, its feet at y = 0, y pointing down. It is sampled apart
from its drawing; nothing is anti-aliased, so that a seed gives the same hole everywhere.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.masks.strokes import check_hole_ratio

Polygon = NDArray[np.float64]  # (n, 2): x, y
Silhouette = list[Polygon]
TRIES = 400
GROWTH = 0.006  # of the shorter side: how far people paint over an outline
LOWEST_FEET, HIGHEST_FEET = 0.98, 0.62  # of the height of the picture, where the silhouette fits
PROBE_PX = 300  # height at which the area of a silhouette is measured


def silhouette_hole(
    size: tuple[int, int],
    seed: int | tuple[int, ...] | np.random.Generator,
    hole_ratio: tuple[float, float] = (0.06, 0.18),
    kind: str | None = None,
) -> Hole:
    """Draw a hole in the shape of one object, or of a few that stand side by side.

    Args:
        size: (height, width) in pixels.
        seed: Same seed, same hole; or a source of randomness.
        hole_ratio: The share of hole pixels lies in (low, high].
        kind: One of `SILHOUETTES`; any of them if None.

    Returns:
        (H, W), True = hole.

    Raises:
        InputError: there is no such kind, or it does not reach the range at this size.

    Source: ours.
    """
    rng = np.random.default_rng(seed)
    low, high = check_hole_ratio(hole_ratio)
    if kind is not None and kind not in SILHOUETTES:
        raise InputError(f"no silhouette {kind!r}: choose one of {', '.join(SILHOUETTES)}.")
    for _ in range(TRIES):
        name = kind or str(rng.choice(list(SILHOUETTES)))
        silhouette = SILHOUETTES[name](rng)
        if rng.random() < 0.5:
            silhouette = [part * (-1, 1) for part in silhouette]
        hole = _placed(rng, silhouette, size, rng.uniform(low, high))
        if hole is not None and low < hole.mean() <= high:
            return hole
    raise InputError(
        f"none of {TRIES} silhouettes has a hole ratio in ({low:g}, {high:g}] at {size[0]}x{size[1]} pixels: "
        "widen the range."
    )


def draw_silhouette(
    silhouette: Silhouette, size: tuple[int, int], scale: float, foot: tuple[float, float], grow_px: int = 0
) -> Hole:
    """Draw polygons in a picture.

    Args:
        silhouette: Polygons in units of their height.
        size: (height, width) in pixels.
        scale: Pixels of one unit.
        foot: (x, y) of the origin, in pixels.
        grow_px: How far the hole reaches beyond the outline.

    Returns:
        (H, W), True = hole.
    """
    canvas = Image.new("1", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    for part in silhouette:
        points = [(int(x), int(y)) for x, y in np.rint(part * scale + foot)]
        draw.polygon(points, fill=1)
        if grow_px:
            draw.line([*points, points[0]], fill=1, width=2 * grow_px + 1)
            for x, y in points:
                draw.ellipse((x - grow_px, y - grow_px, x + grow_px, y + grow_px), fill=1)
    return np.array(canvas)


def _placed(rng: np.random.Generator, silhouette: Silhouette, size: tuple[int, int], ratio: float) -> Hole | None:
    """The silhouette at about the asked ratio, wholly in the picture; None where it does not fit."""
    points = np.concatenate(silhouette)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    extent = int((bottom - top) * PROBE_PX) + 3, int((right - left) * PROBE_PX) + 3
    probe = draw_silhouette(silhouette, extent, PROBE_PX, (1 - left * PROBE_PX, 1 - top * PROBE_PX))
    scale = PROBE_PX * float(np.sqrt(ratio * size[0] * size[1] / np.count_nonzero(probe)))
    grow_px = max(1, round(GROWTH * min(size)))
    slack = grow_px + 2
    lowest = size[0] * LOWEST_FEET - bottom * scale
    highest = max(size[0] * HIGHEST_FEET, slack - top * scale)
    x_range = slack - left * scale, size[1] - slack - right * scale
    if highest > lowest or x_range[0] > x_range[1]:
        return None
    foot = rng.uniform(*x_range), rng.uniform(highest, lowest)
    return draw_silhouette(silhouette, size, scale, foot, grow_px)


def _limb(start: tuple[float, float], end: tuple[float, float], width: float, end_width: float) -> Polygon:
    """A rounded bar between two points that may taper."""
    (x0, y0), (x1, y1) = start, end
    angle = np.arctan2(y1 - y0, x1 - x0)
    first = angle + np.linspace(np.pi / 2, 3 * np.pi / 2, 9)
    second = angle + np.linspace(-np.pi / 2, np.pi / 2, 9)
    ends = ((x0, y0, width / 2, first), (x1, y1, end_width / 2, second))
    return np.concatenate([np.stack([x + r * np.cos(t), y + r * np.sin(t)], -1) for x, y, r, t in ends])


def _chain(points: list[tuple[float, float]], widths: list[float]) -> Silhouette:
    """Bars from point to point."""
    return [
        _limb(start, end, width, next_width)
        for start, end, width, next_width in zip(points, points[1:], widths, widths[1:], strict=False)
    ]


def _bent(
    start: tuple[float, float], angles: tuple[float, ...], lengths: tuple[float, ...]
) -> list[tuple[float, float]]:
    """Points of a chain; angle 0 points down, positive ones to the right."""
    points = [start]
    for angle, length in zip(angles, lengths, strict=True):
        x, y = points[-1]
        points.append((x + length * float(np.sin(angle)), y + length * float(np.cos(angle))))
    return points


def _round(
    x: float, y: float, radius_x: float, radius_y: float, rng: np.random.Generator | None = None, wobble: float = 0.0
) -> Polygon:
    """An ellipse, or a smooth blob."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.ones_like(turn)
    if rng is not None and wobble:
        for order in range(2, 7):
            radius += wobble / order * 2 * rng.normal() * np.cos(order * turn + rng.uniform(0, 2 * np.pi))
    radius = radius.clip(0.4, None)
    return np.stack([x + radius_x * radius * np.cos(turn), y + radius_y * radius * np.sin(turn)], -1)


def _person(rng: np.random.Generator) -> Silhouette:
    """Somebody who stands or walks."""
    broad = rng.uniform(0.85, 1.3)
    lean, hip, shoulder = rng.normal(0, 0.02), 0.5, 0.81
    neck = lean, -shoulder - 0.03
    head = lean * 1.5, -0.925
    parts = [_round(*head, 0.058, 0.076), _limb(neck, head, 0.07, 0.06)]
    half, waist, hips = 0.125 * broad, 0.095 * broad, 0.105 * broad
    torso = [(lean - half, -shoulder), (lean + half, -shoulder), (waist, -0.62), (hips, -hip + 0.02)]
    parts.append(np.array([*torso, (-hips, -hip + 0.02), (lean * 0.5 - waist, -0.62)]))
    parts.append(_limb((lean - half + 0.03, -shoulder + 0.01), (lean + half - 0.03, -shoulder + 0.01), 0.08, 0.08))
    for side in (-1, 1):
        swing = side * rng.uniform(0.02, 0.3)
        points = _bent(
            (lean + side * (half - 0.01), -shoulder + 0.02), (swing, swing + rng.normal(0, 0.4)), (0.18, 0.17)
        )
        parts += [*_chain(points, [0.07 * broad, 0.055, 0.045]), _round(*points[-1], 0.03, 0.035)]
    stride = abs(rng.normal(0, 0.18))
    for side in (-1, 1):
        swing = side * stride
        knee_bend = rng.uniform(-0.25, 0.0) if side < 0 else rng.uniform(-0.05, 0.05)
        points = _bent((side * hips * 0.5, -hip + 0.02), (swing, swing + knee_bend), (0.23, 0.235))
        parts += _chain(points, [0.12 * broad, 0.085, 0.055])
        x, y = points[-1]
        parts.append(_limb((x - 0.01, y - 0.005), (x + 0.06, y + 0.005), 0.045, 0.035))
    if rng.random() < 0.3:  # a skirt or a coat
        length = rng.uniform(-0.35, -0.15)
        parts.append(np.array([(-waist, -0.62), (waist, -0.62), (hips * 1.6, length), (-hips * 1.6, length)]))
    if rng.random() < 0.3:  # a bag
        parts.append(_round(rng.choice([-1, 1]) * (half + 0.03), rng.uniform(-0.7, -0.45), 0.07, 0.1, rng, 0.05))
    if rng.random() < 0.25:  # a hat
        parts += [
            _limb((head[0] - 0.1, -0.96), (head[0] + 0.1, -0.96), 0.025, 0.025),
            _round(head[0], -0.985, 0.06, 0.04),
        ]
    return parts


def _group(rng: np.random.Generator) -> Silhouette:
    """Two or three people side by side."""
    parts, x = [], 0.0
    for _ in range(int(rng.integers(2, 4))):
        height = rng.uniform(0.75, 1.0)
        parts += [part * height + (x, rng.uniform(-0.03, 0.0)) for part in _person(rng)]
        x += rng.uniform(0.26, 0.42)
    return parts


def _animal(rng: np.random.Generator) -> Silhouette:
    """Four legs, a neck and a tail: between dog, sheep and horse."""
    leg, thick, long = rng.uniform(0.3, 0.55), rng.uniform(0.13, 0.2), rng.uniform(0.35, 0.5)
    back = -leg - thick
    parts = [_limb((-long, back), (long, back), 2 * thick, 2 * thick * rng.uniform(0.85, 1.05))]
    neck_angle = rng.uniform(1.9, 2.7)
    head = _bent(
        (long, back - 0.05), (neck_angle, rng.uniform(1.2, 1.7)), (rng.uniform(0.25, 0.45), rng.uniform(0.16, 0.26))
    )
    parts += _chain(head, [thick * 1.5, thick * 0.95, thick * 0.55])
    for shift in (-0.02, 0.05):
        ear = _bent((head[1][0] + shift, head[1][1] - thick * 0.3), (np.pi + rng.normal(0, 0.4),), (0.1,))
        parts += _chain(ear, [0.06, 0.02])
    for x in (-long + 0.02, -long + 0.14, long - 0.14, long - 0.02):
        swing = rng.normal(0, 0.14)
        points = _bent((x, -leg - 0.02), (swing, swing * 0.2), (leg * 0.5, leg * 0.52))
        parts += _chain(points, [thick * 0.9, 0.075, 0.06])
    tail = _bent(
        (-long - thick * 0.8, back - 0.05), tuple(-rng.uniform(0.2, 1.9) + 0.3 * k for k in range(3)), (0.12, 0.12, 0.1)
    )
    return parts + _chain(tail, [0.08, 0.06, 0.05, 0.025])


def _blob(rng: np.random.Generator) -> Silhouette:
    """A rounded thing with a few limbs."""
    parts = [_round(0, -0.5, rng.uniform(0.3, 0.6), 0.42, rng, 0.18)]
    for _ in range(int(rng.integers(2, 6))):
        turn = rng.uniform(0, 2 * np.pi)
        start = 0.25 * float(np.sin(turn)), -0.5 + 0.25 * float(np.cos(turn))
        bend = rng.normal(0, 0.5, 2)
        points = _bent(start, (turn, turn + bend[0], turn + bend.sum()), (0.3, 0.2, 0.15))
        parts += _chain(points, [0.2, 0.14, 0.1, rng.uniform(0.03, 0.1)])
    return parts


def _car(rng: np.random.Generator) -> Silhouette:
    """A car or a van from its side."""
    long, roof = rng.uniform(1.35, 1.75), rng.uniform(0.9, 1.1)
    hood, van = rng.uniform(0.5, 0.62), rng.random() < 0.25
    rear_top = -long + 0.1 if van else -long * rng.uniform(0.5, 0.75)
    front_top = long * rng.uniform(0.1, 0.35)
    outline = [
        (-long, -0.2),
        (-long - 0.02, -hood),
        (rear_top - 0.25, -hood - 0.06),
        (rear_top, -roof),
        (front_top, -roof),
    ]
    outline += [(front_top + 0.4, -hood - 0.04), (long * 0.97, -hood + 0.08), (long, -0.2)]
    parts = [np.array(outline), _limb((-long, -0.28), (long, -0.28), 0.2, 0.2)]
    parts += [_round(x * long, -0.2, 0.21, 0.21) for x in (-0.62, 0.62)]
    if rng.random() < 0.5:
        parts.append(_limb((front_top + 0.3, -hood - 0.1), (front_top + 0.38, -hood - 0.1), 0.1, 0.08))
    return parts


def _post(rng: np.random.Generator) -> Silhouette:
    """A lamp-post or a sign, with somebody or something beside it."""
    parts = [_limb((0, -1.0), (0, 0), 0.03, 0.045), _limb((0, -0.12), (0, 0), 0.07, 0.09)]
    if rng.random() < 0.5:
        reach = rng.uniform(0.12, 0.3)
        parts += [*_chain([(0, -1.0), (reach * 0.5, -1.05), (reach, -1.03)], [0.03, 0.028, 0.03])]
        parts.append(_round(reach, -1.01, 0.08, 0.035))
    elif rng.random() < 0.5:
        parts.append(_round(0, -1.04, 0.06, 0.075))
    else:
        half, tall = rng.uniform(0.1, 0.18), rng.uniform(0.15, 0.3)
        parts.append(np.array([(-half, -1.02), (half, -1.02), (half, -1.02 + tall), (-half, -1.02 + tall)]))
    beside, tall = (_person, rng.uniform(0.6, 0.85)) if rng.random() < 0.6 else (_animal, rng.uniform(0.5, 0.7))
    near = rng.uniform(0.1, 0.35) + (0.45 if beside is _animal else 0.0)
    return parts + [part * tall + (near, 0) for part in beside(rng)]


def _tree(rng: np.random.Generator) -> Silhouette:
    """A small tree or a shrub on a stem."""
    trunk = rng.uniform(0.25, 0.5)
    parts = _chain([(0, 0), (rng.normal(0, 0.03), -trunk), (rng.normal(0, 0.05), -trunk - 0.2)], [0.11, 0.08, 0.06])
    for _ in range(int(rng.integers(3, 6))):
        x, y = rng.normal(0, 0.13), -trunk - rng.uniform(0.1, 0.42)
        parts.append(_round(x, y, rng.uniform(0.14, 0.26), rng.uniform(0.13, 0.22), rng, 0.12))
    return parts


SILHOUETTES: Mapping[str, Callable[[np.random.Generator], Silhouette]] = MappingProxyType(
    {"person": _person, "group": _group, "animal": _animal, "blob": _blob, "car": _car, "post": _post, "tree": _tree}
)
