"""The loss terms against the paper's identity, hand-made numbers and plain loops."""

import numpy as np
import pytest
import torch
from torch import Tensor

from partialconv.conventions import composite
from partialconv.models import PartialConvUNet
from partialconv.models.features import VGG16Features
from partialconv.models.losses import (
    PAPER_WEIGHTS,
    InpaintingLoss,
    gram,
    hole_loss,
    perceptual_loss,
    style_loss,
    tv_loss,
    valid_loss,
)


@pytest.fixture(scope="module")
def vgg() -> VGG16Features:
    """VGG16 with random weights of about the official ones' size."""
    torch.manual_seed(1)
    features = VGG16Features()
    for parameter in features.parameters():
        if parameter.dim() == 4:
            torch.nn.init.kaiming_normal_(parameter)
    return features


def sample(num: int = 2, side: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    valid = (torch.rand(num, 1, side // 4, side // 4) > 0.4).float()
    return (
        torch.rand(num, 3, side, side),
        torch.rand(num, 3, side, side),
        valid.repeat_interleave(4, 2).repeat_interleave(4, 3),
    )


def test_identity_of_the_weighted_sum() -> None:
    output, target, valid = sample()
    total = valid_loss(output, target, valid) + 6 * hole_loss(output, target, valid)
    comp = composite(target, output, valid)
    expected = (output - target).abs().mean() + 5 * (comp - target).abs().mean()
    torch.testing.assert_close(total, expected)


def test_means_are_over_the_whole_image() -> None:
    target, output = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    valid = torch.ones(1, 1, 4, 4)
    valid[..., 0, 0] = 0
    assert hole_loss(output, target, valid).item() == pytest.approx(0.5 / 16)
    assert valid_loss(output, target, valid).item() == pytest.approx(0.5 * 15 / 16)


def test_gram_is_every_product_of_channels() -> None:
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    expected = np.zeros((2, 5, 5))
    for n, i, j in np.ndindex(2, 5, 5):
        expected[n, i, j] = sum(float(x[n, i, y, z] * x[n, j, y, z]) for y, z in np.ndindex(3, 4)) / (5 * 3 * 4)
    np.testing.assert_allclose(gram(x).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(7, 5, 9), (64, 8, 8)])
def test_gram_of_ones_is_one_over_the_channels(shape: tuple[int, int, int]) -> None:
    ones = torch.ones(1, *shape)
    torch.testing.assert_close(gram(ones), torch.full((1, shape[0], shape[0]), 1 / shape[0]))
    # K_p is 1/(C H W) and the norm is divided by C squared: doubling all features adds 3/C to each of C x C entries
    assert style_loss([2 * ones], [ones]).item() == pytest.approx(3 / shape[0])


def test_gram_of_half_precision_features_does_not_overflow() -> None:
    x = torch.full((1, 8, 64, 64), 30.0)
    with torch.autocast("cpu", torch.bfloat16):
        assert gram(x.bfloat16()).dtype == torch.float32
        assert gram(x.half()).mean().item() == pytest.approx(900 / 8)


def test_perceptual_is_the_mean_of_each_map_summed() -> None:
    target = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 2, 2)]
    output = [torch.full_like(target[0], 0.5), torch.full_like(target[1], 2.0)]
    comp = [torch.full_like(target[0], 0.25), torch.zeros_like(target[1])]
    assert perceptual_loss(output, target, comp).item() == pytest.approx(0.5 + 2.0 + 0.25)


def tv_by_loops(comp: np.ndarray, valid: np.ndarray) -> float:
    num, channels, height, width = comp.shape
    total = 0.0
    for n in range(num):
        region = {
            (y + dy, x + dx)
            for y, x in zip(*np.nonzero(valid[n, 0] == 0), strict=True)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if 0 <= y + dy < height and 0 <= x + dx < width
        }
        for y, x in region:
            for other in ((y + 1, x), (y, x + 1)):
                if other in region:
                    total += sum(abs(comp[n, c, y, x] - comp[n, c, *other]) for c in range(channels))
    return total / comp.size


def test_tv_against_loops() -> None:
    _, comp, valid = sample(2, 16)
    assert tv_loss(comp, valid).item() == pytest.approx(tv_by_loops(comp.double().numpy(), valid.numpy()), rel=1e-5)


@pytest.mark.parametrize(("axis", "place"), [(2, (5, 5)), (3, (5, 5))])
def test_a_hole_of_one_pixel_has_six_pairs_each_way(axis: int, place: tuple[int, int]) -> None:
    valid = torch.ones(1, 1, 11, 11)
    valid[0, 0, *place] = 0
    ramp = torch.arange(11.0).view((1, 1, 11, 1) if axis == 2 else (1, 1, 1, 11)).expand(1, 1, 11, 11)
    assert tv_loss(ramp, valid).item() * 121 == pytest.approx(6)


def test_tv_without_a_hole_is_nothing() -> None:
    assert tv_loss(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)) == 0


