"""Statistics of sets of masks side by side, for instance of one's own and the published test masks.

    python benchmarks/masks.py SET [SET ...] [--every N]

Each SET is a folder with a manifest.csv: of `partialconv masks benchmark`, or of `partialconv masks import`. By bin of
hole ratio, over every N-th mask:

* ratio: mean share of hole pixels.
* width: for each hole pixel the shorter one of the runs of hole, across and down, that it lies in; 10th, 50th and 90th
  percentile over the hole pixels of a mask, in pixels, mean over masks.
* pieces: connected components, eight neighbours; mean.
* touching: share of masks with a hole pixel in the outermost row or column, of those without the border constraint.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.masks import read_hole
from partialconv.masks.sets import read_manifest


def main() -> None:
    """Print one table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    arguments = parser.parse_args()

    print("| bin | set | masks | ratio | width 10 % | 50 % | 90 % | pieces | touching |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    lines = []
    for folder in arguments.sets:
        values: dict[str, list[list[float]]] = defaultdict(list)
        for row in read_manifest(folder)[:: arguments.every]:
            hole = read_hole(folder / row.file).hole
            border = bool(hole[[0, -1]].any() or hole[:, [0, -1]].any())
            pieces = cv2.connectedComponents(hole.astype(np.uint8))[0] - 1
            touching = np.nan if row.border == "clear" else float(border)
            values[row.bin].append([hole.mean(), *np.percentile(widths(hole), [10, 50, 90]), pieces, touching])
        for name, numbers in values.items():
            means = np.nanmean(numbers, axis=0)
            cells = (
                f"{means[0]:.3f} | {means[1]:.0f} | {means[2]:.0f} | {means[3]:.0f} | {means[4]:.0f} | {means[5]:.0%}"
            )
            lines.append(f"| {name or 'other'} | {folder.name} | {len(numbers)} | {cells} |")
    print("\n".join(sorted(lines)))


def widths(hole: Hole) -> NDArray[np.int64]:
    """For each hole pixel the shorter one of the runs across and down, in pixels."""
    return np.minimum(_runs(hole), _runs(hole.T).T)[hole]


def _runs(hole: Hole) -> NDArray[np.int64]:
    flat = np.pad(hole, ((0, 0), (0, 1))).ravel()  # so that no run goes on in the next row
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    lengths = np.zeros(len(flat), np.int64)
    lengths[flat] = np.repeat(ends - starts, ends - starts)
    return lengths.reshape(len(hole), -1)[:, :-1]


if __name__ == "__main__":
    main()
