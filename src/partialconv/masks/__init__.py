"""Irregular holes: boolean arrays (H, W), True = hole."""

import importlib
from typing import TYPE_CHECKING, Any

from partialconv.masks.doctor import examine, read_hole
from partialconv.masks.findings import Diagnosis, Finding, HoleError
from partialconv.masks.levels import HoleColor

if TYPE_CHECKING:
    from partialconv.masks.mixture import KINDS, check_mixture, sample_hole
    from partialconv.masks.strokes import Polygon, Rectangle, Stroke, draw_strokes, sample_strokes, stroke_hole

__all__ = [
    "KINDS",
    "Diagnosis",
    "Finding",
    "HoleColor",
    "HoleError",
    "Polygon",
    "Rectangle",
    "Stroke",
    "check_mixture",
    "draw_strokes",
    "examine",
    "read_hole",
    "sample_hole",
    "sample_strokes",
    "stroke_hole",
]

# a fill reads a hole and draws none
_LOADED_LATER = {
    **dict.fromkeys(("KINDS", "check_mixture", "sample_hole"), "mixture"),
    **dict.fromkeys(("Polygon", "Rectangle", "Stroke", "draw_strokes", "sample_strokes", "stroke_hole"), "strokes"),
}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)
