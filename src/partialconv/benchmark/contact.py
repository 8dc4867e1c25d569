"""Contact sheets at full size: the photo with its hole outlined, and what each method made of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from partialconv.benchmark.drawn import Drawn
from partialconv.benchmark.pairing import Pixels
from partialconv.benchmark.scenes import Scene
from partialconv.benchmark.wide import Folder, box_of
from partialconv.imageio import write_picture
from partialconv.masks.morphology import dilate

CONTEXT = 0.5  # of the hole's extent, shown around it
LARGEST_PX = 1400  # of a region; larger ones are reduced by whole factors
PER_SHEET = 4
CAPTION_PX = 20
OUTLINE = (255, 0, 255)


def region_of(drawn: Drawn) -> tuple[slice, slice]:
    """The hole and half of its extent around it."""
    rows, columns = box_of(drawn.hole, 0)
    extent = max(rows.stop - rows.start, columns.stop - columns.start)
    return box_of(drawn.hole, round(CONTEXT * extent))


def outlined(drawn: Drawn, width_px: int = 1) -> Pixels:
    """The truth with a line around the hole."""
    edge = dilate(drawn.hole, width_px) & ~drawn.hole
    return np.where(edge[..., None], np.array(OUTLINE, np.uint8), drawn.target)


def sheet(rows: Sequence[tuple[str, Sequence[tuple[str, Pixels]]]]) -> Image.Image:
    """Rows of captioned pictures."""
    heights = [max(picture.shape[0] for _, picture in row) + CAPTION_PX for _, row in rows]
    width = max(sum(picture.shape[1] + 4 for _, picture in row) for _, row in rows)
    canvas = Image.new("RGB", (width, sum(heights)), "white")
    draw, font, top = ImageDraw.Draw(canvas), ImageFont.load_default(13), 0
    for (title, row), height in zip(rows, heights, strict=True):
        left = 0
        for number, (caption, picture) in enumerate(row):
            draw.text((left + 2, top + 2), caption if number else f"{title}: {caption}", fill="black", font=font)
            canvas.paste(Image.fromarray(picture), (left, top + CAPTION_PX))
            left += picture.shape[1] + 4
        top += height
    return canvas


def write_sheets(scenes: Sequence[Scene], methods: Sequence[str], kept: Folder, out: Path) -> Iterator[Path]:
    """Write sheets of a few scenes each, as PNG; gives their paths."""
    out.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(scenes), PER_SHEET):
        rows = []
        for scene in scenes[first : first + PER_SHEET]:
            drawn = scene.load()
            region = region_of(drawn)
            factor = -(-max(drawn.target[region].shape) // LARGEST_PX)
            pictures = [("truth", outlined(drawn, factor)[region])]
            for name in methods:
                record = kept.record(name, scene)
                psnr = f" {record['scores']['hole_psnr']:.1f} dB" if record else ""
                pictures.append((name + psnr, kept.composite(name, scene, drawn)[region]))
            rows.append((scene.name, [(caption, reduced(picture, factor)) for caption, picture in pictures]))
        path = out / f"sheet-{first // PER_SHEET:03d}.png"
        write_picture(path, sheet(rows))
        yield path


def reduced(picture: Pixels, factor: int) -> Pixels:
    """The picture at a whole fraction of its size."""
    return np.array(Image.fromarray(picture).reduce(factor)) if factor > 1 else picture
