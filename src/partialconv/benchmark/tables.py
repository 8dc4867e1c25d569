"""The report in Markdown: laid out as Table 1 of the paper, whose rows stand beside ours."""

from collections.abc import Iterable, Sequence
from typing import Any

from partialconv.benchmark.metrics import METRICS
from partialconv.benchmark.pairing import BIN_NAMES, BORDERS
from partialconv.benchmark.report import ReportData, pairs_of
from partialconv.benchmark.statistics import ALL, cells_of

# Liu et al. 2018, Table 1: Places2, the IScore ImageNet; by bin, each N then B
PAPER: dict[str, dict[str, str]] = {
    "l1_percent": {
        "PM": "0.45 0.42 1.25 1.16 2.28 2.07 3.52 3.17 4.77 4.27 6.98 6.34",
        "Conv": "0.52 0.50 1.26 1.17 2.20 2.01 3.37 3.03 4.58 4.10 6.66 6.01",
        "PConv": "0.49 0.47 1.18 1.09 2.07 1.88 3.19 2.84 4.37 3.85 6.45 5.72",
    },
    "psnr": {
        "PM": "32.97 33.68 26.87 27.51 23.70 24.35 21.27 22.05 19.70 20.58 17.60 18.22",
        "Conv": "33.21 33.79 27.30 27.89 24.23 24.90 21.79 22.60 20.20 21.13 18.24 18.94",
        "PConv": "33.75 34.34 27.71 28.32 24.54 25.25 22.01 22.89 20.34 21.38 18.21 19.04",
    },
    "ssim": {
        "PM": "0.946 0.947 0.861 0.865 0.763 0.768 0.666 0.675 0.568 0.579 0.459 0.472",
        "Conv": "0.943 0.943 0.862 0.865 0.769 0.772 0.674 0.682 0.576 0.587 0.463 0.478",
        "PConv": "0.946 0.945 0.867 0.870 0.775 0.779 0.681 0.689 0.583 0.595 0.468 0.484",
    },
    "kl": {
        "PM": "0.090 0.058 0.307 0.204 0.766 0.465 1.551 0.921 2.724 1.422 4.075 2.226",
        "Conv": "0.068 0.041 0.228 0.149 0.603 0.366 1.264 0.731 2.368 1.189 4.162 2.224",
        "PConv": "0.051 0.032 0.163 0.109 0.446 0.270 0.954 0.565 1.881 0.838 3.603 1.588",
    },
}
LETTERS = {"clear": "N", "any": "B"}
COLUMNS = tuple(f"{bin_name} {border}" for bin_name in BIN_NAMES for border in BORDERS)
HEADS = tuple(f"{bin_name} {LETTERS[border]}" for bin_name in BIN_NAMES for border in BORDERS)


def markdown(data: ReportData) -> str:
    """The whole report.md."""
    pairing, machine = data["pairing"], data["machine"]
    height, width = pairing["size"]
    lines = [
        "# Benchmark",
        "",
        f"{pairing['photos']} photos, {pairing['masks']} masks of {width}x{height} pixels, {len(data['pairs'])} pairs; "
        f"{data['date']}, partialconv {data['partialconv']}, {machine['cores']} cores {machine['processor']}. "
        f"SHA-256 of the pairs: {pairing['sha256'][:16]}.",
        "",
        "N: holes stay 50 pixels of 512 away from the border; B: they need not. Bold: best of what was measured here.",
        "*Italic: the paper's own numbers, on other photos and other masks, not comparable line by line.*",
        "",
        "## Scores",
        "",
        *table_1(data),
        "",
        f"## Differences to {data['reference']}",
        "",
        "Paired: of the same photos under the same holes, mean [95 % interval], all pairs. Bold: the interval leaves "
        "out 0.",
        "",
        *difference_table(data),
        "",
        "## Cost",
        "",
        *cost_table(data),
        "",
        "## What was run",
        "",
        *(f"* {name}: {about['identity']}" for name, about in data["methods"].items()),
        *(f"* note: {note}" for note in data["notes"]),
        "* " + ", ".join(f"{name} {number}" for name, number in data["versions"].items()),
    ]
    return "\n".join(lines) + "\n"


