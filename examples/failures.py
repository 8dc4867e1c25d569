"""Holes that the shipped model does not fill well, for its card (needs the light install only).

python examples/failures.py docs/models/half_failures.jpg
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo import FOLDER, strip
from partialconv import Inpainter
from partialconv.filling.api import fill_image
from partialconv.imageio import read_photo


def disc(draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    """A large hole: what it hid is not invented."""
    draw.circle((width * 0.42, height * 0.5), height * 0.3, fill=255)


def bars(draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    """A fence of bars, each a fourteenth of the height wide."""
    for x in range(0, width, height // 6):
        draw.rectangle((x, 0, x + height // 14, height), fill=255)


def face(draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    """An eye, a nose and half of a mouth."""
    draw.ellipse((width * 0.36, height * 0.16, width * 0.48, height * 0.36), fill=255)


def eyes(draw: ImageDraw.ImageDraw, height: int, width: int) -> None:
    """Both eyes of a cat."""
    draw.ellipse((width * 0.29, height * 0.26, width * 0.46, height * 0.48), fill=255)
    draw.ellipse((width * 0.62, height * 0.34, width * 0.78, height * 0.56), fill=255)


CASES: tuple[tuple[str, Callable[[ImageDraw.ImageDraw, int, int], None]], ...] = (
    ("coffee.jpg", disc),
    ("rocket.jpg", bars),
    ("astronaut.jpg", face),
    ("chelsea.jpg", eyes),
)


def main() -> None:
    """Write one sheet: photo, hole in white, result."""
    inpainter, rows = Inpainter(), []
    for name, shape in CASES:
        photo = read_photo(FOLDER / name).image.convert("RGB")
        drawn = Image.new("L", photo.size)
        shape(ImageDraw.Draw(drawn), photo.height, photo.width)
        hole: NDArray[np.bool_] = np.asarray(drawn) > 0
        marked = np.array(photo)
        marked[hole] = 255
        rows.append([photo, Image.fromarray(marked), fill_image(inpainter, photo, hole)])
    strip(rows).save(Path(sys.argv[1]), quality=88)


if __name__ == "__main__":
    main()
