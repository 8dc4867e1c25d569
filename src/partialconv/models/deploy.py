"""The network in the forms in which it is shipped: folded, and folded and fast."""

import copy
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.models.edge import feather
from partialconv.models.unet import Block, PartialConvUNet, normalised, restored

# Rows of a 3x3 kernel that fall on each of two low-resolution rows, [parity, row, kernel row]: under a map of which
# every row stands twice, the window of an odd row 2p - 1 sees the rows p - 1, p - 1, p; that of an even row 2p sees
# p - 1, p, p. Columns alike.
TAPS = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]])


@torch.no_grad()
def deploy(net: PartialConvUNet) -> PartialConvUNet:
    """The network as it is exported: BatchNorm folded, then weights rounded to half precision (held in single).

    Returns:
        A copy in eval mode.
    """
    deployed = fold_batchnorm(net)
    for parameter in deployed.parameters():
        if parameter.dim() == 4:
            parameter.copy_(parameter.half().float())
    return deployed


@torch.no_grad()
def fold_batchnorm(net: PartialConvUNet) -> PartialConvUNet:
    """Fold every BatchNorm into the convolution before it.

    The folded shift becomes a bias, which empty windows do not get: there the output is 0, where BatchNorm would
    have given its shift. The next layer ignores both, so the network's output is the same up to rounding.

    Returns:
        A copy in eval mode, without BatchNorm.
    """
    folded = copy.deepcopy(net).eval()
    for block in itertools.chain(*folded.blocks()):
        conv, norm = block.conv, block.norm
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None and norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            conv.weight.mul_(scale.view(-1, 1, 1, 1))
            shift = norm.bias - norm.running_mean * scale
            conv.bias = nn.Parameter(shift if conv.bias is None else shift + conv.bias * scale)
            block.norm = nn.Identity()
    return folded


@torch.no_grad()
def unfold_batchnorm(folded: PartialConvUNet, image: Tensor, valid: Tensor) -> PartialConvUNet:
    """Give a network without BatchNorm its BatchNorm back, with the statistics of some images, to train it on.

    In eval mode it computes what `folded` does; in training mode nearly so on batches like these.

    Args:
        folded: From `fold_batchnorm` or `graph.read_graph`.
        image: (N, C, H, W) in [0, 1].
        valid: (N, 1, H, W), 1 = known.

    Returns:
        A new network in training mode, on the CPU.
    """
    shape = (folded.width, folded.num_levels, folded.in_channels, folded.conv, folded.detail_width)
    net = PartialConvUNet(*shape, folded.detail_dilations, folded.first_bias, folded.mean, folded.std)
    results: dict[nn.Module, tuple[Tensor, Tensor | None]] = {}
    blocks = list(zip(itertools.chain(*folded.blocks()), itertools.chain(*net.blocks()), strict=True))
    handles = [
        old.conv.register_forward_hook(lambda conv, _, result: results.update({conv: result})) for old, _ in blocks
    ]
    folded.eval()(image, valid)
    for handle in handles:
        handle.remove()
    for old, new in blocks:
        new.conv.weight.copy_(old.conv.weight)
        if not isinstance(new.norm, nn.BatchNorm2d):
            if old.conv.bias is not None and new.conv.bias is not None:
                new.conv.bias.copy_(old.conv.bias)
            continue
        assert old.conv.bias is not None and new.norm.running_mean is not None and new.norm.running_var is not None
        out, known = results[old.conv]
        bare = out - old.conv.bias.view(1, -1, 1, 1)
        bare = bare if known is None else bare * known
        mean, var = bare.mean((0, 2, 3)), bare.var((0, 2, 3))
        new.norm.running_mean.copy_(mean)
        new.norm.running_var.copy_(var)
        new.norm.weight.copy_((var + new.norm.eps).sqrt())
        new.norm.bias.copy_(old.conv.bias + mean)
    return net


