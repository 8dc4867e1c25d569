"""How far each method is ahead of the best classical one, from a report of `partialconv bench`.

    python benchmarks/lead.py REPORT                       # --without PHOTO leaves out photos, repeatable

The best classical method is chosen anew in each of the twelve cells, metric by metric. For each other method: the cells
in which it is better, the mean of its leads over the cells, and the least of them. Below, means by photo.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from partialconv.benchmark.report import read_report

CLASSICAL = ("telea", "ns", "biharmonic", "patchmatch", "fsr")
SIGNS = {"psnr": 1, "hole_psnr": 1, "l1_percent": -1, "hole_l1_percent": -1, "ssim": 1, "ms_ssim": 1, "lpips": -1}


def main() -> None:
    """Print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--without", action="append", default=[], help="name of a photo")
    arguments = parser.parse_args()
    data = read_report(arguments.report)
    cells, photos = defaultdict(list), defaultdict(list)
    for index, pair in enumerate(data["pairs"]):
        if pair["photo"] not in arguments.without:
            cells[pair["bin"], pair["border"]].append(index)
            photos[pair["photo"]].append(index)
    scores, methods = data["scores"], list(data["scores"])
    classical = [name for name in methods if name in CLASSICAL]
    metrics = [name for name in SIGNS if name in scores[classical[0]]]

    def mean(method: str, metric: str, indices: list[int]) -> float:
        return fmean(scores[method][metric][index] for index in indices)

    print(f"{len(cells)} cells, {sum(map(len, cells.values()))} pairs: cells, mean lead, least lead\n")
    print("| | " + " | ".join(metrics) + " |\n|---" + "|---:" * len(metrics) + "|")
    for method in methods:
        if method in classical:
            continue
        row = []
        for metric in metrics:
            sign = SIGNS[metric]
            leads = [
                sign * mean(method, metric, indices) - max(sign * mean(name, metric, indices) for name in classical)
                for indices in cells.values()
            ]
            row.append(f"{sum(lead > 0 for lead in leads)}, {fmean(leads):.4f}, {min(leads):.4f}")
        print(f"| {method} | " + " | ".join(row) + " |")
    print("\n| PSNR, LPIPS | " + " | ".join(methods) + " |\n|---" + "|---:" * len(methods) + "|")
    for photo, indices in sorted(photos.items()):
        row = [f"{mean(name, 'psnr', indices):.2f}, {mean(name, 'lpips', indices):.3f}" for name in methods]
        print(f"| {photo} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
