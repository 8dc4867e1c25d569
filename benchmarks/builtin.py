"""Write the numbers that the tests compare `partialconv bench --builtin` with, from its report.

    partialconv bench --builtin --methods ours,telea,ns,mean -o REPORT
    python benchmarks/builtin.py REPORT > tests/benchmark/builtin.json

To be done again, with a look at `partialconv bench --compare`, when the shipped model or the pinned OpenCV changes.
"""

import argparse
import json
from pathlib import Path

from partialconv.benchmark.report import read_report

METHODS = ("ours", "telea", "ns", "mean")
METRICS = ("l1_percent", "hole_l1_percent", "psnr", "hole_psnr", "ssim", "ms_ssim")


def main() -> None:
    """Print JSON: the pairs' hash, what each method was, and its means by cell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("report", type=Path)
    data = read_report(parser.parse_args().report)
    means = {
        name: {cell: {m: round(found[m]["mean"], 5) for m in METRICS} for cell, found in data["cells"][name].items()}
        for name in METHODS
    }
    identities = {name: data["methods"][name]["identity"] for name in METHODS}
    print(json.dumps({"pairs": data["pairing"]["sha256"], "identities": identities, "means": means}, indent=1))


if __name__ == "__main__":
    main()
