"""Image inpainting for irregular holes with partial convolutions."""

import importlib
from typing import TYPE_CHECKING, Any

from partialconv.errors import InputError
from partialconv.filling.options import FillOptions
from partialconv.privacy import switch_off

if TYPE_CHECKING:
    from partialconv.filling.api import HoleWarning, PhotoWarning, fill
    from partialconv.filling.job import FillJob, fill_file
    from partialconv.finding import Found, Search, find
    from partialconv.inference import Inpainter
    from partialconv.video import FilledVideo, fill_video

__all__ = [
    "FillJob",
    "FillOptions",
    "FilledVideo",
    "Found",
    "HoleWarning",
    "Inpainter",
    "InputError",
    "PhotoWarning",
    "Search",
    "fill",
    "fill_file",
    "fill_video",
    "find",
]
__version__ = "0.1.0"

switch_off()

# loading the runtime takes a while; `import partialconv` and --help should not
_LOADED_LATER = {
    "FillJob": "partialconv.filling.job",
    "FilledVideo": "partialconv.video",
    "Found": "partialconv.finding",
    "Search": "partialconv.finding",
    "HoleWarning": "partialconv.filling.api",
    "PhotoWarning": "partialconv.filling.api",
    "Inpainter": "partialconv.inference",
    "fill": "partialconv.filling.api",
    "fill_file": "partialconv.filling.job",
    "fill_video": "partialconv.video",
    "find": "partialconv.finding",
}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LOADED_LATER[name]), name)
