"""The pixel losses against the paper's identity and hand-made numbers."""

import pytest
import torch

from partialconv.conventions import composite
from partialconv.models.losses import hole_loss, valid_loss


def test_identity_of_the_weighted_sum() -> None:
    output, target = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    valid = (torch.rand(2, 1, 8, 8) > 0.5).float()
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


def test_a_perfect_output_costs_nothing() -> None:
    target, valid = torch.rand(1, 3, 4, 4), (torch.rand(1, 1, 4, 4) > 0.5).float()
    assert valid_loss(target, target, valid) == 0 and hole_loss(target, target, valid) == 0
