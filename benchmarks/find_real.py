"""Finds in photos that are really damaged, as one picture: the photo, what is found, the repair, and a published mask.

    git clone https://github.com/microsoft/Bringing-Old-Photos-Back-to-Life photos
    python benchmarks/find_real.py photos -o real.png [--model find.onnx] [--sensitivity 0.5] [--grow 1]

The photos are the four that this repository calls old_w_scratch, and the one of its imgs/scratch_detection.png, where
its authors show their own mask and result. Nobody states who owns these photos, so none of them is kept here.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import partialconv
from partialconv.errors import InputError
from partialconv.filling.found import finds_of
from partialconv.finding import Search
from partialconv.imageio import photo_of_array

Pixels = NDArray[np.uint8]
PUBLISHED = "imgs/scratch_detection.png"
PHOTO, MASK, RESULT = slice(0, 400), slice(456, 856), slice(912, 1312)  # columns of that picture
GAP_PX, RED = 8, (255, 0, 0)


def photos_of(folder: Path) -> dict[str, list[Pixels]]:
    """Each photo, with the published mask and result if there are any.

    Raises:
        InputError: the folder does not hold them.
    """
    paths = [*sorted((folder / "test_images" / "old_w_scratch").glob("*.png")), folder / PUBLISHED]
    if len(paths) != 5 or not paths[-1].is_file():
        raise InputError(f"{folder} holds no test_images/old_w_scratch of four photos, or no {PUBLISHED}: clone it.")
    opened = {str(path.relative_to(folder)): np.asarray(Image.open(path).convert("RGB")) for path in paths}
    found = {name: [pixels] for name, pixels in opened.items()}
    found[PUBLISHED] = [opened[PUBLISHED][:, columns] for columns in (PHOTO, MASK, RESULT)]
    return found


def row(name: str, pictures: list[Pixels], search: Search, grow_px: int) -> Pixels:
    """The photo, what is found in red, the repair, and what was published."""
    photo, *published = pictures
    found = search.of(photo_of_array(photo))
    marked = photo.copy()
    marked[found.hole] = RED
    repaired = np.asarray(partialconv.fill(photo, found.hole, grow_px=grow_px)) if found.parts else photo
    print(f"{name}: {finds_of(found)}")
    gap = np.full((photo.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([part for picture in (photo, marked, repaired, *published) for part in (picture, gap)], 1)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sensitivity", type=float, default=0.5)
    parser.add_argument("--grow", type=int, default=0)
    arguments = parser.parse_args()
    search = Search(sensitivity=arguments.sensitivity, model=arguments.model)
    rows = [row(name, pictures, search, arguments.grow) for name, pictures in photos_of(arguments.folder).items()]
    width = max(picture.shape[1] for picture in rows)
    sides = [((0, GAP_PX), (0, width - picture.shape[1]), (0, 0)) for picture in rows]
    sheet = [np.pad(picture, side, constant_values=255) for picture, side in zip(rows, sides, strict=True)]
    Image.fromarray(np.concatenate(sheet)).save(arguments.output)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
