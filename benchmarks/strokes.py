"""Hole-PSNR and l1 of the network beside OpenCV's Telea and Navier-Stokes, by hole ratio and by stroke width.

    python benchmarks/strokes.py --photos DIR [--model FILE.onnx]

Every photo of the folder gets one seeded stroke hole in each of the paper's six bins of hole ratio, and one of each
width. All methods see the same photo with its hole black. Scores are of the composite, rounded to 8 bits:

* hole-PSNR: 10 log10(255^2 / MSE), MSE over the hole's pixels and the three channels; mean over photos, in dB.
* l1 %: mean absolute difference over the whole photo, as a share of 255; mean over photos.
"""

import argparse
import datetime
import os
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
from partialconv.conventions import Hole
from partialconv.data import find_photos
from partialconv.imageio import read_photo
from partialconv.masks import stroke_hole

BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
WIDTHS_PX = (1, 2, 4, 8, 16, 32)
RATIO_OF_WIDTHS = (0.02, 0.1)
RADIUS_PX = 3  # of OpenCV's methods, as in its documentation's example
Photo = NDArray[np.uint8]
Scores = dict[str, NDArray[np.float64]]


def opencv(flag: int) -> Callable[[Photo, Hole], Photo]:
    """One of OpenCV's classical methods."""

    def fill(photo: Photo, hole: Hole) -> Photo:
        filled = cv2.inpaint(photo, hole.astype(np.uint8), RADIUS_PX, flag)
        return np.where(hole[..., None], np.asarray(filled, np.uint8), photo)

    return fill


def main() -> None:
    """Print three tables in Markdown."""
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
    kinds = [(hole_ratio, None) for hole_ratio in BINS] + [(RATIO_OF_WIDTHS, (width, width)) for width in WIDTHS_PX]
    psnr: Scores = {name: np.zeros(len(kinds)) for name in methods}
    l1: Scores = {name: np.zeros(len(kinds)) for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    paths, _ = find_photos(arguments.photos)
    for number, path in enumerate(track(paths, console=Console(stderr=True))):
        photo = np.array(read_photo(path).image.convert("RGB"))
        for index, (hole_ratio, width_px) in enumerate(kinds):
            hole = stroke_hole(photo.shape[:2], (arguments.seed, number, index), hole_ratio, width_px)
            holed = np.where(hole[..., None], np.uint8(0), photo)
            for name, fill in methods.items():
                began = time.perf_counter()
                filled = fill(holed, hole)
                seconds[name] += time.perf_counter() - began
                difference = filled.astype(np.float64) - photo
                psnr[name][index] += 10 * np.log10(255**2 / max(np.mean(difference[hole] ** 2), 1e-10)) / len(paths)
                l1[name][index] += np.abs(difference).mean() / 255 * 100 / len(paths)

    print(f"{len(paths)} photos, {len(kinds)} holes each, seed {arguments.seed}; {datetime.date.today()}, ", end="")
    print(f"{os.cpu_count()} cores {platform.machine()}, OpenCV {cv2.__version__}\n")
    bins, widths = slice(len(BINS)), slice(len(BINS), None)
    ratios = [f"{low:g}-{high:g}" for low, high in BINS]
    table("hole-PSNR in dB by hole ratio", ratios, psnr, bins, "{:.2f}", max)
    table("l1 in % by hole ratio", ratios, l1, bins, "{:.3f}", min)
    table("hole-PSNR in dB by stroke width", [f"{width} px" for width in WIDTHS_PX], psnr, widths, "{:.2f}", max)
    print(", ".join(f"{name} {seconds[name] / len(paths) / len(kinds):.3f} s a photo" for name in methods))


def table(title: str, columns: list[str], scores: Scores, part: slice, form: str, best: Callable[..., float]) -> None:
    """Print a part of the scores as a Markdown table, the best of each column in bold."""
    print("| " + " | ".join([title, *columns]) + " |")
    print("|---" + "|---:" * len(columns) + "|")
    leaders = [best(column) for column in zip(*(values[part] for values in scores.values()), strict=True)]
    for name, values in scores.items():
        cells = [
            f"**{form.format(value)}**" if value == leader else form.format(value)
            for value, leader in zip(values[part], leaders, strict=True)
        ]
        print("| " + " | ".join([name, *cells]) + " |")
    print()


if __name__ == "__main__":
    main()
