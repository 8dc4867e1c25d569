"""Which crops of a photo the network has to see, and at which scale."""

from dataclasses import dataclass, replace

import numpy as np

from partialconv.conventions import Hole, some_blocks
from partialconv.inference.cutting import Cutter

BLOCK_PX = 8  # crops and depths are planned on a grid of such blocks
DEEP_BLOCKS = 1  # what is deeper inside a hole is filled at half the scale first: better, see docs/planner.md
CONTEXT_PX = 32  # of the photo that the network sees on each side of a hole, at least; more changed nothing
REGION_PX = 512  # of the photo around deep pixels are halved
MAX_SIDE_PX = 768  # of a crop
STEP_PX = 16  # sides of crops are multiples of this, so that many are of one shape
MEASURED_PX = 512  # longer sides are thinned out to measure how wide a hole is
OVERHEAD_PX = 64 * 64  # what a run costs beside its pixels, in pixels
CUTTER = Cutter(BLOCK_PX, CONTEXT_PX, OVERHEAD_PX, MAX_SIDE_PX)


@dataclass(frozen=True)
class Box:
    """Rows top to bottom and columns left to right of a photo, the ends excluded, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def num_pixels(self) -> int:
        """Height times width."""
        return self.shape[0] * self.shape[1]

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an array (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, px: int, size: tuple[int, int]) -> "Box":
        """Larger by `px` on each side, within a photo of `size` (H, W)."""
        top, left = max(0, self.top - px), max(0, self.left - px)
        return Box(top, left, min(size[0], self.bottom + px), min(size[1], self.right + px))

    def moved(self, down: int, right: int) -> "Box":
        """The same rectangle elsewhere."""
        return Box(self.top + down, self.left + right, self.bottom + down, self.right + right)

    def united(self, other: "Box") -> "Box":
        """The smallest rectangle around both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def touches(self, other: "Box") -> bool:
        """Whether the two overlap, or share an edge or a corner."""
        return (
            self.top <= other.bottom
            and other.top <= self.bottom
            and self.left <= other.right
            and other.left <= self.right
        )


@dataclass(frozen=True)
class Crop:
    """One run of the network.

    Args:
        box: The smallest around the hole pixels that the run fills.
        window: What the network sees.
    """

    box: Box
    window: Box


@dataclass(frozen=True)
class Plan:
    """How a hole is filled at one scale, after a coarser one where it is deep.

    Args:
        size: (H, W) of the hole at this scale.
        scale: 1 for the photo itself, 2 at half its size, ...
        batches: Crops of one shape that are filled at once; later batches see what earlier ones filled.
        deep: Blocks, (ceil(H / BLOCK_PX), ceil(W / BLOCK_PX)), whose pixels are taken from `coarser`; None without.
        region: The part of the photo that `coarser` fills at half the size.
        coarser: The plan of the halved region.
    """

    size: tuple[int, int]
    scale: int
    batches: tuple[tuple[Crop, ...], ...]
    deep: Hole | None = None
    region: Box | None = None
    coarser: "Plan | None" = None

    @property
    def stages(self) -> list["Plan"]:
        """The plans of all scales, coarsest first."""
        return [*([] if self.coarser is None else self.coarser.stages), self]

    @property
    def boxes(self) -> list[Box]:
        """Rectangles that hold all of the hole at this scale; some overlap."""
        return [crop.box for batch in self.batches for crop in batch] + self.deep_boxes

    @property
    def deep_boxes(self) -> list[Box]:
        """Rectangles that hold the pixels that are taken from the coarser scale."""
        return [] if self.deep is None else [_box(rows, columns, self.size) for rows, columns in CUTTER.cut(self.deep)]

    @property
    def num_crops(self) -> int:
        """Crops of all scales."""
        return sum(len(batch) for stage in self.stages for batch in stage.batches)

    @property
    def num_pixels(self) -> int:
        """Pixels that the network computes, in crops of all scales."""
        return sum(crop.window.num_pixels for stage in self.stages for batch in stage.batches for crop in batch)

    @property
    def largest_batch(self) -> int:
        """Pixels of the largest batch: the network's memory is in proportion to it."""
        sizes = [sum(crop.window.num_pixels for crop in batch) for s in self.stages for batch in s.batches]
        return max(sizes, default=0)


def plan(hole: Hole, scale: int = 1) -> Plan:
    """Plan the fill of a hole.

    Holes near each other share a crop where that is less work than two. Pixels more than `DEEP_BLOCKS` blocks away from
    all known ones are filled at half the scale first, and so on: every hole closes deep inside the network, and its
    rim is filled at full resolution, between the photo and the coarser fill.

    Args:
        hole: (H, W), True = fill; at least one pixel is known.
        scale: Of `hole`, see `Plan`.

    Example:
        >>> import numpy as np
        >>> hole = np.zeros((3000, 4000), bool)
        >>> hole[100:110, 200:700] = hole[2500:2520, 3000:3020] = True
        >>> plan(hole).num_crops
        2
    """
    some, all_ = _blocks(hole)
    deep = _deep(all_)
    if not deep.any():
        return Plan(hole.shape, scale, _batches(hole, some))
    rows, columns = (np.flatnonzero(deep.any(axis=axis)) for axis in (1, 0))
    ends = [int(i) * BLOCK_PX for i in (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)]
    # wide, for what is coarser still has to find its surroundings in it; even, so that four pixels become one
    around = Box(*ends).grown(REGION_PX, (hole.shape[0], hole.shape[1]))
    region = replace(around, top=around.top & ~1, left=around.left & ~1)
    coarser = plan(halved_hole(hole[region.slices]), 2 * scale)
    return Plan(hole.shape, scale, _batches(hole, some & ~deep), deep, region, coarser)


