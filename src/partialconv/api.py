"""`filling.api` under the name that it had first, for programs that import it."""

from partialconv.filling.api import HoleWarning, fill, fill_image

__all__ = ["HoleWarning", "fill", "fill_image"]
