"""Filling holes with an exported network: arrays in, arrays out."""

from partialconv.inference.confidence import confidence
from partialconv.inference.inpainter import Estimate, Inpainter
from partialconv.inference.planner import Plan, plan
from partialconv.inference.runtime import OnnxRuntime

__all__ = ["Estimate", "Inpainter", "OnnxRuntime", "Plan", "confidence", "plan"]
