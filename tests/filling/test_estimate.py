"""What a dry run leaves out, and how it is counted."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from partialconv.filling import estimate
from partialconv.inference import Inpainter


def grey(image: NDArray[np.float32], valid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stand in for a network."""
    return np.full_like(image, 0.25)


grey.feathered = True  # type: ignore[attr-defined]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that only what is left out turns on; it also counts how often."""
    turned = {"now": 0.0, "copies": 0.0, "crops": 0.0}

    def copy_detail(photo: NDArray[Any], *_: Any) -> None:
        assert photo.shape == (192, 192, 3), "the photo itself was copied into"
        turned["now"] += 0.5
        turned["copies"] += 1

    def add_grain(photo: NDArray[Any], hole: NDArray[np.bool_], steps: Any, peak: float) -> None:
        num = sum(len(batch) for batch in steps.batches)
        turned["now"] += num / 100
        turned["crops"] += num

    monkeypatch.setattr(estimate, "is_available", lambda: True)
    monkeypatch.setattr(estimate, "copy_detail", copy_detail)
    monkeypatch.setattr(estimate, "add_grain", add_grain)
    monkeypatch.setattr(time, "perf_counter", lambda: turned["now"])
    return turned


def test_wide_holes_are_not_copied_into_but_counted(clock: dict[str, float]) -> None:
    photo, hole = np.zeros((600, 600, 3), np.uint8), np.zeros((600, 600), bool)
    hole[40:104, 40:104] = hole[300:500, 300:500] = True
    inpainter = estimate._Trial(runtime=grey)  # type: ignore[arg-type]
    inpainter.fill(photo, hole)
    assert clock["copies"] == 1 and inpainter.trial_s == 0.5
    # a trial for the small one; the large one is halved once, and carried
    small, carried = (100 * 100 / 64**2) ** 0.7, 0.11 * 200 * 200 / 64**2
    assert inpainter.expected_s == pytest.approx(0.5 * (1 + small + carried), rel=0.1)
    without = estimate._Trial(runtime=grey)  # type: ignore[arg-type]
    without.fill(photo, hole, copy=False)
    assert (clock["copies"], without.expected_s) == (1, 0)


def test_grain_of_many_crops_is_sampled(clock: dict[str, float]) -> None:
    photo, hole = np.zeros((2400, 2400, 3), np.uint8), np.zeros((2400, 2400), bool)
    for row in range(12):
        for column in range(12):
            top, left = 40 + 200 * row, 40 + 200 * column
            hole[top : top + 7, left : left + 7] = True
    assert Inpainter(runtime=grey).plan(hole).num_crops == 144  # type: ignore[arg-type]
    inpainter = estimate._Trial(runtime=grey)  # type: ignore[arg-type]
    inpainter.fill(photo, hole)
    assert clock["crops"] == 48
    assert (inpainter.trial_s, inpainter.expected_s) == pytest.approx((0.48, 1.44))
