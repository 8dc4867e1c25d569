"""Adding layers or channels to a trained network that change little or nothing, as yet."""

from collections.abc import Sequence

import torch
from torch import Tensor

from partialconv.models.unet import DETAIL_LAYERS, Block, PartialConvUNet


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
    shape = (net.width, net.num_levels, net.in_channels, net.conv)
    grown = PartialConvUNet(*shape, new[0], new[1], net.first_bias, net.mean, net.std)
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


@torch.no_grad()
def widen(net: PartialConvUNet, width: int, detail_width: int) -> PartialConvUNet:
    """A network with more channels that computes what `net` does.

    Every new channel is a copy of an old one; what reads them shares its weight out among the copies, at random, so
    that they learn different things. Of ordinary convolutions the output is that of `net`. Of partial ones it is
    where nothing is missing; near holes it differs a little, for the last layer of the U-Net counts known pixels of
    the image, whose channels are no more than before, with those of the features.

    Args:
        net: Any network.
        width: See `PartialConvUNet`; at least that of `net`.
        detail_width: See `PartialConvUNet`; at least that of `net`, and 0 if that is.

    Returns:
        A new network in training mode; `net` is left as it is.

    Raises:
        ValueError: there would be fewer channels, no more of them, or detail layers where there are none.

    Source: Chen et al. 2016, "Net2Net", whose shares are equal.
    """
    new, old = (width, detail_width), (net.width, net.detail_width)
    if new == old or width < net.width or detail_width < net.detail_width or (detail_width > 0) != (old[1] > 0):
        raise ValueError(f"width and detail width are {old}, which do not widen to {new}.")
    shape = (width, net.num_levels, net.in_channels, net.conv, detail_width, net.detail_dilations)
    wide = PartialConvUNet(*shape, net.first_bias, net.mean, net.std)
    (encoder, decoder, detail), (narrow_encoder, narrow_decoder, narrow_detail) = wide.blocks(), net.blocks()
    image = torch.arange(narrow_encoder[0].conv.in_channels)  # with the mask, where it is a channel
    seen, skips = image, [image]
    for block, before in zip(encoder, narrow_encoder, strict=True):
        seen = _copy_channels(block, before, seen)
        skips.append(seen)
    skips.pop()
    for block, before in zip(decoder, narrow_decoder, strict=True):
        skip = skips.pop()
        num = before.conv.in_channels - len(skip.unique())
        seen = _copy_channels(block, before, torch.cat([seen, num + skip]))
    seen = torch.cat([seen, net.detail_width + torch.arange(net.in_channels + 1)])  # the composite and the mask
    for block, before in zip(detail, narrow_detail, strict=True):
        seen = _copy_channels(block, before, seen)
    return wide


def _copy_channels(block: Block, before: Block, seen: Tensor) -> Tensor:
    """Give a block the weights of a narrower one.

    Args:
        block: The block to fill.
        before: The narrower one.
        seen: Which channel of the input of `before` each channel of the input of `block` is a copy of.

    Returns:
        The same for the output.
    """
    made = torch.arange(block.conv.out_channels) % before.conv.out_channels
    copies = seen.bincount(minlength=before.conv.in_channels)[seen].view(1, -1, 1, 1)
    chance = torch.rand_like(block.conv.weight)
    mean = torch.zeros_like(before.conv.weight[:1]).expand(len(made), -1, -1, -1).index_add(1, seen, chance / copies)
    shares = (1 + (chance - mean[:, seen])) / copies  # their sum over the copies of a channel is 1
    block.conv.weight.copy_(before.conv.weight[made][:, seen] * shares)
    state = before.state_dict()
    for name, value in block.state_dict().items():
        if name != "conv.weight":
            value.copy_(state[name][made] if value.dim() > 0 else state[name])
    return made
