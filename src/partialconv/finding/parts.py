"""Connected parts of a hole, with NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One find.

    Args:
        kind: One of `finder.KINDS`.
        box: (top, left, bottom, right) in pixels; bottom and right are exclusive.
        area: In pixels.
        score: The highest probability in it, in [0, 1].
    """

    kind: str
    box: tuple[int, int, int, int]
    area: int
    score: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": self.kind, "box": list(self.box), "area": self.area, "score": round(self.score, 4)}


@dataclass(frozen=True)
class Components:
    """The pixels of a hole as runs of rows, and the connected component of each run.

    Args:
        starts: First column of each run, row by row.
        stops: The column behind each run.
        rows: Row of each run.
        labels: Of each run, from 0 on.
    """

    starts: Integers
    stops: Integers
    rows: Integers
    labels: Integers

    @property
    def count(self) -> int:
        """How many components there are."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def areas(self) -> Integers:
        """Pixels of each component."""
        return _summed(self.labels, self.stops - self.starts, self.count).astype(np.int64)

    @property
    def boxes(self) -> Integers:
        """Of each component (top, left, bottom, right), the last two exclusive: (N, 4)."""
        boxes = np.zeros((self.count, 4), np.int64)
        boxes[:, :2] = np.iinfo(np.int64).max
        np.minimum.at(boxes[:, 0], self.labels, self.rows)
        np.minimum.at(boxes[:, 1], self.labels, self.starts)
        np.maximum.at(boxes[:, 2], self.labels, self.rows + 1)
        np.maximum.at(boxes[:, 3], self.labels, self.stops)
        return boxes

    def of_pixels(self) -> Integers:
        """The component of each pixel of the hole, in the order of `array[hole]`."""
        return np.repeat(self.labels, self.stops - self.starts)

    def peaks(self, values: FloatArray) -> FloatArray:
        """The highest of `values`, those of the hole's pixels in the order of `array[hole]`, in each component."""
        highest = np.zeros(self.count, np.float32)
        np.maximum.at(highest, self.of_pixels(), values)
        return highest


def components_of(hole: Hole) -> Components:
    """Connect the pixels of a hole, (H, W), over sides and corners.

    Source: runs of rows, joined by their overlaps; roots point at the smallest run of their component.
    """
    padded = np.pad(hole, ((0, 0), (1, 1)))
    rows, edges = np.nonzero(padded[:, 1:] != padded[:, :-1])
    rows, starts, stops = rows[::2], edges[::2], edges[1::2]  # a run begins and ends in its row
    stride = hole.shape[1] + 2
    first = np.searchsorted(rows * stride + stops, (rows + 1) * stride + starts)
    last = np.searchsorted(rows * stride + starts, (rows + 1) * stride + stops, side="right")
    counts = np.maximum(last - first, 0)
    above = np.repeat(np.arange(len(rows)), counts)
    below = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    parent = np.arange(len(rows))
    while (differ := parent[above] != parent[below]).any():
        above, below = above[differ], below[differ]
        one, other = parent[above], parent[below]
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while (parent[parent] != parent).any():
            parent = parent[parent]
    labels = np.unique(parent, return_inverse=True)[1].reshape(-1)
    return Components(starts, stops, rows, labels.astype(np.int64))


def _summed(labels: Integers, weights: NDArray[Any], count: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(labels, weights, minlength=count), np.float64)
