"""Equations 1 and 2, against loops in float64 that share no code with the layer."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.nn import PartialConv2d, partial_conv2d
from tests.nn.oracle import oracle

CASES = {
    "3x3": dict(kernel=(3, 3), padding=(1, 1)),
    "stride": dict(kernel=(5, 5), stride=(2, 2), padding=(2, 2)),
    "no padding": dict(kernel=(3, 3)),
    "dilation": dict(kernel=(3, 3), padding=(2, 2), dilation=(2, 2)),
    "asymmetric": dict(kernel=(1, 5), stride=(1, 2), padding=(0, 1), dilation=(1, 2)),
    "groups": dict(kernel=(3, 3), padding=(1, 1), groups=2),
    "depthwise": dict(kernel=(3, 3), padding=(1, 1), groups=4),
    "even kernel": dict(kernel=(2, 4), stride=(2, 1), padding=(1, 2)),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("channels", [1, 4], ids=["one mask", "mask per channel"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_equals_the_equations(case: dict[str, tuple[int, int] | int], channels: int, bias: bool) -> None:
    rng = np.random.default_rng(1)
    settings = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1} | {
        k: v for k, v in case.items() if k != "kernel"
    }
    groups = settings["groups"]
    assert isinstance(groups, int)
    x = rng.normal(size=(2, 4, 9, 8))
    valid = (rng.random((2, channels, 9, 8)) > 0.6).astype(float)
    valid[:, :, :5] = 0  # some windows are empty
    weight = rng.normal(size=(4, 4 // groups, *case["kernel"]))  # type: ignore[misc]
    shift = rng.normal(size=4) if bias else None
    dense = np.broadcast_to(valid, x.shape)
    expected, expected_valid = oracle(x, dense, weight, shift, **settings)  # type: ignore[arg-type]
    out, valid_out = partial_conv2d(
        torch.from_numpy(x),
        torch.from_numpy(valid),
        torch.from_numpy(weight),
        None if shift is None else torch.from_numpy(shift),
        **settings,  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(out, expected, atol=1e-12)
    np.testing.assert_array_equal(valid_out.expand_as(out), expected_valid)
    assert (expected_valid == 0).any() and (expected_valid == 1).any()


@pytest.mark.parametrize("size", [(1, 1), (4, 1), (1, 4), (2, 2)], ids=str)
@pytest.mark.parametrize("stride", [2, 3])
def test_inputs_that_are_shorter_than_the_stride(size: tuple[int, int], stride: int) -> None:
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    valid, weight = torch.ones(2, 1, *size), torch.randn(3, 4, 5, 5, dtype=torch.float64)
    valid[0, :, 0, 0] = 0
    steps = (stride, stride), (2, 2), (1, 1)
    expected, _ = oracle(x.numpy(), valid.expand_as(x).numpy(), weight.numpy(), None, *steps, 1)
    np.testing.assert_allclose(partial_conv2d(x, valid, weight, None, *steps)[0], expected, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (4, 1), (2, 2), (4, 4)], ids=str)
@pytest.mark.parametrize("stride", [2, 3])
def test_weight_gradients_in_bf16_read_no_free_memory(size: tuple[int, int], stride: int) -> None:
    """On processors with AMX those of `nn.Conv2d` do: oneDNN's are garbage where W is below the stride."""
    x, valid = torch.randn(8, 24, *size), torch.ones(8, 1, *size)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        weight = torch.full((24, 24, 3, 3), 0.1, requires_grad=True)
        for elements in 10 ** torch.arange(2, 7):
            torch.full((int(elements),), torch.nan)  # memory that is given back, and taken again below
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            out, _ = partial_conv2d(x, valid, weight, None, stride, 1)
        (gradient,) = torch.autograd.grad(out.float().sum(), weight)
        gradients.append(gradient)
    torch.testing.assert_close(gradients[1], gradients[0], atol=0.05, rtol=0.02)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (4, 1), (3, 2)])
