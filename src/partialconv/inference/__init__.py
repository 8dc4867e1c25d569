"""Filling holes with an exported network: arrays in, arrays out."""

import importlib
from typing import TYPE_CHECKING, Any

from partialconv.inference.confidence import confidence

if TYPE_CHECKING:
    from partialconv.inference.inpainter import Inpainter
    from partialconv.inference.planner import Plan, plan, widest_px
    from partialconv.inference.runtime import OnnxRuntime, Runtime, open_runtime

__all__ = [
    "Inpainter",
    "OnnxRuntime",
    "Plan",
    "Runtime",
    "confidence",
    "open_runtime",
    "plan",
    "widest_px",
]

# so that a command can open the network beside the imports of the rest; `confidence` is small, and named as its module
_LOADED_LATER = {
    "Inpainter": "inpainter",
    "OnnxRuntime": "runtime",
    "Plan": "planner",
    "Runtime": "runtime",
    "open_runtime": "runtime",
    "plan": "planner",
    "widest_px": "planner",
}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)
