"""A network that grows goes on where it stood."""

import pytest
import torch

from partialconv.models import PartialConvUNet
from partialconv.models.growth import add_detail
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