def test_padding_same_keeps_the_size(kernel: int, dilation: int) -> None:
    x, valid = torch.randn(1, 2, 9, 9), (torch.rand(1, 1, 9, 9) > 0.5).float()
    weight = torch.randn(3, 2, kernel, kernel)
    out, valid_out = partial_conv2d(x, valid, weight, padding="same", dilation=dilation)
    span = dilation * (kernel - 1)
    before, after = span // 2, span - span // 2
    pad = ((0, 0), (0, 0), (before, after), (before, after))
    padded, known = (np.pad(t.numpy().astype(float), pad) for t in (x, valid.expand_as(x)))
    expected, expected_valid = oracle(
        padded, known, weight.numpy().astype(float), None, (1, 1), (0, 0), (dilation, dilation), 1
    )
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_array_equal(valid_out.expand_as(out), expected_valid)


def test_all_known_without_padding_is_the_plain_convolution() -> None:
    x, weight, bias = torch.randn(2, 3, 10, 10), torch.randn(5, 3, 3, 3), torch.randn(5)
    out, valid_out = partial_conv2d(x, torch.ones(2, 1, 10, 10), weight, bias)
    torch.testing.assert_close(out, F.conv2d(x, weight, bias))
    assert valid_out.all()


def test_a_mean_kernel_keeps_a_constant_image_at_borders_and_holes() -> None:
    valid = (torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) > 0.7).float()
    out, valid_out = partial_conv2d(torch.full((1, 3, 16, 16), 0.7), valid, torch.full((1, 3, 5, 5), 1 / 75), padding=2)
    torch.testing.assert_close(out, 0.7 * valid_out)


@pytest.mark.parametrize("junk", [1e30, float("nan"), float("inf"), -float("inf")])
def test_values_under_the_hole_do_not_matter(junk: float) -> None:
    x, weight = torch.randn(2, 3, 12, 12), torch.randn(4, 3, 3, 3)
    valid = (torch.rand(2, 1, 12, 12) > 0.5).float()
    spoiled = torch.where(valid == 1, x, junk).requires_grad_()
    weights = [weight.clone().requires_grad_() for _ in range(2)]
    clean, _ = partial_conv2d(x, valid, weights[0], torch.ones(4), padding=1)
    out, _ = partial_conv2d(spoiled, valid, weights[1], torch.ones(4), padding=1)
    assert torch.equal(out, clean)
    clean.square().sum().backward()
    out.square().sum().backward()
    assert weights[0].grad is not None and weights[1].grad is not None
    assert torch.equal(weights[0].grad, weights[1].grad)
    assert spoiled.grad is not None
    assert spoiled.grad.isfinite().all()
    assert (spoiled.grad[(valid == 0).expand_as(x)] == 0).all()
    assert (spoiled.grad[(valid == 1).expand_as(x)] != 0).any()


def test_an_empty_window_is_exactly_zero_despite_its_bias() -> None:
    valid = torch.ones(1, 1, 9, 9)
    valid[..., 2:7, 2:7] = 0
    out, valid_out = partial_conv2d(torch.randn(1, 2, 9, 9), valid, torch.randn(3, 2, 3, 3), torch.ones(3), padding=1)
    assert (out[..., 3:6, 3:6] == 0).all() and (valid_out[..., 3:6, 3:6] == 0).all()
    assert valid_out.sum() == 81 - 9


def test_an_all_hole_image_gives_finite_output_and_gradients() -> None:
    x = torch.full((1, 2, 8, 8), float("nan"), requires_grad=True)
    conv = PartialConv2d(2, 3, 3, padding=1)
    out, valid_out = conv(x, torch.zeros(1, 1, 8, 8))
    out.sum().backward()
    assert (out == 0).all() and (valid_out == 0).all()
    for tensor in (x, conv.weight, conv.bias):
        assert tensor is not None and tensor.grad is not None and (tensor.grad == 0).all()


