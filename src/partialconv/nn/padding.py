"""Partial convolution based padding: zero padding whose border windows are scaled up to a full one."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from partialconv.nn.count import box_sum, margins


class _PartialPaddingConv(nn.modules.conv._ConvNd):
    """What the three layers share."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002 (torch's name)
        """What `nn.Conv2d.forward` calls: the convolution, without bias, times the ratio, plus the bias."""
        convolve: Any = super()._conv_forward
        dims = len(self.kernel_size)
        margin = margins(self.padding, self.kernel_size, self.dilation)
        if self.padding_mode != "zeros" or not any(side for sides in margin for side in sides):
            plain: Tensor = convolve(input, weight, bias)
            return plain
        out: Tensor = convolve(input, weight, None)
        dtype = torch.promote_types(out.dtype, torch.float32)
        ratio = torch.ones((), device=out.device, dtype=dtype)
        # a box is a product of its sides, and so is its ratio
        for axis, (k, s, d, sides) in enumerate(
            zip(self.kernel_size, self.stride, self.dilation, margin, strict=True), start=-dims
        ):
            if sides != (0, 0):
                inside = torch.ones(1, 1, input.shape[axis], device=out.device)
                count = box_sum(inside, (k,), (s,), (d,), (sides,)).to(dtype)
                # a window wholly in the padding sums up to 0, whatever it is scaled with
                side = k / count.clamp(min=1)
                ratio = ratio * side.view(-1, *[1] * (-1 - axis))
        # in place: a convolution's result is fresh, and backward does not need it
        out = out.mul_(ratio)
        return out if bias is None else out.add_(bias.to(out.dtype).view(-1, *[1] * dims))


class PartialPaddingConv2d(_PartialPaddingConv, nn.Conv2d):
    """`nn.Conv2d` with partial convolution based padding: same arguments, same call, same state_dict.

    The zeros around the image count as missing, so each border window is scaled by its full over its inner size. The
    bias is not scaled. Without padding, or with a `padding_mode` other than "zeros", it is `nn.Conv2d`.

    The ratio depends on the sizes alone and is computed in each call, of vectors as long as the sides: no state, and
    nothing that a mask of another call could be mistaken for.

    Example:
        >>> import torch
        >>> conv = PartialPaddingConv2d(1, 1, 3, padding=1, bias=False)
        >>> _ = torch.nn.init.constant_(conv.weight, 1 / 9)
        >>> conv(torch.ones(1, 1, 4, 4)).detach().round(decimals=5).unique()  # zero padding: 4/9 to 1
        tensor([1.])

    Source: Liu et al. 2018, Partial Convolution based Padding, https://arxiv.org/abs/1811.11718.
    """


class PartialPaddingConv1d(_PartialPaddingConv, nn.Conv1d):
    """`PartialPaddingConv2d` for series; a drop-in for `nn.Conv1d`."""


class PartialPaddingConv3d(_PartialPaddingConv, nn.Conv3d):
    """`PartialPaddingConv2d` for volumes; a drop-in for `nn.Conv3d`."""


_REPLACEMENTS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: PartialPaddingConv1d,
    nn.Conv2d: PartialPaddingConv2d,
    nn.Conv3d: PartialPaddingConv3d,
}


def convert_padding(model: nn.Module) -> list[str]:
    """Give every zero-padded convolution of `model` partial convolution based padding, in place.

    A convolution changes its class and nothing else: parameters, optimizers that hold them, device, dtype, hooks and
    parametrizations stay. Convolutions without padding or with another `padding_mode` need no change.

    Args:
        model: Any module; a single convolution, too.

    Returns:
        The names of the changed convolutions, as in `model.named_modules()`; "" is `model` itself.

    Warns:
        UserWarning: a zero-padded convolution is of a class with a forward of its own (say, with standardised
            weights); it was left as it is.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1))
        >>> convert_padding(model)
        ['0']

    Source: Liu et al. 2018, https://arxiv.org/abs/1811.11718; changing the class: ours.
    """
    changed, left = [], []
    for name, module in model.named_modules():
        plain = _plain_class(module)
        if plain is None or module.padding_mode != "zeros":
            continue
        margin = margins(module.padding, module.kernel_size, module.dilation)
        if not any(side for sides in margin for side in sides):
            continue
        base = next(kind for kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d) if isinstance(module, kind))
        if all(getattr(plain, name) is getattr(base, name) for name in ("forward", "_conv_forward")):
            _change_class(module, _padding_class(plain))
            changed.append(name)
        else:
            left.append(f"{name} ({plain.__name__})")
    if left:
        warnings.warn(f"left as they are, of classes of their own: {', '.join(left)}.", stacklevel=2)
    return changed


def _plain_class(module: nn.Module) -> type[nn.Module] | None:
    """The class of a convolution, without its parametrizations; None for what needs no change."""
    from partialconv.nn.modules import _PartialConv

    known = (_PartialConv, _PartialPaddingConv)
    if not isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) or isinstance(module, known):
        return None
    # torch puts a class of its own between a parametrized module and its class
    return type(module).__bases__[0] if parametrize.is_parametrized(module) else type(module)


def _padding_class(plain: type[nn.Module]) -> type[nn.Module]:
    """The class of a convolution with the other padding; of a subclass, as of torchvision's r3d_18, a subclass."""
    if plain not in _REPLACEMENTS:
        # pickle cannot find a class that was made here by its name
        made = type(f"PartialPadding{plain.__name__}", (_PartialPaddingConv, plain), {"__reduce__": _reduced})
        _REPLACEMENTS[plain] = made
    return _REPLACEMENTS[plain]


def _reduced(module: nn.Module) -> tuple[Any, ...]:
    return _empty, (type(module).__mro__[2],), module.__getstate__()


def _empty(plain: type[nn.Module]) -> nn.Module:
    made = _padding_class(plain)
    return made.__new__(made)


def _change_class(module: nn.Module, replacement: type[nn.Module]) -> None:
    old = type(module)
    if parametrize.is_parametrized(module):  # the same class in between, with the same properties, over the new one
        attributes = {key: value for key, value in vars(old).items() if key not in ("__dict__", "__weakref__")}
        replacement = type(f"Parametrized{replacement.__name__}", (replacement,), attributes)
    module.__class__ = replacement
