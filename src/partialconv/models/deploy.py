"""The network in the form in which it is shipped."""

import copy
import itertools

import torch
from torch import nn

from partialconv.models.unet import PartialConvUNet


@torch.no_grad()
def deploy(net: PartialConvUNet) -> PartialConvUNet:
    """The network as it is exported: BatchNorm folded, then weights rounded to half precision (held in single).

    Returns:
        A copy in eval mode.
    """
    deployed = fold_batchnorm(net)
    for parameter in deployed.parameters():
        if parameter.dim() == 4:
            parameter.copy_(parameter.half().float())
    return deployed


@torch.no_grad()
def fold_batchnorm(net: PartialConvUNet) -> PartialConvUNet:
    """Fold every BatchNorm into the convolution before it.

    The folded shift becomes a bias, which empty windows do not get: there the output is 0, where BatchNorm would
    have given its shift. The next layer ignores both, so the network's output is the same up to rounding.

    Returns:
        A copy in eval mode, without BatchNorm.
    """
    folded = copy.deepcopy(net).eval()
    for block in itertools.chain(*folded.blocks()):
        conv, norm = block.conv, block.norm
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None and norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            conv.weight.mul_(scale.view(-1, 1, 1, 1))
            shift = norm.bias - norm.running_mean * scale
            conv.bias = nn.Parameter(shift if conv.bias is None else shift + conv.bias * scale)
            block.norm = nn.Identity()
    return folded