@pytest.mark.parametrize(
    ("kernel", "stride", "first", "second", "last"),
    [(3, 1, 3 / 2, 1, 3 / 2), (7, 2, 7 / 4, 7 / 6, 7 / 5), (5, 2, 5 / 3, 1, 5 / 4), (3, 2, 3 / 2, 1, 1)],
)
def test_border_ratios(kernel: int, stride: int, first: float, second: float, last: float) -> None:
    weight = torch.full((1, 1, kernel, kernel), 1.0)
    ones = torch.ones(1, 1, 16, 16)
    scaled, _ = partial_conv2d(ones, ones, weight, stride=stride, padding=kernel // 2)
    raw = F.conv2d(ones, weight, None, stride, kernel // 2)
    ratio = (scaled / raw)[0, 0]
    middle = ratio.shape[0] // 2
    torch.testing.assert_close(ratio[middle, [0, 1, -1]], torch.tensor([first, second, last]))
    torch.testing.assert_close(ratio[0, 0].item(), first**2)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_other_padding_modes_are_not_renormalised(mode: Any) -> None:
    plain = nn.Conv2d(3, 4, 5, padding=2, padding_mode=mode)
    conv = PartialConv2d(3, 4, 5, padding=2, padding_mode=mode)
    conv.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 11, 12)
    out, valid_out = conv(x, torch.ones(2, 1, 11, 12, dtype=torch.bool))
    torch.testing.assert_close(out, plain(x))
    assert valid_out.all()


def test_a_mirrored_hole_is_missing_too() -> None:
    conv = PartialConv2d(1, 1, 3, padding=1, padding_mode="reflect", bias=False)
    nn.init.constant_(conv.weight, 1 / 9)
    valid = torch.ones(1, 1, 5, 5)
    valid[..., 1] = 0  # column 1 is what the border column mirrors
    x = torch.where(valid == 1, 2.0, float("nan"))
    out, _ = conv(x, valid)
    torch.testing.assert_close(out, torch.full_like(out, 2.0))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float32, torch.float64])
def test_masks_of_any_dtype(dtype: torch.dtype) -> None:
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    valid = torch.rand(2, 1, 8, 8) > 0.5
    expected, expected_valid = partial_conv2d(x, valid, weight, padding=1)
    out, valid_out = partial_conv2d(x, valid.to(dtype), weight, padding=1)
    assert torch.equal(out, expected)
    assert valid_out.dtype == dtype
    assert torch.equal(valid_out.bool(), expected_valid)


def test_one_mask_for_a_batch_and_one_channel_for_all() -> None:
    x, weight = torch.randn(3, 4, 8, 8), torch.randn(4, 4, 3, 3)
    valid = (torch.rand(1, 1, 8, 8) > 0.5).float()
    expected, expected_valid = partial_conv2d(x, valid.expand(3, 4, -1, -1), weight, padding=1)
    out, valid_out = partial_conv2d(x, valid, weight, padding=1)
    torch.testing.assert_close(out, expected)
    assert torch.equal(valid_out.expand(3, -1, -1, -1), expected_valid)


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        (torch.full((1, 1, 8, 8), 255.0), "valid > 127"),
        (torch.full((1, 1, 8, 8), 0.5), "between 0.5 and 0.5"),
        (torch.full((1, 1, 8, 8), float("nan")), "only 0 .hole. and 1"),
        (torch.ones(1, 1, 8, 7), r"expected \(1, 1, 8, 8\)"),
        (torch.ones(1, 2, 8, 8), r"expected \(1, 1, 8, 8\) or \(1, 3, 8, 8\)"),
        (torch.ones(2, 1, 8, 8), "expected"),
        (torch.ones(8, 8), "expected"),
    ],
    ids=["0..255", "soft", "NaN", "width", "channels", "batch", "dimensions"],
)
def test_a_wrong_mask_is_a_clear_error(valid: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        partial_conv2d(torch.rand(1, 3, 8, 8), valid, torch.rand(2, 3, 3, 3))


def test_a_missing_batch_channel_or_mask_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match=r"`x` has 4 \+ 2 channels, the weight expects 5"):
        inputs, masks = [torch.rand(1, c, 8, 8) for c in (4, 2)], [torch.ones(1, 1, 8, 8)] * 2
        partial_conv2d(inputs, masks, torch.rand(2, 5, 3, 3))
    with pytest.raises(ValueError, match="add the batch"):
        partial_conv2d(torch.rand(3, 8, 8), torch.ones(1, 8, 8), torch.rand(2, 3, 3, 3))
    with pytest.raises(ValueError, match="2 inputs came with 1 masks"):
        partial_conv2d([torch.rand(1, 3, 8, 8)] * 2, torch.ones(1, 1, 8, 8), torch.rand(2, 6, 3, 3))


