"""A network that grows goes on where it stood."""

import pytest
import torch

from partialconv.models.growth import add_detail
from partialconv.models.unet import DETAIL_LAYERS
from tests.models.test_unet import edged, holed, small, twin


def test_the_output_stays_and_the_new_layers_learn() -> None:
    image, valid = holed(50, 71, num=2)
    for net in (small(), twin().eval()):
        grown = add_detail(net, 5)
        torch.testing.assert_close(grown.eval()(image, valid), edged(net, image, valid), rtol=0, atol=1e-6)
        optimizer = torch.optim.SGD(grown.parameters(), lr=0.1)
        before = {name: value.clone() for name, value in grown.named_parameters()}
        for _ in range(2):  # what is behind a correction of zero moves from the second step on
            optimizer.zero_grad()
            (grown.train()(image, valid) - image).square().mean().backward()
            optimizer.step()
        for name in ("detail.0.conv.weight", f"detail.{DETAIL_LAYERS}.conv.weight", "decoder.3.conv.weight"):
            assert not torch.equal(grown.get_parameter(name), before[name])


def test_only_a_network_without_detail_grows() -> None:
    with pytest.raises(ValueError, match="detail_width is 5"):
        add_detail(small(detail_width=5), 8)
    with pytest.raises(ValueError, match="at least 3"):
        add_detail(small(), 2)
