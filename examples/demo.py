"""Fill the example photos and put photo, holes and result side by side (needs the light install only).

python examples/demo.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

from partialconv import Inpainter
from partialconv.filling.api import fill_image
from partialconv.imageio import read_photo, write_photo
from partialconv.masks import read_hole

FOLDER = Path(__file__).parent
OUT = FOLDER.parent / "demo"
STRIP_HEIGHT, GAP = 300, 6  # pixels


def main() -> None:
    """Write demo/NAME.jpg for every example, and demo/strip.jpg."""
    OUT.mkdir(exist_ok=True)
    inpainter, rows = Inpainter(), []
    for path in sorted(FOLDER.glob("*.jpg")):
        photo = read_photo(path)
        hole = read_hole(path.with_suffix(".holes.png"), photo).accept()
        marked = np.array(photo.image)
        marked[hole] = 255
        result = fill_image(inpainter, photo.image, hole)
        write_photo(photo, result, hole, OUT / path.name, overwrite=True)
        print(f"{OUT / path.name}  ({hole.mean():.0%} of it filled)")
        rows.append([photo.image, Image.fromarray(marked), result])
    strip(rows).save(OUT / "strip.jpg", quality=90)
    print(f"{OUT / 'strip.jpg'}  photo, holes, result of all")


def strip(rows: list[list[Image.Image]]) -> Image.Image:
    """Put rows of pictures on one white sheet, all of one height."""
    rows = [[p.resize((round(p.width * STRIP_HEIGHT / p.height), STRIP_HEIGHT)) for p in row] for row in rows]
    width = max(sum(p.width + GAP for p in row) for row in rows) - GAP
    sheet = Image.new("RGB", (width, len(rows) * (STRIP_HEIGHT + GAP) - GAP), "white")
    for number, row in enumerate(rows):
        left = (width - sum(p.width + GAP for p in row) + GAP) // 2
        for picture in row:
            sheet.paste(picture, (left, number * (STRIP_HEIGHT + GAP)))
            left += picture.width + GAP
    return sheet


if __name__ == "__main__":
    main()
