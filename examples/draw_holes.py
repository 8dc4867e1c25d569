"""Make the example photos and draw their holes (needs the development set).

    python examples/draw_holes.py

The photos come from scikit-image; see examples/README.md for their authors and licences.
"""

from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from partialconv.masks import Stroke, draw_strokes, stroke_hole

FOLDER = Path(__file__).parent


def scratches(height: int, width: int) -> NDArray[np.bool_]:
    """Scratches and dust of an old print."""
    rng = np.random.default_rng(7)
    strokes = []
    for _ in range(14):
        x, y = rng.integers(0, width), rng.integers(0, height)
        points = [(int(x), int(y))]
        for _ in range(int(rng.integers(4, 12))):
            x, y = x + rng.integers(-12, 13), y + rng.integers(15, 45)
            points.append((int(x), int(y)))
        strokes.append(Stroke(tuple(points), int(rng.integers(1, 5))))
    specks = [
        Stroke(((int(rng.integers(0, width)), int(rng.integers(0, height))),), int(rng.integers(1, 9)))
        for _ in range(120)
    ]
    return draw_strokes(strokes + specks, (height, width))


def text(height: int, width: int) -> NDArray[np.bool_]:
    """A caption across the photo."""
    canvas = Image.new("1", (width, height))
    draw = ImageDraw.Draw(canvas)
    draw.text((width * 0.06, height * 0.12), "SAMPLE PHOTO", fill=1, font=ImageFont.load_default(width / 11))
    draw.text((width * 0.1, height * 0.72), "do not copy · 2018", fill=1, font=ImageFont.load_default(width / 14))
    return np.array(canvas)


def wires(height: int, width: int) -> NDArray[np.bool_]:
    """Overhead wires and two masts."""
    strokes = []
    for number, (left, right) in enumerate([(0.2, 0.31), (0.26, 0.36), (0.5, 0.42), (0.62, 0.52)]):
        xs = np.linspace(0, 1, 24)
        ys = left + (right - left) * xs + 0.09 * (4 * xs * (1 - xs))
        strokes.append(
            Stroke(tuple((int(x * width), int(y * height)) for x, y in zip(xs, ys, strict=True)), 2 + number)
        )
    masts = [Stroke(((int(x * width), 0), (int(x * width), height)), 9) for x in (0.12, 0.88)]
    return draw_strokes(strokes + masts, (height, width))


def strokes(height: int, width: int) -> NDArray[np.bool_]:
    """Irregular strokes over a tenth of the photo, of the kind the network was trained on."""
    return stroke_hole((height, width), seed=0, hole_ratio=(0.08, 0.12))


def main() -> None:
    """Write NAME.jpg and NAME.holes.png for every example."""
    for name, draw in {"astronaut": scratches, "chelsea": strokes, "coffee": text, "rocket": wires}.items():
        photo = getattr(skimage.data, name)()
        Image.fromarray(photo).save(FOLDER / f"{name}.jpg", quality=92, subsampling="4:4:4")
        Image.fromarray(draw(*photo.shape[:2])).save(FOLDER / f"{name}.holes.png")
        print(FOLDER / f"{name}.jpg")


if __name__ == "__main__":
    main()
