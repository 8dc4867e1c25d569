"""Pictures that are no photos: plain grounds, lines, tables, pages of text, patterns, screenshots; drawn from a seed.

What is drawn depends on the seed, and through the letters on the FreeType that Pillow was built with.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Painter = Callable[[np.random.Generator, Image.Image], None]
LETTERS = "aaaabcdeeeeeefghiiijklmnnnoooprrrsssttttuuvwyz"
LARGEST_SCALE = 3  # of the canvas, which is then reduced: a smooth picture of lines


def draw_picture(size: tuple[int, int], seed: int | tuple[int, ...], kind: str | None = None) -> Pixels:
    """Draw one picture.

    Args:
        size: (height, width) in pixels.
        seed: Same seed, same picture.
        kind: One of `PAINTERS`; by default chosen at random.

    Returns:
        (H, W, 3), uint8, RGB.

    Source: ours.
    """
    rng = np.random.default_rng(seed)
    names = list(PAINTERS)
    painter = PAINTERS[kind or names[int(rng.integers(len(names)))]]
    scale = int(rng.integers(1, LARGEST_SCALE + 1))
    canvas = Image.new("RGB", (size[1] * scale, size[0] * scale), _ground(rng))
    painter(rng, canvas)
    return np.array(canvas.resize((size[1], size[0]), Image.Resampling.BOX) if scale > 1 else canvas)


def _flat(_: np.random.Generator, __: Image.Image) -> None:
    """Draw the ground alone, without shapes on it."""


def _edges(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Areas of one colour each."""
    draw = ImageDraw.Draw(canvas)
    width, height = canvas.size
    for _ in range(int(rng.integers(1, 5))):
        fill = _colour(rng)
        kind, x, y = rng.integers(3), rng.uniform(0, width), rng.uniform(0, height)
        if kind == 0:  # beyond a line
            angle, reach = rng.uniform(0, 2 * np.pi), 4 * max(canvas.size)
            if rng.random() < 0.5:
                angle = rng.integers(4) * np.pi / 2
            turns = angle + np.array([-1, 1]) * np.pi / 2
            first = [(x + reach * np.cos(t), y + reach * np.sin(t)) for t in turns]
            beyond = [(px + reach * np.cos(angle), py + reach * np.sin(angle)) for px, py in reversed(first)]
            draw.polygon([*first, *beyond], fill=fill)
        else:
            right, bottom = x + rng.uniform(0.1, 0.8) * width, y + rng.uniform(0.1, 0.8) * height
            (draw.rectangle if kind == 1 else draw.ellipse)((x - width / 4, y - height / 4, right, bottom), fill=fill)


def _gradient(rng: np.random.Generator, canvas: Image.Image) -> None:
    """From one colour to another, along a line or from a point."""
    width, height = canvas.size
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    if rng.random() < 0.7:
        angle = rng.uniform(0, 2 * np.pi)
        place = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5
    else:
        place = np.hypot(x - rng.random(), y - rng.random())
    place = np.clip(place, 0, 1)[..., None] ** rng.uniform(0.6, 1.6)
    first, second = np.array(_colour(rng)), np.array(_colour(rng))
    dither = rng.random(place.shape)  # so that steps of one level do not show
    canvas.paste(Image.fromarray(np.floor(first + (second - first) * place + dither * 0.999).astype(np.uint8)))


