"""The curves of a run as a picture."""

import itertools
import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from partialconv.imageio import unfinished
from partialconv.training.validation import BINS

PANELS = (("hole_psnr", "hole-PSNR, dB"), ("ssim", "SSIM"), ("l1_percent", "l1, %"))


def plot_curves(log: Path, destination: Path) -> None:
    """Draw loss terms and validation scores over steps.

    Args:
        log: The run's log.jsonl.
        destination: A .png file; replaced.
    """
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    training = [line for line in lines if "total" in line]
    validation = [line for line in lines if "validation" in line]
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    _plot_losses(axes[0, 0], training)
    steps = [line["step"] for line in validation]
    for (metric, label), panel in zip(PANELS, axes.flat[1:], strict=True):
        for number, (low, high) in enumerate(BINS):
            values = [line["validation"][metric][number] for line in validation]
            shade = 0.15 + 0.75 * number / (len(BINS) - 1)
            panel.plot(steps, values, marker="o", markersize=3, color=(shade, 0.35, 1 - shade), label=f"{low}-{high}")
        panel.set(title=f"validation: {label}", xlabel="step")
        panel.grid(alpha=0.3)
    if validation:
        figure.legend(
            *axes[0, 1].get_legend_handles_labels(), loc="outside right upper", title="hole ratio", fontsize=8
        )
    # the last picture stays whole until the new one is
    with unfinished(destination, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _plot_losses(panel: Axes, lines: list[dict[str, Any]]) -> None:
    names = dict.fromkeys(name for line in lines for name in line["weighted"])
    for name in names:
        pairs = [(line["step"], line["weighted"][name]) for line in lines if line["weighted"].get(name, 0) > 0]
        panel.plot([p[0] for p in pairs], [p[1] for p in pairs], linewidth=1, label=name)
    panel.plot([line["step"] for line in lines], [line["total"] for line in lines], "k", linewidth=1.2, label="total")
    for before, after in itertools.pairwise(lines):
        if before["phase"] != after["phase"]:
            panel.axvline(after["step"], color="grey", linestyle=":", label=after["phase"])
    panel.set(title="training: weighted loss terms", xlabel="step", yscale="log")
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16))
