"""Adding layers to a trained network that change nothing but the edge of holes, as yet."""

from collections.abc import Sequence

import torch

from partialconv.models.unet import DETAIL_LAYERS, PartialConvUNet


@torch.no_grad()
def add_detail(net: PartialConvUNet, detail_width: int, detail_dilations: Sequence[int] = ()) -> PartialConvUNet:
    """A network with more detail layers whose output is that of `net`, feathered: what they add begins at zero.

    Args:
        net: A network without detail layers, or of this width with fewer dilated ones.
        detail_width: See `PartialConvUNet`.
        detail_dilations: See `PartialConvUNet`; begins with those of `net`.

    Returns:
        A new network in training mode; `net` is left as it is.

    Raises:
        ValueError: `net` has these layers already or others, or an argument is out of range.

    Source: the idea is that of Chen et al. 2016, "Net2Net".
    """
    new = (detail_width, tuple(detail_dilations))
    old = (net.detail_width, net.detail_dilations)
    if old[0] not in (0, new[0]) or old == new or old[1] != new[1][: len(old[1])]:
        raise ValueError(f"detail width and dilations are {old}, which do not grow into {new}.")
    grown = PartialConvUNet(net.width, net.num_levels, net.in_channels, net.conv, *new)
    _, _, detail = grown.blocks()
    kept = DETAIL_LAYERS + len(net.detail_dilations)
    for block in detail[kept:]:  # further ones, and the correction
        for parameter in block.parameters():
            parameter.zero_()
    state = grown.state_dict()
    for name, value in net.state_dict().items():
        place = name.replace(f"detail.{kept}.", f"detail.{len(detail) - 1}.")
        part = state[place][: len(value)] if value.dim() > 0 else state[place]  # the last decoder layer has more rows
        part.copy_(value)
    return grown
