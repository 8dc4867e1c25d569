"""From raw flow masks to holes: translation, rotation, cropping, dilation, with the ratio that was asked for.

Everything after the raw mask is whole numbers, so that the same raw masks and seed give the same hole on every machine.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.imageio import open_picture
from partialconv.masks.morphology import clear_border, dilate
from partialconv.masks.strokes import check_hole_ratio

# of squares of 3 to 49 pixels at 512, the narrow ones more often: by this the widths are those of the published masks
RADII = np.arange(1, 25)
RADII_SHARES = 1 / (2 * RADII + 1) / (1 / (2 * RADII + 1)).sum()
TRIES, MOST_LAYERS = 100, 8
LARGEST_RAW_RATIO = 0.1  # more of a frame is unreliable at cuts, and where motion is blurred or too fast
BITS = 12  # of fixed-point numbers after the point: 0.1 pixel at the corner of 512, and 32-bit integers do
ONE = 1 << BITS


@dataclass(frozen=True)
class Placement:
    """Where a square window lies over a raw mask.

    Args:
        centre: (row, column) of the raw mask, in pixels.
        degrees: How far the mask is turned, counter-clockwise, 0 to 359.
        mirrored: Whether left and right change places, after the turn.
    """

    centre: tuple[int, int]
    degrees: int
    mirrored: bool


def flow_hole(
    raw: Path,
    size: tuple[int, int],
    seed: int | tuple[int, ...] | np.random.Generator,
    hole_ratio: tuple[float, float] = (0.01, 0.6),
    clear_px: int = 0,
) -> Hole:
    """Make a hole of raw flow masks, of a ratio in (low, high].

    The side of a square is drawn, 3 to 49 pixels at 512. Random raw masks are turned, mirrored, translated, cropped and
    dilated by it, and laid over each other until a ratio drawn from the range is reached. One that overshoots the range
    is dropped: inside the range that is the end.

    Args:
        raw: Folder of `partialconv masks flow`, or of any pictures with thin white marks.
        size: (height, width) in pixels. Widths are for a shorter side of 512 and change with it.
        seed: Same seed and folder, same hole; or a source of randomness.
        hole_ratio: The share of hole pixels lies in (low, high].
        clear_px: Pixels nearer to the border than that are no hole; set so at the end, as the published masks are.

    Returns:
        (H, W), True = hole.

    Raises:
        InputError: the folder holds no masks, or they do not reach the ratio.

    Source: Liu et al. 2018, section 3.1, and its author's recipe: dilation by 9 to 49 pixels, random translation,
        rotation and cropping. Narrower squares are ours, because the published masks are thinner than his range makes
        them (docs/masks.md); so are mirroring, and several masks in one hole, for scenes less busy than theirs.
    """
    rng = np.random.default_rng(seed)
    low, high = check_hole_ratio(hole_ratio)
    files = raw_files(raw)
    for _ in range(TRIES):
        radius = max(1, round(int(rng.choice(RADII, p=RADII_SHARES)) * min(size) / 512))
        canvas = size[0] + 2 * radius, size[1] + 2 * radius
        hole, ratio, target = np.zeros(size, np.bool_), 0.0, rng.uniform(low, high)
        for _ in range(MOST_LAYERS):
            mask = _read(files[int(rng.integers(len(files)))])
            if np.count_nonzero(mask) > LARGEST_RAW_RATIO * mask.size:
                continue
            marks = place(mask, sample_placement(rng, mask.shape, size), canvas, _enlargement(mask.shape, size))
            layered = clear_border(dilate(marks, radius)[radius:-radius, radius:-radius], clear_px)
            layered |= hole
            new_ratio = np.count_nonzero(layered) / layered.size
            if new_ratio <= high:
                hole, ratio = layered, new_ratio
            if ratio > low and (new_ratio > high or ratio >= target):
                break
        if ratio > low:
            return hole
    raise InputError(
        f"the flow masks in {raw} give no hole ratio in ({low:g}, {high:g}] at {size[0]}x{size[1]} pixels"
        f"{f' with {clear_px} px kept clear' if clear_px else ''}: add videos with more motion, or widen the range."
    )


def sample_placement(rng: np.random.Generator, shape: tuple[int, int], size: tuple[int, int]) -> Placement:
    """Sample a window of `size` (height, width) that looks at a raw mask of `shape`, of its middle if it is small."""
    half = min(size) // 2
    centre = [int(rng.integers(half, extent - half + 1)) if extent > 2 * half else extent // 2 for extent in shape]
    return Placement((centre[0], centre[1]), int(rng.integers(360)), bool(rng.integers(2)))


def place(mask: Hole, placement: Placement, canvas: tuple[int, int], enlargement: int = ONE) -> Hole:
    """Look at a raw mask through a turned window; outside of it there is no hole.

    Args:
        mask: (H, W), True = unreliable.
        placement: See `Placement`.
        canvas: (height, width) of the result in pixels.
        enlargement: Of the mask, in 4096ths; the nearest pixel is taken.
    """
    cosine, sine = _turn(placement.degrees, enlargement)
    # doubled offsets from the middle, so that a middle between two pixels is a whole number
    down = 2 * np.arange(canvas[0], dtype=np.int32)[:, None] - (canvas[0] - 1)
    right = (2 * np.arange(canvas[1], dtype=np.int32)[None] - (canvas[1] - 1)) * (-1 if placement.mirrored else 1)
    starts = [2 * ONE * centre + ONE for centre in placement.centre]
    row = (starts[0] + cosine * down) + sine * right
    column = (starts[1] - sine * down) + cosine * right
    row >>= BITS + 1
    column >>= BITS + 1
    # unsigned, what lies before the first pixel lies behind the last
    inside = (row.view(np.uint32) < mask.shape[0]) & (column.view(np.uint32) < mask.shape[1])
    row *= mask.shape[1]
    row += column
    row *= inside
    return np.asarray(mask.ravel()[row] & inside)


@lru_cache(maxsize=8)
def raw_files(folder: Path) -> tuple[Path, ...]:
    """List the raw masks of a folder, sorted by name; those of `partialconv masks flow` lie in its folder raw/.

    Raises:
        InputError: there are none.
    """
    inner = folder / "raw"
    files = tuple(sorted((inner if inner.is_dir() else folder).glob("*.png")))
    if not files:
        raise InputError(
            f"no flow masks (*.png) in {folder}: make some with `partialconv masks flow VIDEO -o {folder}`."
        )
    return files


@lru_cache(maxsize=64)
def _read(path: Path) -> Hole:
    return np.asarray(open_picture(path).convert("L")) > 127


def _enlargement(shape: tuple[int, ...], size: tuple[int, int]) -> int:
    return max(ONE, ONE * min(size) // min(shape))


def _turn(degrees: int, enlargement: int) -> tuple[int, int]:
    factor = ONE * ONE / enlargement
    return round(math.cos(math.radians(degrees)) * factor), round(math.sin(math.radians(degrees)) * factor)
