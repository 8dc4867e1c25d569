"""Copies of a small photo, carried to the full-size one.

What PatchMatch made of the small photo is a mosaic of known pieces. Where each pixel of it comes from is found again,
and at each finer scale the same offsets, doubled, bring the photo's own pixels; the seams between pieces move to where
they show least.

Source: offsets as labels with costs at their seams are those of Pritch et al. 2009, "Shift-Map Image Editing".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.planner import Box
from partialconv.inference.scales import doubled
from partialconv.inference.shapes import shrunk

Map = NDArray[np.floating[Any]]
Index = NDArray[np.integer[Any]]
Place = tuple[Index, Index]
PATCH_PX = 3  # half a side of the patches that are found again, less its centre
SIDE_PX = 2 * PATCH_PX + 1
NUM_LUMA, NUM_CHROMA = 20, 4  # coefficients of the cosine transform that are compared
ROUNDS = 4  # of the search
REACHES_PX = (8, 4, 2, 1, 1)  # to the neighbours whose sources are tried
SWEEPS = 4, 2  # over the seams, at the small scale and at each finer one
SEAM, NEW, FAITH = 1.0, 2.0, 0.3  # costs: of a level of difference at a seam, of a seam, of a level from the small fill
UNKNOWN = 1e5  # cost of a copy of nothing
CHUNK = 8192
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))


@dataclass(frozen=True)
class Level:
    """A photo at one scale.

    Args:
        photo: (H, W, 3), as it is stored, filled by the network.
        hole: (H, W), True = to be copied into.
        shut: (H, W), True = stays, but nothing is copied from there.
        box: Around the hole, with a margin.
        low: The stored value that is 0 for the copies.
        high: The stored value that is 255.
    """

    photo: NDArray[Any]
    hole: Hole
    shut: Hole
    box: Box
    low: float
    high: float

    def colours(self, where: tuple[Any, Any]) -> Map:
        """Values of some pixels, or of a rectangle, 0 to 255."""
        values = self.photo[where].astype(np.float32)
        return np.asarray((values - np.float32(self.low)) * np.float32(255 / (self.high - self.low)))


def find_sources(made: Map, hole: Hole, shut: Hole) -> Index:
    """Where in the known photo each pixel of a mosaic comes from: offsets, (2, H, W), rows and columns; 0 outside.

    Args:
        made: (H, W, 3), 0 to 255, the photo with the mosaic in its hole.
        hole: (H, W), True where the mosaic is.
        shut: (H, W), True where nothing may come from.
    """
    height, width = hole.shape
    inside = np.zeros_like(hole)
    inside[PATCH_PX:-PATCH_PX, PATCH_PX:-PATCH_PX] = True
    sources = shrunk(~(hole | shut), PATCH_PX) & inside
    if not sources.any():
        sources = ~(hole | shut)
    targets = np.flatnonzero(hole)
    search = _Search(made, targets, np.flatnonzero(sources))
    generator = np.random.default_rng(0)
    for _ in range(ROUNDS):
        search.ask_neighbours()
        search.wander(generator)
    search.ask_neighbours()
    offsets = np.zeros((2, height * width), np.int32)
    offsets[:, targets] = np.stack(np.divmod(search.found, width)) - np.stack(np.divmod(targets, width))
    return offsets.reshape(2, height, width)


class _Search:
    """The best source of each target so far."""

    def __init__(self, made: Map, targets: Index, sources: Index) -> None:
        self.size = made.shape[:2]
        self.targets, self.place = targets, np.divmod(targets, self.size[1])
        self.features = np.zeros((made[..., 0].size, NUM_LUMA + 2 * NUM_CHROMA), np.float32)
        self.features[sources] = _features(made, sources)
        self.wanted = _features(made, targets)
        self.known = np.zeros(made[..., 0].size, bool)
        self.known[sources] = True
        self.number = np.full(made[..., 0].size, -1)
        self.number[targets] = np.arange(len(targets))
        self.found = sources[np.random.default_rng(0).integers(0, len(sources), len(targets))]
        self.distance = np.square(self.wanted - self.features[self.found]).sum(axis=1)

    def ask_neighbours(self) -> None:
        """Try what continues the sources of neighbours."""
        height, width = self.size
        for px in REACHES_PX:
            for down, right in NEIGHBOURS:
                row, column = self.place[0] + px * down, self.place[1] + px * right
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                neighbour = self.number[np.where(inside, row * width + column, 0)]
                source = np.divmod(self.found[neighbour], width)
                self._try(inside & (neighbour >= 0), source[0] - px * down, source[1] - px * right)

    def wander(self, generator: np.random.Generator) -> None:
        """Try places at random, ever nearer to the source."""
        radius = max(self.size)
        everywhere = np.ones(len(self.found), bool)
        while radius >= 1:
            row, column = np.divmod(self.found, self.size[1])
            away = generator.integers(-radius, radius + 1, (2, len(self.found)))
            self._try(everywhere, row + away[0], column + away[1])
            radius //= 2

    def _try(self, where: Hole, row: Index, column: Index) -> None:
        height, width = self.size
        where = where & (row >= 0) & (row < height) & (column >= 0) & (column < width)
        source = np.where(where, row * width + column, 0)
        numbers = np.flatnonzero(where & self.known[source] & (source != self.found))
        distance = np.square(self.wanted[numbers] - self.features[source[numbers]]).sum(axis=1)
        nearer = distance < self.distance[numbers]
        self.found[numbers[nearer]] = source[numbers[nearer]]
        self.distance[numbers[nearer]] = distance[nearer]


def _features(made: Map, places: Index) -> Map:
    """The lowest coefficients of the cosine transform of patches, (N, features)."""
    width = made.shape[1]
    padded = np.pad(made, [(PATCH_PX, PATCH_PX), (PATCH_PX, PATCH_PX), (0, 0)], mode="symmetric")
    planes = padded.sum(axis=2) / np.sqrt(3), padded[..., 0] - padded[..., 1], padded[..., 2] - padded[..., 1]
    result = np.empty((len(places), NUM_LUMA + 2 * NUM_CHROMA), np.float32)
    views = [np.lib.stride_tricks.sliding_window_view(plane, (SIDE_PX, SIDE_PX)) for plane in planes]
    for start in range(0, len(places), CHUNK):
        at = np.divmod(places[start : start + CHUNK], width)
        parts = [
            view[at].reshape(len(at[0]), SIDE_PX**2) @ _cosines(num)
            for view, num in zip(views, (NUM_LUMA, NUM_CHROMA, NUM_CHROMA), strict=True)
        ]
        result[start : start + CHUNK] = np.concatenate(parts, axis=1)
    return result


def _cosines(num: int) -> Map:
    """The first two-dimensional cosines of a patch, (pixels, num)."""
    position = np.arange(SIDE_PX)
    lines = np.cos(np.pi * (2 * position + 1) * position[:, None] / (2 * SIDE_PX)) * np.sqrt(2 / SIDE_PX)
    lines[0] /= np.sqrt(2)
    pairs = [(a, b) for a in range(SIDE_PX) for b in range(SIDE_PX)]
    pairs.sort(key=lambda pair: (sum(pair), abs(pair[0] - pair[1]), pair))
    return np.stack([np.outer(lines[a], lines[b]).ravel() for a, b in pairs[:num]], axis=1).astype(np.float32)


class Mosaic:
    """Offsets of the pixels of a hole, and the copies that they bring.

    Args:
        level: The photo at one scale.
        offsets: (2, h, w), in the box of the level, from each pixel to its source.
        near: (h, w, 3), 0 to 255, in the box, what the copies should look like from far.
    """

    def __init__(self, level: Level, offsets: Index, near: Map) -> None:
        self.level, self.offsets, self.near = level, offsets, near
        self.hole = level.hole[level.box.slices]
        self.known = ~(level.hole | level.shut)

    def move_seams(self, sweeps: int) -> None:
        """Let each pixel beside a seam take the offset of a neighbour where that costs less, in place."""
        height, width = self.hole.shape
        odd = np.add.outer(np.arange(height), np.arange(width)) % 2
        for _ in range(sweeps):
            for parity in (0, 1):
                self._choose(_places(self._beside_seams() & (odd == parity)))

    def colours(self) -> Map:
        """The box with the copies in its hole, soft at the seams, (h, w, 3), 0 to 255."""
        result = self.level.colours(self.level.box.slices)
        places = _places(self.hole)
        total, known = self._source(places, self.offsets[:, places[0], places[1]])
        weight = known.astype(np.float32)[:, None]
        total = total * weight
        seams = self._beside_seams()[places]
        at = places[0][seams], places[1][seams]
        for down, right in NEIGHBOURS:
            values, known = self._source(at, self._offset(self._moved(at, down, right)))
            share = known[:, None] / 4
            total[seams] += share * values
            weight[seams] += share
        result[places] = np.where(weight > 0, total / np.maximum(weight, 1e-6), self.near[places])
        return result

    def _choose(self, places: Place) -> None:
        offsets = [self.offsets[:, places[0], places[1]]]
        around = [self._moved(places, down, right) for down, right in NEIGHBOURS]
        in_hole = [self.hole[place] for place in around]
        offsets += [
            np.where(hole, self._offset(place), offsets[0]) for place, hole in zip(around, in_hole, strict=True)
        ]
        best = np.full(len(places[0]), np.inf, np.float32)
        chosen = offsets[0].copy()
        mine = [self._source(places, self._offset(place)) for place in around]
        theirs = [self._source(place, self._offset(place)) for place in around]
        for offset in offsets:
            values, known = self._source(places, offset)
            cost = np.where(known, FAITH * _distance(values, self.near[places]), np.float32(UNKNOWN))
            for place, hole, here, there in zip(around, in_hole, mine, theirs, strict=True):
                other, is_known = self._source(place, offset)
                seam = SEAM * (
                    np.where(here[1], _distance(values, here[0]), 0)
                    + np.where(is_known & there[1], _distance(other, there[0]), 0)
                )
                same = hole & (self._offset(place) == offset).all(axis=0)
                cost += np.where(same, 0, seam + np.where(hole, np.float32(NEW), 0))
            better = cost < best
            best = np.where(better, cost, best)
            chosen = np.where(better, offset, chosen)
        self.offsets[:, places[0], places[1]] = chosen

    def _beside_seams(self) -> Hole:
        """Pixels of the hole that have a neighbour with another offset, or whose source is not known."""
        rows, columns = self.offsets
        found = np.zeros_like(self.hole)
        across = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        found[1:] |= across
        found[:-1] |= across
        along = (rows[:, 1:] != rows[:, :-1]) | (columns[:, 1:] != columns[:, :-1])
        found[:, 1:] |= along
        found[:, :-1] |= along
        return np.asarray(found & self.hole)

    def _moved(self, places: Place, down: int, right: int) -> Place:
        height, width = self.hole.shape
        return (places[0] + down).clip(0, height - 1), (places[1] + right).clip(0, width - 1)

    def _offset(self, places: Place) -> Index:
        """Offsets, (2, N): 0 where the photo is known."""
        return np.asarray(self.offsets[:, places[0], places[1]])

    def _source(self, places: Place, offset: Index) -> tuple[Map, Hole]:
        """The copies that an offset brings, (N, 3), and whether they are known."""
        height, width = self.known.shape
        row, column = places[0] + offset[0] + self.level.box.top, places[1] + offset[1] + self.level.box.left
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        row, column = row.clip(0, height - 1), column.clip(0, width - 1)
        return self.level.colours((row, column)), inside & self.known[row, column]


def _places(hole: Hole) -> Place:
    rows, columns = np.nonzero(hole)
    return rows, columns


def _distance(one: Map, other: Map) -> Map:
    return np.asarray(np.sqrt(np.square(one - other).sum(axis=1)))


def carry(levels: list[Level], made: Map, tell: Callable[[float], None]) -> Map:
    """Copies at full size from a mosaic of the smallest level.

    Args:
        levels: The photo at its size, at half of it, ...
        made: The smallest level with the mosaic in its hole, (H, W, 3), 0 to 255.
        tell: Called with the share that is done.

    Returns:
        (h, w, 3), 0 to 255, the box of the first level.
    """
    level = levels[-1]
    offsets = find_sources(made, level.hole, level.shut)
    mosaic = Mosaic(level, offsets[:, *level.box.slices], made[level.box.slices])
    mosaic.move_seams(SWEEPS[0])
    for number, level in enumerate(levels[-2::-1], 1):
        tell(number / len(levels))
        coarse, top, left = mosaic.level.box, level.box.top, level.box.left
        # a pixel at (y, x) has the offset, doubled, of the one at (y // 2, x // 2) of the smaller photo
        rows, columns = (
            np.arange(start, start + side) // 2 - first
            for start, side, first in zip((top, left), level.box.shape, (coarse.top, coarse.left), strict=True)
        )
        near = doubled(mosaic.colours(), top - 2 * coarse.top, left - 2 * coarse.left, *level.box.shape)
        offsets = np.where(level.hole[level.box.slices], 2 * mosaic.offsets[:, rows[:, None], columns], 0)
        mosaic = Mosaic(level, offsets, near)
        mosaic.move_seams(SWEEPS[1])
    return mosaic.colours()
