"""The paper's pixel losses. Images are (N, C, H, W) in [0, 1]; `valid` is (N, 1, H, W), 1 = known, floating."""

from torch import Tensor


def valid_loss(output: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """L1 of the known pixels, averaged over the whole image. Source: Liu et al. 2018 (arXiv v2), L_valid."""
    return (valid * (output - target)).abs().mean()


def hole_loss(output: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """L1 of the hole, averaged over the whole image. Source: Liu et al. 2018 (arXiv v2), L_hole."""
    return ((1 - valid) * (output - target)).abs().mean()
