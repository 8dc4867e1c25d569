"""The same layer in one, two and three dimensions, over drawn shapes and settings."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from partialconv.nn import (
    PartialConv1d,
    PartialConv2d,
    PartialConv3d,
    partial_conv1d,
    partial_conv2d,
    partial_conv3d,
)
from tests.nn.oracle import oracle

FUNCTIONS: dict[int, Any] = {1: partial_conv1d, 2: partial_conv2d, 3: partial_conv3d}
LAYERS: dict[int, Any] = {1: PartialConv1d, 2: PartialConv2d, 3: PartialConv3d}
PLAIN: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    dims = draw(st.integers(1, 3))

    def each(low: int, high: int) -> list[int]:
        return [draw(st.integers(low, high)) for _ in range(dims)]

    kernel, dilation, groups = each(1, 3), each(1, 2), draw(st.sampled_from([1, 2, 4]))
    padding = each(0, 2)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    size = [max(span - 2 * p, 1) + draw(st.integers(0, 3)) for span, p in zip(spans, padding, strict=True)]
    return dict(
        dims=dims,
        kernel=kernel,
        size=size,
        settings=dict(stride=each(1, 2), padding=padding, dilation=dilation, groups=groups),
        mask_channels=draw(st.sampled_from(sorted({1, groups, 4}))),
        dtype=draw(st.sampled_from([torch.bool, torch.uint8, torch.float32])),
        bias=draw(st.booleans()),
        scaling=draw(st.sampled_from(["v2", "v1"])),
        known=draw(st.sampled_from([0.1, 0.5, 0.9])),
        seed=draw(st.integers(0, 2**16)),
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(cases())
def test_equals_the_loop_of_equation_1(case: dict[str, Any]) -> None:
    rng = np.random.default_rng(case["seed"])
    groups, channels = case["settings"]["groups"], case["mask_channels"]
    x = rng.normal(size=(2, 4, *case["size"]))
    valid = rng.random((2, channels, *case["size"])) < case["known"]
    weight = rng.normal(size=(4, 4 // groups, *case["kernel"]))
    bias = rng.normal(size=4) if case["bias"] else None
    x[~np.repeat(valid, 4 // channels, axis=1)] = np.nan
    dense = np.repeat(valid, 4 // channels, axis=1)
    expected, expected_valid = oracle(x, dense, weight, bias, **case["settings"], scaling=case["scaling"])
    settings_ = {k: tuple(v) if isinstance(v, list) else v for k, v in case["settings"].items()}
    out, valid_out = FUNCTIONS[case["dims"]](
        torch.from_numpy(x),
        torch.from_numpy(valid).to(case["dtype"]),
        torch.from_numpy(weight),
        None if bias is None else torch.from_numpy(bias),
        **settings_,
        scaling=case["scaling"],
    )
    np.testing.assert_allclose(out, expected, atol=1e-12)
    assert valid_out.dtype == case["dtype"]
    per_group = groups > 1 and channels > 1
    assert valid_out.shape[1] == (1 if not per_group else 4 if channels == 4 else groups)
    np.testing.assert_array_equal(valid_out.repeat_interleave(4 // valid_out.shape[1], dim=1), expected_valid)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_border_filled_from_the_image_is_missing_only_where_the_image_is(dims: int, mode: Any) -> None:
    conv = LAYERS[dims](2, 3, 3, padding=1, padding_mode=mode, dtype=torch.float64)
    x, valid = torch.randn(2, 2, *[6, 5, 4][:dims], dtype=torch.float64), torch.rand(2, 1, *[6, 5, 4][:dims]) > 0.4
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    width = ((0, 0), (0, 0), *[(1, 1)] * dims)
    padded = [np.pad(t.numpy().astype(float), width, names[mode]) for t in (x, valid.expand_as(x))]  # type: ignore[call-overload]
    weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    ones, zeros = [1] * dims, [0] * dims
    expected, expected_valid = oracle(padded[0], padded[1], weight, bias, ones, zeros, ones, 1)
    out, valid_out = conv(x, valid)
    np.testing.assert_allclose(out.detach(), expected, atol=1e-12)
    np.testing.assert_array_equal(valid_out.expand_as(out), expected_valid)
    plain = PLAIN[dims](2, 3, 3, padding=1, padding_mode=mode, dtype=torch.float64)
    plain.load_state_dict(conv.state_dict())
    torch.testing.assert_close(conv(x, torch.ones_like(valid))[0], plain(x))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_layers_are_drop_ins(dims: int) -> None:
    options = dict(stride=2, padding=1, groups=2, bias=True, padding_mode="replicate", dtype=torch.float64)
    plain, conv = PLAIN[dims](4, 6, 3, **options), LAYERS[dims](4, 6, 3, **options)
    assert isinstance(conv, PLAIN[dims])
    assert repr(conv) == "Partial" + repr(plain)
    conv.load_state_dict(plain.state_dict())
    x = torch.randn(2, 4, *[7] * dims, dtype=torch.float64)
    torch.testing.assert_close(conv(x, torch.ones(1, 1, *[7] * dims))[0], plain(x))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_same_keeps_the_size(dims: int) -> None:
    x, valid = torch.randn(1, 2, *[9, 8, 7][:dims]), torch.rand(1, 1, *[9, 8, 7][:dims]) > 0.5
    weight = torch.randn(3, 2, *[5, 3, 1][:dims])
    out, valid_out = FUNCTIONS[dims](x, valid, weight, padding="same")
    assert out.shape[2:] == x.shape[2:]
    same = [d // 2 for d in weight.shape[2:]]
    explicit, explicit_valid = FUNCTIONS[dims](x, valid, weight, padding=tuple(same))
    torch.testing.assert_close(out, explicit)
    assert torch.equal(valid_out, explicit_valid)


@pytest.mark.parametrize("dims", [1, 3])
def test_inputs_with_their_own_masks_equal_the_dense_form(dims: int) -> None:
    shape = [6, 5, 4][:dims]
    pieces = [torch.randn(2, 3, *shape), torch.randn(2, 2, *shape)]
    masks = [torch.rand(2, 1, *shape) > p for p in (0.8, 0.4)]
    weight = torch.randn(4, 5, *[3] * dims)
    dense = torch.cat([m.expand_as(x) for m, x in zip(masks, pieces, strict=True)], dim=1)
    expected, expected_valid = FUNCTIONS[dims](torch.cat(pieces, 1), dense, weight, padding=1)
    out, valid_out = FUNCTIONS[dims](pieces, masks, weight, padding=1)
    torch.testing.assert_close(out, expected)
    assert torch.equal(valid_out, expected_valid)


@pytest.mark.parametrize("side", [3, 40])
def test_convolving_apart_equals_concatenating(side: int) -> None:
    """Large features are convolved apart, small ones concatenated: the same sum, another order."""
    pieces = [torch.randn(1, c, side, side, dtype=torch.float64) for c in (8, 4)]
    masks = [torch.rand(1, 1, side, side) > p for p in (0.7, 0.3)]
    weight = torch.randn(16, 12, 3, 3, dtype=torch.float64)
    dense = torch.cat([m.expand_as(x) for m, x in zip(masks, pieces, strict=True)], dim=1)
    # the dense two-convolution form, with ones of all channels
    count = F.conv2d(dense.double(), torch.ones_like(weight), padding=1)
    raw = F.conv2d(torch.where(dense, torch.cat(pieces, 1), 0), weight, padding=1)
    expected = torch.where(count > 0, raw * weight[0].numel() / count, 0)
    torch.testing.assert_close(partial_conv2d(pieces, masks, weight, padding=1)[0], expected)


@pytest.mark.parametrize(
    ("x", "valid", "message"),
    [
        (torch.rand(2, 8), torch.ones(2, 8), r"expected \(N, C, L\)"),
        (torch.rand(1, 2, 8), torch.ones(1, 1, 7), r"expected \(1, 1, 8\) or \(1, 2, 8\)"),
        (torch.rand(1, 2, 8), torch.full((1, 1, 8), 0.25), "valid > 0.5"),
        (torch.rand(1, 2, 8), torch.full((1, 1, 8), 255, dtype=torch.uint8), "valid > 127"),
    ],
)
def test_wrong_masks_are_clear_errors(x: Tensor, valid: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        partial_conv1d(x, valid, torch.rand(2, 2, 3))


def test_an_unknown_scaling_names_the_choices() -> None:
    with pytest.raises(ValueError, match="'v2', 'v1'"):
        PartialConv2d(1, 1, 3, scaling="v3")  # type: ignore[arg-type]
    assert "scaling='v1'" in repr(PartialConv2d(1, 1, 3, scaling="v1"))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**16), st.integers(1, 3), st.sampled_from([3, 5]))
def test_holes_never_grow_and_levels_close_as_their_receptive_field_says(seed: int, levels: int, kernel: int) -> None:
    valid = (torch.rand(1, 1, 33, 29, generator=torch.Generator().manual_seed(seed)) > 0.97).float()
    weight = torch.randn(1, 1, kernel, kernel)
    _, grown = partial_conv2d(torch.randn(1, 1, 33, 29), valid, weight, padding="same")
    assert (grown >= valid).all()
    known, x, reach = valid, torch.randn(1, 1, 33, 29), 0
    for level in range(levels):
        x, known = partial_conv2d(x, known, weight, stride=2, padding=kernel // 2)
        reach += (kernel // 2) * 2**level
    # one max over the receptive field of the level, of the padded input
    field = F.max_pool2d(F.pad(valid, (reach,) * 4), 2 * reach + 1, 2**levels)
    assert torch.equal(known, field)
