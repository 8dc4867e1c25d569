"""The partial convolution as a layer, in one, two and three dimensions."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.nn.functional import Scaling, check_scaling, partial_conv

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class _PartialConv(nn.modules.conv._ConvNd):
    """What the three layers share."""

    scaling: Scaling = "v2"

    def forward(
        self, x: Tensor | Sequence[Tensor], valid: Tensor | Sequence[Tensor], zeroed: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Convolve the known pixels of `x`; see `partial_conv2d` for shapes, ranges and errors.

        Args:
            x: Features, (N, C_in, ...), or a list of tensors whose channels add up to C_in.
            valid: 1 = known, 0 = hole, (N, 1, ...), (N, groups, ...) or (N, C, ...); one for each tensor of `x`.
            zeroed: `x` is 0 under its holes already: saves a pass.

        Returns:
            out: (N, C_out, ...); exactly 0 where no pixel was known.
            valid_out: 1 where at least one pixel was known, dtype of `valid`; (N, 1, ...), or with more channels as
                `partial_conv2d` says.

        Raises:
            ValueError: as in `partial_conv2d`.
        """
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            x, valid, padding = self._pad(x), self._pad(valid), 0
        settings = (self.stride, padding, self.dilation, self.groups, self.scaling, zeroed)
        return partial_conv(len(self.kernel_size), x, valid, self.weight, self.bias, *settings)

    def extra_repr(self) -> str:
        """The arguments of `nn.Conv2d`, and the scaling where it is not the default."""
        arguments: str = super().extra_repr()  # type: ignore[no-untyped-call]
        return arguments + ("" if self.scaling == "v2" else f", scaling={self.scaling!r}")

    def _pad(self, x: Tensor | Sequence[Tensor]) -> Tensor | list[Tensor]:
        return self._pad_one(x) if isinstance(x, Tensor) else [self._pad_one(piece) for piece in x]

    def _pad_one(self, x: Tensor) -> Tensor:
        # F.pad mirrors floating tensors only
        padded = x if x.is_floating_point() else x.float()
        return F.pad(padded, self._reversed_padding_repeated_twice, mode=self.padding_mode).to(x.dtype)


class PartialConv2d(_PartialConv, nn.Conv2d):  # type: ignore[misc]
    """`nn.Conv2d` that sees only known pixels: same arguments, same parameters, same state_dict.

    It keeps no state between calls. With `padding_mode` other than "zeros" the border is filled from the image, and
    the mask likewise, so nothing is re-normalised there but for holes that the border repeats.

    Args:
        in_channels: As all that follow but the last, see `nn.Conv2d`.
        out_channels: Channels of the output.
        kernel_size: Size of the window.
        stride: Its step.
        padding: Pixels added on each side, or "same" or "valid".
        dilation: Distance of the kernel's elements.
        groups: Number of groups of channels; each is counted on its own.
        bias: Whether to add one, unscaled.
        padding_mode: "zeros" (hole), "reflect", "replicate" or "circular".
        device: Where the parameters lie.
        dtype: Of the parameters.
        scaling: "v2" for sum(1) / sum(M), "v1" for 1 / sum(M); see `partial_conv2d`.

    Example:
        >>> import torch
        >>> conv = PartialConv2d(3, 8, 3, padding=1)
        >>> out, valid_out = conv(torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16))

        Two inputs with masks of their own, as in a U-Net, the channels of both together:

        >>> x, skip = torch.rand(1, 2, 16, 16), torch.rand(1, 1, 16, 16)
        >>> out, valid_out = conv([x, skip], [torch.ones(1, 1, 16, 16), skip > 0.5])

    Source: Liu et al. 2018 (arXiv v2), eq. 1-2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        scaling: Scaling = "v2",
    ) -> None:
        shape = (in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        super().__init__(*shape, bias, padding_mode, device, dtype)
        self.scaling = check_scaling(scaling)


class PartialConv1d(_PartialConv, nn.Conv1d):  # type: ignore[misc]
    """`PartialConv2d` for series, (N, C, L), with gaps; a drop-in for `nn.Conv1d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: str | int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        scaling: Scaling = "v2",
    ) -> None:
        shape = (in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        super().__init__(*shape, bias, padding_mode, device, dtype)
        self.scaling = check_scaling(scaling)


class PartialConv3d(_PartialConv, nn.Conv3d):  # type: ignore[misc]
    """`PartialConv2d` for volumes, (N, C, D, H, W); a drop-in for `nn.Conv3d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] = 1,
        padding: str | int | tuple[int, int, int] = 0,
        dilation: int | tuple[int, int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        scaling: Scaling = "v2",
    ) -> None:
        shape = (in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
        super().__init__(*shape, bias, padding_mode, device, dtype)
        self.scaling = check_scaling(scaling)
