"""Setting features under the hole to 0, whatever they were."""

from typing import Any

import torch
from torch import Tensor

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def zero_holes(x: Tensor, valid: Tensor) -> Tensor:
    """A copy of `x` that is 0 under the hole, NaN and infinity included; so is its gradient.

    Features that several layers read need this only once: give them to `partial_conv2d(..., zeroed=True)`.

    Args:
        x: Features, (N, C, ...).
        valid: 1 = known, 0 = hole, of the shape of `x`, or 1 where they differ.

    Returns:
        The shape, dtype and memory format of `x`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> import torch
        >>> zero_holes(torch.tensor([1.0, float("nan"), 3.0]), torch.tensor([1, 0, 1]))
        tensor([1., 0., 3.])
    """
    if valid.dim() != x.dim() or any(v not in (1, s) for v, s in zip(valid.shape, x.shape, strict=True)):
        expected = f"({x.shape[0]}, 1, {', '.join(str(side) for side in x.shape[2:])})"
        raise ValueError(f"`valid` has shape {tuple(valid.shape)}, expected {expected} or {tuple(x.shape)}.")
    known = valid if valid.dtype == torch.bool else valid != 0
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    if traced or x.device.type != "cpu" or not x.is_floating_point() or x.element_size() not in _INTEGERS:
        # where, not a product: 0 * NaN is NaN; nor masked_fill, which loses channels_last
        return torch.where(known, x, 0)
    return _ZeroBits.apply(x, known)  # type: ignore[no-any-return,no-untyped-call]


class _ZeroBits(torch.autograd.Function):
    """`where` as a bitwise "and" with all ones or none: vectorised on the CPU, and so three times as fast."""

    @staticmethod
    def forward(x: Tensor, known: Tensor) -> Tensor:
        integer = _INTEGERS[x.element_size()]
        return (x.view(integer) & -known.to(integer)).view(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.saved_tensors[0], None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        tangent: Tensor = tangents[0] * ctx.saved_tensors[0]
        return tangent

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, int | None], x: Tensor, known: Tensor) -> tuple[Tensor, int]:  # noqa: ARG004
        first = [t[None] if dim is None else t.movedim(dim, 0) for t, dim in zip((x, known), in_dims, strict=True)]
        return torch.where(first[1], first[0], 0), 0
