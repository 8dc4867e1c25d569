"""Partial convolutions for PyTorch: masked, re-normalised convolutions and their mask update.

Source: Liu et al. 2018, https://arxiv.org/abs/1804.07723 and https://arxiv.org/abs/1811.11718 (padding)
"""

from partialconv.errors import require_torch

require_torch("partialconv.nn")

from partialconv.nn.functional import partial_conv1d, partial_conv2d, partial_conv3d  # noqa: E402
from partialconv.nn.modules import PartialConv1d, PartialConv2d, PartialConv3d  # noqa: E402
from partialconv.nn.padding import (  # noqa: E402
    PartialPaddingConv1d,
    PartialPaddingConv2d,
    PartialPaddingConv3d,
    convert_padding,
)
from partialconv.nn.zeroing import zero_holes  # noqa: E402

__all__ = [
    "PartialConv1d",
    "PartialConv2d",
    "PartialConv3d",
    "PartialPaddingConv1d",
    "PartialPaddingConv2d",
    "PartialPaddingConv3d",
    "convert_padding",
    "partial_conv1d",
    "partial_conv2d",
    "partial_conv3d",
    "zero_holes",
]
