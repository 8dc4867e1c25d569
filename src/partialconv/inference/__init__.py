"""Filling holes with an exported network: arrays in, arrays out."""

from partialconv.inference.confidence import confidence
from partialconv.inference.inpainter import Inpainter
from partialconv.inference.planner import Plan, plan
from partialconv.inference.runtime import OnnxRuntime, Runtime, open_runtime

__all__ = ["Inpainter", "OnnxRuntime", "Plan", "Runtime", "confidence", "open_runtime", "plan"]
