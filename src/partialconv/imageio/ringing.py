"""Ringing of a JPEG around what was removed from it: a hole grows over it, within the blocks that it touches.

The quantisation of a block spreads the edges of a speck over all of the block. It is seen where blocks beside it, which
the hole does not touch, are smooth: what deviates from them by more than they do themselves, but by no more than the
steps of the quantisation can explain, is ringing.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from partialconv.imageio.jpeg import BLOCK, Plane, planes_of
from partialconv.imageio.markers import FRAMES, Jpeg, parse_jpeg
from partialconv.imageio.photo import Photo

TABLES = 0xDB
SPAN = 3 * BLOCK  # a block and those around it
BLOCKS_AT_ONCE = 1024
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
    jpeg = parse_jpeg(photo.content)
    grown = hole.copy()
    first, *_ = planes_of(jpeg.segments)
    for plane, step, (tall, wide) in _planes(jpeg):
        for rows, columns, ringing in _ringing(photo, hole, (first, plane), step, tall, wide):
            region = grown[rows, columns]
            enlarged = ringing.repeat(tall, axis=0).repeat(wide, axis=1)
            region |= enlarged[: region.shape[0], : region.shape[1]]
    return grown if not grown.all() else hole


def _planes(jpeg: Jpeg) -> Iterator[tuple[Plane, float, tuple[int, int]]]:
    """Each plane, the root mean square of its quantisation steps, and how many pixels one of its samples covers."""
    steps = {}
    for marker, content in jpeg.segments:
        place = 0
        while marker == TABLES and place < len(content):
            wide, number = divmod(content[place], 16)
            size = BLOCK * BLOCK * (2 if wide else 1)
            table = np.frombuffer(content[place + 1 : place + 1 + size], ">u2" if wide else "u1").astype(float)
            steps[number] = float(np.sqrt((table**2).mean()))
            place += 1 + size
    frame = next(content for marker, content in jpeg.segments if marker in FRAMES)
    factors = [divmod(both, 16) for both in frame[7::3]]
    widest, tallest = (max(factor) for factor in zip(*factors, strict=True))
    for plane, (across, down), number in zip(planes_of(jpeg.segments), factors, frame[8::3], strict=False):
        yield plane, steps.get(number, 0.0), (tallest // down, widest // across)


def _ringing(
    photo: Photo, hole: Grid, planes: tuple[Plane, Plane], step: float, tall: int, wide: int
) -> Iterator[tuple[slice, slice, Grid]]:
    """What rings in the blocks of a plane, (BLOCK, BLOCK) samples for each, and their place in the photo.

    The first of the two planes is that of brightness, whose texture would be lost with the ringing of the second one.
    """
    height, width = BLOCK * tall, BLOCK * wide
    padding = [(0, -hole.shape[0] % height), (0, -hole.shape[1] % width)]
    marked = np.pad(hole, padding)
    cells = marked.reshape(marked.shape[0] // height, height, marked.shape[1] // width, width)
    touched = cells.any(axis=(1, 3))
    places = np.argwhere(touched & ~cells.all(axis=(1, 3)))
    ground = np.pad(touched, 1, constant_values=True)
    for start in range(0, len(places), BLOCKS_AT_ONCE):
        some = places[start : start + BLOCKS_AT_ONCE]
        values, holes = [], []
        for row, column in some:
            values.append([_samples(photo, plane, row * height, column * width, tall, wide) for plane in planes])
            holes.append(cells[row, :, column, :].reshape(BLOCK, tall, BLOCK, wide).any(axis=(1, 3)))
        free = np.stack([~ground[row : row + 3, column : column + 3] for row, column in some])
        known = free.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)
        light, colour = np.moveaxis(np.array(values), 1, 0)
        texture = np.square(_deviation(light, known) * known).sum(axis=(1, 2)) * tall * wide
        smooth = texture <= SMOOTH_LEVELS**2 * known.sum(axis=(1, 2))
        found = _deviating(colour, known, np.stack(holes), step) & smooth[:, None, None]
        for (row, column), ringing in zip(some, found, strict=True):
            if ringing.any():
                rows = slice(row * height, min((row + 1) * height, hole.shape[0]))
                yield rows, slice(column * width, min((column + 1) * width, hole.shape[1])), ringing


def _samples(photo: Photo, plane: Plane, top: int, left: int, tall: int, wide: int) -> Map:
    """The samples of a plane in a block and those around it, (SPAN, SPAN); beyond the photo the border repeats."""
    height, width = BLOCK * tall, BLOCK * wide
    rows = np.arange(top - height, top + 2 * height).clip(0, photo.size[0] - 1)
    columns = np.arange(left - width, left + 2 * width).clip(0, photo.size[1] - 1)
    part = photo.samples[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    values = plane(part.reshape(*part.shape[:2], -1).astype(np.float64))
    values = values[rows - rows[0]][:, columns - columns[0]]
    return np.asarray(values.reshape(SPAN, tall, SPAN, wide).mean(axis=(1, 3)))


def _deviating(values: Map, known: Grid, hole: Grid, step: float) -> Grid:
    """Where blocks deviate from their untouched neighbours, (N, BLOCK, BLOCK).

    Args:
        values: Samples of a plane, (N, SPAN, SPAN).
        known: In untouched blocks, of the same shape.
        hole: Of the block in the middle, (N, BLOCK, BLOCK).
        step: Root mean square of the steps of quantisation.
    """
    deviation = _deviation(values, known)
    number = known.sum(axis=(1, 2))
    usual = np.maximum((deviation**2 * known).sum(axis=(1, 2)) / np.maximum(number, 1), LEAST_LEVELS**2)
    middle = deviation[:, BLOCK:-BLOCK, BLOCK:-BLOCK]
    flat = (usual <= FLAT_LEVELS**2) & (number >= FLAT_KNOWN)
    contrast = (np.abs(middle) * hole).max(axis=(1, 2))
    most = np.minimum(np.where(flat, FLAT_STEPS, MOST_STEPS) * step, np.where(flat, FLAT_SHARE, MOST_SHARE) * contrast)
    small = ~hole & (np.abs(middle) <= most[:, None, None])
    energy = _near(middle**2 * small) / np.maximum(_near(small.astype(float)), 1e-9)
    rings = small & (energy > EXCESS**2 * usual[:, None, None])
    known_well = (number >= LEAST_KNOWN) & (usual <= SMOOTH_LEVELS**2)
    return np.asarray(rings & known_well[:, None, None])


def _deviation(values: Map, known: Grid) -> Map:
    """What samples, (N, SPAN, SPAN), deviate from the quadratic surface that fits the known ones."""
    y, x = (np.mgrid[:SPAN, :SPAN] - (SPAN - 1) / 2) / SPAN
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    weights = known.reshape(len(known), -1).astype(float)
    flat = values.reshape(len(values), -1)
    normal = np.einsum("pi,np,pj->nij", terms, weights, terms) + 1e-3 * np.eye(6)
    moments = (flat * weights) @ terms
    model = np.linalg.solve(normal, moments[..., None])[..., 0] @ terms.T
    return np.asarray((flat - model).reshape(values.shape))


def _near(values: Map) -> Map:
    """Sums over 3x3 samples of each block."""
    padded = np.pad(values, [(0, 0), (1, 1), (1, 1)])
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:])
