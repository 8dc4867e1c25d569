"""Draw docs/found.jpg: a damaged photo of the page, what is found in it, and what `partialconv repair` makes of it."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import partialconv

PHOTO = Path(partialconv.__file__).parent / "server" / "page" / "samples" / "scratches.jpg"
GAP_PX, RED = 8, (255, 0, 0)


def main() -> None:
    """Find, fill, and write the sheet."""
    damaged = np.asarray(Image.open(PHOTO).convert("RGB"))
    found = partialconv.find(PHOTO)
    marked = damaged.copy()
    marked[found.hole] = RED
    repaired = np.asarray(partialconv.fill(damaged, found.hole))
    gap = np.full((damaged.shape[0], GAP_PX, 3), 255, np.uint8)
    sheet = np.concatenate([damaged, gap, marked, gap, repaired], axis=1)
    Image.fromarray(sheet).save(sys.argv[1] if len(sys.argv) > 1 else "docs/found.jpg", quality=88)
    print(f"{len(found.parts)} finds, {found.share:.2%} of the photo")


if __name__ == "__main__":
    main()
