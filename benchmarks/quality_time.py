"""The two plots of the README, hole-PSNR and LPIPS against time, from a report of `partialconv bench`.

python benchmarks/quality_time.py REPORT docs
"""

import sys
from pathlib import Path

from partialconv.benchmark.plots import over_time
from partialconv.benchmark.report import read_report


def main() -> None:
    """Write time-hole_psnr.svg and time-lpips.svg into a folder."""
    report, folder = map(Path, sys.argv[1:])
    for metric in ("hole_psnr", "lpips"):
        path = folder / f"time-{metric}.svg"
        path.write_text(over_time(read_report(report), metric), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
