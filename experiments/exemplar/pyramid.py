"""A photo at all scales, with the strength of its texture beside its colours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exemplar.shape import box_sums, shrunk
from partialconv.conventions import Hole

Map = NDArray[np.floating[Any]]
COARSEST_PX = 5  # a hole is halved until no pixel of it is deeper than this
TEXTURE_PX = 4  # half a side of the squares in which texture is measured
PATCH_PX = 3  # half a side of a patch, less its centre
FEWEST_SOURCES = 200  # patches of known pixels, or there is too little to choose from


@dataclass(frozen=True)
class Level:
    """A photo at one scale.

    Args:
        values: (H, W, 5): red, green, blue, 0 to 255, filled; strength of texture along columns and along rows.
        hole: (H, W), True where any of the pixels that became one was to be filled.
        sources: (H, W), the centres of patches that are known and inside.
    """

    values: Map
    hole: Hole
    sources: Hole


def levels_of(photo: Map, hole: Hole, wanted: Hole) -> list[Level]:
    """The photo and its halves, finest first; none if too little of it is known.

    Args:
        photo: (H, W, 3), 0 to 255, filled by the network.
        hole: (H, W), True = was filled.
        wanted: (H, W), the part of the hole to fill anew; the rest stays, but nothing is copied from it.
    """
    values = np.concatenate([photo, *_texture(photo, hole)], axis=2)
    found = [Level(values, wanted, _sources(hole))]
    if np.count_nonzero(found[0].sources) < FEWEST_SOURCES:
        return []
    while shrunk(found[-1].hole, COARSEST_PX).any():
        values, wanted, hole = _halved(found[-1].values), _halved_hole(found[-1].hole), _halved_hole(hole)
        coarser = Level(values, wanted, _sources(hole))
        if np.count_nonzero(coarser.sources) < FEWEST_SOURCES:
            break
        found.append(coarser)
    return found


def spread(values: Map, known: Hole) -> Map:
    """`values`, (H, W), where they are known, and smooth between them: pulled up a pyramid and pushed down again."""
    if known.all() or min(known.shape) < 2 or not known.any():
        return values
    height, width = known.shape
    padding = [(0, height % 2), (0, width % 2)]
    weights = np.pad(known.astype(np.float32), padding, mode="edge")
    total, count = _quarter(np.pad(values * known, padding, mode="edge") * weights), _quarter(weights)
    coarse = spread(total / np.maximum(count, 1), count > 0)
    size = 2 * coarse.shape[1], 2 * coarse.shape[0]
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))[:height, :width]
    return np.where(known, values, smooth).astype(np.float32)


def _texture(photo: Map, hole: Hole) -> list[Map]:
    """The mean difference of neighbouring known pixels around each pixel, in levels, (H, W, 1) for each axis.

    In the hole it is that of the known pixels around, near and far.
    """
    grey, known = photo.mean(axis=2), ~hole
    strengths = []
    for axis in (0, 1):
        padding = [(0, 1) if a == axis else (0, 0) for a in (0, 1)]
        ahead, behind = (slice(1, None), slice(None, -1))
        pair = (known[ahead] & known[behind]) if axis == 0 else (known[:, ahead] & known[:, behind])
        steps = np.pad(np.abs(np.diff(grey, axis=axis)) * pair, padding)
        count = box_sums(np.pad(pair.astype(np.float32), padding), TEXTURE_PX)
        mean = box_sums(steps, TEXTURE_PX) / np.maximum(count, 1)
        strengths.append(spread(mean, count > 0.5)[..., None])
    return strengths


def _sources(hole: Hole) -> Hole:
    """The pixels whose patches are known and inside of the photo."""
    inside = np.zeros_like(hole)
    inside[PATCH_PX:-PATCH_PX, PATCH_PX:-PATCH_PX] = True
    return np.asarray(shrunk(~hole, PATCH_PX) & inside)


def _halved(values: Map) -> Map:
    height, width, _ = values.shape
    return _quarter(np.pad(values, [(0, height % 2), (0, width % 2), (0, 0)], mode="edge")) / 4


def _halved_hole(hole: Hole) -> Hole:
    marked = np.pad(hole, [(0, hole.shape[0] % 2), (0, hole.shape[1] % 2)], mode="edge")
    left = marked[:, ::2] | marked[:, 1::2]
    return np.asarray(left[::2] | left[1::2])


def _quarter(values: Map) -> Map:
    return np.asarray(values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2])
