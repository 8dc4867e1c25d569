"""From coarse to fine, patches of the hole are found in the known photo, and together say what the hole looks like.

Source: Wexler, Shechtman and Irani 2007, "Space-Time Completion of Video"; texture beside colour and confidence are
those of Newson et al. 2017, "Non-Local Patch-Based Image Inpainting"; the search goes on from neighbours as that of
Barnes et al. 2009, "PatchMatch". What begins it, and what its rim is held to, is the network's fill, which is ours.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from exemplar.pyramid import PATCH_PX, Level, levels_of
from exemplar.search import SIDE_PX, Search
from exemplar.shape import depths, grown
from partialconv.conventions import Hole

Map = NDArray[np.floating[Any]]
Index = NDArray[np.integer[Any]]
Start = Literal["network", "patchmatch"]
ROUNDS = (12, 6, 4, 3)  # searches at the coarsest level and those after it
MOST_PATCHMATCH = 100_000  # pixels of a hole that pypatchmatch fills
MOST_TARGETS = 150_000  # patches of a level that is searched; finer ones carry what was found there
RIM_PX = 3  # the network is right so near to known pixels
CONFIDENCE = 1.1  # by which votes lose with each pixel away from known ones
SHARPNESS = 0.6  # of votes by distance: lower lets fewer patches vote
NOISE = 4.0  # squared levels a pixel in which patches may differ freely
EXACT = 1.0  # squared levels a pixel: copies nearer than this are those of a drawn picture, not of a photo
LAST_PX = 1  # half a side, less its centre, of the parts of patches that vote at last


@dataclass(frozen=True)
class Synthesis:
    """What patches make of a hole.

    Args:
        colours: (H, W, 3), 0 to 255: the photo, with copies in its hole.
        texture: (H, W), the strength of the texture that known pixels around lead to expect, in levels.
        sure: (H, W), 1 where the copies agree with each other and with what is known as if drawn by rule, else 0.
    """

    colours: Map
    texture: Map
    sure: Map


def synthesize(photo: Map, hole: Hole, wanted: Hole, start: Start = "network") -> Synthesis | None:
    """Fill a hole with patches of the known pixels.

    Args:
        photo: (H, W, 3), 0 to 255, filled by the network.
        hole: (H, W), True = was filled.
        wanted: (H, W), the part of the hole to fill anew.
        start: What the coarsest level begins with: the network's fill; or that of pypatchmatch at the finest level that
            has few enough pixels to fill, whose correspondences are then carried on.

    Returns:
        None where too little is known to copy from.
    """
    levels = levels_of(photo, hole, wanted)
    if not levels:
        return None
    texture = np.asarray(levels[0].values[..., 3:].mean(axis=2))
    if start == "patchmatch":
        levels = _begun_by_patchmatch(levels)
        if len(levels) == 1:  # votes would only blur it
            return Synthesis(levels[0].values[..., :3], texture, np.zeros_like(texture))
    generator = np.random.default_rng(0)
    found: Index | None = None
    coarser: Level | None = None
    for number, level in enumerate(reversed(levels)):
        rounds = ROUNDS[min(number, len(ROUNDS) - 1)] if start == "network" else 1
        values, found, sure = _one_level(level, coarser, found, rounds, number == len(levels) - 1, generator)
        coarser = level
    return Synthesis(values[..., :3], texture, sure)


def _begun_by_patchmatch(levels: list[Level]) -> list[Level]:
    """The levels down to one that PatchMatch fills, in place."""
    from patchmatch import patch_match

    few = (number for number, level in enumerate(levels) if np.count_nonzero(level.hole) <= MOST_PATCHMATCH)
    levels = levels[: next(few, len(levels) - 1) + 1]
    colours, hole = levels[-1].values[..., :3], levels[-1].hole
    patch_match.set_random_seed(0)
    filled = patch_match.inpaint(
        np.rint(colours).clip(0, 255).astype(np.uint8), hole.astype(np.uint8) * 255, patch_size=3
    )
    colours[hole] = filled[hole]
    return levels


def _one_level(
    level: Level, coarser: Level | None, found: Index | None, rounds: int, last: bool, generator: np.random.Generator
) -> tuple[Map, Index, Map]:
    """Fill a level from what was found at the coarser one, and find it anew."""
    around = grown(level.hole, PATCH_PX)
    targets = np.flatnonzero(around)
    votes = _Votes(level, targets)
    values = level.values
    if coarser is not None and found is not None:
        matches = _carried(level, coarser, found, targets, generator)
        values = votes.count(matches, votes.confidence)
    else:
        matches = None
    sure = np.zeros(level.hole.shape, np.float32)
    if matches is None or len(targets) <= MOST_TARGETS:
        search = Search(level, targets)
        for _ in range(rounds):
            matches, distance = search.match(values, matches, generator)
            spread = np.quantile(distance, 0.75) + SIDE_PX**2 * NOISE
            values = votes.count(matches, votes.confidence * (np.exp(-distance / (SHARPNESS * spread)) + 1e-6))
        if last and matches is not None:
            matches, distance = search.match(votes.count(matches, np.ones(len(targets)), rim=False), matches, generator)
            unsure = np.zeros(level.hole.shape, bool)
            unsure.ravel()[targets] = distance > SIDE_PX**2 * EXACT
            sure = 1 - grown(unsure, 2 * PATCH_PX).astype(np.float32)
    assert matches is not None
    if last:
        values = votes.count(matches, np.ones(len(targets)), LAST_PX, sure=sure)
    result = np.full(level.hole.size, -1)
    result[targets] = matches
    return values, result, sure


def _carried(level: Level, coarser: Level, found: Index, targets: Index, generator: np.random.Generator) -> Index:
    """The sources of a level's targets by those of the coarser one."""
    (height, width), coarse_width = level.hole.shape, coarser.hole.shape[1]
    row, column = np.divmod(targets, width)
    source = found[row // 2 * coarse_width + column // 2]
    source_row, source_column = np.divmod(source, coarse_width)
    source_row, source_column = 2 * source_row + row % 2, 2 * source_column + column % 2
    carried = source_row.clip(0, height - 1) * width + source_column.clip(0, width - 1)
    lost = (source < 0) | ~level.sources.ravel()[carried]
    carried[lost] = generator.choice(np.flatnonzero(level.sources), np.count_nonzero(lost))
    return np.asarray(carried)


class _Votes:
    """Means of what the patches over each pixel of a hole say of it."""

    def __init__(self, level: Level, targets: Index) -> None:
        self.level = level
        height, width = level.hole.shape
        self.wide = width + 2 * PATCH_PX
        known = np.pad(level.values, [(PATCH_PX, PATCH_PX), (PATCH_PX, PATCH_PX), (0, 0)], mode="symmetric")
        self.known = np.concatenate([known, np.ones((*known.shape[:2], 1), np.float32)], axis=2).reshape(-1, 6)
        self.inside = np.flatnonzero(level.hole)
        self.targets = self._corner(targets)
        depth = depths(level.hole, RIM_PX + 1).ravel()[self.inside]
        self.rim = (1 - (depth - 0.5) / RIM_PX).clip(0, 1)[:, None]
        around = np.zeros(level.hole.size, bool)
        around[targets] = True
        self.confidence = CONFIDENCE ** -depths(around.reshape(height, width), 40).ravel()[targets]

    def count(
        self,
        matches: Index,
        weights: NDArray[np.floating[Any]],
        reach_px: int = PATCH_PX,
        rim: bool = True,
        sure: Map | None = None,
    ) -> Map:
        """The level's values with the hole filled by votes.

        Args:
            matches: The source of each target, (N,).
            weights: Of each target, (N,).
            reach_px: How far from its centre a patch votes.
            rim: Whether the rim is held to the network's fill.
            sure: (H, W), where it is not.
        """
        sources, total = self._corner(matches), np.zeros_like(self.known)
        weighted = weights.astype(np.float32)[:, None]
        for down in range(PATCH_PX - reach_px, PATCH_PX + reach_px + 1):
            for right in range(PATCH_PX - reach_px, PATCH_PX + reach_px + 1):
                away = down * self.wide + right
                total[self.targets + away] += weighted * self.known[sources + away]
        sums = total[self._corner(self.inside) + PATCH_PX * (self.wide + 1)]
        values = self.level.values.copy()
        flat = values.reshape(-1, 5)
        means = sums[:, :5] / np.maximum(sums[:, 5:], 1e-12)
        held: Map = self.rim * np.float32(rim)
        if sure is not None:
            held = held * (1 - sure.ravel()[self.inside, None])
        flat[self.inside] = held * flat[self.inside] + (1 - held) * means
        return values

    def _corner(self, places: Index) -> Index:
        row, column = np.divmod(places, self.wide - 2 * PATCH_PX)
        return np.asarray(row * self.wide + column)
