"""A hole in the rectangles that cost least: a recursive X-Y cut on a grid of blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole

UNEVEN = 0.2  # by how much smaller the boxes have to be where a cut takes off the edge
Blocks = tuple[slice, slice]  # rows and columns of a grid


@dataclass(frozen=True)
class Cutter:
    """What a rectangle costs, in pixels.

    Args:
        block_px: Side of a block of the grid.
        context_px: What has to be seen around a rectangle, on each side.
        overhead_px: What a rectangle costs beside its pixels and their context.
        most_px: The longest side, with context, that a rectangle may have; None = any.
    """

    block_px: int
    context_px: int
    overhead_px: int
    most_px: int | None = None

    def cut(self, some: Hole) -> list[Blocks]:
        """Cut a grid into rectangles, as long as that saves work or one is too large.

        Args:
            some: Blocks that have to be in a rectangle, (rows, columns); not empty.
        """
        return self._cheapest(some, _tight(some, slice(0, some.shape[0]), slice(0, some.shape[1])))[1]

    def _cheapest(self, some: Hole, part: Blocks) -> tuple[int, list[Blocks]]:
        """A rectangle in as many as are cheapest, and what they cost."""
        height, width = ((span.stop - span.start) * self.block_px for span in part)
        sides = height + 2 * self.context_px, width + 2 * self.context_px
        cost, fits = sides[0] * sides[1] + self.overhead_px, self.most_px is None or max(sides) <= self.most_px
        # no cut would save much
        if fits and (max(height, width) <= 2 * self.context_px or some[part].mean() > 0.5):
            return cost, [part]
        apart = [self._cheapest(some, half) for half in self._halves(some, part)]
        total = sum(c for c, _ in apart)
        if fits and cost <= total:
            return cost, [part]
        return total, [rectangle for _, rectangles in apart for rectangle in rectangles]

    def _halves(self, some: Hole, part: Blocks) -> tuple[Blocks, Blocks]:
        """The cut after which the two bounding boxes are smallest; a more even cut may cost a little more."""
        rows, columns = part
        padding = 2 * self.context_px / self.block_px
        found = []
        for axis, grid in enumerate((some[part], some[part].T)):
            if len(grid) > 1:
                position = np.arange(1, len(grid))
                areas = _areas(grid, padding)[:-1] + _areas(grid[::-1], padding)[-2::-1]
                areas *= 1 + UNEVEN * np.abs(2 * position / len(grid) - 1)
                best = int(np.argmin(areas))
                found.append((float(areas[best]), axis, best + 1))
        _, axis, at = min(found)
        if axis == 0:
            at += rows.start
            return _tight(some, slice(rows.start, at), columns), _tight(some, slice(at, rows.stop), columns)
        at += columns.start
        return _tight(some, rows, slice(columns.start, at)), _tight(some, rows, slice(at, columns.stop))


def _areas(grid: Hole, padding: float) -> NDArray[np.float64]:
    """Area, with context, of the bounding box of the first 1, 2, ... rows of a grid whose first row is marked."""
    columns = np.arange(grid.shape[1])
    left = np.minimum.accumulate(np.where(grid, columns, grid.shape[1]).min(axis=1))
    right = np.maximum.accumulate(np.where(grid, columns, -1).max(axis=1))
    last = np.maximum.accumulate(np.where(grid.any(axis=1), np.arange(len(grid)), 0))
    return np.asarray((last + 1 + padding) * (right - left + 1 + padding))


def _tight(some: Hole, rows: slice, columns: slice) -> Blocks:
    """The smallest rectangle around the marked blocks of a rectangle."""
    lines, points = (np.flatnonzero(some[rows, columns].any(axis=axis)) for axis in (1, 0))
    return slice(rows.start + int(lines[0]), rows.start + int(lines[-1]) + 1), slice(
        columns.start + int(points[0]), columns.start + int(points[-1]) + 1
    )
