"""A network that grows goes on where it stood."""

import pytest
import torch

from partialconv.models import PartialConvUNet
from partialconv.models.growth import add_detail, widen
from tests.models.test_unet import DILATIONS, NUM_DETAIL, edged, holed, small, twin


def test_the_output_stays_and_the_new_layers_learn() -> None:
    image, valid = holed(50, 71, num=2)
    plain = twin().eval()
    whole, more = small(detail_width=5), (*DILATIONS, 3)
    new = ["detail.0.conv.weight", "decoder.3.conv.weight"]
    cases = (
        (small(), DILATIONS, edged(small(), image, valid), new),
        (plain, (), edged(plain, image, valid), new),
        (whole, more, whole(image, valid), [f"detail.{NUM_DETAIL - 1}.conv.weight"]),
    )
    for net, dilations, expected, names in cases:
        grown = add_detail(net, 5, dilations)
        assert grown.detail_dilations == dilations
        torch.testing.assert_close(grown.eval()(image, valid), expected, rtol=0, atol=1e-6)
        optimizer = torch.optim.SGD(grown.parameters(), lr=0.1)
        before = {name: value.clone() for name, value in grown.named_parameters()}
        for _ in range(2):  # what is behind a correction of zero moves from the second step on
            optimizer.zero_grad()
            (grown.train()(image, valid) - image).square().mean().backward()
            optimizer.step()
        for name in (*names, f"detail.{len(grown.detail) - 1}.conv.weight"):
            assert not torch.equal(grown.get_parameter(name), before[name])


def test_other_detail_layers_do_not_grow() -> None:
    for net, width, dilations in (
        (small(detail_width=5), 8, DILATIONS),
        (small(detail_width=5), 5, DILATIONS),
        (small(detail_width=5), 5, DILATIONS[1:]),
        (PartialConvUNet(4, 3, detail_width=5), 0, ()),
        (small(), 0, ()),
    ):
        with pytest.raises(ValueError, match="do not grow into"):
            add_detail(net, width, dilations)
    with pytest.raises(ValueError, match="at least 3"):
        add_detail(small(), 2)


@pytest.mark.parametrize("detail_width", [0, 5])
def test_a_wider_network_computes_the_same(detail_width: int) -> None:
    net = small(detail_width=detail_width)
    wide = widen(net, 7, detail_width and 9)  # some channels are copied, some are not
    assert (wide.width, wide.detail_width, wide.detail_dilations) == (7, detail_width and 9, net.detail_dilations)
    assert wide.training and not net.training
    image, valid = holed(48, 64, num=2)
    known = torch.ones_like(valid)
    expected, got = net(image, known), wide.eval()(image, known)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    expected, got = net(image, valid), wide(image, valid)
    assert (got - expected).abs().mean() < 0.2 * (expected - expected.mean()).abs().mean()


def test_a_wider_plain_network_computes_the_same_with_holes() -> None:
    torch.manual_seed(0)
    net = PartialConvUNet(4, 3, conv="plain", detail_width=5).eval()
    image, valid = holed(50, 71)
    expected = net(image, valid)
    torch.testing.assert_close(widen(net, 8, 10).eval()(image, valid), expected, rtol=1e-4, atol=1e-4)


def test_copies_of_a_channel_learn_different_things() -> None:
    image, valid = holed(48, 64)
    wide = widen(small(), 8, 0)
    first, second = wide.encoder[0].conv.weight.chunk(2)  # type: ignore[union-attr, operator]
    assert torch.equal(first, second)
    optimizer = torch.optim.SGD(wide.parameters(), lr=0.1)
    (wide(image, valid) - image).square().mean().backward()
    optimizer.step()
    first, second = wide.encoder[0].conv.weight.chunk(2)  # type: ignore[union-attr, operator]
    assert (first - second).abs().amax(dim=(1, 2, 3)).min() > 0


def test_a_network_does_not_widen_to_less() -> None:
    for net, width, detail_width in (
        (small(), 4, 0),
        (small(), 3, 0),
        (small(), 8, 5),
        (small(detail_width=5), 8, 0),
        (small(detail_width=5), 8, 4),
    ):
        with pytest.raises(ValueError, match="do not widen to"):
            widen(net, width, detail_width)
