"""The U-Net of partial convolutions."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import Literal, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from partialconv.models.edge import feather
from partialconv.models.norm import BatchNorm2d
from partialconv.nn import PartialConv2d, zero_holes
from partialconv.nn.functional import pad_short

ENCODER_KERNELS = (7, 5, 5)  # then 3x3
DETAIL_LAYERS = 3


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
        conv: "plain" makes the paper's baseline Conv: the same network of ordinary convolutions. It sees the image
            with its holes grey, and the mask as one more channel, where the partial network sees image and mask.
        detail_width: Channels of the last layer's result, and of `DETAIL_LAYERS` more at full resolution that correct
            its first `in_channels`, the output; 0 = the paper's last layer, which alone sees full resolution and can
            hardly draw a hairline. The edge of the hole is feathered before, see `edge.feather`; the detail layers
            see the last layer's result, the composite and the mask, and are ordinary convolutions, for in the
            composite nothing is missing. Ours.
        detail_dilations: Dilation of each of further detail layers, between those and the correction; their results
            are added to what they see, as in He et al. 2016. They let a pixel see further along an edge.
        first_bias: Whether the first convolution has a bias, too, as in networks of others.
        mean: Of each channel of the images, in [0, 1]: the network works on (image - mean) / std inside. Empty: 0.5.
        std: Of each channel. Empty: 0.5.

    Raises:
        ValueError: an argument is below 1, `detail_width` between 0 and `in_channels`, `conv` is unknown, there are
            dilations without `detail_width`, or other numbers of means and deviations than of channels.

    Example:
        >>> import torch
        >>> net = PartialConvUNet(width=8, num_levels=4)
        >>> net(torch.rand(1, 3, 50, 70), torch.ones(1, 1, 50, 70)).shape
        torch.Size([1, 3, 50, 70])

    Source: Liu et al. 2018, supplement, table of the architecture.
    """

    def __init__(
        self,
        width: int = 64,
        num_levels: int = 8,
        in_channels: int = 3,
        conv: Literal["partial", "plain"] = "partial",
        detail_width: int = 0,
        detail_dilations: Sequence[int] = (),
        first_bias: bool = False,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
    ) -> None:
        super().__init__()
        for name, value in (("width", width), ("num_levels", num_levels), ("in_channels", in_channels)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1.")
        if detail_width != 0 and detail_width < in_channels:
            raise ValueError(f"detail_width is {detail_width}, expected 0 or at least {in_channels}.")
        if detail_dilations and (detail_width == 0 or min(detail_dilations) < 1):
            given = ", ".join(map(str, detail_dilations))
            raise ValueError(f"detail_dilations are {given}, expected none, or at least 1 and a detail_width.")
        if conv not in ("partial", "plain"):
            raise ValueError(f"conv is {conv!r}, expected 'partial' or 'plain'.")
        if {len(mean), len(std)} not in ({0}, {in_channels}) or min(std, default=1) <= 0:
            raise ValueError(
                f"mean and std are {mean} and {std}, expected none, or {in_channels} numbers, std above 0."
            )
        self.width, self.num_levels, self.in_channels, self.conv = width, num_levels, in_channels, conv
        self.first_bias, self.mean, self.std = first_bias, tuple(mean), tuple(std)
        self.detail_width, self.detail_dilations = detail_width, tuple(detail_dilations)
        self.encoder_norm_frozen = self.norm_frozen = self.coarse_frozen = False
        self.gradient_checkpointing = False
        plain = conv == "plain"
        channels = [in_channels + plain, *(width * min(2**level, 8) for level in range(num_levels))]
        kernels = [ENCODER_KERNELS[level] if level < len(ENCODER_KERNELS) else 3 for level in range(num_levels)]
        self.encoder = nn.ModuleList(
            Block(
                channels[level], channels[level + 1], kernels[level], 2, level > 0,
                bias=first_bias and level == 0, activation=nn.ReLU(), plain=plain,
            )
            for level in range(num_levels)
        )  # fmt: skip
        leaky = nn.LeakyReLU(0.2)
        self.decoder = nn.ModuleList(
            Block(channels[level + 1] + channels[level], channels[level], 3, activation=leaky, plain=plain)
            for level in reversed(range(1, num_levels))
        )
        full = detail_width or in_channels
        self.decoder.append(Block(channels[1] + channels[0], full, 3, norm=False, bias=True, plain=plain))
        self.detail = nn.ModuleList()
        if detail_width > 0:
            layer = functools.partial(Block, out_channels=detail_width, kernel_size=3, norm=False, bias=True)
            layer = functools.partial(layer, activation=leaky, plain=True)
            for num in (detail_width + in_channels + 1, *[detail_width] * (DETAIL_LAYERS - 1)):
                self.detail.append(layer(num))
            for dilation in detail_dilations:
                self.detail.append(layer(detail_width, dilation=dilation, residual=True))
            self.detail.append(Block(detail_width, in_channels, 3, norm=False, bias=True, plain=True))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @classmethod
    def from_pretrained(cls, source: str | PathLike[str]) -> "PartialConvUNet":
        """A trained network, in eval mode.

        Args:
            source: "half", or the name of another installed model; a file of `partialconv export` or `convert`; or the
                folder of a run. See `trained.load`.

        Raises:
            InputError: there is none, or it is broken.

        Example:
            >>> PartialConvUNet.from_pretrained("half").width
            32
        """
        from partialconv.trained import load  # a higher room: here, for this is where users of PyTorch look for it

        return load(fspath(source))

    def blocks(self) -> tuple[list["Block"], list["Block"], list["Block"]]:
        """The blocks of encoder, decoder and detail, in the order of their use."""
        parts = (self.encoder, self.decoder, self.detail)
        encoder, decoder, detail = ([b for b in part if isinstance(b, Block)] for part in parts)
        return encoder, decoder, detail

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Fill the holes of `image`.

        Args:
            image: (N, C, H, W) in [0, 1], any H and W: a level of odd size is padded by one row of holes, on the way
                down and up, and cut after it. Values under the hole are ignored, NaN included.
            valid: 1 = known, 0 = hole, (N, 1, H, W), exactly 0 or 1.

        Returns:
            The output for every pixel, known ones too, (N, C, H, W), about [0, 1], not clamped; 0.5 where the hole
            is too large for the network to close. Double precision from a double network, else single.

        Raises:
            ValueError: `valid` differs in size, has other channels than one or holds other values than 0 and 1, or the
                image holds integers.
        """
        if not image.is_floating_point():
            raise ValueError(f"`image` is of {image.dtype}, expected values in [0, 1]: image / 255.")
        x = zero_holes(normalised(image, self.mean, self.std), valid)
        if valid.shape[1] != 1:
            raise ValueError(f"`valid` has {valid.shape[1]} channels, expected 1: valid[:, :1] where they are equal.")
        if self.conv == "plain":
            mask = (valid != 0).to(x.dtype).expand(image.shape[0], -1, -1, -1)
            out = self._layers(torch.cat([x, mask], dim=1), None)
        else:
            out = self._layers(x, valid)
        return restored(out.to(torch.promote_types(out.dtype, torch.float32)), self.mean, self.std)

    def _layers(self, x: Tensor, known: Tensor | None) -> Tensor:
        skips = [(x, None if known is None else known != 0)]
        for block in self.encoder:
            x, known = self._run(block, [x], [known])
            known = None if known is None else known != 0  # bool behind the entrance: needs no check of its values
            skips.append((x, known))
        skips.pop()
        for block in self.decoder:
            skip, skip_known = skips.pop()
            height, width = skip.shape[-2:]
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            odd = (0, x.shape[-1] - width, 0, x.shape[-2] - height)
            padded = torch.compiler.is_compiling() or any(odd)  # a graph must not depend on sizes
            seen = F.pad(skip, odd) if padded else skip
            if known is not None and skip_known is not None:
                known = F.interpolate(known.float(), scale_factor=2, mode="nearest") > 0
                seen_known = F.pad(skip_known, odd) if padded else skip_known
                x, known = self._run(block, [x, seen], [known, seen_known])
                assert known is not None
                known = _cut(known, height, width)
            else:
                x, known = self._run(block, [x, seen], [None, None])
            x = _cut(x, height, width)
        if self.detail_width == 0:
            return x
        # the last skip is the image; that of the plain network has its mask as last channel
        mask = skip[:, -1:] if skip_known is None else skip_known.to(x.dtype)
        return self._corrected(x, known, skip[:, : self.in_channels], mask)

    def _corrected(self, x: Tensor, known: Tensor | None, image: Tensor, mask: Tensor) -> Tensor:
        """The output, which is the first channels of `x`, corrected where the holes are closed."""
        mask = mask.expand(x.shape[0], -1, -1, -1)
        output = feather(x[:, : self.in_channels], image, mask)
        seen = torch.cat([x, torch.where(mask > 0, image, output), mask], dim=1)
        for block in self.detail:
            seen, _ = self._run(block, [seen], [None])
        return output + (seen if known is None else seen * known)

    def _run(self, block: nn.Module, x: list[Tensor], known: list[Tensor | None]) -> tuple[Tensor, Tensor | None]:
        if self.gradient_checkpointing and self.training:
            if torch.compiler.is_compiling():  # a graph changes its statistics once, whatever it computes again
                result = checkpoint(block, x, known, use_reentrant=False)
            else:
                context = functools.partial(_contexts, block)
                result = checkpoint(block, x, known, use_reentrant=False, context_fn=context)
        else:
            result = block(x, known)
        return cast("tuple[Tensor, Tensor | None]", result)

    def freeze_encoder_norm(self) -> None:
        """Freeze the BatchNorm of the encoder, for good: statistics and affine parameters.

        Holes enter the encoder's means and variances, so the paper finetunes without them. The paper says
        "parameters"; here that is both. The frozen layers normalise with their running statistics, also after
        `train()`. The decoder's BatchNorm goes on.

        Source: Liu et al. 2018, section 3.3.
        """
        self.encoder_norm_frozen = True
        for norm in _norms(self.encoder):
            norm.requires_grad_(False)
        self.train(self.training)

    def freeze_norm(self) -> None:
        """Freeze every BatchNorm, for good: statistics and affine parameters.

        For going on with crops so small that the deepest layers have a few values per channel to take statistics of.
        """
        self.norm_frozen = True
        for norm in _norms(self):
            norm.requires_grad_(False)
        self.train(self.training)

    def freeze_coarse(self) -> None:
        """Freeze what works at half resolution and below, statistics of BatchNorm included, for good.

        The last decoder layer and the detail layers learn on: steps are cheap, for nothing else needs a gradient.
        """
        self.coarse_frozen = True
        for block in self._coarse():
            block.requires_grad_(False)
        self.train(self.training)

    def _coarse(self) -> list["Block"]:
        encoder, decoder, _ = self.blocks()
        return [*encoder, *decoder[:-1]]

    def train(self, mode: bool = True) -> Self:
        """Set training mode, except for what was frozen; returns the network."""
        super().train(mode)
        if self.coarse_frozen:
            for block in self._coarse():
                block.eval()
        if self.norm_frozen or self.encoder_norm_frozen:
            for norm in _norms(self if self.norm_frozen else self.encoder):
                norm.eval()
        return self

    def synchronise_norm(self) -> None:
        """Let every BatchNorm take its statistics over all processes of torch.distributed."""
        for module in self.modules():
            if isinstance(module, BatchNorm2d):
                module.synchronised = True


def normalised(image: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """What the network works on: `image` in [0, 1] by its channels' mean and deviation, 0.5 where these are empty."""
    if not mean:
        return image * 2 - 1
    return (image - _by_channel(mean, image)) / _by_channel(std, image)


def restored(x: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """The image, in [0, 1], that `normalised` makes `x` of."""
    return x * _by_channel(std, x) + _by_channel(mean, x) if mean else (x + 1) / 2


def _cut(x: Tensor, height: int, width: int) -> Tensor:
    if torch.compiler.is_compiling():  # a view would be contiguous for some sizes and not for others: a copy always is
        return F.pad(x, (0, width - x.shape[-1], 0, height - x.shape[-2]))
    return x[..., :height, :width]


def _by_channel(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)


def _norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]


@contextlib.contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """A checkpointed block runs twice; only once may it count in its running statistics."""
    norms = [m for m in block.modules() if isinstance(m, BatchNorm2d) and m.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.sub_(1)


def _contexts(
    block: nn.Module,
) -> tuple[contextlib.AbstractContextManager[None], contextlib.AbstractContextManager[None]]:
    return contextlib.nullcontext(), _statistics_kept(block)


class Block(nn.Module):
    """Convolution, partial unless `plain`, then BatchNorm and nonlinearity; `residual` adds the input to that."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        norm: bool = True,
        bias: bool = False,
        activation: nn.Module | None = None,
        plain: bool = False,
        dilation: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        kind = PlainConv2d if plain else PartialConv2d
        padding = dilation * (kernel_size // 2)
        self.conv = kind(in_channels, out_channels, kernel_size, stride, padding, dilation, bias=bias)
        self.residual = residual
        self.norm: nn.Module = BatchNorm2d(out_channels) if norm else nn.Identity()
        self.activation = activation if activation is not None else nn.Identity()

    def forward(self, x: list[Tensor], valid: list[Tensor | None]) -> tuple[Tensor, Tensor | None]:
        """Features, 0 in their holes, and masks, one or two of each, to features (N, C_out, H_out, W_out) and mask."""
        out, valid_out = self.conv(x, valid, zeroed=True)
        out = self.norm(out)
        if valid_out is not None and not isinstance(self.norm, nn.Identity):
            # in place: BatchNorm's result is fresh, and backward does not need it; a hook on it makes a view of it
            fresh = not (torch.compiler.is_compiling() or out._is_view())
            out = out.mul_(valid_out) if fresh else out * valid_out
        out = self.activation(out)
        return (x[0] + out if self.residual else out), valid_out


class PlainConv2d(nn.Conv2d):
    """An ordinary convolution of several inputs, called like a partial one; there are no masks."""

    def forward(  # type: ignore[override]
        self,
        x: list[Tensor],
        _: list[None],
        *,
        zeroed: bool = True,  # noqa: ARG002
    ) -> tuple[Tensor, None]:
        """Convolve the concatenation of `x`."""
        assert not isinstance(self.padding, str)
        (whole,), padding = pad_short([torch.cat(x, dim=1) if len(x) > 1 else x[0]], self.stride, self.padding)
        return F.conv2d(whole, self.weight, self.bias, self.stride, padding, self.dilation), None
