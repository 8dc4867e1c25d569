"""Counting known pixels in windows, on as few channels as are different."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Size = int | Sequence[int]


def known_channels(inputs: list[Tensor], known: list[Tensor], groups: int) -> Tensor:
    """Count the known input channels at each pixel.

    Args:
        inputs: Features, (N, C, ...) each.
        known: Their masks, bool, (N, 1, ...), (N, C, ...) or, of a single input, (N, groups, ...).
        groups: Number of groups of channels.

    Returns:
        fp32, (N, 1, ...), or (N, groups, ...) where groups can differ.
    """
    if groups == 1:
        counts = [
            mask.float() * x.shape[1] if mask.shape[1] == 1 else mask.sum(1, keepdim=True, dtype=torch.float32)
            for x, mask in zip(inputs, known, strict=True)
        ]
        return sum(counts[1:], counts[0])
    if len(known) == 1 and known[0].shape[1] in (1, groups):
        return known[0].float() * (inputs[0].shape[1] // groups)
    dense = [mask.expand(-1, x.shape[1], *x.shape[2:]) for x, mask in zip(inputs, known, strict=True)]
    num = max(mask.shape[0] for mask in dense)
    channels = torch.cat([mask.expand(num, *mask.shape[1:]) for mask in dense], dim=1)
    return torch.stack([group.sum(1, dtype=torch.float32) for group in channels.chunk(groups, dim=1)], dim=1)


def box_sum(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    margin: Sequence[tuple[int, int]],
) -> Tensor:
    """Sum every window, exact for counts below 2**24.

    Shifted slices are added one axis at a time: faster here than a convolution with ones or average pooling,
    autocast does not touch them, and they export as plain additions.

    Args:
        x: fp32, (N, C, ...).
        kernel: Size of the window, for each axis.
        stride: Its step.
        dilation: The distance of its elements.
        margin: Zeros to add before and after, for each axis.

    Returns:
        fp32, (N, C, ...), of the convolution's size.
    """
    if any(side for sides in margin for side in sides):
        x = F.pad(x, [side for sides in reversed(margin) for side in sides])
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), start=2):
        if torch.compiler.is_compiling():
            # of the size that a convolution computes, so that exporters see that both are one, whatever the input's
            windows = x.unfold(axis, d * (k - 1) + 1, s)
            shifted = [windows.select(-1, i * d) for i in range(k)]
        else:  # the same views, which the older exporter takes
            index = [slice(None)] * axis
            shifted = [x[(*index, slice(i * d, (i + 1 - k) * d or None, s))] for i in range(k)]
        x = sum(shifted[1:], shifted[0])
    return x


def margins(padding: str | Size, kernel: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, int]]:
    """Pixels that `padding` adds before and after each axis; as in torch, the odd one of "same" comes after."""
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    if isinstance(padding, str):  # "valid"; torch refuses any other word
        return [(0, 0)] * len(kernel)
    return [(side, side) for side in per_axis(padding, len(kernel))]


def per_axis(value: Size, dims: int) -> tuple[int, ...]:
    """One number for each axis."""
    if isinstance(value, int):
        return (value,) * dims
    return tuple(value) * dims if len(value) == 1 else tuple(value)
