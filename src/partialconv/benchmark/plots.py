"""Plots of a report, as SVG."""

import io

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from partialconv.benchmark.metrics import METRICS
from partialconv.benchmark.pairing import BIN_NAMES
from partialconv.benchmark.report import ReportData
from partialconv.benchmark.statistics import ALL

COLOURS = ("#c62828", "#1565c0", "#2e7d32", "#ef6c00", "#6a1b9a", "#00838f", "#795548", "#ad1457", "#616161", "#9e9d24")
SIZE = (5.2, 4.1)  # inches; shown at about the width of a phone


def over_ratio(data: ReportData, metric: str) -> str:
    """A metric over the bins of hole ratio, with intervals, a line for each method."""
    figure, about = _figure(), METRICS[metric]
    panel = figure.subplots()
    measured = [name for name, cells in data["cells"].items() if metric in cells[f"{ALL} {ALL}"]]
    for number, name in enumerate(measured):
        cells = data["cells"][name]
        bins = [b for b, bin_name in enumerate(BIN_NAMES) if f"{bin_name} {ALL}" in cells]
        found = [cells[f"{BIN_NAMES[b]} {ALL}"][metric] for b in bins]
        shift = 0.06 * (number - (len(measured) - 1) / 2)  # so that intervals stand beside each other
        ends = [[f["mean"] - (f["low"] if f["low"] is not None else f["mean"]) for f in found]]
        ends.append([(f["high"] if f["high"] is not None else f["mean"]) - f["mean"] for f in found])
        panel.errorbar(
            [b + shift for b in bins],
            [f["mean"] for f in found],
            [[max(0.0, end) for end in side] for side in ends],
            color=colour(data, name),
            marker="o",
            markersize=4,
            linewidth=2.2 if name == data["reference"] else 1.1,
            elinewidth=0.9,
            capsize=2,
            label=name,
            zorder=3 if name == data["reference"] else 2,
        )
    panel.set_xticks(range(len(BIN_NAMES)), BIN_NAMES, fontsize=9)
    better = "higher is better" if about.higher_is_better else "lower is better"
    panel.set(title=f"{about.label} ({better})", xlabel="hole ratio")
    panel.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize=8, ncols=4)
    return _svg(figure)


def over_time(data: ReportData, metric: str) -> str:
    """Quality against time: a point for each method, all pairs."""
    figure, about = _figure(), METRICS[metric]
    panel = figure.subplots()
    for name, cells in data["cells"].items():
        found, seconds = cells[f"{ALL} {ALL}"].get(metric), data["methods"][name]["seconds"]["median"]
        if found is None:
            continue
        if found["low"] is not None:
            panel.plot([seconds] * 2, [found["low"], found["high"]], color=colour(data, name), linewidth=1)
        panel.plot(seconds, found["mean"], "o", color=colour(data, name), markersize=7, label=name)
    better = "higher is better" if about.higher_is_better else "lower is better"
    panel.set(title=f"{about.label} against time ({better})", xlabel="seconds a photo, median", xscale="log")
    panel.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize=8, ncols=5)  # names beside their points would overlap
    return _svg(figure)


def colour(data: ReportData, name: str) -> str:
    """The colour of a method, the same in all plots."""
    return COLOURS[list(data["methods"]).index(name) % len(COLOURS)]


def _figure() -> Figure:
    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "partialconv"}):  # the same bytes in every run
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
