"""The levels of confidence against the masks of the network itself."""

import numpy as np
import pytest
import torch
from torch import Tensor

from partialconv.inference import confidence
from partialconv.inference.confidence import KERNELS, NUM_LEVELS
from partialconv.masks import stroke_hole
from partialconv.models import PartialConvUNet
from partialconv.models.unet import ENCODER_KERNELS


def test_it_is_read_from_the_network_of_the_paper() -> None:
    assert KERNELS == ENCODER_KERNELS and PartialConvUNet(width=1).num_levels == NUM_LEVELS


@pytest.mark.parametrize("size", [(256, 256), (77, 130), (1, 9)])
def test_levels_are_those_of_the_encoders_masks(size: tuple[int, int]) -> None:
    hole = stroke_hole(size, 5, (0.3, 0.6)) if min(size) > 1 else np.array([[1, 1, 1, 1, 1, 1, 1, 1, 0]], bool)
    hole[: size[0] // 2] = True
    net, masks = PartialConvUNet(width=1), []

    def note(_module: object, _inputs: object, result: tuple[Tensor, Tensor]) -> None:
        masks.append(result[1][0, 0].numpy() != 0)

    for block in net.blocks()[0]:
        block.register_forward_hook(note)
    with torch.no_grad():
        net.eval()(torch.rand(1, 3, *size), torch.from_numpy(~hole)[None, None].float())
    expected = np.ones(size)
    for y, x in np.argwhere(hole):
        levels = [level for level, mask in enumerate(masks, 1) if mask[y >> level, x >> level]]
        expected[y, x] = 1 - min(levels) / 9 if levels else 0
    np.testing.assert_allclose(confidence(hole), expected, atol=1e-6)


def test_it_falls_with_depth() -> None:
    hole = np.zeros((1200, 1200), bool)
    hole[:, 40:] = True
    line = confidence(hole)[600]
    assert (line[:40] == 1).all() and 0 < line[40] < 1 and line[-1] == 0
    assert (np.diff(line) <= 0).all() and len(np.unique(line)) == 10
