"""Partial convolution based padding, and converting models to it."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, weight_norm

from partialconv.nn import (
    PartialConv2d,
    PartialPaddingConv1d,
    PartialPaddingConv2d,
    PartialPaddingConv3d,
    convert_padding,
)
from tests.nn.oracle import oracle

LAYERS: dict[int, Any] = {1: PartialPaddingConv1d, 2: PartialPaddingConv2d, 3: PartialPaddingConv3d}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 3), st.data())
def test_equals_equation_1_with_everything_known(dims: int, data: st.DataObject) -> None:
    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(low, high)) for _ in range(dims))

    kernel, stride, dilation = each(1, 3), each(1, 2), each(1, 2)
    # no window wholly in the padding: there the two papers differ
    padding = tuple(min(p, d * (k - 1)) for p, d, k in zip(each(0, 2), dilation, kernel, strict=True))
    size = tuple(d * (k - 1) + 1 + extra for d, k, extra in zip(dilation, kernel, each(0, 2), strict=True))
    groups = data.draw(st.sampled_from([1, 2]))
    options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    conv = LAYERS[dims](2, 4, kernel, **options, dtype=torch.float64)
    x = torch.randn(2, 2, *size, dtype=torch.float64)
    weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    expected, known = oracle(x.numpy(), np.ones(x.shape), weight, bias, stride, padding, dilation, groups)
    assert known.all()
    np.testing.assert_allclose(conv(x).detach(), expected, atol=1e-12)


def test_only_border_windows_differ_from_zero_padding() -> None:
    plain, conv = nn.Conv2d(3, 4, 5, padding=2), PartialPaddingConv2d(3, 4, 5, padding=2)
    conv.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 12, 11)
    out, zero = conv(x), plain(x)
    torch.testing.assert_close(out[..., 2:-2, 2:-2], zero[..., 2:-2, 2:-2])
    assert not torch.isclose(out[..., 0, :], zero[..., 0, :]).any()
    corner = (zero[..., 0, 0] - plain.bias) * 25 / 9 + plain.bias
    torch.testing.assert_close(out[..., 0, 0], corner)


@pytest.mark.parametrize("options", [dict(), dict(padding=1, padding_mode="reflect")])
def test_without_zero_padding_it_is_the_plain_convolution(options: dict[str, Any]) -> None:
    plain, conv = nn.Conv2d(3, 4, 3, **options), PartialPaddingConv2d(3, 4, 3, **options)
    conv.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(conv(x), plain(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_its_type(dtype: torch.dtype) -> None:
    conv = PartialPaddingConv2d(3, 4, 7, stride=2, padding=3)
    x = torch.randn(1, 3, 16, 16)
    exact = conv(x)
    out = copy.deepcopy(conv).to(dtype)(x.to(dtype))
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), exact, rtol=0.05, atol=0.02)


def test_gradients_are_those_of_finite_differences() -> None:
    conv = PartialPaddingConv2d(2, 2, 3, stride=2, padding=1, dtype=torch.float64)
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(conv, {"weight": weight, "bias": bias}, (x,))  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(run, (x, *conv.parameters()))


def test_calls_leave_nothing_behind() -> None:
    conv = PartialPaddingConv2d(2, 3, 3, padding=1)
    small, large = torch.randn(1, 2, 6, 6), torch.randn(2, 2, 9, 7)
    before = dict(conv.__dict__)
    with torch.inference_mode():
        first = conv(small)
    conv(large).sum().backward()
    assert torch.equal(conv(small), first)
    for remade in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert torch.equal(remade(small), first)
    torch.testing.assert_close(conv.double()(small.double()).float(), first)
    assert conv.__dict__.keys() == before.keys()


def convolutions() -> nn.Sequential:
    """One convolution of each kind of interest."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.Conv2d(4, 4, 1),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding="same", groups=2), nn.BatchNorm2d(4)),
        PartialPaddingConv2d(4, 4, 3, padding=1),
    )


def test_convert_says_what_it_changed_and_keeps_the_rest() -> None:
    model = convolutions().double().eval()
    state, x = copy.deepcopy(model.state_dict()), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    interior = model[0](x)[..., 1:-1, 1:-1]
    parameters = [id(p) for p in model.parameters()]
    calls: list[str] = []
    model[0].register_forward_hook(lambda *_: calls.append("hook"))
    assert convert_padding(model) == ["0", "3.0"]
    assert [type(m) for m in model] == [
        PartialPaddingConv2d,
        nn.Conv2d,
        nn.Conv2d,
        nn.Sequential,
        PartialPaddingConv2d,
    ]
    assert [id(p) for p in model.parameters()] == parameters
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    torch.testing.assert_close(model[0](x)[..., 1:-1, 1:-1], interior)
    assert calls == ["hook"] and not model.training
    assert convert_padding(model) == []


def test_a_single_convolution_is_a_model_too() -> None:
    conv = nn.Conv3d(1, 1, 3, padding=1)
    assert convert_padding(conv) == [""]
    assert isinstance(conv, PartialPaddingConv3d)


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_parametrizations_stay(norm: Any) -> None:
    conv = norm(nn.Conv2d(2, 3, 3, padding=1)).eval()
    reference = PartialPaddingConv2d(2, 3, 3, padding=1)
    model = nn.Sequential(conv)
    assert convert_padding(model) == ["0"]
    assert parametrize.is_parametrized(conv, "weight")
    with torch.no_grad():
        reference.weight.copy_(conv.weight)
        reference.bias.copy_(conv.bias)  # type: ignore[union-attr]
    x = torch.randn(1, 2, 6, 6)
    torch.testing.assert_close(model(x), reference(x))
    torch.testing.assert_close(copy.deepcopy(model)(x), reference(x))
    model(x).sum().backward()
    assert conv.parametrizations.weight.original0.grad is not None if norm is parametrizations.weight_norm else True
    parametrize.remove_parametrizations(conv, "weight")
    assert type(conv) is PartialPaddingConv2d
    torch.testing.assert_close(model(x), reference(x))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_the_older_weight_norm_stays() -> None:
    conv: Any = weight_norm(nn.Conv2d(2, 3, 3, padding=1))
    assert convert_padding(conv) == [""]
    with torch.no_grad():
        conv.weight_g.mul_(2)
    x, bias = torch.randn(1, 2, 6, 6), conv.bias.detach().view(1, -1, 1, 1)
    doubled = conv(x) - bias
    with torch.no_grad():
        conv.weight_g.div_(2)
    torch.testing.assert_close(doubled, 2 * (conv(x) - bias))


def test_classes_of_their_own_are_left_and_named() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002
            out: Tensor = self._conv_forward(input, self.weight - self.weight.mean(), self.bias)
            return out

    model = nn.Sequential(Standardised(1, 1, 3, padding=1), PartialConv2d(1, 1, 3, padding=1))
    with pytest.warns(UserWarning, match=r"0 \(Standardised\)"):
        assert convert_padding(model) == []
    assert isinstance(model[0], Standardised)
