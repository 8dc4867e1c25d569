"""Image inpainting for irregular holes with partial convolutions."""

from typing import TYPE_CHECKING, Any

from partialconv.errors import InputError
from partialconv.privacy import switch_off

if TYPE_CHECKING:
    from partialconv.filling.api import fill
    from partialconv.inference import Inpainter

__all__ = ["Inpainter", "InputError", "fill"]
__version__ = "0.1.0"

switch_off()


def __getattr__(name: str) -> Any:
    # loading the runtime takes a while; `import partialconv` and --help should not
    if name == "fill":
        from partialconv.filling.api import fill

        return fill
    if name == "Inpainter":
        from partialconv.inference import Inpainter

        return Inpainter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
