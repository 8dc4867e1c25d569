"""Draw what the finder finds: docs/found.jpg, a damaged photo, and docs/found_failures.jpg, photos without damage.

    python examples/draw_found.py

The first shows a photo of the page, what is found in it, and what `partialconv repair` makes of it. The second shows
what is taken for damage in undamaged photos of `examples/`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import partialconv

ROOT = Path(__file__).parents[1]
PHOTO = Path(partialconv.__file__).parent / "server" / "page" / "samples" / "scratches.jpg"
UNDAMAGED = ("astronaut", "rocket", "coffee")
HEIGHT_PX, GAP_PX, RED = 400, 8, (255, 0, 0)


def beside(pictures: list[NDArray[np.uint8]]) -> Image.Image:
    """Pictures of one height with gaps between them."""
    gap = np.full((len(pictures[0]), GAP_PX, 3), 255, np.uint8)
    return Image.fromarray(np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1))


def marked(path: Path) -> tuple[NDArray[np.uint8], partialconv.Found]:
    """A photo with what is found in it."""
    found = partialconv.find(path)
    print(f"{path.stem}: {len(found.parts)} finds, {found.share:.2%} of the photo")
    photo = np.array(Image.open(path).convert("RGB"))
    photo[found.hole] = RED
    return photo, found


def main() -> None:
    """Find, fill, and write both sheets."""
    look, found = marked(PHOTO)
    damaged = np.asarray(Image.open(PHOTO).convert("RGB"))
    repaired = np.asarray(partialconv.fill(damaged, found.hole))
    beside([damaged, look, repaired]).save(ROOT / "docs" / "found.jpg", quality=88)
    looks = [Image.fromarray(marked(ROOT / "examples" / f"{name}.jpg")[0]) for name in UNDAMAGED]
    sized = [np.asarray(look.resize((HEIGHT_PX * look.width // look.height, HEIGHT_PX))) for look in looks]
    beside(sized).save(ROOT / "docs" / "found_failures.jpg", quality=88)


if __name__ == "__main__":
    main()
