"""The edge of a hole, inside the network."""

import numpy as np
import torch

from partialconv.inference import feather as outside
from partialconv.masks import stroke_hole
from partialconv.models import edge


def test_it_is_what_inference_does_for_networks_that_do_not() -> None:
    torch.manual_seed(0)
    output, image = torch.rand(2, 3, 40, 50) * 2 - 1, torch.rand(2, 3, 40, 50) * 2 - 1
    valid = 1 - torch.from_numpy(np.stack([stroke_hole((40, 50), n, (0.2, 0.4)) for n in range(2)]))[:, None].float()
    given = edge.feather(output, image * valid, valid)
    expected = outside.feather(output.numpy(), image.numpy(), valid.numpy())
    np.testing.assert_allclose(given.numpy(), expected, atol=2e-6)
    assert (given - output).abs().max() > 0.1
