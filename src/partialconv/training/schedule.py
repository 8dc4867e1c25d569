"""Which phase a step belongs to, its learning rate, and when to end."""

import math
import time
from typing import Literal

from partialconv.training.recipe import PhaseRecipe, Recipe

Phase = Literal["initial", "finetune"]


def phase_at(recipe: Recipe, position: float) -> Phase:
    """The phase at a position of the schedule, in steps from 0."""
    return "initial" if position < recipe.initial.num_steps else "finetune"


def rate_at(recipe: Recipe, position: float) -> float:
    """Learning rate at a position of the schedule, in steps from 0."""
    if phase_at(recipe, position) == "initial":
        return _rate(recipe.initial, position)
    return _rate(recipe.finetune, position - recipe.initial.num_steps)


def _rate(phase: PhaseRecipe, position: float) -> float:
    if phase.schedule == "constant":
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, position / phase.num_steps)))


class Clock:
    """Where in the schedule a run stands.

    Without a time limit it moves on by one with each step. With one, the rest of the schedule is squeezed into the time
    that is left after the first step, in which networks are compiled, if there are more steps than fit: rates fall
    and phases change as they would have.

    Args:
        step: Steps done before.
        start: The position after them.
        num_steps: Steps of the whole schedule.
        deadline_s: When the schedule has to be over, by `time.monotonic`; None = no limit.
    """

    def __init__(self, step: int, start: float, num_steps: int, deadline_s: float | None) -> None:
        self.step, self.start, self.num_steps, self.deadline_s = step, start, num_steps, deadline_s
        self.began_s: float | None = None

    def position(self, step: int) -> float:
        """The position after `step` steps, from 0 to `num_steps`."""
        counted = self.start + step - self.step
        if self.deadline_s is None:
            return min(self.num_steps, counted)
        now = time.monotonic()
        if self.began_s is None:
            self.began_s = min(now, self.deadline_s - 1e-9)
        passed = (now - self.began_s) / (self.deadline_s - self.began_s)
        return min(self.num_steps, max(counted, self.start + passed * (self.num_steps - self.start)))