def phase_kernels(weight: Tensor) -> Tensor:
    """A 3x3 kernel for a map enlarged to twice its size (nearest), as four 2x2 kernels for the map itself.

    With a margin of one zero, position p of the four results holds the rows 2p - 1 and 2p of the enlarged result, and
    its columns: 4/9 of the work, exact up to the rounding of sums of weights.

    Args:
        weight: (C_out, C_in, 3, 3).

    Returns:
        (4 * C_out, C_in, 2, 2); for each output channel the parities of row and column.

    Source: ours; convolving at low resolution and interleaving is the sub-pixel convolution of Shi et al. 2016.
    """
    taps = TAPS.to(weight)
    return torch.einsum("itr,jus,oxrs->oijxtu", taps, taps, weight).reshape(-1, weight.shape[1], 2, 2)


def convolve_enlarged(x: Tensor, kernels: Tensor, size: tuple[int, int]) -> Tensor:
    """Convolve a map enlarged to twice its size, which is not made.

    Args:
        x: (N, C_in, h, w).
        kernels: From `phase_kernels`.
        size: Height and width to cut the result to: 2h or 2h - 1, 2w or 2w - 1.

    Returns:
        (N, C_out, *size).
    """
    return F.pixel_shuffle(F.conv2d(x, kernels, padding=1), 2)[..., 1 : 1 + size[0], 1 : 1 + size[1]]


Known = Tensor | None


