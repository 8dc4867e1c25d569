"""What the plan of a fill gives: quality, seams, crops, time and memory.

    python benchmarks/planner.py --photos DIR [--model FILE.onnx] [--large] [--contexts [--lpips FILE]]

Quality, on crops of 256x256 pixels with one seeded hole each, without copies, with and without the coarse-to-fine
scales:

* hole-PSNR: over the hole's pixels and channels of the composite rounded to 8 bits; mean over photos, in dB.
* seam: mean difference of neighbours of which one is known and one is not, over that in the truth; median of photos.

Then plans of typical holes. `--large` fills 50 holes of a JPEG of 100 megapixels in a process of its own. `--contexts`
compares instead how much of the photo the network sees around a hole, on whole photos, by hole-PSNR, LPIPS and pixels.
"""

import argparse
import datetime
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv import Inpainter
from partialconv.benchmark.lpips import Lpips
from partialconv.benchmark.metrics import Judge
from partialconv.conventions import Hole
from partialconv.data import find_photos
from partialconv.inference import plan, planner
from partialconv.masks import stroke_hole

PX, NUM_PHOTOS, NUM_LINES = 256, 24, 12
BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
CONTEXTS = ((48, 32), (48, 16), (32, 16), (24, 16), (16, 16))  # pixels around a hole; multiples for sides of crops
FORMS = {"one scale": 64, "coarse to fine": planner.DEEP_BLOCKS}


def hairlines(seed: int) -> Hole:
    """Lines of one pixel across the photo."""
    rng, marks = np.random.default_rng(seed), np.zeros((PX, PX), np.uint8)
    for x0, y0, x1, y1 in rng.integers(0, PX, (NUM_LINES, 4)).tolist():
        cv2.line(marks, (x0, y0), (x1, y1), 1)
    return marks > 0


def seam(picture: NDArray[np.uint8], hole: Hole) -> float:
    """Mean difference across the edge of the hole."""
    values = picture.astype(float)
    down = np.abs(np.diff(values, axis=0))[hole[1:] != hole[:-1]]
    right = np.abs(np.diff(values, axis=1))[hole[:, 1:] != hole[:, :-1]]
    return float(np.concatenate([down, right]).mean())


def quality(photos: list[Path], inpainter: Inpainter) -> None:
    """Print the table of forms and holes."""
    pictures = [np.asarray(ImageOps.fit(Image.open(path).convert("RGB"), (PX, PX))) for path in photos[:NUM_PHOTOS]]
    kinds = {"hairlines": hairlines} | {
        f"{low:g}-{high:g}": lambda seed, b=(low, high): stroke_hole((PX, PX), (seed,), b) for low, high in BINS
    }
    print("| hole-PSNR in dB, seam | " + " | ".join(kinds) + " |\n|---|" + "---:|" * len(kinds))
    for name, deep in FORMS.items():
        planner.DEEP_BLOCKS = deep
        cells = []
        for draw in kinds.values():
            scores, seams = [], []
            for seed, photo in enumerate(pictures):
                hole = draw(seed)
                filled = inpainter.fill(photo, hole, copy=False)
                error = (filled.astype(float) - photo)[hole] / 255
                scores.append(-10 * np.log10(max(float((error**2).mean()), 1e-10)))
                seams.append(seam(filled, hole) / max(seam(photo, hole), 1e-6))
            cells.append(f"{np.mean(scores):.2f}, {np.median(seams):.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    planner.DEEP_BLOCKS = FORMS["coarse to fine"]


def scratches(size: tuple[int, int], seed: int) -> Hole:
    """Four lines of 2 to 7 pixels, and ten specks."""
    rng, marks = np.random.default_rng(seed), np.zeros(size, np.uint8)
    for _ in range(4):
        x, y = (int(rng.integers(0, side)) for side in size[::-1])
        across, down = rng.integers(-200, 200, 2).tolist()
        cv2.line(marks, (x, y), (x + across, y + down), 1, int(rng.integers(2, 8)))
    for _ in range(10):
        x, y = (int(rng.integers(0, side)) for side in size[::-1])
        cv2.circle(marks, (x, y), int(rng.integers(1, 7)), 1, -1)
    return marks > 0


def square(size: tuple[int, int], seed: int) -> Hole:
    """A square of 24 to 90 pixels."""
    rng, hole = np.random.default_rng(seed), np.zeros(size, bool)
    px = int(rng.integers(24, 90))
    y, x = (int(rng.integers(0, side - px)) for side in size)
    hole[y : y + px, x : x + px] = True
    return hole


def contexts(photos: list[Path], inpainter: Inpainter, judge: Judge) -> None:
    """Print what the network sees around a hole gives, without copies and grain."""
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in photos[:NUM_PHOTOS]]
    kinds = {
        "scratches": scratches,
        "strokes of 0.05-0.3": lambda size, seed: stroke_hole(size, (seed,), (0.05, 0.3)),
        "one square": square,
    }
    print("| pixels around, multiples | " + " | ".join(kinds) + " |\n|---|" + "---:|" * len(kinds))
    for context, step in CONTEXTS:
        planner.CONTEXT_PX, planner.STEP_PX = context, step
        planner.CUTTER = replace(planner.CUTTER, context_px=context)
        cells = []
        for draw in kinds.values():
            scores, pixels = [], 0
            for seed, picture in enumerate(pictures):
                hole = draw(picture.shape[:2], seed)
                filled = inpainter.fill(picture, hole, copy=False, grain=False)
                scores.append(judge.score(filled, picture, hole)[0])
                pixels += inpainter.plan(hole).num_pixels
            means = (np.mean([score[name] for score in scores]) for name in ("hole_psnr", "lpips") if name in scores[0])
            numbers = [f"{mean:.{digits}f}" for mean, digits in zip(means, (2, 4), strict=False)]
            cells.append(", ".join([*numbers, f"{pixels / len(pictures) / 1000:.0f}"]))
        print(f"| {context}, {step} | " + " | ".join(cells) + " |", flush=True)


