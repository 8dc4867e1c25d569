"""The trial as methods of benchmarks/wide.py.

python benchmarks/wide.py fill objects --photos DIR --method trial=py:experiments/exemplar/fill.py:from_network
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference import Inpainter
from partialconv.inference.grain import add_grain

sys.path.insert(0, str(Path(__file__).parents[1]))
from exemplar.compose import copy_detail
from exemplar.synthesis import Start

Photo = NDArray[np.uint8]


def from_network(photo: Photo, hole: Hole) -> Photo:
    """Copies that begin with the network's fill; uint8 (H, W, 3)."""
    return _filled(photo, hole, "network")


def from_patchmatch(photo: Photo, hole: Hole) -> Photo:
    """Copies that begin with PatchMatch at a coarse scale; uint8 (H, W, 3)."""
    return _filled(photo, hole, "patchmatch")


def _filled(photo: Photo, hole: Hole, start: Start) -> Photo:
    inpainter = _inpainter()
    filled, steps = inpainter.fill(photo, hole, grain=False), inpainter.plan(hole)
    copy_detail(filled, hole, steps, 255, start)
    add_grain(filled, hole, steps, 255)
    return filled


@cache
def _inpainter() -> Inpainter:
    return Inpainter()
