"""Irregular holes: boolean arrays (H, W), True = hole."""

from partialconv.masks.doctor import examine, read_hole
from partialconv.masks.findings import Diagnosis, Finding, HoleError
from partialconv.masks.levels import HoleColor
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
