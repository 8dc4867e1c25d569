"""The network against the paper's table, and what must hold for every photo."""

import itertools
from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.conventions import FloatArray
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import fold_batchnorm
from partialconv.models.edge import feather
from partialconv.models.unet import DETAIL_LAYERS, Block
from partialconv.nn import PartialConv2d, partial_conv2d

DILATIONS = (2, 1)
NUM_DETAIL = DETAIL_LAYERS + len(DILATIONS) + 1


def small(num_levels: int = 4, in_channels: int = 3, detail_width: int = 0) -> PartialConvUNet:
    torch.manual_seed(0)
    dilations = DILATIONS if detail_width > 0 else ()
    net = PartialConvUNet(4, num_levels, in_channels, detail_width=detail_width, detail_dilations=dilations)
    for module in net.modules():  # statistics that a wrong fold would not survive
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -1, 1)
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
    return net.eval()


def holed(height: int, width: int, num: int = 1, channels: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height * width)
    image = torch.rand(num, channels, height, width, generator=generator)
    coarse = torch.rand(num, 1, max(1, height // 4), max(1, width // 4), generator=generator)
    return image, F.interpolate((coarse > 0.3).float(), size=(height, width))


def in_holes(
    valid: Tensor | FloatArray, output: Tensor | FloatArray, other: Tensor | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Two outputs where they count: a runtime need not compute known pixels."""
    hole = np.asarray(valid) == 0
    return np.asarray(output) * hole, np.asarray(other) * hole


def edged(net: PartialConvUNet, image: Tensor, valid: Tensor) -> Tensor:
    """The output with its edge feathered."""
    return feather(net(image, valid), image * valid, valid)


def test_the_papers_table() -> None:
    net = PartialConvUNet()
    assert sum(p.numel() for p in net.parameters()) == 32_859_732
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 14
    seen = []

    def note(module: nn.Module, _: object, result: tuple[Tensor, Tensor]) -> None:
        assert isinstance(module, PartialConv2d)
        seen.append((module.kernel_size[0], module.in_channels, module.out_channels, result[0].shape[-1]))

    for module in net.modules():
        if isinstance(module, PartialConv2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        assert net.eval()(torch.rand(1, 3, 512, 512), torch.ones(1, 1, 512, 512)).shape == (1, 3, 512, 512)
    kernels, encoder = [7, 5, 5, 3, 3, 3, 3, 3], [3, 64, 128, 256, 512, 512, 512, 512, 512]
    down = [(kernels[i], encoder[i], encoder[i + 1], 256 >> i) for i in range(8)]
    up = [(3, encoder[8 - i] + encoder[7 - i], encoder[7 - i], 4 << i) for i in range(8)]
    assert seen == down + up


def test_only_the_last_convolution_has_a_bias() -> None:
    convolutions = [m for m in PartialConvUNet(width=4).modules() if isinstance(m, PartialConv2d)]
    assert [c.bias is not None for c in convolutions] == [False] * 15 + [True]


@pytest.mark.parametrize("detail_width", [0, 5])
@pytest.mark.parametrize("size", [(64, 64), (50, 71), (17, 33), (1, 1), (3, 200)])
def test_any_size(size: tuple[int, int], detail_width: int) -> None:
    image, valid = holed(*size)
    out = small(detail_width=detail_width)(image, valid)
    assert out.shape == (1, 3, *size) and out.isfinite().all()


def test_an_odd_size_is_a_row_of_holes() -> None:
    image, valid = holed(31, 47)
    padded = small()(F.pad(image, (0, 1, 0, 1), value=0.5), F.pad(valid, (0, 1, 0, 1)))
    out = small()(image, valid)
    # away from the border, where the decoder of the padded photo sees one more column
    torch.testing.assert_close(out[..., :-16, :-16], padded[..., :-17, :-17], atol=1e-4, rtol=0)


@pytest.mark.parametrize("detail_width", [0, 5])
@pytest.mark.parametrize("junk", [float("nan"), float("inf"), 1e30])
def test_values_under_the_hole_do_not_matter(junk: float, detail_width: int) -> None:
    image, valid = holed(48, 48)
    net = small(detail_width=detail_width)
    assert torch.equal(net(torch.where(valid == 1, image, junk), valid), net(image, valid))


def test_known_pixels_do_matter() -> None:
    image, valid = holed(48, 48)
    changed = small()(torch.where(valid == 1, image + 0.1, image), valid)
    assert not torch.allclose(changed, small()(image, valid))


@pytest.mark.parametrize("detail_width", [0, 5])
def test_an_all_hole_photo_gives_grey_and_finite_gradients(detail_width: int) -> None:
    net = small(detail_width=detail_width).train()
    out = net(torch.full((1, 3, 32, 32), float("nan")), torch.zeros(1, 1, 32, 32))
    out.sum().backward()
    assert (out == 0.5).all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("detail_width", [0, 5])
def test_a_hole_closes_within_the_receptive_field_and_not_beyond(detail_width: int) -> None:
    net = small(num_levels=2, detail_width=detail_width)  # 15 pixels
    image, valid = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    valid[..., 20:60, 20:60] = 0
    out = net(image, valid)
    assert (out[..., 38:42, 38:42] == 0.5).all()
    valid[..., 30:50, :] = 1
    assert (net(image, valid) != 0.5).all()


@pytest.mark.parametrize("channels", [1, 5])
def test_grey_and_many_channels(channels: int) -> None:
    image, valid = holed(40, 40, channels=channels)
    out = small(in_channels=channels)(image, valid)
    assert out.shape == (1, channels, 40, 40) and out.isfinite().all()


def test_a_batch_of_one_trains_through_a_bottleneck_of_one_pixel() -> None:
    net = PartialConvUNet(width=2, num_levels=5)
    image, valid = holed(32, 32)
    net(image, valid).mean().backward()
    deepest = net.blocks()[0][-1].conv.weight.grad
    assert deepest is not None and deepest.isfinite().all()


def test_skip_masks_are_counted_apart() -> None:
    net = small(num_levels=2, detail_width=5)
    image, valid = holed(32, 32)
    (first, second), (third, last), detail = net.blocks()

    # the same network in its dense form: every mask repeated for every channel of its tensor
    def dense(block: Block, x: list[Tensor], masks: list[Tensor]) -> tuple[Tensor, Tensor]:
        conv = block.conv
        repeated = torch.cat([m.expand_as(f) for f, m in zip(x, masks, strict=True)], 1)
        padding = conv.kernel_size[0] // 2
        out, known = partial_conv2d(torch.cat(x, 1), repeated, conv.weight, conv.bias, conv.stride[0], padding)
        return block.activation(block.norm(out)), known

    start = (image * 2 - 1) * valid
    x1, m1 = dense(first, [start], [valid])
    x2, m2 = dense(second, [x1], [m1])
    x3, m3 = dense(third, [F.interpolate(x2, scale_factor=2), x1], [F.interpolate(m2, scale_factor=2), m1])
    x4, m4 = dense(last, [F.interpolate(x3, scale_factor=2), start], [F.interpolate(m3, scale_factor=2), valid])
    output, known = feather(x4[:, :3], start, valid), m4[:, :1]
    x = torch.cat([x4, torch.where(valid == 1, start, output), valid], 1)
    layers = [block.conv for block in detail]
    for conv in layers[:3]:
        x = F.leaky_relu(F.conv2d(x, conv.weight, conv.bias, padding=1), 0.2)
    for conv, apart in zip(layers[3:-1], DILATIONS, strict=True):
        x = x + F.leaky_relu(F.conv2d(x, conv.weight, conv.bias, padding=apart, dilation=apart), 0.2)
    x = F.conv2d(x, layers[-1].weight, layers[-1].bias, padding=1)
    torch.testing.assert_close(net(image, valid), (output + x * known + 1) / 2)


def test_folding_batchnorm_changes_nothing() -> None:
    net = small()
    folded = fold_batchnorm(net)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 6  # the original is left alone
    for size in ((64, 64), (33, 50)):
        image, valid = holed(*size)
        torch.testing.assert_close(folded(image, valid), net(image, valid), atol=1e-5, rtol=1e-5)


def test_a_wrong_mask_or_argument_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="valid > 127"):
        small()(torch.rand(1, 3, 16, 16), torch.full((1, 1, 16, 16), 255.0))
    with pytest.raises(ValueError, match="num_levels is 0"):
        PartialConvUNet(num_levels=0)
    with pytest.raises(ValueError, match="detail_width is 2, expected 0 or at least 3"):
        PartialConvUNet(detail_width=2)
    for arguments in ({"detail_dilations": (2, 1)}, {"detail_width": 5, "detail_dilations": (2, 0)}):
        with pytest.raises(ValueError, match="detail_dilations are 2, .*expected none, or at least 1 and a detail_w"):
            PartialConvUNet(**arguments)


def test_channels_last_reaches_the_output_of_every_block() -> None:
    net = small(detail_width=5).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image, valid = holed(64, 64, num=2)
    kept = []
    for block in itertools.chain(*net.blocks()):
        block.register_forward_hook(
            lambda _m, _i, out: kept.append(out[0].is_contiguous(memory_format=torch.channels_last))
        )
    net(image.contiguous(memory_format=torch.channels_last), valid)
    assert kept == [True] * (4 + 4 + NUM_DETAIL)


def twin(width: int = 4, num_levels: int = 4) -> PartialConvUNet:
    torch.manual_seed(0)
    return PartialConvUNet(width, num_levels, conv="plain")


def test_the_twin_is_the_same_network_of_ordinary_convolutions() -> None:
    net = PartialConvUNet(conv="plain")
    assert not any(isinstance(m, PartialConv2d) for m in net.modules())
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 14
    # one more channel, the mask, in the first convolution and beside the image in the last
    assert sum(p.numel() for p in net.parameters()) == 32_859_732 + 7 * 7 * 64 + 3 * 3 * 3
    partial = dict(PartialConvUNet(width=4).named_parameters())
    for name, parameter in PartialConvUNet(width=4, conv="plain").named_parameters():
        assert name in partial and (parameter.shape == partial[name].shape or "0.conv" in name or "7.conv" in name)


def test_the_twin_sees_the_mask_and_nothing_under_it() -> None:
    net = twin().eval()
    image, valid = holed(50, 70)
    output = net(image, valid)
    assert output.shape == image.shape
    for hidden in (1 - image, torch.full_like(image, float("nan"))):
        assert torch.equal(net(torch.where(valid == 1, image, hidden), valid), output)
    grey = torch.where(valid == 1, image, 0.5)
    assert not torch.equal(net(grey, torch.ones_like(valid)), net(grey, valid))
    assert torch.equal(net(image, valid.bool()), output)


def test_the_twin_equals_torchs_own_layers() -> None:
    net = twin(num_levels=2).train()
    image, valid = holed(24, 32, num=2)
    encoder, decoder, _ = net.blocks()
    x = skip = torch.cat([(2 * image - 1) * valid, valid], 1)
    a = F.relu(F.conv2d(x, encoder[0].conv.weight, stride=2, padding=3))
    b = F.relu(F.batch_norm(F.conv2d(a, encoder[1].conv.weight, stride=2, padding=2), None, None, training=True))
    c = torch.cat([F.interpolate(b, scale_factor=2), a], 1)
    c = F.leaky_relu(F.batch_norm(F.conv2d(c, decoder[0].conv.weight, padding=1), None, None, training=True), 0.2)
    d = torch.cat([F.interpolate(c, scale_factor=2), skip], 1)
    last = decoder[1].conv
    torch.testing.assert_close(net(image, valid), (F.conv2d(d, last.weight, last.bias, padding=1) + 1) / 2)


def statistics(net: PartialConvUNet, part: str) -> list[Tensor]:
    return [b.clone() for name, b in net.named_buffers() if name.startswith(part)]


@pytest.mark.parametrize("conv", ["partial", "plain"])
def test_a_frozen_encoder_stays_frozen(conv: Literal["partial", "plain"]) -> None:
    net = PartialConvUNet(4, 4, conv=conv)
    net.train()(*holed(32, 32, num=2))
    net.freeze_encoder_norm()
    assert net.training
    assert net.train() is net and net.eval() is net and net.train() is net
    encoder, decoder = statistics(net, "encoder"), statistics(net, "decoder")
    affine = [m.weight for b in net.blocks()[0] for m in b.modules() if isinstance(m, nn.BatchNorm2d)]
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    before = [w.clone() for w in affine]
    for _ in range(3):
        optimizer.zero_grad()
        net(*holed(32, 32, num=2)).square().mean().backward()
        optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(encoder, statistics(net, "encoder"), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(decoder, statistics(net, "decoder"), strict=True))
    assert affine and all(torch.equal(a, b) for a, b in zip(before, affine, strict=True))
    convolution = net.blocks()[0][1].conv.weight
    assert convolution.grad is not None and convolution.grad.abs().sum() > 0


@pytest.mark.parametrize("conv", ["partial", "plain"])
def test_every_norm_stays_frozen_and_all_else_learns(conv: Literal["partial", "plain"]) -> None:
    net = PartialConvUNet(4, 4, conv=conv)
    net.train()(*holed(32, 32, num=2))
    net.freeze_norm()
    net.freeze_encoder_norm()  # as at the beginning of finetuning: nothing thaws
    assert net.train() is net and net.training
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), lr=0.1)
    net(*holed(32, 32, num=2)).square().mean().backward()
    optimizer.step()
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if ".conv." in name}
    assert any(".norm." in name for name in before)


def test_the_layers_at_full_resolution_learn_alone() -> None:
    net = small(detail_width=5).train()
    net.freeze_coarse()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    learns = [p for p in net.train().parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learns, lr=0.1)
    net(*holed(32, 32, num=2)).square().mean().backward()
    optimizer.step()
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    layers = ["decoder.3", *(f"detail.{number}" for number in range(NUM_DETAIL))]
    assert changed == {f"{layer}.conv.{part}" for layer in layers for part in ("weight", "bias")}


def test_checkpointing_changes_memory_and_nothing_else() -> None:
    image, valid = holed(64, 64, num=2)
    results, saved_bytes = [], []
    for checkpointing in (False, True):
        net = small().train()
        net.gradient_checkpointing = checkpointing
        saved: dict[int, int] = {}

        def pack(tensor: Tensor, saved: dict[int, int] = saved) -> Tensor:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = net(image, valid)
        saved_bytes.append(sum(saved.values()))
        output.square().mean().backward()
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        results.append([output, *gradients, *(b.float() for b in net.buffers())])
    assert len(results[0]) == len(results[1]) > 30
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)
    assert saved_bytes[1] < 0.6 * saved_bytes[0]


def test_an_unknown_convolution() -> None:
    with pytest.raises(ValueError, match="conv is 'dense', expected 'partial' or 'plain'"):
        PartialConvUNet(conv="dense")  # type: ignore[arg-type]
