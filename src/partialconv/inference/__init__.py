"""Filling holes with an exported network: arrays in, arrays out."""

from partialconv.inference.confidence import confidence
from partialconv.inference.inpainter import Inpainter
from partialconv.inference.patchmatch import is_available as can_copy
from partialconv.inference.planner import Plan, plan, widest_px
from partialconv.inference.runtime import OnnxRuntime, Runtime, open_runtime

__all__ = [
    "Inpainter",
    "OnnxRuntime",
    "Plan",
    "Runtime",
    "can_copy",
    "confidence",
    "open_runtime",
    "plan",
    "widest_px",
]
