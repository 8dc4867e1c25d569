"""The U-Net of partial convolutions."""

import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.nn import PartialConv2d, zero_holes

ENCODER_KERNELS = (7, 5, 5)  # then 3x3


class PartialConvUNet(nn.Module):
    """The paper's U-Net: `num_levels` stride-2 partial convolutions down, as many up, with skip links.

    Features and masks of the two inputs of a decoder layer are kept apart, so each is counted with its own mask. The
    last layer sees the image with its holes. With the defaults this is the paper's table: 16 partial convolutions,
    14 BatchNorms, 32,859,732 parameters; only the last convolution has a bias.

    The network works in [-1, 1] inside, as the authors', and takes and gives [0, 1].

    Args:
        width: Channels of the first layer; they double per level up to 8 * width.
        num_levels: Number of halvings; a hole closes if it fits the receptive field of the deepest level.
        in_channels: Channels of the image, and of the output.

    Raises:
        ValueError: an argument is below 1.

    Example:
        >>> import torch
        >>> net = PartialConvUNet(width=8, num_levels=4)
        >>> net(torch.rand(1, 3, 50, 70), torch.ones(1, 1, 50, 70)).shape
        torch.Size([1, 3, 50, 70])

    Source: Liu et al. 2018, supplement, table of the architecture.
    """

    def __init__(self, width: int = 64, num_levels: int = 8, in_channels: int = 3) -> None:
        super().__init__()
        for name, value in (("width", width), ("num_levels", num_levels), ("in_channels", in_channels)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1.")
        self.width, self.num_levels, self.in_channels = width, num_levels, in_channels
        channels = [in_channels, *(width * min(2**level, 8) for level in range(num_levels))]
        kernels = [ENCODER_KERNELS[level] if level < len(ENCODER_KERNELS) else 3 for level in range(num_levels)]
        self.encoder = nn.ModuleList(
            Block(channels[level], channels[level + 1], kernels[level], stride=2, norm=level > 0, activation=nn.ReLU())
            for level in range(num_levels)
        )
        self.decoder = nn.ModuleList(
            Block(channels[level + 1] + channels[level], channels[level], 3, activation=nn.LeakyReLU(0.2))
            if level > 0
            else Block(channels[1] + channels[0], channels[0], 3, norm=False, bias=True)
            for level in reversed(range(num_levels))
        )
        for module in self.modules():
            if isinstance(module, PartialConv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def blocks(self) -> tuple[list["Block"], list["Block"]]:
        """The blocks of the encoder and those of the decoder, in the order of their use."""
        encoder, decoder = ([b for b in part if isinstance(b, Block)] for part in (self.encoder, self.decoder))
        return encoder, decoder

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Fill the holes of `image`.

        Args:
            image: (N, C, H, W) in [0, 1], any H and W: a level of odd size is padded by one row of holes. Values
                under the hole are ignored, NaN included.
            valid: 1 = known, 0 = hole, (N, 1, H, W), exactly 0 or 1.

        Returns:
            The output for every pixel, known ones too, (N, C, H, W), about [0, 1], not clamped; 0.5 where the hole
            is too large for the network to close.

        Raises:
            ValueError: `valid` differs in size or holds other values than 0 and 1.
        """
        x, known = zero_holes(image * 2 - 1, valid), valid
        skips = []
        for block in self.encoder:
            skips.append((x, known != 0))
            x, known = block([x], [known])
            known = known != 0  # bool from here on: needs no check of its values
        for block in self.decoder:
            skip, skip_known = skips.pop()
            height, width = skip.shape[-2:]
            x = F.interpolate(x, scale_factor=2, mode="nearest")[..., :height, :width]
            known = F.interpolate(known.float(), scale_factor=2, mode="nearest")[..., :height, :width] > 0
            x, known = block([x, skip], [known, skip_known])
        return (x.float() + 1) / 2


class Block(nn.Module):
    """Partial convolution, BatchNorm, nonlinearity."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        norm: bool = True,
        bias: bool = False,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = PartialConv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=bias)
        self.norm: nn.Module = _BatchNorm2d(out_channels) if norm else nn.Identity()
        self.activation = activation if activation is not None else nn.Identity()

    def forward(self, x: list[Tensor], valid: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Features, 0 in their holes, and masks, one or two of each, to features (N, C_out, H_out, W_out) and mask."""
        out, valid_out = self.conv(x, valid, zeroed=True)
        if not isinstance(self.norm, nn.Identity):
            # in place: BatchNorm's result is fresh, and backward does not need it
            out = self.norm(out).mul_(valid_out)
        return self.activation(out), valid_out


class _BatchNorm2d(nn.BatchNorm2d):
    """BatchNorm that uses its running statistics where a batch has a single value per channel.

    A batch of one photo reaches the bottleneck as one pixel, whose variance is no statistic.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if self.training and x.numel() == x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