class FastUNet(nn.Module):
    """The network for inference in PyTorch: the outputs of `PartialConvUNet`, up to rounding, in less time.

    BatchNorm is folded; no enlarged map is made, see `phase_kernels`; the inputs of a layer are convolved apart;
    masks are counted on one channel, always in single precision. After `to(torch.bfloat16)` it computes with features
    and weights of that type.

    Args:
        net: The network; it is left as it is.

    Example:
        >>> import torch
        >>> net = PartialConvUNet(width=8, num_levels=4).eval()
        >>> image, valid = torch.rand(1, 3, 50, 70), torch.ones(1, 1, 50, 70)
        >>> torch.allclose(FastUNet(net)(image, valid), net(image, valid), atol=1e-4)
        True
    """

    def __init__(self, net: PartialConvUNet) -> None:
        super().__init__()
        self.plain, self.in_channels = net.conv == "plain", net.in_channels
        self.mean, self.std = net.mean, net.std
        encoder, decoder, detail = fold_batchnorm(net).blocks()
        skips = [block.conv.in_channels for block in reversed(encoder)]
        self.encoder = nn.ModuleList(_Layer(block, [block.conv.in_channels]) for block in encoder)
        self.decoder = nn.ModuleList(
            _Layer(block, [block.conv.in_channels - skip, skip], enlarged=True)
            for block, skip in zip(decoder, skips, strict=True)
        )
        self.detail = nn.ModuleList(_Layer(block, [block.conv.in_channels]) for block in detail)
        self.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Fill the holes of `image`, as `PartialConvUNet` does; the values of `valid` are not checked."""
        maps = self.before_detail(image, valid)
        return maps[0] if len(maps) == 1 else self.detailed(*maps)

    @torch.inference_mode()
    def before_detail(self, image: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
        """What the detail layers need of whole pictures.

        Args:
            image: (N, C, H, W) in [0, 1].
            valid: (N, 1, H, W), 1 = known, 0 = hole.

        Returns:
            What they see, (N, features, H, W), what they correct, (N, C, H, W), and where they do so, (N, 1, H, W), 1 =
            there; without detail layers the output alone, (N, C, H, W).
        """
        dtype = next(self.parameters()).dtype
        x = torch.where(valid > 0, normalised(image, self.mean, self.std), 0.0)
        marked = torch.cat([x, valid], dim=1).to(dtype, memory_format=torch.channels_last)
        known = None if self.plain else valid.float()
        x = marked if self.plain else x.to(dtype, memory_format=torch.channels_last)
        skips = [(x, known)]
        for layer in self.encoder:
            skips.append(layer([skips[-1]]))
        x, known = skips.pop()
        for layer in self.decoder:
            x, known = layer([(x, known), skips.pop()])
        if len(self.detail) == 0:
            return (restored(x.float(), self.mean, self.std),)
        photo, mask = marked[:, : self.in_channels], marked[:, self.in_channels :]
        output = feather(x[:, : self.in_channels], photo, mask)
        seen = torch.cat([x, torch.where(mask > 0, photo, output), mask], dim=1)
        return seen, output, torch.ones_like(mask) if known is None else known.to(dtype)

    @torch.inference_mode()
    def detailed(self, seen: Tensor, output: Tensor, known: Tensor) -> Tensor:
        """The output, (N, C, H, W), of whole maps of `before_detail`, or of tiles of them; exact `halo_px` inside."""
        x = seen
        for layer in self.detail:
            x, _ = layer([(x, None)])
        return restored((output + x * known).float(), self.mean, self.std)

    @property
    def halo_px(self) -> int:
        """How far around a pixel the detail layers look."""
        layers = [layer for layer in self.detail if isinstance(layer, _Layer)]
        return sum(layer.dilation[0] for layer in layers)


class _Layer(nn.Module):
    """A folded block; `channels` of each input; the first is `enlarged` to the size of the second."""

    def __init__(self, block: Block, channels: list[int], enlarged: bool = False) -> None:
        super().__init__()
        conv = block.conv
        self.channels, self.enlarged, self.stride = channels, enlarged, conv.stride[0]
        self.padding, self.dilation, self.residual = conv.padding, conv.dilation, block.residual
        self.num_taps = conv.kernel_size[0] ** 2
        parts = conv.weight.detach().split(channels, dim=1)
        ones = [torch.full((1, 1, *conv.kernel_size), float(num)) for num in channels]
        for number, (part, one) in enumerate(zip(parts, ones, strict=True)):
            first = enlarged and number == 0
            self.register_parameter(f"weight_{number}", nn.Parameter(phase_kernels(part) if first else part.clone()))
            # a plain list entry of the module would follow to(bfloat16), which cannot count
            ones[number] = phase_kernels(one) if first else one
        self.ones = ones
        self.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().view(1, -1, 1, 1).clone())
        self.slope = block.activation.negative_slope if isinstance(block.activation, nn.LeakyReLU) else 0.0
        self.active = not isinstance(block.activation, nn.Identity)

    def forward(self, inputs: list[tuple[Tensor, Known]]) -> tuple[Tensor, Known]:
        """Features, 0 in their holes, and masks (None: all is known), to the same."""
        weights = [getattr(self, f"weight_{number}") for number in range(len(inputs))]
        x = self._sum([x for x, _ in inputs], weights)
        masks = [known for _, known in inputs if known is not None]
        if not masks:
            x = self._activated(x if self.bias is None else x.add_(self.bias))
            return (x.add_(inputs[0][0]) if self.residual else x), None
        count = self._sum(masks, [one.to(masks[0].device) for one in self.ones])
        known = count.clamp(max=1)
        x = x.mul_((known * (self.num_taps * sum(self.channels)) / count.clamp(min=1)).to(x.dtype))
        if self.bias is not None:
            x = x.add_(self.bias)
        return self._activated(x).mul_(known.to(x.dtype)), known

    def _sum(self, inputs: list[Tensor], kernels: list[Tensor]) -> Tensor:
        """Convolve every input and add."""
        size = (inputs[-1].shape[2], inputs[-1].shape[3])
        total: Tensor | None = None
        for number, (x, kernel) in enumerate(zip(inputs, kernels, strict=True)):
            if self.enlarged and number == 0:
                total = convolve_enlarged(x, kernel, size)
            else:
                part = F.conv2d(x, kernel, None, self.stride, self.padding, self.dilation)
                total = part if total is None else part.add_(total)
        assert total is not None
        return total

    def _activated(self, x: Tensor) -> Tensor:
        return F.leaky_relu_(x, self.slope) if self.active else x
