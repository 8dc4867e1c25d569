"""A recipe so small that a run takes a second."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from partialconv.training.recipe import (
    DataRecipe,
    FinetuneRecipe,
    LossRecipe,
    ModelRecipe,
    PhaseRecipe,
    Recipe,
    TrackingRecipe,
    TrainingRecipe,
)

RECIPE = Recipe(
    ModelRecipe(width=4, num_levels=3),
    DataRecipe(crop_px=32, hole_ratio=(0.05, 0.3), num_workers=0),
    LossRecipe(perceptual=0, style_out=0, style_comp=0),
    TrainingRecipe(batch_size=2, ema_decay=0.9, precision="fp32"),
    PhaseRecipe(6, lr=1e-3, schedule="cosine"),
    FinetuneRecipe(0),
    TrackingRecipe(log_every=2, checkpoint_every=2, samples_every=3),
)


def changed(recipe: Recipe = RECIPE, **tables: dict[str, Any]) -> Recipe:
    """The recipe with other values: changed(initial={"num_steps": 1})."""
    return replace(recipe, **{name: replace(getattr(recipe, name), **keys) for name, keys in tables.items()})


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process in a group of its own, which does not outlive a failing test."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:  # torchrun ends its own processes if it is asked to
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