def scattered(size: tuple[int, int], num: int, low: int, high: int) -> Hole:
    """Rectangles with sides of `low` to `high` pixels."""
    rng, hole = np.random.default_rng(0), np.zeros(size, bool)
    for _ in range(num):
        y, x = (int(rng.integers(0, side - high)) for side in size)
        height, width = rng.integers(low, high + 1, 2).tolist()
        hole[y : y + height, x : x + width] = True
    return hole


def plans() -> None:
    """Print crops and pixels of typical holes."""
    scratch = np.zeros((3000, 4000), bool)
    for i in range(2900):
        scratch[i : i + 8, i : i + 8] = True
    large = np.zeros((3000, 4000), bool)
    large[500:2500, 500:3500] = True
    holes = {
        "5,000 specks of 1-5 px, 12 MP": scattered((3000, 4000), 5000, 1, 5),
        "200 specks of 1-5 px, 12 MP": scattered((3000, 4000), 200, 1, 5),
        "a diagonal scratch of 8 px, 12 MP": scratch,
        "one hole of 3000x2000 px, 12 MP": large,
        "50 holes of 5-300 px, 100 MP": scattered((8400, 12000), 50, 5, 300),
    }
    print("\n| hole | crops | megapixels of the network | scales | seconds to plan |\n|---|---:|---:|---|---:|")
    for name, hole in holes.items():
        began = time.perf_counter()
        steps = plan(hole)
        seconds = time.perf_counter() - began
        scales = ", ".join(str(stage.scale) for stage in steps.stages)
        print(f"| {name} | {steps.num_crops} | {steps.num_pixels / 1e6:.2f} | {scales} | {seconds:.2f} |")


def large() -> None:
    """Fill a JPEG of 100 megapixels and print time and peak memory of the process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tile = np.random.default_rng(0).integers(0, 256, (60, 86, 3), dtype=np.uint8)
        Image.fromarray(tile).resize((12000, 8400), Image.Resampling.BICUBIC).save(folder / "photo.jpg", quality=90)
        Image.fromarray(scattered((8400, 12000), 50, 5, 300)).save(folder / "holes.png")
        command = [sys.executable, "-m", "partialconv", "fill", "photo.jpg", "holes.png", "-o", "out.jpg"]
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds = time.perf_counter() - began
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
        decoded_mb = 12000 * 8400 * 3 / 1e6
        print(f"\n100 megapixels, 50 holes: {seconds:.1f} s from start to end; peak memory {peak_mb:.0f} MB, ", end="")
        print(f"{peak_mb - decoded_mb:.0f} MB above the decoded image")


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos never trained on")
    parser.add_argument("--model", type=Path, help="a file of `partialconv export`; the shipped one by default")
    parser.add_argument("--large", action="store_true", help="also fill 100 megapixels")
    parser.add_argument("--contexts", action="store_true", help="compare contexts alone")
    parser.add_argument("--lpips", type=Path, help="AlexNet's weights, for --contexts")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {datetime.date.today()}\n")
    photos, inpainter = find_photos(arguments.photos)[0], Inpainter(arguments.model)
    if arguments.contexts:
        contexts(photos, inpainter, Judge(None if arguments.lpips is None else Lpips(arguments.lpips)))
        return
    quality(photos, inpainter)
    plans()
    if arguments.large:
        large()


if __name__ == "__main__":
    main()
