"""A small network that finds damage in photos: where it is, and of which kind."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.nn import PartialConv2d

KINDS = ("dust", "scratches", "cracks", "stamp", "text")
MULTIPLE = 16  # what height and width are multiples of
STEM_PX = 6  # side of the first window


class FinderLayer(nn.Module):
    """Convolution, BatchNorm, then the input is added where that is asked for, and ReLU.

    Args:
        num_in: Channels of the input.
        num_out: Channels of the output.
        stride: Of the 3 x 3 convolution.
        dilation: Of its window.
        residual: Whether the input is added.
    """

    def __init__(self, num_in: int, num_out: int, stride: int = 1, dilation: int = 1, residual: bool = False) -> None:
        super().__init__()
        self.residual = residual
        self.conv = nn.Conv2d(num_in, num_out, 3, stride, dilation, dilation, bias=False)
        self.norm = nn.BatchNorm2d(num_out)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, num_in, H, W) to (N, num_out, H / stride, W / stride)."""
        out = self.norm(self.conv(x))
        return F.relu(out + x if self.residual else out)


class Finder(nn.Module):
    """Probability of damage for each pixel, and the shares of the kinds.

    A U-Net whose finest level has half the size of the photo: its first window, a partial convolution of 6 x 6 pixels
    with stride 2, sees every pixel, and its last layer gives four values for each place, one for each of the four
    pixels there. So thin damage is located to the pixel without a layer at full size, which would take most of the
    time. Only the first layer looks at `valid`: further down a place is unknown only where all of its window is.

    Args:
        widths: Channels of the levels, of 1/2, 1/4, 1/8 and 1/16 of the size.
        dilations: Of the layers of the deepest level.

    Example:
        >>> import torch
        >>> damage, kinds = Finder().eval()(torch.rand(1, 3, 32, 48), torch.ones(1, 1, 32, 48))
        >>> damage.shape, kinds.shape
        (torch.Size([1, 1, 32, 48]), torch.Size([1, 5, 32, 48]))

    Source: ours.
    """

    def __init__(self, widths: Sequence[int] = (24, 48, 96, 160), dilations: Sequence[int] = (1, 2)) -> None:
        super().__init__()
        self.widths, self.dilations = tuple(widths), tuple(dilations)
        self.stem = PartialConv2d(3, widths[0], STEM_PX, 2, (STEM_PX - 2) // 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.encoder = nn.ModuleList(FinderLayer(width, width, residual=True) for width in widths[:-1])
        self.down = nn.ModuleList(FinderLayer(a, b, stride=2) for a, b in pairwise(widths))
        self.middle = nn.ModuleList(FinderLayer(widths[-1], widths[-1], 1, d, residual=True) for d in dilations)
        self.up = nn.ModuleList(nn.Conv2d(deep, width, 1) for width, deep in pairwise(widths))
        self.decoder = nn.ModuleList(FinderLayer(width, width, residual=True) for width in widths[:-1])
        self.damage = nn.Conv2d(widths[0], 4, 3, 1, 1)
        self.kinds = nn.Conv2d(widths[0], len(KINDS), 1)
        nn.init.constant_(self.damage.bias, -4.0)  # type: ignore[arg-type]  # damage is rare

    def logits(self, image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, before sigmoid and softmax, and the kinds at half the size: what the losses take."""
        x = torch.where(valid > 0, image * 2 - 1, 0)
        x, _ = self.stem(x, valid, zeroed=True)
        x, skips = F.relu(self.stem_norm(x)), []
        for level, down in zip(self.encoder, self.down, strict=True):
            x = level(x)
            skips.append(x)
            x = down(x)
        for layer in self.middle:
            x = layer(x)
        for up, level in zip(reversed(self.up), reversed(self.decoder), strict=True):
            x = level(F.interpolate(up(x), scale_factor=2.0, mode="nearest") + skips.pop())
        return F.pixel_shuffle(self.damage(x), 2), self.kinds(x)

    def forward(self, image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Find the damage.

        Args:
            image: (N, 3, H, W), sRGB in [0, 1]; height and width multiples of 16.
            valid: (N, 1, H, W), 1 = known, 0 = unknown; values under it are ignored, NaN included.

        Returns:
            damage: (N, 1, H, W), probability that a pixel is damaged.
            kinds: (N, 5, H, W), the share of each of `KINDS`, given that it is damaged; they sum to 1.
        """
        damage, kinds = self.logits(image, valid)
        shares = F.interpolate(kinds.softmax(1), scale_factor=2.0, mode="nearest")
        return damage.sigmoid(), shares
