"""Partial convolutions for PyTorch: masked, re-normalised convolutions and their mask update.

Source: Liu et al. 2018, https://arxiv.org/abs/1804.07723
"""

from partialconv.errors import require_torch

require_torch("partialconv.nn")

from partialconv.nn.functional import partial_conv2d  # noqa: E402
from partialconv.nn.modules import PartialConv2d  # noqa: E402

__all__ = ["PartialConv2d", "partial_conv2d"]
