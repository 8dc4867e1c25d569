"""The partial convolution as a function."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = int | tuple[int, int]


def partial_conv2d(
    x: Tensor | Sequence[Tensor],
    valid: Tensor | Sequence[Tensor],
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: str | Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> tuple[Tensor, Tensor]:
    """Convolve only the known pixels of `x` and shrink the hole.

    Each window is summed over its known pixels, scaled by sum(1) / sum(M) and given the bias unscaled; a window
    without a known pixel gives exactly 0. Padding counts as hole.

    Several tensors with masks of their own (skip links) go in as two lists of equal length: the convolution sees
    them concatenated along the channels, and each is counted with its own mask, exactly as if every mask had been
    repeated for every channel, at the cost of one single-channel count.

    Args:
        x: Features, (N, C_in, H, W), or a list whose channels add up to C_in. Values under the hole are ignored,
            NaN and infinity included; their gradient is exactly 0.
        valid: 1 = known, 0 = hole, (N, 1, H, W) or (N, C, H, W) with the C of its `x`; N may be 1. Any dtype;
            exactly 0 or 1. Of bool masks the values need no check, which saves a pass (and a wait, on a GPU).
        weight: (C_out, C_in / groups, kh, kw).
        bias: (C_out,).
        stride: Step of the window, in pixels.
        padding: Rows and columns of hole added on each side, or "same" or "valid".
        dilation: Distance of the kernel's elements, in pixels.
        groups: Number of groups of channels; each is counted on its own.

    Returns:
        out: (N, C_out, H_out, W_out), in the dtype of the convolution; exactly 0 where no pixel was known.
        valid_out: 1 where at least one pixel was known, dtype of `valid`; (N, 1, H_out, W_out) with the N of
            `valid`, or (N, C_out, H_out, W_out) where groups > 1 and the masks have several channels or come as a list.

    Raises:
        ValueError: `x` has other channels than `weight`; `valid` differs from `x` in size or number, or holds other
            values than 0 and 1.

    Example:
        >>> import torch
        >>> x, valid = torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
        >>> valid[..., 2:5, 2:5] = 0
        >>> out, valid_out = partial_conv2d(x, valid, torch.rand(4, 3, 3, 3), padding=1)
        >>> out.shape, int((valid_out == 0).sum())
        (torch.Size([1, 4, 8, 8]), 1)

    Source: Liu et al. 2018 (arXiv v2), eq. 1-2. Counting the inputs of a skip link apart: ours.
    """
    inputs = [x] if isinstance(x, Tensor) else list(x)
    masks = [valid] if isinstance(valid, Tensor) else list(valid)
    _check(inputs, masks, weight.shape[1] * groups)

    known = [mask if mask.dtype == torch.bool else mask != 0 for mask in masks]
    # where, not a product: 0 * NaN is NaN; nor masked_fill, which loses channels_last
    pieces = [torch.where(mask, piece, 0) for piece, mask in zip(inputs, known, strict=True)]
    if groups == 1:  # a sum of convolutions is that of the concatenation, without copying it
        weights = weight.split([piece.shape[1] for piece in pieces], dim=1)
    else:
        pieces, weights = [torch.cat(pieces, dim=1)], (weight,)
    parts = [F.conv2d(p, w, None, stride, padding, dilation, groups) for p, w in zip(pieces, weights, strict=True)]
    raw = sum(parts[1:], parts[0])

    kernel = (weight.shape[2], weight.shape[3])
    count = _box_sum(_known_channels(inputs, known, groups), kernel, _pair(stride), padding, _pair(dilation))
    # at least fp32: bf16 would round 9215 to 9216, and 9/7 by 0.3 %
    count = count.to(torch.promote_types(raw.dtype, torch.float32))
    some = count > 0
    window = weight.shape[1] * kernel[0] * kernel[1]
    # where, not an epsilon: window / (0 + eps) overflows in half precision, and inf * 0 is NaN
    ratio = torch.where(some, window / count.clamp(min=1), 0)
    if count.shape[1] > 1:
        some, ratio = (t.repeat_interleave(weight.shape[0] // groups, dim=1) for t in (some, ratio))
    out = (raw * ratio).to(raw.dtype)
    if bias is not None:
        out = torch.where(some, out + bias.to(out.dtype).view(1, -1, 1, 1), 0)
    return out, some.to(masks[0].dtype)


def _known_channels(inputs: list[Tensor], known: list[Tensor], groups: int) -> Tensor:
    """Number of known input channels at each pixel, fp32: (N, 1, H, W), or (N, groups, H, W) if groups differ."""
    if groups == 1:
        counts = [
            mask.float() * x.shape[1] if mask.shape[1] == 1 else mask.sum(1, keepdim=True, dtype=torch.float32)
            for x, mask in zip(inputs, known, strict=True)
        ]
        return sum(counts[1:], counts[0])
    if len(known) == 1 and known[0].shape[1] == 1:
        return known[0].float() * (inputs[0].shape[1] // groups)
    dense = [mask.expand(-1, x.shape[1], -1, -1) for x, mask in zip(inputs, known, strict=True)]
    num = max(mask.shape[0] for mask in dense)
    channels = torch.cat([mask.expand(num, -1, -1, -1) for mask in dense], dim=1)
    return torch.stack([group.sum(1, dtype=torch.float32) for group in channels.chunk(groups, dim=1)], dim=1)


def _box_sum(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: str | Pair, dilation: tuple[int, int]
) -> Tensor:
    """Sum of every window, exact for counts below 2**24: (N, C, H, W) fp32 to (N, C, H_out, W_out) fp32.

    Shifted slices are added one axis at a time: faster here than a convolution with ones or average pooling,
    autocast does not touch them, and they export as plain additions.
    """
    if padding == "same":
        # as in torch: the odd pixel goes to the right
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        (top, bottom), (left, right) = ((t // 2, t - t // 2) for t in totals)
    else:
        top, left = (0, 0) if padding == "valid" else _pair(padding)  # type: ignore[arg-type]
        bottom, right = top, left
    x = F.pad(x, (left, right, top, bottom))
    for axis, k, s, d in zip((2, 3), kernel, stride, dilation, strict=True):
        index = [slice(None)] * axis
        shifted = [x[(*index, slice(i * d, (i + 1 - k) * d or None, s))] for i in range(k)]
        x = sum(shifted[1:], shifted[0])
    return x


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _check(inputs: list[Tensor], masks: list[Tensor], in_channels: int) -> None:
    if any(x.dim() != 4 for x in inputs):
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ValueError(f"`x` has shape {shapes}, expected (N, C, H, W); add the batch with x[None].")
    if sum(x.shape[1] for x in inputs) != in_channels:
        came = " + ".join(str(x.shape[1]) for x in inputs)
        raise ValueError(f"`x` has {came} channels, the weight expects {in_channels}.")
    if len(inputs) != len(masks):
        raise ValueError(f"{len(inputs)} inputs came with {len(masks)} masks: give each input its own `valid`.")
    for x, valid in zip(inputs, masks, strict=True):
        num, channels, height, width = x.shape
        fits = valid.dim() == 4 and valid.shape[0] in (1, num) and valid.shape[1] in (1, channels)
        if not fits or valid.shape[2:] != x.shape[2:]:
            raise ValueError(
                f"`valid` has shape {tuple(valid.shape)}, expected ({num}, 1, {height}, {width}) or "
                f"({num}, {channels}, {height}, {width}); resize masks with mode='nearest'."
            )
        # a graph cannot branch on values: inside torch.compile and torch.export they are trusted
        if valid.dtype != torch.bool and not torch.compiler.is_compiling():
            known = valid.detach()
            if not bool(((known == 0) | (known == 1)).all()):
                low, high = float(known.min()), float(known.max())
                raise ValueError(
                    f"`valid` must hold only 0 (hole) and 1 (known), but its values lie between {low:g} and {high:g}; "
                    "threshold it first, e.g. valid > 127 for 0..255 or valid > 0.5 for a soft mask."
                )
