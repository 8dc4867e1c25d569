"""Holes of several kinds in given shares: what training and sets of masks draw from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.masks.augment import flow_hole, raw_files
from partialconv.masks.presets import PRESETS, preset_hole
from partialconv.masks.strokes import check_hole_ratio, stroke_hole

THIN_PX = (1, 4)
GRIDS = {"grid-2": 2, "grid-4": 4}  # every n-th pixel of every n-th row is known
KINDS = ("strokes", "thin", "flow", *GRIDS, *PRESETS)


def sample_hole(
    size: tuple[int, int],
    seed: int | tuple[int, ...],
    mixture: Mapping[str, float],
    hole_ratio: tuple[float, float] = (0.01, 0.6),
    flow_masks: Path | None = None,
    clear_px: int = 0,
) -> Hole:
    """Draw a hole of a kind that is chosen at random.

    Args:
        size: (height, width) in pixels.
        seed: Same seed, same hole.
        mixture: Weight of each kind of `KINDS`: "strokes", "thin" (strokes of 1 to 4 pixels), "flow", "grid-2" or
            "grid-4" (all but a grid of pixels, for super-resolution), or a preset. They need not add up to 1.
        hole_ratio: The share of hole pixels lies in (low, high].
        flow_masks: Folder of raw flow masks, for the kind "flow".
        clear_px: Pixels nearer to the border than that are no hole.

    Returns:
        (H, W), True = hole.

    Raises:
        InputError: as `check_mixture`, or the kind that was chosen does not reach the ratio.

    Example:
        >>> sample_hole((64, 64), (0, 1), {"strokes": 0.7, "boxes": 0.3}, (0.1, 0.3)).shape
        (64, 64)

    Source: ours.
    """
    check_mixture(mixture, flow_masks)
    rng = np.random.default_rng(seed)
    names, weights = list(mixture), np.cumsum(list(mixture.values()))
    name = names[int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))]
    # a stream of its own: strokes take it as they take a seed
    chosen = (*((seed,) if isinstance(seed, int) else seed), 1)
    if name == "flow" and flow_masks is not None:
        return flow_hole(flow_masks, size, chosen, hole_ratio, clear_px)
    if name in GRIDS:
        return grid_hole(size, GRIDS[name], hole_ratio)
    if name in PRESETS:
        return preset_hole(name, size, chosen, hole_ratio, clear_px)
    return stroke_hole(size, chosen, hole_ratio, THIN_PX if name == "thin" else None, clear_px)


def grid_hole(size: tuple[int, int], step: int, hole_ratio: tuple[float, float] = (0.0, 1.0)) -> Hole:
    """All but a grid of pixels: what is missing when a picture is spread out to `step` times its size.

    Args:
        size: (height, width) in pixels.
        step: The known pixels are `step` apart, from the upper left corner on.
        hole_ratio: The share of hole pixels has to lie in (low, high].

    Returns:
        (H, W), True = hole.

    Raises:
        InputError: the ratio, about 1 - 1 / step^2, does not lie in its range.

    Source: Liu et al. 2018, the extension to super-resolution.
    """
    low, high = check_hole_ratio(hole_ratio)
    hole = np.ones(size, bool)
    hole[::step, ::step] = False
    if not low < hole.mean() <= high:
        raise InputError(f"a grid of every {step}. pixel has a hole ratio of {hole.mean():.4f}: widen data.hole_ratio.")
    return hole


def check_mixture(mixture: Mapping[str, float], flow_masks: Path | None = None) -> None:
    """Refuse a mixture that cannot be drawn from.

    Raises:
        InputError: as `check_kinds`, or there are no flow masks in their folder.
    """
    check_kinds(mixture, flow_masks is not None)
    if mixture.get("flow") and flow_masks is not None:
        raw_files(flow_masks)


def check_kinds(mixture: Mapping[str, float], has_flow_masks: bool) -> None:
    """Refuse a mixture without looking for files.

    Raises:
        InputError: an unknown kind, weights that are negative or all 0, or "flow" without a folder of flow masks.
    """
    for name, weight in mixture.items():
        if name not in KINDS:
            raise InputError(f"unknown kind of holes {name!r}, expected names among {', '.join(KINDS)}.")
        if not 0 <= weight < float("inf"):
            raise InputError(f"the weight of {name!r} is {weight}, expected at least 0.")
    if not any(mixture.values()):
        raise InputError("no kind of holes has a weight: give some, as in strokes = 1.")
    if mixture.get("flow") and not has_flow_masks:
        raise InputError("holes from flow need a folder of `partialconv masks flow`: name it.")