def widest_px(hole: Hole, steps: Plan) -> int:
    """The side, in pixels, of the largest square that lies in a hole, within an eighth; 0 where no pixel is deep."""
    widest = 0
    for box in steps.deep_boxes:
        part = hole[box.grown(2 * BLOCK_PX, steps.size).slices]
        step = max(1, max(part.shape) // MEASURED_PX)
        total = np.pad(part[::step, ::step], [(1, 0), (1, 0)]).cumsum(axis=0, dtype=np.int32).cumsum(axis=1)
        low, high = widest // step, min(total.shape)
        while high - low > 1:
            side = (low + high) // 2
            inside = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
            low, high = (side, high) if (inside == side * side).any() else (low, side)
        widest = max(widest, low * step)
    return widest


def halved_hole(hole: Hole) -> Hole:
    """A hole at half the size, (ceil(H / 2), ceil(W / 2)): a pixel is known where any of its four is."""
    padded = np.pad(hole, [(0, hole.shape[0] % 2), (0, hole.shape[1] % 2)], constant_values=True)
    left = padded[:, ::2] & padded[:, 1::2]
    return left[::2] & left[1::2]


def pixels_of(blocks: Hole, box: Box) -> Hole:
    """The blocks as pixels, cut to `box`."""
    rows = np.arange(box.top, box.bottom) // BLOCK_PX
    columns = np.arange(box.left, box.right) // BLOCK_PX
    return blocks[np.ix_(rows, columns)]


def _blocks(hole: Hole) -> tuple[Hole, Hole]:
    """Whether some, and whether all pixels of each block are in the hole."""
    some = some_blocks(hole, BLOCK_PX, BLOCK_PX)
    all_ = np.zeros_like(some)
    rows, columns = np.flatnonzero(some.any(axis=1)), np.flatnonzero(some.any(axis=0))
    if len(rows):
        around = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        all_[around] = ~some_blocks(~hole[tuple(_in_pixels(span) for span in around)], BLOCK_PX, BLOCK_PX)
    return some, all_


def _deep(all_: Hole) -> Hole:
    """Blocks with none within `DEEP_BLOCKS` that holds a known pixel; beyond the photo nothing is known."""
    deep = all_.copy()
    for axis in (0, 1):
        padding = [(DEEP_BLOCKS, DEEP_BLOCKS) if a == axis else (0, 0) for a in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(deep, padding, constant_values=True), 2 * DEEP_BLOCKS + 1, axis=axis
        )
        deep = np.asarray(windows.all(axis=-1))
    return deep


def _batches(hole: Hole, some: Hole) -> tuple[tuple[Crop, ...], ...]:
    """Cut the blocks into crops and those into batches."""
    if not some.any():
        return ()
    crops = [_crop(hole, some, *blocks) for blocks in CUTTER.cut(some)]
    waves: list[list[Crop]] = []
    turns: list[int] = []
    for number, crop in enumerate(crops):
        # a hole that was cut goes on from what the crop before made of it
        near = [turn for turn, other in zip(turns, crops[:number], strict=True) if crop.box.touches(other.box)]
        turn = max(near, default=-1) + 1
        turns.append(turn)
        if turn == len(waves):
            waves.append([])
        waves[turn].append(crop)
    return tuple(batch for wave in waves for batch in _of_one_shape(wave))


def _of_one_shape(crops: list[Crop]) -> list[tuple[Crop, ...]]:
    shapes: dict[tuple[int, int], list[Crop]] = {}
    for crop in crops:
        shapes.setdefault(crop.window.shape, []).append(crop)
    batches = []
    for (height, width), same in sorted(shapes.items()):
        most = max(1, MAX_SIDE_PX * MAX_SIDE_PX // (height * width))
        batches += [tuple(same[start : start + most]) for start in range(0, len(same), most)]
    return batches


def _crop(hole: Hole, some: Hole, rows: slice, columns: slice) -> Crop:
    """The crop of the hole pixels in a rectangle of blocks."""
    size = hole.shape[0], hole.shape[1]
    box = _box(rows, columns, size)
    inside = hole[box.slices] & pixels_of(some, box)
    lines, points = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = box.top, box.left
    box = Box(top + int(lines[0]), left + int(points[0]), top + int(lines[-1]) + 1, left + int(points[-1]) + 1)
    window = box.grown(CONTEXT_PX, size)
    top, bottom = _rounded(window.top, window.bottom, size[0])
    left, right = _rounded(window.left, window.right, size[1])
    return Crop(box, Box(top, left, bottom, right))


def _in_pixels(blocks: slice) -> slice:
    return slice(blocks.start * BLOCK_PX, blocks.stop * BLOCK_PX)


def _box(rows: slice, columns: slice, size: tuple[int, int]) -> Box:
    """A rectangle of blocks, in pixels."""
    lines, points = _in_pixels(rows), _in_pixels(columns)
    return Box(lines.start, points.start, min(size[0], lines.stop), min(size[1], points.stop))


def _rounded(start: int, stop: int, size: int) -> tuple[int, int]:
    """Grow a span to a multiple of `STEP_PX`, within the photo."""
    length = min(size, -(-(stop - start) // STEP_PX) * STEP_PX)
    start = min(max(0, start - (length - (stop - start)) // 2), size - length)
    return start, start + length
