"""Ringing of a JPEG around what was removed from it: a hole grows over it, within the blocks that it touches.

The quantisation of a block spreads the edges of a speck over all of the block. It is seen where blocks beside it, which
the hole does not touch, are smooth: what deviates from them by more than they do themselves, but by no more than the
steps of the quantisation can explain, is ringing.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import some_blocks
from partialconv.imageio.jpeg import Plane, averaged, cut_blocks, planes_of
from partialconv.imageio.markers import BLOCK, DQT, FRAMES, Segment, parse_jpeg
from partialconv.imageio.photo import Photo

SPAN = 3 * BLOCK  # a block and those around it
BLOCKS_AT_ONCE = 1024
OFFSETS = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])  # the fifth is the block itself
NUM_TERMS, RIDGE = 6, 1e-3  # of a quadratic surface
# Growing over texture would cost more than its ringing does; benchmarks/ringing.py measures the trade that these make.
EXCESS = 2.5  # of the deviation of 3x3 samples, against that of the blocks beside
LEAST_LEVELS = 1.0  # of 255: smaller deviations are not seen
SMOOTH_LEVELS, FLAT_LEVELS = (
    3.0,
    1.2,
)  # deviation of the blocks beside, above which nothing grows; and of a plain ground
LEAST_KNOWN, FLAT_KNOWN = 2 * BLOCK**2, 4 * BLOCK**2  # samples of them
MOST_STEPS, FLAT_STEPS = 1.0, 2.0  # that ringing deviates, in root mean square steps of quantisation
MOST_SHARE, FLAT_SHARE = 0.2, 0.5  # of the contrast of what is in the hole
Grid = NDArray[np.bool_]
Places = NDArray[np.intp]
Map = NDArray[np.float64]


def with_ringing(photo: Photo, hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow a hole over the ringing in the blocks of a JPEG that it touches.

    Args:
        photo: As stored; of another format than JPEG it has no ringing.
        hole: (H, W), True = hole, as stored.

    Returns:
        (H, W): the hole and what rings; `hole` itself where nothing does.

    Source: ours.
    """
    if photo.format != "JPEG" or not hole.any():
        return hole
    segments = parse_jpeg(photo.content).segments
    grown = hole.copy()
    light, *_ = planes_of(segments)
    for (tall, wide), planes in _planes(segments).items():
        for rows, columns, ringing in _ringing(photo, hole, light, planes, tall, wide):
            region = grown[rows, columns]
            enlarged = ringing.repeat(tall, axis=0).repeat(wide, axis=1)
            region |= enlarged[: region.shape[0], : region.shape[1]]
    return grown if not grown.all() else hole


