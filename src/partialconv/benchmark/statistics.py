"""From the scores of pairs to means with intervals, by cell and between methods."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.benchmark.metrics import METRICS
from partialconv.benchmark.pairing import BIN_NAMES, BORDERS, Pair

ALL = "all"
RESAMPLES = 2000
COVERAGE = 0.95
Scores = dict[str, list[float]]  # metric to a value for each pair
Cells = dict[str, dict[str, dict[str, Any]]]  # cell, metric, field of `Interval`


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval of 95 %.

    Args:
        n: Pairs.
        mean: Of their values.
        low: None where all pairs are of one photo.
        high: Alike.
    """

    n: int
    mean: float
    low: float | None
    high: float | None


def interval(values: Sequence[float], photos: Sequence[str], seed: int = 0) -> Interval:
    """Mean of values, and its percentile interval over photos drawn with replacement.

    Photos are drawn, not pairs, for scores of one photo under several holes are not independent. The sum does not
    depend on the order, so that results of several processes add up to the same bits.

    Args:
        values: Of each pair; at least one.
        photos: Photo of each pair.
        seed: Of the resampling.

    Source: Efron, Tibshirani 1993, section 13.3; over clusters as in Davison, Hinkley 1997, section 3.8.
    """
    mean = math.fsum(values) / len(values)
    groups: dict[str, list[float]] = {}
    for photo, value in sorted(zip(photos, values, strict=True)):
        groups.setdefault(photo, []).append(value)
    if len(groups) < 2:
        return Interval(len(values), mean, None, None)
    weights = _weights(len(groups), seed)
    sums = np.array([math.fsum(group) for group in groups.values()])
    counts = np.array([len(group) for group in groups.values()], float)
    # sums of few terms row by row: unlike a matrix product the same on every processor
    means = (weights * sums).sum(1) / (weights * counts).sum(1)
    low, high = np.quantile(means, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(len(values), mean, float(low), float(high))


def median_interval(values: Sequence[float], photos: Sequence[str], seed: int = 0) -> Interval:
    """As `interval`, of the median, which stands in the field `mean`."""
    names = sorted(set(photos))
    place = np.array([names.index(photo) for photo in photos])
    array = np.asarray(values, float)
    middle = float(np.median(array))
    if len(names) < 2:
        return Interval(len(values), middle, None, None)
    counts = _weights(len(names), seed).astype(int)
    medians = [float(np.median(np.repeat(array, count[place]))) for count in counts]
    low, high = np.quantile(medians, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(len(values), middle, float(low), float(high))


def cells_of(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """Numbers of the pairs in each cell, "BIN BORDER", "all" for all bins or borders; empty cells are left out."""
    cells = {}
    for bin_name in (*BIN_NAMES, ALL):
        for border in (*BORDERS, ALL):
            numbers = [n for n, p in enumerate(pairs) if bin_name in (p.bin, ALL) and border in (p.border, ALL)]
            if numbers:
                cells[f"{bin_name} {border}"] = numbers
    return cells


def summarise(scores: Scores, pairs: Sequence[Pair], minus: Scores | None = None, seed: int = 0) -> Cells:
    """Mean and interval of each metric in each cell; of the paired differences, if there is something to take off.

    Args:
        scores: Of each pair, in the order of `pairs`.
        pairs: The pairs.
        minus: Scores of another method, whose metrics are a part of these or more.
        seed: Of the resampling.
    """
    result: Cells = {}
    metrics = [name for name in METRICS if name in scores and (minus is None or name in minus)]
    for cell, numbers in cells_of(pairs).items():
        photos = [pairs[n].photo_sha256 for n in numbers]
        result[cell] = {}
        for metric in metrics:
            values = [scores[metric][n] - (minus[metric][n] if minus else 0.0) for n in numbers]
            result[cell][metric] = vars(interval(values, photos, seed))
    return result


@lru_cache(maxsize=64)
def _weights(num_photos: int, seed: int) -> NDArray[np.float64]:
    """How often each photo is drawn in each resample, (RESAMPLES, num_photos)."""
    rng = np.random.default_rng((seed, num_photos))
    return rng.multinomial(num_photos, np.full(num_photos, 1 / num_photos), RESAMPLES).astype(np.float64)
