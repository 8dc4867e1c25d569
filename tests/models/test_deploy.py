"""The fast form in PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from partialconv.models import PartialConvUNet
from partialconv.models.deploy import FastUNet, convolve_enlarged, phase_kernels
from tests.models.test_unet import holed, small


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    odd=st.tuples(st.booleans(), st.booleans()),
    num=st.integers(1, 3),
)
def test_four_small_kernels_equal_one_on_the_enlarged_map(
    height: int, width: int, odd: tuple[bool, bool], num: int
) -> None:
    x, weight = torch.randn(num, 3, height, width).double(), torch.randn(5, 3, 3, 3).double()
    size = (2 * height - odd[0], 2 * width - odd[1])
    expected = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)[..., : size[0], : size[1]]
    torch.testing.assert_close(convolve_enlarged(x, phase_kernels(weight), size), expected)


@pytest.mark.parametrize("detail_width", [0, 5])
def test_batchnorm_is_folded_and_the_network_left_alone(detail_width: int) -> None:
    net = small(detail_width=detail_width)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    image, valid = holed(45, 70, num=2)
    with torch.no_grad():
        expected = net(image, valid)
    torch.testing.assert_close(FastUNet(net)(image, valid), expected, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_masks_are_counted_in_single_precision_whatever_the_features_are() -> None:
    torch.manual_seed(0)
    fast = FastUNet(PartialConvUNet(width=8, num_levels=3)).to(torch.bfloat16)
    seen = []
    for layer in [*fast.encoder, *fast.decoder]:
        layer.register_forward_hook(lambda _m, _i, out: seen.append((out[0].dtype, out[1].dtype)))
    image, valid = holed(32, 48)
    output = fast(image, valid)
    assert seen == [(torch.bfloat16, torch.float32)] * 6
    assert output.dtype == torch.float32 and output.isfinite().all()
