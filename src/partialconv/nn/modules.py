"""The partial convolution as a layer."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.nn.functional import partial_conv2d


class PartialConv2d(nn.Conv2d):
    """`nn.Conv2d` that sees only known pixels: same arguments, same parameters, same state_dict.

    It keeps no state between calls. With `padding_mode` other than "zeros" the border is filled from the image, and
    the mask likewise, so nothing is re-normalised there.

    Example:
        >>> import torch
        >>> conv = PartialConv2d(3, 8, 3, padding=1)
        >>> out, valid_out = conv(torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16))

    Source: Liu et al. 2018 (arXiv v2), eq. 1-2.
    """

    def forward(  # type: ignore[override]
        self, x: Tensor | Sequence[Tensor], valid: Tensor | Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Convolve the known pixels of `x`; see `partial_conv2d` for shapes, ranges and errors.

        Args:
            x: Features, (N, C_in, H, W), or a list of tensors whose channels add up to C_in.
            valid: 1 = known, 0 = hole, (N, 1, H, W) or (N, C, H, W); one for each tensor of `x`.

        Returns:
            out: (N, C_out, H_out, W_out); exactly 0 where no pixel was known.
            valid_out: 1 where at least one pixel was known, dtype of `valid`; (N, 1, H_out, W_out), or with C_out
                channels as `partial_conv2d` says.

        Raises:
            ValueError: as in `partial_conv2d`.
        """
        padding: str | tuple[int, ...] = self.padding
        if self.padding_mode != "zeros":
            x, valid, padding = self._pad(x), self._pad(valid), (0, 0)
        return partial_conv2d(x, valid, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)  # type: ignore[arg-type]

    def _pad(self, x: Tensor | Sequence[Tensor]) -> Tensor | list[Tensor]:
        if not isinstance(x, Tensor):
            return [self._pad_one(piece) for piece in x]
        return self._pad_one(x)

    def _pad_one(self, x: Tensor) -> Tensor:
        # F.pad mirrors floating tensors only
        padded = x if x.is_floating_point() else x.float()
        return F.pad(padded, self._reversed_padding_repeated_twice, mode=self.padding_mode).to(x.dtype)