def test_a_perfect_output_costs_nothing_but_tv(vgg: VGG16Features) -> None:
    _, target, valid = sample()
    terms = InpaintingLoss(features=vgg)(target, target, valid)
    assert list(terms) == ["valid", "hole", "perceptual", "style_out", "style_comp", "tv"]
    assert all(value == 0 for name, value in terms.items() if name != "tv")
    assert terms["tv"] > 0


def test_terms_are_those_of_their_functions_and_the_sum_is_the_papers(vgg: VGG16Features) -> None:
    output, target, valid = sample()
    loss = InpaintingLoss(features=vgg)
    terms = loss(output, target, valid)
    comp = composite(target, output, valid)
    maps = [vgg(image) for image in (output, target, comp)]
    assert [len(m) for m in maps] == [3, 3, 3]  # with 2 + 1 + 1 terms of each: 12 parts
    expected = {
        "valid": valid_loss(output, target, valid),
        "hole": hole_loss(output, target, valid),
        "perceptual": perceptual_loss(*maps),
        "style_out": style_loss(maps[0], maps[1]),
        "style_comp": style_loss(maps[2], maps[1]),
        "tv": tv_loss(comp, valid),
    }
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)
    by_hand = (
        terms["valid"] + 6 * terms["hole"] + 0.05 * terms["perceptual"]
        + 120 * (terms["style_out"] + terms["style_comp"]) + 0.1 * terms["tv"]
    )  # fmt: skip
    torch.testing.assert_close(loss.total(terms), by_hand)
    doubled = loss.total(terms, feature_factor=2) - loss.total(terms)
    torch.testing.assert_close(doubled, 0.05 * terms["perceptual"] + 120 * (terms["style_out"] + terms["style_comp"]))


def test_a_batch_of_two_copies_costs_what_one_costs(vgg: VGG16Features) -> None:
    one = sample(1)
    two = tuple(t.repeat(2, 1, 1, 1) for t in one)
    loss = InpaintingLoss(features=vgg)
    for a, b in zip(loss(*one).values(), loss(*two).values(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("term", PAPER_WEIGHTS)
def test_gradients_of_every_term_reach_the_network(vgg: VGG16Features, term: str) -> None:
    net = PartialConvUNet(4, 3)
    _, target, valid = sample()
    loss = InpaintingLoss({term: 1.0}, vgg)
    terms = loss(net(target, valid), target, valid)
    assert list(terms) == [term]
    loss.total(terms).backward()
    weight = net.blocks()[0][0].conv.weight
    assert weight.grad is not None and weight.grad.isfinite().all() and weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in vgg.parameters())


def test_terms_of_no_weight_are_not_computed() -> None:
    def never(_: Tensor) -> list[Tensor]:
        raise AssertionError

    loss = InpaintingLoss({"hole": 6.0, "perceptual": 0.0}, never)
    assert list(loss(*sample())) == ["hole"]
    assert list(InpaintingLoss({"hole": 6.0, "style_out": 1.0}, never)(*sample(), with_features=False)) == ["hole"]


def test_a_window_is_where_the_hole_is(vgg: VGG16Features) -> None:
    output, target, _ = sample(2, 64)
    valid = torch.ones(2, 1, 64, 64)
    valid[0, :, 40:60, 8:24] = 0
    valid[1, :, 2:12, 44:50] = 0
    seen: list[Tensor] = []

    def features(image: Tensor) -> list[Tensor]:
        seen.append(image)
        maps: list[Tensor] = vgg(image)
        return maps

    terms = InpaintingLoss({"style_out": 1.0}, features, window_px=32)(output, target, valid)
    corners = ((32, 0), (0, 24))  # the first of those on a grid of 8 with all of the hole
    for n, (y, x) in enumerate(corners):
        assert valid[n, :, y : y + 32, x : x + 32].sum() == valid[n].sum() - (64 * 64 - 32 * 32)
        assert torch.equal(seen[0][n], target[n, :, y : y + 32, x : x + 32])
        assert torch.equal(seen[1][n], output[n, :, y : y + 32, x : x + 32])
    pieces = [
        torch.stack([t[n, :, y : y + 32, x : x + 32] for n, (y, x) in enumerate(corners)]) for t in (output, target)
    ]
    torch.testing.assert_close(terms["style_out"], style_loss(vgg(pieces[0]), vgg(pieces[1])))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="unknown loss term 'holes', expected valid, hole"):
        InpaintingLoss({"holes": 1})
    with pytest.raises(ValueError, match="'perceptual' needs `features`"):
        InpaintingLoss()


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float64])
def test_masks_of_any_dtype(dtype: torch.dtype) -> None:
    output, target = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    valid = (torch.rand(2, 1, 16, 16) > 0.4).float()
    loss = InpaintingLoss({"valid": 1, "hole": 6, "tv": 0.1})
    for name, value in loss(output, target, valid.to(dtype)).items():
        torch.testing.assert_close(value, loss(output, target, valid)[name], check_dtype=False)