def table_1(data: ReportData) -> list[str]:
    """Mean scores by bin and border, a row for each metric and method, and all pairs with their interval."""
    rows = []
    for metric, about in METRICS.items():
        measured = {name: cells for name, cells in data["cells"].items() if metric in cells[f"{ALL} {ALL}"]}
        if not measured:
            continue
        choose = max if about.higher_is_better else min
        best = {
            column: choose(round(cells[column][metric]["mean"], about.digits) for cells in measured.values())
            for column in COLUMNS
            if column in data["cells"][data["reference"]]
        }
        for name, cells in measured.items():
            row = []
            for column in COLUMNS:
                value = round(cells[column][metric]["mean"], about.digits) if column in cells else None
                text = "" if value is None else f"{value:.{about.digits}f}"
                row.append(f"**{text}**" if value is not None and value == best[column] else text)
            rows.append([about.label, cell(name), *row, spread(cells[f"{ALL} {ALL}"][metric], about.digits)])
        for name, numbers in PAPER.get(metric, {}).items():
            label = "IScore" if metric == "kl" else about.label
            italic = [f"*{number}*" for number in numbers.split()]
            rows.append([f"*{label}*", f"*{name}, paper*", *italic, ""])
    count = {key: len(numbers) for key, numbers in cells_of(pairs_of(data)).items()}
    pairs = ["n", "", *(str(count.get(column, 0)) for column in COLUMNS), str(len(data["pairs"]))]
    return grid(["", "", *HEADS, "all [95 %]"], [pairs, *rows], 2)


def difference_table(data: ReportData) -> list[str]:
    """Method minus reference over all pairs."""
    metrics = [m for m in METRICS if m in data["cells"][data["reference"]][f"{ALL} {ALL}"]]
    rows = []
    for name, cells in data["differences"].items():
        row = [cell(name)]
        for metric in metrics:
            found = cells[f"{ALL} {ALL}"].get(metric)
            text = "" if found is None else spread(found, METRICS[metric].digits, signed=True)
            clear = found is not None and found["low"] is not None and (found["low"] > 0 or found["high"] < 0)
            row.append(f"**{text}**" if clear else text)
        rows.append(row)
    arrows = [f"{METRICS[m].label} {'↑' if METRICS[m].higher_is_better else '↓'}" for m in metrics]
    return grid(["minus " + cell(data["reference"]), *arrows], rows, 1)


def cost_table(data: ReportData) -> list[str]:
    """Time, memory, and what is measured over all pairs at once."""
    extra = {"fid": "FID ↓", "inception_score": "Inception score ↑"}
    extra = {key: label for key, label in extra.items() if any(key in about for about in data["methods"].values())}
    rows = []
    for name, about in data["methods"].items():
        seconds = [f"{about['seconds'][kind]:.3f}" for kind in ("median", "mean")]
        more = [f"{about[key]:.2f}" if key in about else "" for key in extra]
        rows.append([cell(name), *seconds, f"{about['peak_mb']:.0f}", *more])
    return grid(["", "s a photo, median", "mean", "peak memory, MB", *extra.values()], rows, 1)


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]], num_left: int) -> list[str]:
    """A table in Markdown; all but the first columns are set flush right."""
    rule = "|" + "---|" * num_left + "---:|" * (len(heads) - num_left)
    return ["| " + " | ".join(heads) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)]


def spread(found: dict[str, Any], digits: int, signed: bool = False) -> str:
    """An interval as text: "20.12 [19.80, 20.44]"."""
    sign = "+" if signed else ""
    if found["low"] is None:
        return f"{found['mean']:{sign}.{digits}f}"
    return f"{found['mean']:{sign}.{digits}f} [{found['low']:{sign}.{digits}f}, {found['high']:{sign}.{digits}f}]"


def cell(text: str) -> str:
    """Text that does not end a cell of a table."""
    return text.replace("|", "\\|")
