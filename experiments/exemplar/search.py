"""Which known patch is like which patch of the hole.

Patches are compared by whole numbers, so that sums are exact in float32 in whatever order they are taken: the same on
one thread and on many.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exemplar.pyramid import PATCH_PX, Level
from partialconv.conventions import Hole

Map = NDArray[np.floating[Any]]
Index = NDArray[np.integer[Any]]
SIDE_PX = 2 * PATCH_PX + 1
NUM_LUMA, NUM_CHROMA = 24, 4  # coefficients of the cosine transform that are compared
PRECISION = 64  # of the transform's coefficients
TEXTURE = 6  # weight of texture's strength: smooth patches are the nearest to a blurred fill, but not what is missing
COHERENCE = 0.3  # by how much a patch that continues its neighbour's may be further
MOST_PAIRS = 200_000_000  # of patches, for an exact search
ROWS = 1024
PROPAGATION_PX = (4, 1, 2, 1)


class Search:
    """The patches of one level.

    Args:
        level: Its known patches are the sources.
        targets: Flat indices of the patches to match, ascending, (N,).
    """

    def __init__(self, level: Level, targets: Index) -> None:
        self.size = level.hole.shape
        self.targets = targets
        self.sources = np.flatnonzero(level.sources)
        self.known = level.sources.ravel()
        self.features = np.zeros((level.hole.size, NUM_LUMA + 2 * NUM_CHROMA + 2), np.float32)
        self.features[self.sources] = _features(level.values, self.sources)
        self.number = np.full(level.hole.size, -1)
        self.number[targets] = np.arange(len(targets))

    def match(self, values: Map, before: Index | None, generator: np.random.Generator) -> tuple[Index, Map]:
        """The source of each target, flat indices, and the squared distances of the two.

        Args:
            values: The level's values as they are filled now, (H, W, 5).
            before: The sources of the last search, where to go on from.
            generator: For the random part of a search that is not exact.
        """
        wanted = _features(values, self.targets)
        if before is None or len(self.targets) * len(self.sources) <= MOST_PAIRS:
            found, distance = self._nearest(wanted)
            if before is not None:
                old = self._distance(wanted, before)
                keep = old <= distance * (1 + COHERENCE)
                found, distance = np.where(keep, before, found), np.where(keep, old, distance)
            self._propagate(wanted, found, distance, COHERENCE)
        else:
            found, distance = before.copy(), self._distance(wanted, before)
            self._propagate(wanted, found, distance, 0)
            self._wander(wanted, found, distance, generator)
        return found, distance

    def _nearest(self, wanted: Map) -> tuple[Index, Map]:
        features = self.features[self.sources]
        half = np.square(features).sum(axis=1) / 2
        best = [
            np.argmax(wanted[start : start + ROWS] @ features.T - half, axis=1) for start in range(0, len(wanted), ROWS)
        ]
        found: Index = self.sources[np.concatenate(best)]
        return found, self._distance(wanted, found)

    def _distance(self, wanted: Map, found: Index) -> Map:
        return np.asarray(np.square(wanted - self.features[found]).sum(axis=1))

    def _propagate(self, wanted: Map, found: Index, distance: Map, bonus: float) -> None:
        """Try what continues the sources of neighbours, in place."""
        height, width = self.size
        rows, columns = np.divmod(self.targets, width)
        for px in PROPAGATION_PX:
            for down, right in ((0, px), (0, -px), (px, 0), (-px, 0)):
                row, column = rows + down, columns + right
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                neighbour = self.number[np.where(inside, row * width + column, 0)]
                row, column = np.divmod(found[neighbour], width)
                self._try(wanted, found, distance, inside & (neighbour >= 0), row - down, column - right, bonus)

    def _wander(self, wanted: Map, found: Index, distance: Map, generator: np.random.Generator) -> None:
        """Try places at random, ever nearer to the source, in place."""
        height, width = self.size
        radius = max(height, width) // 2
        everywhere = np.ones(len(found), bool)
        while radius >= 1:
            row, column = np.divmod(found, width)
            away = generator.integers(-radius, radius + 1, (2, len(found)))
            self._try(wanted, found, distance, everywhere, row + away[0], column + away[1], 0)
            radius //= 2

    def _try(
        self, wanted: Map, found: Index, distance: Map, where: Hole, row: Index, column: Index, bonus: float
    ) -> None:
        height, width = self.size
        where = where & (row >= 0) & (row < height) & (column >= 0) & (column < width)
        candidate = np.where(where, row * width + column, 0)
        chosen = np.flatnonzero(where & self.known[candidate] & (candidate != found))
        candidate = candidate[chosen]
        new = np.square(wanted[chosen] - self.features[candidate]).sum(axis=1)
        better = new < distance[chosen] * (1 + bonus)
        found[chosen[better]], distance[chosen[better]] = candidate[better], new[better]


def _features(values: Map, places: Index) -> Map:
    """What patches are compared by, (N, 34), whole numbers: low frequencies of luma and chroma, strength of texture."""
    width = values.shape[1]
    padded = np.rint(np.pad(values[..., :3], [(PATCH_PX, PATCH_PX), (PATCH_PX, PATCH_PX), (0, 0)], mode="symmetric"))
    red, green, blue = padded[..., 0], padded[..., 1], padded[..., 2]
    planes = [
        np.rint(plane).ravel()
        for plane in ((red + 2 * green + blue) / 4, (red - blue) / 2, (2 * green - red - blue) / 4)
    ]
    wide = width + 2 * PATCH_PX
    span = np.arange(SIDE_PX)
    patch = (span[:, None] * wide + span).ravel()
    rows, columns = np.divmod(places, width)
    corners = rows * wide + columns
    bases = _cosines(NUM_LUMA), _cosines(NUM_CHROMA), _cosines(NUM_CHROMA)
    result = np.empty((len(places), NUM_LUMA + 2 * NUM_CHROMA + 2), np.float32)
    for start in range(0, len(places), 16 * ROWS):
        part = slice(start, start + 16 * ROWS)
        at = corners[part, None] + patch
        coefficients = [plane[at] @ basis for plane, basis in zip(planes, bases, strict=True)]
        result[part, :-2] = np.rint(np.concatenate(coefficients, axis=1) / PRECISION)
    result[:, -2:] = np.rint(TEXTURE * SIDE_PX * values[..., 3:].reshape(-1, 2)[places])
    return result


@cache
def _cosines(num: int) -> Map:
    """The first two-dimensional cosines of a patch, (pixels, num), in whole numbers."""
    position = np.arange(SIDE_PX)
    lines = np.cos(np.pi * (2 * position + 1) * position[:, None] / (2 * SIDE_PX)) * np.sqrt(2 / SIDE_PX)
    lines[0] /= np.sqrt(2)
    pairs = [(a, b) for a in range(SIDE_PX) for b in range(SIDE_PX)]
    pairs.sort(key=lambda pair: (sum(pair), abs(pair[0] - pair[1]), pair))
    planes = [np.outer(lines[a], lines[b]).ravel() for a, b in pairs[:num]]
    return np.asarray(np.rint(PRECISION * np.stack(planes, axis=1)), np.float32)
