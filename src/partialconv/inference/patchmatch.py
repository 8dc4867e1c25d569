"""PatchMatch, steered by what the network made of the hole.

By itself PatchMatch puts things where their edges fit: grass into the sky, paving onto a wall. Two weak guides keep it
from that, and leave the details to it: how bright the network's fill is, seen from far, and how high in the photo a
patch comes from, for what is at one height is mostly of one kind.

Source: Barnes et al. 2009, "PatchMatch", and Wexler et al. 2007, "Space-Time Completion of Video", as written in
pypatchmatch; that a fill steers it is the idea of Zhang et al. 2022, "Inpainting at Modern Camera Resolution by Guided
PatchMatch"; these two guides and their weights are ours.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.shapes import smooth

Map = NDArray[np.floating[Any]]
PATCH_PX = 3  # half a side of a patch, less its centre; viewers preferred it to 5
GUIDE_WEIGHT = 0.05  # more tears textures, less lets things land in wrong places
HEIGHT = 0.2  # weight of the height, as a share of the longer side
BRIGHTNESS = 0.5  # the library takes differences of more than 0.5 as going round a circle
FAR_PX = 29  # half a side of the squares whose brightness guides


def is_available() -> bool:
    """Whether pypatchmatch is installed and its native library was found."""
    try:
        from patchmatch import patch_match
    except ImportError:
        return False
    return bool(patch_match.patchmatch_available)


def patchmatch(photo: Map, hole: Hole, shut: Hole) -> Map:
    """Fill a hole with patches of the known pixels; the same call gives the same fill.

    Args:
        photo: (H, W, 3), 0 to 255, filled by the network.
        hole: (H, W), True = fill anew.
        shut: (H, W), True = keep, but copy nothing from there.

    Returns:
        (H, W, 3), whole numbers from 0 to 255.
    """
    from patchmatch import patch_match

    height, width = hole.shape
    guide = np.zeros((height, width, 3), np.float32)
    guide[..., 0] = HEIGHT / max(height, width) * np.arange(height)[:, None]
    guide[..., 1] = BRIGHTNESS / 255 * smooth(photo.mean(axis=2, keepdims=True), FAR_PX)[..., 0]
    patch_match.set_random_seed(0)
    filled = patch_match.inpaint_regularity(
        np.rint(np.where(hole[..., None], 0, photo)).clip(0, 255).astype(np.uint8),
        hole.astype(np.uint8) * 255,
        guide,
        global_mask=shut.astype(np.uint8) * 255 if shut.any() else None,
        patch_size=PATCH_PX,
        guide_weight=GUIDE_WEIGHT,
    )
    return np.asarray(filled, np.float32)
