"""How well damage was found: precision, recall and F1 with a tolerance, and what is flagged on undamaged photos."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

TOLERANCE_PX = 2


@dataclass(frozen=True)
class Scores:
    """Of one threshold; all pixels of all pictures together.

    Args:
        precision: Share of the flagged pixels that lie within the tolerance of true damage.
        recall: Share of the damaged pixels that lie within the tolerance of a flagged one.
        flagged: Share of the pixels of undamaged pictures that are flagged.
    """

    precision: float
    recall: float
    flagged: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-12)


def widen(mark: NDArray[np.bool_], px: int = TOLERANCE_PX) -> NDArray[np.bool_]:
    """All pixels within `px` of a marked one, (H, W)."""
    return np.asarray(cv2.dilate(mark.astype(np.uint8), _disc(px)) > 0)


def _disc(px: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1)), np.uint8)


def count(
    probability: NDArray[np.floating], truth: NDArray[np.bool_], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Count the pixels of one picture, flagged where the probability reaches a threshold.

    Args:
        probability: (H, W).
        truth: (H, W); the picture is undamaged where none of it is True.
        thresholds: (T,), ascending.

    Returns:
        (T, 6): of a damaged picture the flagged pixels, those of them near the truth, the pixels of the truth, those
        of them near a flagged one; of an undamaged one the flagged pixels, and all.
    """
    sums, values = np.zeros((len(thresholds), 6)), np.asarray(probability, np.float32)

    def reaching(some: NDArray[np.float32]) -> NDArray[np.float64]:
        levels = np.searchsorted(thresholds, some, side="right")
        return np.cumsum(np.bincount(levels, minlength=len(thresholds) + 1)[::-1])[::-1][1:].astype(np.float64)

    if truth.any():
        highest = np.asarray(cv2.dilate(values, _disc(TOLERANCE_PX)), np.float32)
        sums[:, 0], sums[:, 1] = reaching(values.ravel()), reaching(values[widen(truth)])
        sums[:, 2], sums[:, 3] = truth.sum(), reaching(highest[truth])
    else:
        sums[:, 4], sums[:, 5] = reaching(values.ravel()), truth.size
    return sums


def scores_of(sums: NDArray[np.float64]) -> list[Scores]:
    """Scores at each threshold, from the added counts of pictures, (T, 6)."""
    marked, right, there, hit, alarms, pixels = np.maximum(sums, [1, 0, 1, 0, 0, 1]).T
    return [Scores(*map(float, row)) for row in zip(right / marked, hit / there, alarms / pixels, strict=True)]
