"""What a run shows and writes down: progress bar, JSON-lines log, sample grids."""

import json
import time
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from partialconv.conventions import composite
from partialconv.training.recipe import TrainingRecipe

NUM_ROWS = 4  # of a sample grid


class Tracker:
    """Follows one run.

    Args:
        run: Its folder; log.jsonl and samples/ are written there.
        settings: How often to log, and the number of steps.
        start: Steps done before; later lines of an old log are dropped.
        notes: Lines to show first.
    """

    def __init__(self, run: Path, settings: TrainingRecipe, start: int, notes: list[str]) -> None:
        self.log, self.folder, self.settings = run / "log.jsonl", run / "samples", settings
        if self.log.exists():
            self.log.write_text("".join(line + "\n" for line in _lines_until(self.log, start)))
        console = Console(stderr=True)
        for note in notes:
            console.print(note, soft_wrap=True, markup=False)
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self.progress = Progress(*columns, console=console)
        self.task = self.progress.add_task("starting", total=settings.num_steps, completed=start)
        self.sums: dict[str, float] = {}
        self.num, self.busy_s, self.since = 0, 0.0, time.perf_counter()

    def __enter__(self) -> None:
        self.progress.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def step(self, step: int, terms: dict[str, float], step_s: float) -> None:
        """Count one step: the value of every loss term, and the seconds it took without waiting for data."""
        self.num += 1
        self.busy_s += step_s
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.progress.update(self.task, completed=step)
        if step % self.settings.log_every and step != self.settings.num_steps:
            return
        elapsed = time.perf_counter() - self.since
        line = {"step": step} | {name: value / self.num for name, value in self.sums.items()}
        line |= {
            "images_per_s": self.num * self.settings.batch_size / elapsed,
            "data_wait": 1 - self.busy_s / elapsed,
        }
        with self.log.open("a") as file:
            file.write(json.dumps({k: v if isinstance(v, int) else round(v, 6) for k, v in line.items()}) + "\n")
        means = " ".join(f"{name} {self.sums[name] / self.num:.4f}" for name in self.sums)
        self.progress.update(self.task, description=f"{means}  {line['images_per_s']:.1f} images/s")
        if not self.progress.console.is_terminal:
            self.progress.console.print(f"step {step}  {self.progress.tasks[0].description}", soft_wrap=True)
        self.sums, self.num, self.busy_s, self.since = {}, 0, 0.0, time.perf_counter()

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
        output = output.clamp(0, 1)
        columns = [target, composite(target, torch.ones_like(target), known), output, composite(target, output, known)]
        grid = torch.cat([torch.cat(list(column[:NUM_ROWS]), dim=1) for column in columns], dim=2)
        pixels = (grid.permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)
        self.folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(self.folder / f"step_{step:07d}.png")


def _lines_until(log: Path, step: int) -> list[str]:
    """The lines of a log up to a step; what a killed process wrote by half is left out."""
    kept = []
    for line in log.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except json.JSONDecodeError:
            break
    return kept
