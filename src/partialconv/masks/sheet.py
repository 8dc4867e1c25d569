"""Looking at many holes at once: a contact sheet with a histogram of their ratios."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.masks.doctor import read_hole
from partialconv.masks.sets import MANIFEST, read_manifest

THUMBNAIL_PX, GAP_PX, CAPTION_PX = 128, 6, 16
HISTOGRAM_PX = 140
NUM_BARS = 20
PAPER, INK, HOLE, KNOWN, BAR = "white", "#222222", 255, 40, "#3b6ea5"


def contact_sheet(holes: Sequence[Hole], ratios: Sequence[float], columns: int = 8) -> Image.Image:
    """Put holes on a sheet, white = hole, each with its ratio, above a histogram of many ratios.

    Args:
        holes: (H, W) each; at least one.
        ratios: Shares of hole pixels that the histogram counts: of these holes, and of others.
        columns: Holes in a row.
    """
    rows = -(-len(holes) // columns)
    cell = THUMBNAIL_PX + GAP_PX
    width, height = columns * cell + GAP_PX, rows * (cell + CAPTION_PX) + GAP_PX
    sheet = Image.new("RGB", (width, height + HISTOGRAM_PX), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, hole in enumerate(holes):
        left, top = GAP_PX + number % columns * cell, GAP_PX + number // columns * (cell + CAPTION_PX)
        picture = Image.fromarray(np.where(hole, np.uint8(HOLE), np.uint8(KNOWN)))
        picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
        sheet.paste(picture, (left, top))
        draw.text((left, top + THUMBNAIL_PX + 1), f"{hole.mean():.1%}", fill=INK, font=font)
    _draw_histogram(draw, font, ratios, (GAP_PX, height, width - GAP_PX, height + HISTOGRAM_PX))
    return sheet


def holes_of_folder(folder: Path, count: int) -> tuple[list[Hole], list[float]]:
    """Read some masks of a folder, evenly spread over it, and the hole ratios of all; a set tells them in its manifest.

    Raises:
        InputError: there are no PNG files in it.
    """
    if (folder / MANIFEST).is_file():
        rows = read_manifest(folder)
        files, ratios = [folder / row.file for row in rows], [float(row.ratio) for row in rows]
    else:
        files, ratios = sorted(folder.glob("*.png")), []
    if not files:
        raise InputError(f"no masks (*.png) in {folder}: give a folder of `partialconv masks`, or a recipe.")
    chosen = [files[number * len(files) // min(count, len(files))] for number in range(min(count, len(files)))]
    ratios = ratios or [float(read_hole(path).hole.mean()) for path in files]
    return [read_hole(path).hole for path in chosen], ratios


def _draw_histogram(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    ratios: Sequence[float],
    box: tuple[int, int, int, int],
) -> None:
    left, top, right, bottom = box
    counts, edges = np.histogram(ratios, NUM_BARS, (0, 1))
    floor, step = bottom - CAPTION_PX - GAP_PX, (right - left) / NUM_BARS
    most = max(int(counts.max()), 1)
    draw.text((left, top + 2), f"hole ratio of {len(ratios)} holes, {1 / NUM_BARS:.0%} a bar", fill=INK, font=font)
    for number, count in enumerate(counts):
        x = left + number * step
        high = (floor - top - 2 * CAPTION_PX - 4) * int(count) / most
        if count:
            draw.rectangle((x + 1, floor - high, x + step - 2, floor), fill=BAR)
            draw.text((x + step / 2, floor - high - 2), str(count), fill=INK, font=font, anchor="ms")
        draw.text((x, floor + 3), f"{edges[number]:.0%}", fill=INK, font=font)
    draw.line((left, floor, right, floor), fill=INK)
