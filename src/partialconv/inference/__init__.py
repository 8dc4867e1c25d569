"""Filling holes with an exported network: arrays in, arrays out."""

from partialconv.inference.inpainter import Inpainter
from partialconv.inference.runtime import OnnxRuntime, Runtime, open_runtime

__all__ = ["Inpainter", "OnnxRuntime", "Runtime", "open_runtime"]