def _lines(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Straight lines and curves on a ground."""
    draw, side = ImageDraw.Draw(canvas), min(canvas.size)
    ink, width = _ink(rng, canvas), _width(rng, side)
    for _ in range(int(rng.integers(2, 12))):
        if rng.random() < 0.3:
            ink, width = _ink(rng, canvas), _width(rng, side)
        x, y = rng.uniform(-0.2, 1.2, 2), rng.uniform(-0.2, 1.2, 2)
        box = [(x.min() * canvas.width, y.min() * canvas.height), (x.max() * canvas.width, y.max() * canvas.height)]
        if rng.random() < 0.3:
            draw.ellipse([*box[0], *box[1]], outline=ink, width=width)
        else:
            ends = [(x[0] * canvas.width, y[0] * canvas.height), (x[1] * canvas.width, y[1] * canvas.height)]
            draw.line(ends, fill=ink, width=width)


def _table(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Rows and columns between lines, words and numbers in the cells."""
    draw, side = ImageDraw.Draw(canvas), min(canvas.size)
    ink, line = _ink(rng, canvas), _ink(rng, canvas)
    row, column = int(rng.uniform(0.06, 0.2) * side) + 3, int(rng.uniform(0.15, 0.5) * side) + 4
    top, left, width = (int(rng.integers(extent)) for extent in (row, column, max(2, side // 60)))
    if rng.random() < 0.4:  # every second row
        shade = _mixed(_pixel(canvas), line, 0.15)
        for y in range(top, canvas.height, 2 * row):
            draw.rectangle((0, y, canvas.width, y + row), fill=shade)
    font = _font(max(6, int(row * rng.uniform(0.45, 0.7))))
    for y in range(top - row, canvas.height, row):
        for x in range(left - column, canvas.width, column):
            if rng.random() < 0.8:
                draw.text((x + width + 2, y + row // 8), _word(rng, numbers=0.6), fill=ink, font=font)
        if rng.random() < 0.95:
            draw.line([(0, y), (canvas.width, y)], fill=line, width=width + 1)
    if rng.random() < 0.7:
        for x in range(left, canvas.width, column):
            draw.line([(x, 0), (x, canvas.height)], fill=line, width=width + 1)


def _text(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Lines of words, left-aligned, with headings and blank lines."""
    side = min(canvas.size)
    _paragraph(rng, canvas, (0, 0, *canvas.size), _ink(rng, canvas), rng.uniform(0.035, 0.16) * side)


def _pattern(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Stripes, checks, dots or bricks, in two or three colours."""
    draw, side = ImageDraw.Draw(canvas), min(canvas.size)
    period = max(4, int(rng.uniform(0.04, 0.3) * side))
    inks = [_ink(rng, canvas), _ink(rng, canvas)]
    first, share = -int(rng.integers(period)) - period, rng.uniform(0.2, 0.8)
    kind = rng.choice(["stripes", "checks", "dots", "bricks"])
    if kind == "stripes":
        width, height = canvas.size
        y, x = np.mgrid[:height, :width]
        angle = rng.integers(4) * np.pi / 4 if rng.random() < 0.7 else rng.uniform(0, np.pi)
        phase = (x * np.cos(angle) + y * np.sin(angle) + first) / period
        number = np.floor(phase).astype(int)
        colours = np.array([inks[0], inks[int(rng.random() < 0.3)]])[number % 2]
        pixels = np.where((phase - number < share)[..., None], colours, np.array(_pixel(canvas)))
        canvas.paste(Image.fromarray(pixels.astype(np.uint8)))
        return
    tall = period if kind != "bricks" else max(3, int(period * rng.uniform(0.35, 0.6)))
    shifted = kind == "bricks" or (kind == "dots" and rng.random() < 0.5)
    mortar = max(1, period // 12)
    for row, y in enumerate(range(first, canvas.height, tall)):
        start = first + (period // 2 if shifted and row % 2 else 0)
        for column, x in enumerate(range(start, canvas.width, period)):
            if kind == "checks" and (row + column) % 2:
                draw.rectangle((x, y, x + period - 1, y + period - 1), fill=inks[0])
            elif kind == "dots":
                reach = share * period / 2
                centre = x + period / 2, y + period / 2
                box = (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
                draw.ellipse(box, fill=inks[0], outline=inks[1], width=1 + int(share * 3))
            elif kind == "bricks":
                shade = _mixed(inks[0], inks[1], float(rng.uniform(0, 0.3)))
                draw.rectangle((x, y, x + period - 1 - mortar, y + tall - 1 - mortar), fill=shade)


def _screenshot(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Windows with a title bar, text, buttons and pictures."""
    draw, side = ImageDraw.Draw(canvas), min(canvas.size)
    bar = max(6, int(rng.uniform(0.06, 0.12) * side))
    for _ in range(int(rng.integers(1, 4))):
        left, top = (int(rng.uniform(-0.3, 0.5) * extent) for extent in canvas.size)
        right, bottom = left + int(rng.uniform(0.5, 1.4) * canvas.width), top + int(rng.uniform(0.5, 1.4) * side)
        paper, title = _ground(rng), _colour(rng)
        ink = (20, 20, 20) if sum(paper) > 380 else (235, 235, 235)
        draw.rectangle((left, top, right, bottom), fill=paper, outline=_mixed(paper, ink, 0.4))
        draw.rectangle((left, top, right, top + bar), fill=title)
        font = _font(max(6, int(bar * 0.6)))
        draw.text((left + bar, top + bar // 6), _word(rng, 0), fill=_contrast(title), font=font)
        _paragraph(rng, canvas, (left + 3, top + bar + 3, right - 3, bottom - 3), ink, bar * rng.uniform(0.5, 0.8))
        for _ in range(int(rng.integers(0, 5))):
            x, y = int(rng.uniform(left, right)), int(rng.uniform(top + bar, bottom))
            button, wide = _colour(rng), int(rng.uniform(1.5, 4) * bar)
            draw.rounded_rectangle((x, y, min(x + wide, right), y + bar), radius=bar // 4, fill=button)
            draw.text((x + bar // 3, y + bar // 6), _word(rng, 0.2), fill=_contrast(button), font=font)


def _paragraph(
    rng: np.random.Generator, canvas: Image.Image, box: tuple[int, int, int, int], ink: Colour, height: float
) -> None:
    """Words from left to right, line by line, in a box of (left, top, right, bottom)."""
    draw, font = ImageDraw.Draw(canvas), _font(max(6, int(height)))
    left, y, right, bottom = (float(edge) for edge in box)
    left, right = left + rng.uniform(0, 0.1) * (right - left), right - rng.uniform(0, 0.1) * (right - left)
    step = height * rng.uniform(1.1, 1.7)
    while y < bottom - height:
        x = left
        last = right if rng.random() < 0.8 else left + rng.uniform(0.2, 0.9) * (right - left)
        while rng.random() < 0.97:
            word = _word(rng, numbers=0.05)
            length = draw.textlength(word + " ", font=font)
            if x + length > last:
                break
            draw.text((x, y), word, fill=ink, font=font)
            x += length
        y += step * (1 if rng.random() < 0.9 else 2)


def _word(rng: np.random.Generator, numbers: float) -> str:
    if rng.random() < numbers:
        return f"{rng.integers(0, 10 ** int(rng.integers(1, 5))):,}"
    word = "".join(LETTERS[int(n)] for n in rng.integers(len(LETTERS), size=int(rng.integers(1, 10))))
    return word.capitalize() if rng.random() < 0.15 else word


@lru_cache(maxsize=128)
def _font(height_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height_px)


def _ground(rng: np.random.Generator) -> Colour:
    """White or nearly so, dark, or any colour."""
    chance = rng.random()
    if chance < 0.25:
        return (255, 255, 255)
    if chance < 0.5:
        return _bounded(int(rng.integers(215, 256)) + rng.integers(-12, 13, size=3))
    if chance < 0.65:
        return _bounded(int(rng.integers(0, 50)) + rng.integers(-10, 11, size=3))
    return _colour(rng)


def _colour(rng: np.random.Generator) -> Colour:
    grey, spread = rng.uniform(0, 255), rng.choice([0, 30, 120])
    return _bounded(grey + rng.uniform(-spread, spread, size=3))


def _ink(rng: np.random.Generator, canvas: Image.Image) -> Colour:
    """A colour that is seen on the ground of a canvas nothing was drawn on."""
    ground = np.array(_pixel(canvas))
    if rng.random() < 0.4:
        return _contrast(_pixel(canvas))
    while True:
        colour = _colour(rng)
        if np.abs(ground - colour).max() > 40:
            return colour


def _contrast(colour: Colour) -> Colour:
    return (0, 0, 0) if sum(colour) > 380 else (255, 255, 255)


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    return _bounded(np.array(first) * (1 - share) + np.array(second) * share)


def _pixel(canvas: Image.Image) -> Colour:
    pixel = canvas.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return _bounded(np.array(pixel))


def _bounded(colour: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in np.clip(colour, 0, 255))
    return red, green, blue


def _width(rng: np.random.Generator, side: int) -> int:
    return max(1, round(float(np.exp(rng.uniform(np.log(0.006), np.log(0.06)))) * side))


PAINTERS: Mapping[str, Painter] = MappingProxyType(
    {
        "flat": _flat,
        "edges": _edges,
        "gradient": _gradient,
        "lines": _lines,
        "table": _table,
        "text": _text,
        "pattern": _pattern,
        "screenshot": _screenshot,
    }
)
