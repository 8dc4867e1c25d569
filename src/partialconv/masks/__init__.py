"""Irregular holes: boolean arrays (H, W), True = hole."""

from partialconv.masks.strokes import Stroke, draw_strokes, sample_strokes, stroke_hole

__all__ = ["Stroke", "draw_strokes", "sample_strokes", "stroke_hole"]