@pytest.mark.parametrize("groups", [1, 3])
def test_inputs_with_their_own_masks_equal_the_dense_form(groups: int) -> None:
    pieces = [torch.randn(2, 4, 9, 9), torch.randn(2, 2, 9, 9)]
    masks = [(torch.rand(2, 1, 9, 9) > p).float() for p in (0.8, 0.4)]
    weight = torch.randn(6, 6 // groups, 3, 3)
    dense = torch.cat([m.expand_as(x) for m, x in zip(masks, pieces, strict=True)], dim=1)
    expected, expected_valid = partial_conv2d(torch.cat(pieces, 1), dense, weight, padding=1, groups=groups)
    out, valid_out = partial_conv2d(pieces, masks, weight, padding=1, groups=groups)
    torch.testing.assert_close(out, expected)
    assert torch.equal(valid_out.expand_as(out), expected_valid.expand_as(out))
    joined = (masks[0] + masks[1] > 0).float()
    wrong, _ = partial_conv2d(torch.cat(pieces, 1), joined, weight, padding=1, groups=groups)
    assert not torch.allclose(out, wrong)  # one OR-ed mask is something else


def test_an_all_hole_group_gives_zero() -> None:
    valid = torch.ones(1, 4, 6, 6)
    valid[:, 2:] = 0
    out, valid_out = partial_conv2d(torch.randn(1, 4, 6, 6), valid, torch.randn(4, 2, 3, 3), torch.ones(4), groups=2)
    assert (out[:, 2:] == 0).all() and (valid_out[:, 2:] == 0).all()
    assert (out[:, :2] != 0).any() and valid_out[:, :2].all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_has_no_nan_and_exact_counts(dtype: torch.dtype) -> None:
    channels = 1024
    valid = torch.ones(1, channels, 7, 7)
    valid[0, 0, 3, 3] = 0  # one of 9216: half precision cannot count that
    valid[0, :, 5:, 5:] = 0
    valid[..., 6, 6] = 0
    weight = torch.full((1, channels, 3, 3), 1 / channels, dtype=dtype)
    out, _ = partial_conv2d(torch.ones(1, channels, 7, 7, dtype=dtype), valid, weight)
    assert out.dtype == dtype
    assert out.isfinite().all()
    exact, _ = partial_conv2d(torch.ones(1, channels, 7, 7), valid, weight.float())
    torch.testing.assert_close(out.float(), exact, rtol=1e-2, atol=0)
    hole = torch.zeros(1, 1, 7, 7)
    assert (partial_conv2d(torch.ones(1, channels, 7, 7, dtype=dtype), hole, weight, padding=1)[0] == 0).all()


def test_counts_are_exact_where_half_precision_rounds() -> None:
    channels = 1024
    valid = torch.ones(1, channels, 3, 3)
    valid[0, 0, 1, 1] = 0
    weight = torch.ones(1, channels, 3, 3, dtype=torch.float64)
    out, _ = partial_conv2d(torch.ones(1, channels, 3, 3, dtype=torch.float64), valid.half(), weight)
    assert out.item() == pytest.approx(9216, rel=1e-14)  # 9215 * 9216 / 9215
    x = torch.zeros(1, channels, 3, 3, dtype=torch.float64)
    x[0, 1, 1, 1] = 1
    out, _ = partial_conv2d(x, valid.half(), weight)
    assert out.item() == pytest.approx(9216 / 9215, rel=1e-14)


def test_autocast_does_not_touch_the_counts() -> None:
    conv = PartialConv2d(64, 8, 5, padding=2)
    x, valid = torch.randn(1, 64, 12, 12), (torch.rand(1, 1, 12, 12) > 0.9).float()
    expected, expected_valid = conv(x, valid)
    with torch.autocast("cpu", torch.bfloat16):
        out, valid_out = conv(x, valid)
    assert out.dtype == torch.bfloat16
    assert out.isfinite().all()
    assert torch.equal(valid_out, expected_valid)
    assert (out.float() - expected).norm() < 0.01 * expected.norm()


@pytest.mark.parametrize("channels", [1, 4])
def test_gradients_are_those_of_finite_differences(channels: int) -> None:
    x = torch.randn(1, 4, 5, 5, dtype=torch.float64, requires_grad=True)
    valid = (torch.rand(1, channels, 5, 5) > 0.5).double()
    weight = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return partial_conv2d(x, valid, weight, bias, padding=1, stride=2)[0]

    assert torch.autograd.gradcheck(run, (x, weight, bias))


def test_no_gradient_flows_into_masks() -> None:
    valid = torch.ones(1, 1, 6, 6, requires_grad=True)
    out, valid_out = partial_conv2d(torch.randn(1, 2, 6, 6), valid, torch.randn(2, 2, 3, 3, requires_grad=True))
    assert out.requires_grad and not valid_out.requires_grad
    out.sum().backward()
    assert valid.grad is None


def test_state_dict_and_arguments_are_those_of_conv2d() -> None:
    settings = dict(stride=2, padding=1, dilation=2, groups=2, bias=True)
    plain, conv = nn.Conv2d(4, 6, 3, **settings), PartialConv2d(4, 6, 3, **settings)  # type: ignore[arg-type]
    assert isinstance(conv, nn.Conv2d)
    assert conv.state_dict().keys() == plain.state_dict().keys()
    conv.load_state_dict(plain.state_dict())
    assert repr(conv) == "Partial" + repr(plain)


def _again(conv: PartialConv2d) -> PartialConv2d:
    return conv


def _pickled(conv: PartialConv2d) -> PartialConv2d:
    restored = pickle.loads(pickle.dumps(conv))
    assert isinstance(restored, PartialConv2d)
    return restored


@pytest.mark.parametrize("remade", [_again, copy.deepcopy, _pickled])
def test_calls_leave_nothing_behind(remade: Callable[[PartialConv2d], PartialConv2d]) -> None:
    conv = PartialConv2d(3, 4, 3, padding=1)
    x, holed = torch.randn(1, 3, 8, 8), (torch.rand(1, 1, 8, 8) > 0.5).float()
    full = torch.ones(1, 1, 8, 8)
    first = conv(x, full)[0]
    with torch.inference_mode():
        inference = conv(x, holed)[0]
    conv = remade(conv)
    out = conv(x, holed)[0]
    out.sum().backward()
    assert torch.equal(out, inference)
    assert torch.equal(conv(x, full)[0], first)
    torch.testing.assert_close(conv.double()(x.double(), full)[0].float(), first)
    assert set(conv.__dict__) == set(PartialConv2d(3, 4, 3, padding=1).__dict__)


def test_channels_last_is_kept() -> None:
    x = torch.randn(2, 8, 16, 16).contiguous(memory_format=torch.channels_last)
    conv = PartialConv2d(8, 8, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    out, _ = conv(x, torch.rand(2, 1, 16, 16) > 0.5)
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (5, 2, 1), (3, 1, 2)])
def test_the_updated_mask_is_the_max_pool_of_the_mask(kernel: int, stride: int, dilation: int) -> None:
    valid = (torch.rand(2, 1, 20, 21) > 0.9).float()
    padding = dilation * (kernel // 2)
    _, valid_out = partial_conv2d(
        torch.randn(2, 3, 20, 21), valid, torch.randn(2, 3, kernel, kernel), None, stride, padding, dilation
    )
    # max_pool2d pads at most half a kernel
    padded = F.pad(valid, (padding,) * 4)
    assert torch.equal(valid_out, F.max_pool2d(padded, kernel, stride, 0, dilation))