def _planes(segments: Sequence[Segment]) -> dict[tuple[int, int], list[tuple[Plane, float]]]:
    """The planes and the root mean square of their quantisation steps, by how many pixels one of their samples covers.

    Planes of one grid stand together, because they share their blocks.
    """
    steps = {}
    for marker, content in segments:
        place = 0
        while marker == DQT and place < len(content):
            wide, number = divmod(content[place], 16)
            size = BLOCK * BLOCK * (2 if wide else 1)
            table = np.frombuffer(content[place + 1 : place + 1 + size], ">u2" if wide else "u1").astype(float)
            steps[number] = float(np.sqrt((table**2).mean()))
            place += 1 + size
    frame = next(content for marker, content in segments if marker in FRAMES)
    factors = [divmod(both, 16) for both in frame[7::3]]
    widest, tallest = (max(factor) for factor in zip(*factors, strict=True))
    found: dict[tuple[int, int], list[tuple[Plane, float]]] = {}
    for plane, (across, down), number in zip(planes_of(segments), factors, frame[8::3], strict=False):
        found.setdefault((tallest // down, widest // across), []).append((plane, steps.get(number, 0.0)))
    return found


def _ringing(
    photo: Photo, hole: Grid, light: Plane, planes: Sequence[tuple[Plane, float]], tall: int, wide: int
) -> Iterator[tuple[slice, slice, Grid]]:
    """What rings in the blocks of some planes of one grid, (BLOCK, BLOCK) samples for each, and their place.

    `light` is the plane of brightness, whose texture would be lost with the ringing of the others.
    """
    height, width = BLOCK * tall, BLOCK * wide
    touched = some_blocks(hole, height, width)
    ground = np.pad(touched, 1, constant_values=True)
    places = np.argwhere(touched)
    free = np.stack([~ground[tuple((places + 1 + offset).T)] for offset in OFFSETS], axis=1)
    enough = BLOCK**2 * np.count_nonzero(free, axis=1) >= LEAST_KNOWN
    places, free = places[enough], free[enough]
    for start in range(0, len(places), BLOCKS_AT_ONCE):
        near = places[start : start + BLOCKS_AT_ONCE, None] + OFFSETS
        some = _Blocks(near, free[start : start + BLOCKS_AT_ONCE])
        found = np.zeros((len(near), BLOCK, BLOCK), bool)
        brightness, middle = some.deviation(some.samples(photo, light, tall, wide))
        smooth = brightness * tall * wide <= SMOOTH_LEVELS**2
        if not smooth.any():
            continue
        marked = some.marked(hole, tall, wide)
        for plane, step in planes:
            usual = brightness
            if plane is not light:
                usual, middle = some.deviation(some.samples(photo, plane, tall, wide))
            found |= _deviating(usual, middle, some.num_known, marked, step)
        found &= smooth[:, None, None]
        for (row, column), ringing in zip(near[:, 4], found, strict=True):
            if ringing.any():
                rows = slice(row * height, min((row + 1) * height, hole.shape[0]))
                yield rows, slice(column * width, min((column + 1) * width, hole.shape[1])), ringing


class _Blocks:
    """Some blocks that a hole touches, with those around them, each of which is looked at once.

    Args:
        near: Row and column of each block and of those around it in the grid, (N, 9, 2).
        free: Which of these the hole does not touch, (N, 9).
    """

    def __init__(self, near: Places, free: Grid) -> None:
        self.free, self.num_known = free, BLOCK**2 * np.count_nonzero(free, axis=1)
        needed = free.copy()
        needed[:, 4] = True
        self.places, number = np.unique(near[needed], axis=0, return_inverse=True)
        self.index = np.zeros(free.shape, np.intp)
        self.index[needed] = number.reshape(-1)

    def samples(self, photo: Photo, plane: Plane, tall: int, wide: int) -> Map:
        """The samples of a plane in each block, (U, BLOCK**2); beyond the photo the border repeats."""
        pixels = cut_blocks(photo.samples, self.places, BLOCK * tall, BLOCK * wide)
        return plane(averaged(pixels, tall, wide)).reshape(-1, BLOCK**2)

    def marked(self, hole: Grid, tall: int, wide: int) -> Grid:
        """Which samples of the blocks are in the hole, (N, BLOCK, BLOCK)."""
        pixels = cut_blocks(hole, self.places[self.index[:, 4]], BLOCK * tall, BLOCK * wide)
        return np.asarray(pixels.reshape(-1, BLOCK, tall, BLOCK, wide).any(axis=(2, 4)))

    def deviation(self, values: Map) -> tuple[Map, Map]:
        """What samples deviate from the quadratic surface that fits the known ones around a block.

        The fit is made of sums over each block, moved to where it lies, so that no sample is added up twice.

        Returns:
            The mean square of the known ones, (N,), and the deviation of the blocks themselves, (N, BLOCK, BLOCK).
        """
        terms, moving = _surface()
        sums, squares = values @ terms[4], (values**2).sum(axis=1)
        moments = np.einsum("np,npi,pij->nj", self.free, sums[self.index], moving, optimize=True)
        normal = self.free @ (terms.swapaxes(1, 2) @ terms).reshape(9, -1)
        normal = normal.reshape(-1, NUM_TERMS, NUM_TERMS)
        surface = np.linalg.solve(normal + RIDGE * np.eye(NUM_TERMS), moments[..., None])
        explained = (surface * (2 * moments[..., None] - normal @ surface)).sum(axis=(1, 2))
        left = (squares[self.index] * self.free).sum(axis=1) - explained
        middle = values[self.index[:, 4]] - surface[..., 0] @ terms[4].T
        return left / self.num_known, middle.reshape(-1, BLOCK, BLOCK)


@cache
def _surface() -> tuple[Map, Map]:
    """The terms of a quadratic surface in a block and those around it, (9, BLOCK**2, NUM_TERMS), and how to move sums.

    The second one, (9, NUM_TERMS, NUM_TERMS), turns sums over samples times the terms of the middle block into sums
    with those of another one.
    """
    y, x = (np.mgrid[:SPAN, :SPAN] - (SPAN - 1) / 2) / SPAN
    whole = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    terms = whole.reshape(3, BLOCK, 3, BLOCK, NUM_TERMS).swapaxes(1, 2).reshape(9, BLOCK**2, NUM_TERMS)
    return terms, np.linalg.pinv(terms[4]) @ terms


def _deviating(usual: Map, middle: Map, num_known: NDArray[np.intp], hole: Grid, step: float) -> Grid:
    """Where blocks deviate from their untouched neighbours, (N, BLOCK, BLOCK).

    Args:
        usual: Mean square of what the neighbours deviate from their surface, (N,).
        middle: What the blocks do, (N, BLOCK, BLOCK).
        num_known: Samples of the neighbours, (N,).
        hole: (N, BLOCK, BLOCK).
        step: Root mean square of the steps of quantisation.
    """
    usual = np.maximum(usual, LEAST_LEVELS**2)
    flat = (usual <= FLAT_LEVELS**2) & (num_known >= FLAT_KNOWN)
    contrast = (np.abs(middle) * hole).max(axis=(1, 2))
    most = np.minimum(np.where(flat, FLAT_STEPS, MOST_STEPS) * step, np.where(flat, FLAT_SHARE, MOST_SHARE) * contrast)
    small = ~hole & (np.abs(middle) <= most[:, None, None])
    energy = _near(middle**2 * small) / np.maximum(_near(small.astype(float)), 1e-9)
    rings = small & (energy > EXCESS**2 * usual[:, None, None])
    return np.asarray(rings & (usual <= SMOOTH_LEVELS**2)[:, None, None])


def _near(values: Map) -> Map:
    """Sums over 3x3 samples of each block."""
    padded = np.pad(values, [(0, 0), (1, 1), (1, 1)])
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:])
