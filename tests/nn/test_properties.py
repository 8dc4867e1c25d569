"""What else users of a layer rely on: parametrizations, folding, memory, functional transforms."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import vmap
from torch.nn.utils import parametrizations, parametrize

from partialconv.models.unet import Block
from partialconv.nn import PartialConv1d, PartialConv2d, PartialConv3d, partial_conv2d, zero_holes


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_parametrizations_act(norm: Any) -> None:
    conv = norm(PartialConv2d(3, 4, 3, padding=1)).eval()
    x, valid = torch.randn(1, 3, 8, 8), torch.rand(1, 1, 8, 8) > 0.4
    expected, _ = partial_conv2d(x, valid, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(x, valid)[0], expected)
    with torch.no_grad():
        next(conv.parametrizations.weight.parameters()).mul_(3)
    # spectral_norm keeps only the direction
    factor = 3 if norm is parametrizations.weight_norm else 1
    unscaled, _ = partial_conv2d(x, valid, conv.weight / factor, conv.bias, padding=1)
    torch.testing.assert_close(unscaled, expected)
    parametrized = conv(x, valid)[0]
    parametrize.remove_parametrizations(conv, "weight")
    torch.testing.assert_close(conv(x, valid)[0], parametrized)


def test_folded_batchnorm_equals_unfolded_where_something_is_known() -> None:
    conv, norm = PartialConv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
    x, valid = torch.randn(4, 3, 9, 9), torch.rand(4, 1, 9, 9) > 0.8
    norm(conv(x, valid)[0])  # moves the statistics
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    norm.eval()
    expected, known = conv(x, valid)
    expected = norm(expected)
    assert norm.running_mean is not None and norm.running_var is not None
    shift = next(p for name, p in conv.named_parameters() if name == "bias")
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight, bias = conv.weight * scale.view(-1, 1, 1, 1), (shift - norm.running_mean) * scale + norm.bias
    folded, _ = partial_conv2d(x, valid, weight, bias, padding=1)
    torch.testing.assert_close(folded, torch.where(known, expected, 0))
    assert (~known).any()


@pytest.mark.parametrize("cls", [PartialConv1d, PartialConv3d])
@pytest.mark.parametrize("remake", [copy.deepcopy, lambda conv: pickle.loads(pickle.dumps(conv))])
def test_copies_and_pickles_keep_their_scaling(cls: Any, remake: Any) -> None:
    conv = cls(2, 3, 3, padding=1, scaling="v1")
    shape = [5] * len(conv.kernel_size)
    x, valid = torch.randn(1, 2, *shape), torch.rand(1, 1, *shape) > 0.5
    assert torch.equal(remake(conv)(x, valid)[0], conv(x, valid)[0])
    ratio = conv.weight[0].numel()
    twin = cls(2, 3, 3, padding=1)
    twin.load_state_dict({"weight": conv.weight / ratio, "bias": conv.bias})
    torch.testing.assert_close(twin(x, valid)[0], conv(x, valid)[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_zeroed_holes_are_zero_and_the_rest_is_untouched(dtype: torch.dtype) -> None:
    layout = torch.channels_last
    valid = torch.rand(2, 1, 5, 6) > 0.5
    clean = torch.randn(2, 3, 5, 6, dtype=dtype).contiguous(memory_format=layout)
    for junk in (float("nan"), float("inf"), -float("inf")):
        x = torch.where(valid, clean, junk).contiguous(memory_format=layout).requires_grad_()
        out = zero_holes(x, valid.float())
        assert out.dtype == dtype and out.is_contiguous(memory_format=layout)
        assert torch.equal(out, torch.where(valid, clean, 0))
        out.sum().backward()
        assert torch.equal(x.grad, valid.to(dtype).expand_as(x))  # type: ignore[arg-type]


def test_zeroing_with_another_size_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match=r"\(1, 1, 8, 7\), expected \(2, 1, 8, 8\)"):
        zero_holes(torch.rand(2, 3, 8, 8), torch.ones(1, 1, 8, 7))


def test_second_forward_and_batched_derivatives() -> None:
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)
    valid = torch.rand(1, 1, 4, 4) > 0.4

    def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return partial_conv2d(x, valid, weight, bias, padding=1)[0]

    checked = torch.autograd.gradcheck(run, (x, weight, bias), check_forward_ad=True, check_batched_grad=True)
    assert checked and torch.autograd.gradgradcheck(run, (x, weight, bias))


def test_mapped_over_samples() -> None:
    x, valid, weight = torch.randn(3, 2, 6, 6), torch.rand(3, 1, 6, 6) > 0.5, torch.randn(4, 2, 3, 3)
    mapped = vmap(lambda a, m: partial_conv2d(a[None], m[None], weight, padding=1)[0][0])(x, valid)
    torch.testing.assert_close(mapped, partial_conv2d(x, valid, weight, padding=1)[0])


def test_zeroed_saves_the_copy_and_gives_the_same() -> None:
    conv = PartialConv2d(8, 8, 3, padding=1)
    valid = torch.rand(1, 1, 32, 32) > 0.5
    x = zero_holes(torch.randn(1, 8, 32, 32), valid).requires_grad_()
    kept: list[Tensor] = []

    def keep(t: Tensor) -> Tensor:
        kept.append(t)
        return t

    with saved_tensors_hooks(keep, lambda t: t):
        out, _ = conv(x, valid, zeroed=True)
    assert torch.equal(out, conv(x, valid)[0])
    large = {t.untyped_storage().data_ptr() for t in kept if t.numel() >= x.numel()}
    assert large == {x.untyped_storage().data_ptr()}  # what nn.Conv2d keeps, and nothing of that size besides


def test_a_block_of_the_network_gives_zeros_in_its_holes() -> None:
    block = Block(3, 4, 3, activation=nn.LeakyReLU(0.2))
    valid = torch.ones(2, 1, 8, 8, dtype=torch.bool)
    valid[..., 2:7, 2:7] = False
    nn.init.ones_(block.norm.bias)  # type: ignore[arg-type]
    out, known = block([zero_holes(torch.randn(2, 3, 8, 8), valid)], [valid])
    assert (out[~known.expand_as(out)] == 0).all() and (~known).any()
