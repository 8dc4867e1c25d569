"""Scores of what was found, against a plain count."""

import numpy as np
import pytest

from partialconv.data.spotting import count, scores_of, widen


def test_widened_by_two_pixels() -> None:
    mark = np.zeros((11, 11), bool)
    mark[5, 5] = True
    y, x = np.mgrid[:11, :11]
    wide = widen(mark)
    assert wide[np.hypot(y - 5, x - 5) <= 2].all()
    assert not wide[np.maximum(abs(y - 5), abs(x - 5)) > 2].any()


def test_scores_are_those_of_a_plain_count() -> None:
    rng = np.random.default_rng(0)
    thresholds = np.array([0.1, 0.5, 0.9])
    truths = [rng.random((40, 50)) < 0.03, np.zeros((40, 50), bool), rng.random((40, 50)) < 0.01]
    found = [rng.random((40, 50)).astype(np.float32) ** 4 for _ in truths]
    scores = scores_of(np.sum([count(p, t, thresholds) for p, t in zip(found, truths, strict=True)], axis=0))
    for threshold, score in zip(thresholds, scores, strict=True):
        flagged = [p >= threshold for p in found]
        damaged = [(f, t) for f, t in zip(flagged, truths, strict=True) if t.any()]
        right = sum((f & widen(t)).sum() for f, t in damaged) / sum(f.sum() for f, _ in damaged)
        hit = sum((t & widen(f)).sum() for f, t in damaged) / sum(t.sum() for _, t in damaged)
        assert score.precision == pytest.approx(right)
        assert score.recall == pytest.approx(hit)
        assert score.flagged == pytest.approx(flagged[1].mean())
        assert score.f1 == pytest.approx(2 * right * hit / (right + hit))


def test_a_shift_within_the_tolerance_is_forgiven() -> None:
    truth = np.zeros((32, 32), bool)
    truth[10, 5:25] = True
    for shift, expected in ((2, 1.0), (3, 0.0)):
        found = np.roll(truth, shift, 0).astype(np.float32)
        (score,) = scores_of(count(found, truth, np.array([0.5])))
        assert (score.precision, score.recall) == (expected, expected)
