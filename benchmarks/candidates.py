"""Which of several models to ship: hole-PSNR and LPIPS of each by hole ratio, and of hairlines.

    python benchmarks/candidates.py --photos DIR --lpips FILE MODEL.onnx...

Photos 25 to 56 of the folder, by name; of each the 256x256 pixels at its top left, with one seeded stroke hole in each
bin of hole ratio, and one of twelve straight lines of one pixel. Means over photos, filled by the planner, bare and
with grain.
"""

import argparse
from pathlib import Path

import numpy as np
from planner import hairlines

from partialconv import Inpainter
from partialconv.benchmark.lpips import Lpips
from partialconv.benchmark.metrics import Judge
from partialconv.data import find_photos
from partialconv.imageio import read_photo
from partialconv.inference.grain import add_grain
from partialconv.masks import stroke_hole
from partialconv.masks.sets import BINS

SIDE_PX, PHOTOS = 256, slice(24, 56)


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+", help="files of `partialconv export`")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True, help="AlexNet's weights")
    arguments = parser.parse_args()
    judge = Judge(Lpips(arguments.lpips))
    paths = find_photos(arguments.photos)[0][PHOTOS]
    photos = [np.array(read_photo(path).image.convert("RGB"))[:SIDE_PX, :SIDE_PX] for path in paths]
    print("| hole-PSNR in dB, LPIPS | hairlines | " + " | ".join(f"{low:g}-{high:g}" for low, high in BINS) + " |")
    print("|---" + "|---:" * (len(BINS) + 1) + "|")
    for model in arguments.models:
        inpainter = Inpainter(model)
        cells: dict[str, list[str]] = {f"{model.stem}, bare": [], f"{model.stem}, with grain": []}
        for ratio in (None, *BINS):
            scores = []
            for seed, photo in enumerate(photos):
                hole = hairlines(seed) if ratio is None else stroke_hole((SIDE_PX, SIDE_PX), (seed,), ratio)
                filled = inpainter.fill(photo, hole, grain=False)
                grained = filled.copy()
                add_grain(grained, hole, inpainter.plan(hole), 255)
                found = [judge.score(one, photo, hole)[0] for one in (filled, grained)]
                scores.append([(each["hole_psnr"], each["lpips"]) for each in found])
            for row, (psnr, lpips) in zip(cells.values(), np.mean(scores, axis=0), strict=True):
                row.append(f"{psnr:.2f}, {lpips:.3f}")
        for name, row in cells.items():
            print(f"| {name} | " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
