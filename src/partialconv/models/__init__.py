"""The inpainting network, its losses, and its form for deployment (PyTorch)."""

from partialconv.errors import require_torch

require_torch("partialconv.models")

from partialconv.models.unet import PartialConvUNet  # noqa: E402

__all__ = ["PartialConvUNet"]
