"""What a run shows and writes down: progress bar, JSON-lines log, TensorBoard, pictures, curves."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.text import Text
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from partialconv.conventions import composite
from partialconv.imageio import write_picture, write_whole
from partialconv.training.curves import plot_curves
from partialconv.training.recipe import Recipe
from partialconv.training.validation import BINS

NUM_ROWS = 4  # of a sample grid


class Tracker:
    """Follows one run.

    Args:
        run: Its folder; log.jsonl, samples/, tensorboard/ and curves.png are written there.
        recipe: Of the run.
        start: Steps done before; later lines of an old log are dropped.
        notes: Lines to show first.
    """

    def __init__(self, run: Path, recipe: Recipe, start: int, notes: list[str]) -> None:
        self.run, self.log, self.recipe = run, run / "log.jsonl", recipe
        if self.log.exists():
            write_whole(self.log, "".join(line + "\n" for line in _lines_until(self.log, start)).encode())
        console = Console(stderr=True)
        for note in notes:
            console.print(note, soft_wrap=True, markup=False)
        self.progress = _Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
        self.task = self.progress.add_task("", total=recipe.num_steps, completed=start)
        self.board = SummaryWriter(str(run / "tensorboard"), purge_step=start + 1)
        self._restart()

    def __enter__(self) -> None:
        self.progress.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        self.board.close()

    def step(self, step: int, terms: dict[str, float], step_s: float) -> None:
        """Count one step.

        Args:
            step: Its number, from 1.
            terms: The total, the unweighted terms that were computed, and what else there is to follow.
            step_s: Seconds it took, without waiting for data.
        """
        self.num_steps += 1
        self.busy_s += step_s
        for name, value in terms.items():
            self.values.setdefault(name, []).append(value)
        self.progress.update(self.task, completed=step)

    def due(self, step: int) -> bool:
        """Whether a line has to be logged at this step."""
        return step % self.recipe.tracking.log_every == 0

    def line(self, step: int, phase: str, lr: float) -> None:
        """Log the means since the last line."""
        elapsed = time.perf_counter() - self.since
        means = {name: sum(values) / len(values) for name, values in self.values.items()}
        weights = self.recipe.weights()
        weighted = {name: weights[name] * value for name, value in means.items() if name in weights}
        speed = self.num_steps * self.recipe.training.batch_size / elapsed
        state = {"lr": lr, "images_per_s": speed, "data_wait": max(0.0, 1 - self.busy_s / elapsed)}
        self._write({"step": step, "phase": phase} | means | {"weighted": weighted} | state)
        for group, scalars in (("loss", means), ("weighted", weighted), ("run", state)):
            for name, value in scalars.items():
                self.board.add_scalar(f"{group}/{name}", value, step)
        shown = " ".join(f"{name} {value:.4f}" for name, value in means.items())
        self.progress.line = f"{phase}  {shown}  {speed:.1f} images/s"
        if not self.progress.console.is_terminal:
            self.progress.console.print(f"step {step}  {self.progress.line}", soft_wrap=True)
        self._restart()

    @torch.no_grad()
    def samples(self, step: int, target: Tensor, valid: Tensor, output: Tensor) -> None:
        """Save a grid of the first photos: a row for each; columns photo, photo with its hole white, output, composite.

        Args:
            step: For the file name.
            target: (N, C, H, W) in [0, 1].
            valid: (N, 1, H, W), 1 = known.
            output: (N, C, H, W), about [0, 1].
        """
        known = valid.to(target.dtype)
        output = output.float().clamp(0, 1)
        columns = [target, composite(target, torch.ones_like(target), known), output, composite(target, output, known)]
        grid = torch.cat([torch.cat(list(column[:NUM_ROWS]), dim=1) for column in columns], dim=2)
        pixels = (grid.permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)
        (self.run / "samples").mkdir(exist_ok=True)
        write_picture(self.run / "samples" / f"step_{step:07d}.png", Image.fromarray(pixels))
        self.board.add_image("photo, holes, output, composite", pixels, step, dataformats="HWC")

    def validation(self, step: int, scores: dict[str, list[float]]) -> None:
        """Log the scores of `Validation.score`, and draw curves.png."""
        self._write({"step": step, "validation": scores})
        for metric, values in scores.items():
            for (low, high), value in zip(BINS, values, strict=True):
                self.board.add_scalar(f"validation_{metric}/{low}-{high}", value, step)
        plot_curves(self.log, self.run / "curves.png")
        shown = " ".join(f"{value:.2f}" for value in scores["hole_psnr"])
        self.progress.console.print(f"step {step}  validation: hole-PSNR by bin {shown} dB", soft_wrap=True)

    def _restart(self) -> None:
        self.values: dict[str, list[float]] = {}
        self.num_steps, self.busy_s, self.since = 0, 0.0, time.perf_counter()

    def _write(self, line: dict[str, Any]) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps(_rounded(line)) + "\n")


class _Progress(Progress):
    """A bar, and below it the line of terms, which is too long to stand beside it."""

    line = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield Text(self.line)  # called once before the console is known


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _lines_until(log: Path, step: int) -> list[str]:
    """The lines of a log up to a step; what a killed process wrote by half is left out."""
    kept = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, LookupError, TypeError, RecursionError):
            break
    return kept
