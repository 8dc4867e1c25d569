"""The partial convolution as a function, in one, two and three dimensions."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from partialconv.nn.checks import check_inputs, check_values
from partialconv.nn.count import Size, box_sum, known_channels, margins, per_axis
from partialconv.nn.zeroing import zero_holes

Scaling = Literal["v2", "v1"]

_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def partial_conv2d(
    x: Tensor | Sequence[Tensor],
    valid: Tensor | Sequence[Tensor],
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    scaling: Scaling = "v2",
    zeroed: bool = False,
) -> tuple[Tensor, Tensor]:
    """Convolve only the known pixels of `x` and shrink the hole.

    Each window is summed over its known pixels, scaled by sum(1) / sum(M) and given the bias unscaled; a window
    without a known pixel gives exactly 0. Padding counts as hole.

    Several tensors with masks of their own (skip links) go in as two lists of equal length: the convolution sees
    them concatenated along the channels, and each is counted with its own mask, exactly as if every mask had been
    repeated for every channel, at the cost of one single-channel count.

    Args:
        x: Features, real or complex, (N, C_in, H, W), or a list whose channels add up to C_in. Values under the hole
            are ignored, NaN and infinity included; their gradient is exactly 0.
        valid: 1 = known, 0 = hole, (N, 1, H, W), (N, C, H, W) with the C of its `x`, or, where `x` is one tensor,
            (N, groups, H, W); N may be 1. Any dtype; exactly 0 or 1. Of bool masks the values need no check, which
            saves a pass (and a wait, on a GPU); inside torch.compile and torch.export they are trusted.
        weight: (C_out, C_in / groups, kh, kw).
        bias: (C_out,).
        stride: Step of the window, in pixels.
        padding: Rows and columns of hole added on each side, or "same" or "valid".
        dilation: Distance of the kernel's elements, in pixels.
        groups: Number of groups of channels; each is counted on its own.
        scaling: "v2" multiplies by sum(1) / sum(M), as the authors' code and the second version of the paper; "v1"
            by 1 / sum(M), as the first version and some ports.
        zeroed: `x` is 0 under its holes already (see `zero_holes`), which saves a pass over it, and a copy in memory.

    Returns:
        out: (N, C_out, H_out, W_out), in the dtype of the convolution; exactly 0 where no pixel was known.
        valid_out: 1 where at least one pixel was known, dtype of `valid`; (N, 1, H_out, W_out) with the N of
            `valid`. Where groups > 1, it has `groups` channels if `valid` had, and C_out if `valid` had C_in or came
            as a list.

    Raises:
        ValueError: `x` has other channels than `weight`; `valid` differs from `x` in size or number, or holds other
            values than 0 and 1; `scaling` is unknown.

    Example:
        >>> import torch
        >>> x, valid = torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
        >>> valid[..., 2:5, 2:5] = 0
        >>> out, valid_out = partial_conv2d(x, valid, torch.rand(4, 3, 3, 3), padding=1)
        >>> out.shape, int((valid_out == 0).sum())
        (torch.Size([1, 4, 8, 8]), 1)

    Source: Liu et al. 2018 (arXiv v2), eq. 1-2. Counting the inputs of a skip link apart: ours.
    """
    return partial_conv(2, x, valid, weight, bias, stride, padding, dilation, groups, scaling, zeroed)


def partial_conv1d(
    x: Tensor | Sequence[Tensor],
    valid: Tensor | Sequence[Tensor],
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    scaling: Scaling = "v2",
    zeroed: bool = False,
) -> tuple[Tensor, Tensor]:
    """`partial_conv2d` of series, (N, C_in, L): the same arguments, results and errors, with one axis.

    Example:
        >>> import torch
        >>> x = torch.tensor([[[1.0, float("nan"), 3.0]]])  # a gap in a series
        >>> partial_conv1d(x, ~x.isnan(), torch.full((1, 1, 3), 1 / 3), padding=1)[0]
        tensor([[[1., 2., 3.]]])
    """
    return partial_conv(1, x, valid, weight, bias, stride, padding, dilation, groups, scaling, zeroed)


def partial_conv3d(
    x: Tensor | Sequence[Tensor],
    valid: Tensor | Sequence[Tensor],
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    scaling: Scaling = "v2",
    zeroed: bool = False,
) -> tuple[Tensor, Tensor]:
    """`partial_conv2d` of volumes, (N, C_in, D, H, W): the same arguments, results and errors, with three axes."""
    return partial_conv(3, x, valid, weight, bias, stride, padding, dilation, groups, scaling, zeroed)


def partial_conv(
    dims: int,
    x: Tensor | Sequence[Tensor],
    valid: Tensor | Sequence[Tensor],
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: str | Size,
    dilation: Size,
    groups: int,
    scaling: Scaling = "v2",
    zeroed: bool = False,
) -> tuple[Tensor, Tensor]:
    """`partial_conv2d` in `dims` dimensions: the whole computation."""
    check_scaling(scaling)
    inputs = [x] if isinstance(x, Tensor) else list(x)
    masks = [valid] if isinstance(valid, Tensor) else list(valid)
    check_inputs(dims, inputs, masks, weight.shape[1] * groups, groups)
    known = [mask if mask.dtype == torch.bool else mask != 0 for mask in masks]
    check_values(masks, known)

    pieces = inputs if zeroed else [_zeroed(p, mask) for p, mask in zip(inputs, known, strict=True)]
    kernel, steps = tuple(weight.shape[2:]), (per_axis(stride, dims), per_axis(dilation, dims))
    sides = margins(padding, kernel, steps[1])
    if not isinstance(padding, str):
        pieces, padding = pad_short(pieces, steps[0], padding)
    convolve = _CONVOLUTIONS[dims]
    weights: Sequence[Tensor] = (weight,)
    if len(pieces) > 1:
        if groups > 1 or _concatenation_is_cheaper(pieces, weight):
            pieces = [torch.cat(pieces, dim=1)]
        else:  # a sum of convolutions is that of the concatenation
            weights = weight.split([piece.shape[1] for piece in pieces], dim=1)
    # out is this one tensor, changed in place: a convolution's result is fresh, and backward does not need it
    out = convolve(pieces[0], weights[0], None, stride, padding, dilation, groups)
    for piece, part in zip(pieces[1:], weights[1:], strict=True):
        out = out.add_(convolve(piece, part, None, stride, padding, dilation))

    count = box_sum(known_channels(inputs, known, groups), kernel, *steps, sides)
    # at least fp32: bf16 would round 9215 to 9216, and 9/7 by 0.3 %
    count = count.to(torch.float64 if out.dtype in (torch.float64, torch.complex128) else torch.float32)
    some = count > 0
    scale = float(weight[0].numel()) if scaling == "v2" else 1.0
    # 0 / 1 in empty windows, no epsilon: scale / (0 + eps) overflows in half precision, and inf * 0 is NaN
    ratio = (some * scale) / count.clamp(min=1)
    valid_out = some
    if count.shape[1] > 1:
        some, ratio = (t.repeat_interleave(weight.shape[0] // groups, dim=1) for t in (some, ratio))
        if len(masks) > 1 or masks[0].shape[1] == weight.shape[1] * groups:
            valid_out = some
    out = out.mul_(ratio)
    if bias is not None:
        out = out.addcmul_(some.to(out.dtype), bias.to(out.dtype).view(-1, *[1] * dims))
    return out, valid_out.to(masks[0].dtype)


def pad_short(pieces: list[Tensor], stride: Size, padding: Size) -> tuple[list[Tensor], Size]:
    """Inputs of a convolution, (N, C, ..., W), padded already where W is below the stride, and what is left to pad.

    For these the weight's gradient in bf16, computed by oneDNN with AMX, holds uninitialised memory: seen in PyTorch
    2.13 as NaN, in the last level of a U-Net, whose features are one pixel.
    """
    dims = pieces[0].ndim - 2
    if torch.compiler.is_compiling() or pieces[0].shape[-1] >= per_axis(stride, dims)[-1]:
        return pieces, padding  # a compiler must not depend on sizes
    sides = [side for side in reversed(per_axis(padding, dims)) for _ in range(2)]
    return [F.pad(piece, sides) for piece in pieces], 0


def _concatenation_is_cheaper(pieces: list[Tensor], weight: Tensor) -> bool:
    """Than convolving apart, which copies the parts of the weight; small features meet large weights deep down."""
    # a compiler fuses the concatenation with what comes before, and must not depend on sizes
    return torch.compiler.is_compiling() or sum(piece.numel() for piece in pieces) < weight.numel()


def _zeroed(x: Tensor, known: Tensor) -> Tensor:
    if known.shape[1] not in (1, x.shape[1]):  # one channel for each group
        known = known.repeat_interleave(x.shape[1] // known.shape[1], dim=1)
    return zero_holes(x, known)


def check_scaling(scaling: Scaling) -> Scaling:
    """Give `scaling` back.

    Raises:
        ValueError: there is no such scaling.
    """
    if scaling not in get_args(Scaling):
        raise ValueError(f"scaling is {scaling!r}, expected one of {', '.join(map(repr, get_args(Scaling)))}.")
    return scaling
