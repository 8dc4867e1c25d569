"""The edge of a hole, made to fit the photo, inside the network: `inference.feather` in PyTorch."""

import torch.nn.functional as F
from torch import Tensor

from partialconv.conventions import FEATHER_LARGEST, FEATHER_STRENGTH

KERNEL = (0.25, 0.5, 0.25)  # binomial, along each axis


def feather(output: Tensor, image: Tensor, valid: Tensor) -> Tensor:
    """Mix the pixels of the hole that touch known ones with the mean of those.

    Args:
        output: (N, C, H, W).
        image: Of the same size and range, 0 under the hole.
        valid: 1 = known, 0 = hole, (N, 1, H, W), of the same type.

    Returns:
        (N, C, H, W); known pixels are mixed as well.

    Source: ours.
    """
    share = _blurred(valid)
    mean = _blurred(image) / share.clamp(min=1 / 16)
    return output + (mean - output) * (share * FEATHER_STRENGTH).clamp(max=FEATHER_LARGEST)


def _blurred(maps: Tensor) -> Tensor:
    """Binomial filter of 3x3 pixels, beyond the border zeros."""
    padded, (side, middle, _) = F.pad(maps, (1, 1, 1, 1)), KERNEL
    rows = (padded[:, :, :-2] + padded[:, :, 2:]) * side + padded[:, :, 1:-1] * middle
    return (rows[..., :-2] + rows[..., 2:]) * side + rows[..., 1:-1] * middle
