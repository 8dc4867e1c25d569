"""Put the tables of reports of `partialconv bench` into docs/benchmark.md and README.md.

    python benchmarks/document.py STROKES FLOW COST

Three reports: stroke holes, holes from optical flow, and a run on an idle machine for the times. Tables go where those
of the same heading stand, and prose is left alone. The scores, which a report has in one table as wide as the paper's,
get a table for each metric, so that they fit a page.
"""

import argparse
import re
from pathlib import Path

FLOW_METRICS = ("PSNR, dB", "hole-PSNR, dB", "LPIPS")
README_METHODS = ("ours", "ours-l1", "ours-full", "telea", "ns", "biharmonic", "patchmatch", "fsr")


def main() -> None:
    """Rewrite the two files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reports", type=Path, nargs=3, metavar="REPORT")
    strokes, flow, cost = ((folder / "report.md").read_text("utf-8") for folder in parser.parse_args().reports)
    page = Path("docs/benchmark.md")
    text = page.read_text("utf-8")
    flow_scores = [row for row in table(flow, "Scores") if cells(row)[0] in ("", "---", "n", *FLOW_METRICS)]
    for heading, rows in {
        "Scores on strokes": by_metric(table(strokes, "Scores")),
        "Differences to ours, strokes": table(strokes, "Differences to ours"),
        "Cost, strokes": table(cost, "Cost"),
        "Scores on flow masks": by_metric(flow_scores),
        "Differences to ours, flow masks": table(flow, "Differences to ours"),
    }.items():
        text = replaced(text, table(text, heading), rows)
    page.write_text(text, "utf-8")
    readme = Path("README.md")
    text = readme.read_text("utf-8")
    short = in_short(table(strokes, "Scores"), table(cost, "Cost"))
    readme.write_text(replaced(text, table(text, "How good it is"), short), "utf-8")


def table(text: str, heading: str) -> list[str]:
    """The lines of the first table after a heading, and of those that follow it without a word between them."""
    tables = r"\|[^\n]*\n(?:\|[^\n]*\n|\n(?=\|))*"
    found = re.search(rf"^#+ {re.escape(heading)}$.*?^({tables})", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"no table under the heading {heading!r}.")
    return found[1].splitlines()


def replaced(text: str, before: list[str], after: list[str]) -> str:
    """The text with the lines of one table in place of another's."""
    return text.replace("\n".join(before), "\n".join(after), 1)


def by_metric(scores: list[str]) -> list[str]:
    """A table for each metric, in which the cells N and B of a bin stand side by side.

    Args:
        scores: The table of a report: metric, method, two cells for each bin, all pairs.
    """
    head, _, *rows = map(cells, scores)
    bins, lines = [name.removesuffix(" N") for name in head[2:-1:2]], []
    for metric in dict.fromkeys(row[0].strip("*") for row in rows if row[0] != "n"):
        lines += [f"| {metric}: N / B | {' | '.join(bins)} | {head[-1]} |", "|---|" + "---:|" * (len(bins) + 1)]
        for _, method, *values, mean in (row for row in rows if row[0].strip("*") == metric):
            pairs = (f"{n} / {b}" for n, b in zip(values[::2], values[1::2], strict=True))
            lines.append(f"| {method} | {' | '.join(pairs)} | {mean} |")
        lines.append("")
    return lines[:-1]


def in_short(scores: list[str], cost: list[str]) -> list[str]:
    """Means over all pairs of PSNR and LPIPS, without intervals, and the seconds: the table of the README."""
    means = {tuple(cells(row)[:2]): cells(row)[-1].split(" [")[0].strip("*") for row in scores}
    seconds = {cells(row)[0]: cells(row)[1] for row in cost}
    rows = [(name, means["PSNR, dB", name], means["LPIPS", name], seconds[name]) for name in README_METHODS]
    head = ["| method | PSNR, dB | LPIPS | seconds a photo |", "|---|---:|---:|---:|"]
    return head + [f"| {' | '.join(row)} |" for row in rows]


def cells(row: str) -> list[str]:
    """What stands between the bars."""
    return [cell.strip() for cell in row.strip("|").split("|")]


if __name__ == "__main__":
    main()
