"""Draw docs/repaired.jpg: damaged photos of the page beside what `partialconv.fill` makes of them."""

import sys
from pathlib import Path

from PIL import Image

import partialconv

SAMPLES = Path(partialconv.__file__).parent / "server" / "page" / "samples"
NAMES = ("scratches", "lettering")
GAP_PX = 8
WIDTH_PX = 620  # of one photo


def main() -> None:
    """Fill the samples, and write the sheet."""
    rows = []
    for name in NAMES:
        damaged = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
        repaired = partialconv.fill(SAMPLES / f"{name}.jpg", SAMPLES / f"{name}.holes.png")
        height = WIDTH_PX * damaged.height // damaged.width
        rows.append([picture.resize((WIDTH_PX, height), Image.Resampling.LANCZOS) for picture in (damaged, repaired)])
    total = sum(row[0].height for row in rows) + GAP_PX * (len(rows) - 1)
    sheet = Image.new("RGB", (2 * WIDTH_PX + GAP_PX, total), "white")
    top = 0
    for row in rows:
        for column, picture in enumerate(row):
            sheet.paste(picture, (column * (WIDTH_PX + GAP_PX), top))
        top += row[0].height + GAP_PX
    sheet.save(sys.argv[1] if len(sys.argv) > 1 else "docs/repaired.jpg", quality=88)


if __name__ == "__main__":
    main()
