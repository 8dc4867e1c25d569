"""Holes where something was written over a photo: bands of lettering and date stamps, drawn by seed."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from partialconv.conventions import Hole
from partialconv.masks.morphology import dilate

WORDS = (
    "SAMPLE preview ARCHIVE copy Holiday greetings SUMMER by the lake Photo studio PROOF not for "
    "sale www first light morning at sea Old Town Museum collection 1987 edition family album "
    "LIMITED print"
)
STYLES = ("letters", "band", "stamp", "stamp box")
GROWTH = 0.12  # of the height of the letters: what is painted over their edge


def lettering_hole(size: tuple[int, int], seed: int | tuple[int, ...]) -> tuple[str, Hole]:
    """Draw the hole of a line of words or of a date.

    Args:
        size: (height, width) in pixels.
        seed: Same seed, same hole.

    Returns:
        style: "letters" (a line of words across the photo), "band" (the bar behind such a line), "stamp" (a date in a
            corner), or "stamp box" (the box around it).
        hole: (H, W), True = hole.
    """
    rng = np.random.default_rng(seed)
    style = STYLES[int(rng.integers(len(STYLES)))]
    height, width = size
    if style.startswith("stamp"):
        day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(79, 100)
        text = rng.choice([f"'{year} {month:2d} {day:2d}", f"{day:02d}.{month:02d}.19{year}", f"{day} {month} '{year}"])
        drawn = _written(str(text), max(12, round(height * rng.uniform(0.05, 0.09))))
        left = round(width * 0.95) - drawn.shape[1]
        top = round(height * rng.uniform(0.84, 0.95)) - drawn.shape[0]
    else:
        words = " ".join(str(word) for word in rng.permutation(WORDS.split()))
        drawn = _written(words, max(12, round(height * rng.uniform(0.06, 0.14))))
        drawn = drawn[:, : round(width * rng.uniform(0.6, 0.9))]
        left = round(rng.uniform(0.02, 0.98 - drawn.shape[1] / width) * width)
        top = round(rng.uniform(0.1, 0.8) * height)
    hole = np.zeros(size, bool)
    left, top = max(left, 2), max(top, 2)
    view = hole[top : top + drawn.shape[0], left : left + drawn.shape[1]]
    view |= drawn[: view.shape[0], : view.shape[1]]
    if style in ("band", "stamp box"):
        rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
        hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return style, dilate(hole, max(1, round(GROWTH * drawn.shape[0] / 2)))


def _written(text: str, height_px: int) -> Hole:
    """Letters as a hole that fits them tightly."""
    font = ImageFont.load_default(height_px)
    left, top, right, bottom = (int(side) for side in font.getbbox(text))
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=font)
    return np.array(canvas) >= 96
