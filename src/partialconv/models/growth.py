"""Adding layers to a trained network that change nothing but the edge of holes, as yet."""

import torch

from partialconv.models.unet import PartialConvUNet


@torch.no_grad()
def add_detail(net: PartialConvUNet, detail_width: int) -> PartialConvUNet:
    """A network with detail layers whose output is that of `net`, feathered: their correction begins at zero.

    Args:
        net: A network without detail layers.
        detail_width: See `PartialConvUNet`.

    Returns:
        A new network in training mode; `net` is left as it is.

    Raises:
        ValueError: `net` has detail layers, or `detail_width` is too small.

    Source: the idea is that of Chen et al. 2016, "Net2Net".
    """
    if net.detail_width > 0 or detail_width == 0:
        raise ValueError(f"detail_width is {net.detail_width} and is to be {detail_width}, expected 0 and more than 0.")
    grown = PartialConvUNet(net.width, net.num_levels, net.in_channels, net.conv, detail_width)
    state = grown.state_dict()
    for name, value in net.state_dict().items():
        part = state[name][: len(value)] if value.dim() > 0 else state[name]  # the last layer has further rows
        part.copy_(value)
    _, _, detail = grown.blocks()
    for parameter in detail[-1].parameters():
        parameter.zero_()
    return grown
