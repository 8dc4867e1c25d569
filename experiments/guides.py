"""PatchMatch with several guides, as methods of benchmarks/wide.py; see the notebook, "Copies, guided by the network".

python benchmarks/wide.py fill objects --photos DIR --method both=py:experiments/guides.py:both --lpips FILE
"""

from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from patchmatch import patch_match
from scipy.ndimage import gaussian_filter

from partialconv.inference import Inpainter

Photo = NDArray[np.uint8]
Hole = NDArray[np.bool_]
PATCH_PX = 3


def guided(photo: Photo, hole: Hole, weight: float, height: float, brightness: float, sigma: float) -> Photo:
    """PatchMatch's own pixels, uint8 (H, W, 3)."""
    known = np.where(hole[..., None], np.uint8(0), photo)
    guide = np.zeros((*hole.shape, 3), np.float32)
    guide[..., 0] = height * np.arange(hole.shape[0])[:, None] / max(hole.shape)
    if brightness:
        filled = _inpainter().fill(known, hole, grain=False, copy=False)
        guide[..., 1] = brightness / 255 * gaussian_filter(filled.mean(axis=2, dtype=np.float32), sigma)
    patch_match.set_random_seed(0)
    return np.asarray(
        patch_match.inpaint_regularity(
            known, hole.astype(np.uint8) * 255, guide, patch_size=PATCH_PX, guide_weight=weight
        )
    )


@cache
def _inpainter() -> Inpainter:
    return Inpainter()


height = partial(guided, weight=0.1, height=1, brightness=0, sigma=12)
brightness = partial(guided, weight=0.1, height=0, brightness=0.5, sigma=12)
full_height = partial(guided, weight=0.1, height=1, brightness=0.5, sigma=12)
both = partial(guided, weight=0.05, height=0.2, brightness=0.5, sigma=12)
far = partial(guided, weight=0.1, height=0.2, brightness=0.5, sigma=24)
taken = partial(guided, weight=0.05, height=0.2, brightness=0.5, sigma=24)
