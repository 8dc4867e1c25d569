"""Pictures that are no photos, drawn by seed, with the hole to fill and the truth under it.

Patterns are functions of the plane, averaged over 4x4 points of each pixel; so edges are as smooth as a renderer's.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from partialconv.benchmark.pairing import Pixels
from partialconv.conventions import Hole
from partialconv.masks.morphology import dilate
from partialconv.masks.silhouettes import silhouette_hole

SIZE = (288, 384)
SUBPIXELS = 4
HOLE_RATIO = (0.06, 0.14)
Plane = NDArray[np.float64]
Colors = NDArray[np.float64]
WHITE, INK = (255, 255, 255), (25, 25, 30)
TEXT = [
    "The",
    "harbour",
    "was",
    "quiet",
    "when",
    "the",
    "first",
    "boats",
    "came",
    "back",
    "and",
    "the",
    "gulls",
    "followed",
    "them",
    "along",
    "the",
    "wall.",
    "Nobody",
    "spoke",
    "about",
    "the",
    "storm",
    "of",
    "the",
    "night",
    "before;",
    "nets",
    "were",
    "mended,",
    "coffee",
    "was",
    "made,",
    "and",
    "the",
    "ledger",
    "in",
    "the",
    "office",
    "received",
    "another",
    "page",
    "of",
    "neat",
    "small",
    "figures.",
    "At",
    "noon",
    "the",
    "bell",
    "rang",
    "twice,",
    "as",
    "it",
    "does",
    "on",
    "market",
    "days,",
    "and",
    "the",
    "square",
    "filled",
    "with",
    "people",
    "who",
    "had",
    "walked",
    "down",
    "from",
    "the",
    "hills.",
]


@dataclass(frozen=True)
class Drawn:
    """A drawn picture.

    Args:
        target: RGB, uint8 (H, W, 3).
        hole: (H, W), True = hole.
        tone: Colours that may occur in the hole, (n, 3), where only some may; else None.
    """

    target: Pixels
    hole: Hole
    tone: Pixels | None = None

    @property
    def sha256(self) -> str:
        """Of the picture and its hole."""
        return hashlib.sha256(self.target.tobytes() + self.hole.tobytes()).hexdigest()


def draw(kind: str, seed: int, size: tuple[int, int] = SIZE) -> Drawn:
    """Draw a picture of a kind.

    Args:
        kind: One of `KINDS`.
        seed: Same seed, same picture and hole.
        size: (height, width) in pixels.
    """
    return KINDS[kind](np.random.default_rng((seed, *kind.encode())), size)


def _render(size: tuple[int, int], paint: Callable[[Plane, Plane], Colors]) -> Pixels:
    """Average a function from x, y (in pixels, from the centre) to colours in 0..255 over each pixel."""
    offsets = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    total = np.zeros((*size, 3))
    for dy in offsets:
        for dx in offsets:
            y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
            total += paint(x - size[1] / 2 + dx, y - size[0] / 2 + dy)
    return np.rint(total / SUBPIXELS**2).clip(0, 255).astype(np.uint8)


def _turned(x: Plane, y: Plane, angle: float) -> tuple[Plane, Plane]:
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _two(rng: np.random.Generator) -> tuple[Colors, Colors]:
    """Two colours that differ clearly."""
    while True:
        first, second = rng.integers(0, 256, (2, 3)).astype(np.float64)
        if np.abs(first - second).sum() > 200:
            return first, second


def _mixed(share: Plane, first: Colors, second: Colors) -> Colors:
    return first + (second - first) * share[..., None]


def _object(rng: np.random.Generator, size: tuple[int, int]) -> Hole:
    return silhouette_hole(size, rng, HOLE_RATIO)


def _flat(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    colors = [(0, 0, 0), WHITE, (128, 128, 128), (230, 20, 20), (20, 60, 220), tuple(rng.integers(0, 256, 3))]
    color = np.array(colors[int(rng.integers(len(colors)))], np.uint8)
    return Drawn(np.full((*size, 3), color, np.uint8), _object(rng, size), color[None])


def _edge(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    first, second = _two(rng)
    hole = _object(rng, size)
    rows, columns = np.nonzero(hole)
    middle_x, middle_y = columns.mean() - size[1] / 2, rows.mean() - size[0] / 2
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi), rng.uniform(0, np.pi)])

    def paint(x: Plane, y: Plane) -> Colors:
        across, _ = _turned(x - middle_x, y - middle_y, angle)
        return _mixed((across > 0).astype(np.float64), first, second)

    return Drawn(_render(size, paint), hole)


def _stripes(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    first, second = _two(rng)
    period, duty = rng.uniform(6, 48), rng.uniform(0.25, 0.75)
    angle = rng.choice([0, np.pi / 2, np.pi / 4, rng.uniform(0, np.pi)])
    soft = rng.random() < 0.3

    def paint(x: Plane, y: Plane) -> Colors:
        phase = _turned(x, y, angle)[0] / period
        share = 0.5 + 0.5 * np.sin(2 * np.pi * phase) if soft else (phase % 1 < duty).astype(np.float64)
        return _mixed(share, first, second)

    return Drawn(_render(size, paint), _object(rng, size))


def _dots(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    first, second = _two(rng)
    period, angle = rng.uniform(10, 40), rng.choice([0, np.pi / 4, rng.uniform(0, np.pi)])
    radius, outlined = period * rng.uniform(0.2, 0.42), rng.random() < 0.3

    def paint(x: Plane, y: Plane) -> Colors:
        across, along = _turned(x, y, angle)
        far = np.hypot(across % period - period / 2, along % period - period / 2)
        inside = far < radius
        return _mixed((inside & (far > radius * 0.7) if outlined else inside).astype(np.float64), first, second)

    return Drawn(_render(size, paint), _object(rng, size))


def _bricks(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    course, mortar = rng.uniform(14, 30), rng.uniform(1.5, 3.5)
    long = course * rng.uniform(2, 3)
    base, joint = np.array([150, 75, 55]) + rng.normal(0, 20, 3), np.array([190, 185, 175]) + rng.normal(0, 12, 3)
    shades = rng.normal(0, rng.choice([0, 10]), (64, 64))
    shift = rng.uniform(0, 100, 2)

    def paint(x: Plane, y: Plane) -> Colors:
        row = np.floor((y + shift[1]) / course)
        along = x + shift[0] + row % 2 * long / 2
        column = np.floor(along / long)
        shade = shades[row.astype(int) % 64, column.astype(int) % 64]
        between = ((y + shift[1]) % course < mortar) | (along % long < mortar)
        return np.where(between[..., None], joint, base + shade[..., None])

    return Drawn(_render(size, paint), _object(rng, size))


def _checks(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    first, second = _two(rng)
    period, angle = rng.uniform(12, 48), rng.choice([0, np.pi / 4, rng.uniform(0, np.pi)])
    woven = rng.random() < 0.4

    def paint(x: Plane, y: Plane) -> Colors:
        a, b = ((part / period % 1 < 0.5) for part in _turned(x, y, angle))
        return _mixed((a * 0.5 + b * 0.5) if woven else (a ^ b).astype(np.float64), first, second)

    return Drawn(_render(size, paint), _object(rng, size))


def _fence(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    period, share, rail = rng.uniform(16, 36), rng.uniform(0.5, 0.75), rng.uniform(8, 14)
    wood, top, bottom = rng.uniform(150, 250, 3), np.array([150.0, 190, 235]), np.array([90.0, 130, 60])
    tilt = rng.normal(0, 0.03)

    def paint(x: Plane, y: Plane) -> Colors:
        behind = _mixed((y > 30).astype(np.float64), top, bottom)
        phase = ((x + tilt * y) / period) % 1
        shade = 1 - 0.25 * np.abs(phase / share - 0.5)
        slat = (phase < share) & (y > -100 + 10 * np.abs(phase / share - 0.5))
        rails = (np.abs(y + 50) < rail / 2) | (np.abs(y - 70) < rail / 2)
        painted = np.where(rails[..., None], wood * 0.85, behind)
        return np.where(slat[..., None], wood * shade[..., None], painted)

    return Drawn(_render(size, paint), _object(rng, size))


def _shutters(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    period, wood, frame = rng.uniform(8, 22), rng.uniform(60, 230, 3), rng.uniform(100, 140)

    def paint(x: Plane, y: Plane) -> Colors:
        phase = (y / period) % 1
        slats = wood * (0.55 + 0.45 * phase)[..., None]
        border = (np.abs(x % (2 * frame) - frame) > frame - 7)[..., None]
        return np.where(border, wood * 0.95, slats)

    return Drawn(_render(size, paint), _object(rng, size))


def _linear(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    first, second = _two(rng)
    angle = rng.uniform(0, 2 * np.pi)

    def paint(x: Plane, y: Plane) -> Colors:
        return _mixed((_turned(x, y, angle)[0] / max(size) + 0.5).clip(0, 1), first, second)

    return Drawn(_render(size, paint), _object(rng, size))


def _radial(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    first, second = _two(rng)
    middle, reach = rng.uniform(-0.3, 0.3, 2) * size, rng.uniform(0.7, 1.1) * max(size)

    def paint(x: Plane, y: Plane) -> Colors:
        return _mixed((np.hypot(x - middle[1], y - middle[0]) / reach).clip(0, 1), first, second)

    return Drawn(_render(size, paint), _object(rng, size))


def _sky(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    skies = [((20, 80, 200), (120, 180, 245)), ((5, 30, 90), (250, 150, 80)), ((40, 120, 230), (190, 220, 250))]
    top, bottom = (np.array(color, float) + rng.normal(0, 6, 3) for color in skies[int(rng.integers(len(skies)))])
    tilt, grain = rng.normal(0, 0.1), rng.choice([0.0, 1.5])
    hole = _object(rng, size)

    def paint(x: Plane, y: Plane) -> Colors:
        return _mixed(((y + tilt * x) / size[0] + 0.5).clip(0, 1) ** 1.3, top, bottom)

    picture = _render(size, paint) + rng.normal(0, 1, (*size, 1)) * grain
    return Drawn(np.rint(picture).clip(0, 255).astype(np.uint8), hole)


def _table(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    wide, high, line = int(rng.integers(50, 90)), int(rng.integers(18, 34)), int(rng.integers(1, 3))
    hole = _object(rng, size)
    image = Image.new("RGB", size[::-1], WHITE)
    draw_on, font = ImageDraw.Draw(image), ImageFont.load_default(min(13, high - 6))
    near = dilate(hole, 3)
    for top in range(8, size[0] - high, high):
        for left in range(10, size[1] - wide, wide):
            text = f"{rng.uniform(0, 999):.{rng.integers(0, 3)}f}"
            box = tuple(int(side) for side in font.getbbox(text))
            x, y = left + wide - 6 - box[2], top + (high - box[3]) // 2
            if not near[y + box[1] : y + box[3] + 1, x + box[0] : x + box[2] + 1].any():
                draw_on.text((x, y), text, fill=INK, font=font)
    for y in range(8, size[0], high):
        draw_on.rectangle((10, y, 10 + (size[1] - 10) // wide * wide, y + line - 1), fill=(60, 60, 60))
    for x in range(10, size[1], wide):
        draw_on.rectangle((x, 8, x + line - 1, 8 + (size[0] - 8) // high * high), fill=(60, 60, 60))
    return Drawn(np.array(image), hole)


def _page(rng: np.random.Generator, size: tuple[int, int], between: bool) -> Drawn:
    """A page of text; the hole takes off some lines, or lies on the blank paper between two paragraphs."""
    paper = WHITE if rng.random() < 0.6 else tuple(int(c) for c in np.array((250, 246, 232)) + rng.integers(-3, 4, 3))
    font = ImageFont.load_default(int(rng.integers(11, 18)))
    step = int(font.getbbox("Ag")[3] * rng.uniform(1.15, 1.5))
    image = Image.new("RGB", size[::-1], paper)
    draw_on, lines = ImageDraw.Draw(image), (size[0] - 24) // step
    num_blank = max(2, round(lines * rng.uniform(0.15, 0.3)))
    first = int(rng.integers(2, lines - num_blank - 1))
    hole = np.zeros(size, bool)
    for number in range(lines):
        top, words, text = 12 + number * step, list(rng.permutation(TEXT)), ""
        while words and font.getlength(text + words[0]) < size[1] - 36:
            text += f"{words.pop(0)} "
        if not first <= number < first + num_blank:
            draw_on.text((18, top), text, fill=INK, font=font)
        elif not between:
            end = 18 + font.getlength(text) * rng.uniform(0.6, 1)
            hole[top - 1 : top + step - 1, 14 : int(end) + 4] = True
    if between:
        left, right = sorted(rng.uniform(0.04, 0.96, 2))
        left, right = (left, right) if right - left > 0.3 else (0.15, 0.85)
        top = 12 + first * step
        hole[top + 1 : top + num_blank * step - 1, int(left * size[1]) : int(right * size[1])] = True
    target = np.array(image)
    target[hole] = paper
    return Drawn(target, hole, np.array([paper], np.uint8))


def _text_off(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    return _page(rng, size, between=False)


def _text_between(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    return _page(rng, size, between=True)


KINDS: Mapping[str, Callable[[np.random.Generator, tuple[int, int]], Drawn]] = MappingProxyType(
    {
        "flat": _flat,
        "edge": _edge,
        "table": _table,
        "text off paper": _text_off,
        "between text": _text_between,
        "stripes": _stripes,
        "dots": _dots,
        "bricks": _bricks,
        "checks": _checks,
        "fence": _fence,
        "shutters": _shutters,
        "linear": _linear,
        "radial": _radial,
        "sky": _sky,
    }
)
