"""Phases, rates, and a schedule squeezed into a time limit."""

import pytest

from partialconv.training.recipe import FinetuneRecipe, PhaseRecipe, Recipe
from partialconv.training.schedule import Clock, phase_at, rate_at

RECIPE = Recipe(initial=PhaseRecipe(100, 1e-3, "cosine"), finetune=FinetuneRecipe(50, 5e-5))


def test_phases_and_rates() -> None:
    assert [phase_at(RECIPE, p) for p in (0, 99.9, 100, 149)] == ["initial", "initial", "finetune", "finetune"]
    assert rate_at(RECIPE, 0) == 1e-3
    assert rate_at(RECIPE, 50) == pytest.approx(5e-4)
    assert rate_at(RECIPE, 99) < 1e-6
    assert rate_at(RECIPE, 100) == rate_at(RECIPE, 149) == 5e-5
    cosine = Recipe(initial=PhaseRecipe(0), finetune=FinetuneRecipe(50, 1e-4, "cosine"))
    assert rate_at(cosine, 25) == pytest.approx(5e-5)


def test_without_a_limit_the_position_is_the_step() -> None:
    clock = Clock(40, 40, 150, None)
    assert [clock.position(step) for step in (40, 41, 150)] == [40, 41, 150]


def test_a_limit_squeezes_the_rest_of_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("partialconv.training.schedule.time.monotonic", lambda: now)
    clock = Clock(50, 50, 150, deadline_s=1010.0)
    # seconds since the end of the first step, which took its time; the steps count if they are ahead of the clock
    for passed, step, expected in ((0, 51, 51), (4, 60, 100), (8, 70, 150), (20, 80, 150), (1, 90, 90)):
        now = 1002.0 + passed
        assert clock.position(step) == expected


def test_a_first_step_beyond_the_limit_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partialconv.training.schedule.time.monotonic", lambda: 1000.0)
    assert Clock(0, 0, 150, deadline_s=990.0).position(1) == 150


def test_a_squeezed_schedule_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 steps had brought it to 100 of 150; without a limit each step is one again, with one the rest is squeezed."""
    clock = Clock(20, 100.0, 150, None)
    assert [clock.position(step) for step in (21, 30, 70, 71)] == [101, 110, 150, 150]
    now = 1000.0
    monkeypatch.setattr("partialconv.training.schedule.time.monotonic", lambda: now)
    clock = Clock(20, 100.0, 150, deadline_s=1010.0)
    assert clock.position(21) == 101
    now = 1005.0
    assert clock.position(22) == 125
