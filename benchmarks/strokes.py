"""Hole-PSNR and l1 of the network beside OpenCV's Telea and Navier-Stokes, by hole ratio.

    python benchmarks/strokes.py --photos DIR [--model FILE.onnx]

Every photo of the folder gets one seeded stroke hole in each of the paper's six bins of hole ratio. All methods see
the same photo with its hole black. Scores are of the composite, rounded to 8 bits:

* hole-PSNR: 10 log10(255^2 / MSE), MSE over the hole's pixels and the three channels; mean over photos, in dB.
* l1 %: mean absolute difference over the whole photo, as a share of 255; mean over photos.
"""

import argparse
import datetime
import platform
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from partialconv import Inpainter
from partialconv.data import find_photos
from partialconv.imageio import read_photo
from partialconv.masks import stroke_hole

BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
RADIUS_PX = 3  # of OpenCV's methods, as in its documentation's example
Photo = NDArray[np.uint8]
Hole = NDArray[np.bool_]


def opencv(flag: int) -> Callable[[Photo, Hole], Photo]:
    """One of OpenCV's classical methods."""

    def fill(photo: Photo, hole: Hole) -> Photo:
        filled = cv2.inpaint(photo, hole.astype(np.uint8), RADIUS_PX, flag)
        return np.where(hole[..., None], np.asarray(filled, np.uint8), photo)

    return fill


def main() -> None:
    """Print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos never trained on")
    parser.add_argument("--model", type=Path, help="a file of `partialconv export`; the shipped one by default")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    methods: dict[str, Callable[[Photo, Hole], Photo]] = {
        "partialconv": Inpainter(arguments.model).fill,
        "Telea": opencv(cv2.INPAINT_TELEA),
        "Navier-Stokes": opencv(cv2.INPAINT_NS),
    }
    psnr = {name: np.zeros(len(BINS)) for name in methods}
    l1 = {name: np.zeros(len(BINS)) for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    paths, _ = find_photos(arguments.photos)
    for number, path in enumerate(track(paths, console=Console(stderr=True))):
        photo = np.array(read_photo(path).image.convert("RGB"))
        for index, hole_ratio in enumerate(BINS):
            hole = stroke_hole(photo.shape[:2], (arguments.seed, number, index), hole_ratio)
            holed = np.where(hole[..., None], np.uint8(0), photo)
            for name, fill in methods.items():
                began = time.perf_counter()
                filled = fill(holed, hole)
                seconds[name] += time.perf_counter() - began
                difference = filled.astype(np.float64) - photo
                psnr[name][index] += 10 * np.log10(255**2 / max(np.mean(difference[hole] ** 2), 1e-10))
                l1[name][index] += np.abs(difference).mean() / 255 * 100

    print(f"{len(paths)} photos, {len(BINS)} holes each, seed {arguments.seed}; {datetime.date.today()}, ", end="")
    print(f"{platform.machine()}, Python {platform.python_version()}, OpenCV {cv2.__version__}\n")
    table("hole-PSNR in dB, higher is better", {name: psnr[name] / len(paths) for name in methods}, "{:.2f}", max)
    table("l1 in %, lower is better", {name: l1[name] / len(paths) for name in methods}, "{:.3f}", min)
    for name in methods:
        print(f"{name}: {seconds[name] / len(paths) / len(BINS):.3f} s a photo")


def table(title: str, rows: dict[str, NDArray[np.float64]], form: str, best: Callable[..., float]) -> None:
    """Print a Markdown table with the best of each column in bold."""
    print("| " + " | ".join([title, *(f"{low:g}-{high:g}" for low, high in BINS)]) + " |")
    print("|---" + "|---:" * len(BINS) + "|")
    leaders = [best(column) for column in zip(*rows.values(), strict=True)]
    for name, values in rows.items():
        cells = [form.format(v) for v in values]
        cells = [f"**{c}**" if v == leader else c for c, v, leader in zip(cells, values, leaders, strict=True)]
        print("| " + " | ".join([name, *cells]) + " |")
    print()


if __name__ == "__main__":
    main()
