"""What discriminators see, and what they leave alone."""

import pytest
import torch
from torch import Tensor

from partialconv.models.discriminator import Discriminator, FeatureDiscriminator, PatchDiscriminator
from partialconv.models.features import VGG16Features

SIZES = [(64, 64), (50, 70), (33, 47)]


@pytest.fixture(params=["patches", "vgg16"])
def net(request: pytest.FixtureRequest) -> Discriminator:
    return PatchDiscriminator(8, 3) if request.param == "patches" else FeatureDiscriminator(VGG16Features(), width=8)


def pictures(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    image, valid = torch.rand(2, 3, *size), torch.ones(2, 1, *size)
    valid[:, :, 10:25, 5:30] = 0
    return image, valid


@pytest.mark.parametrize("size", SIZES)
def test_any_size_has_scores_and_shares_of_one_shape(net: Discriminator, size: tuple[int, int]) -> None:
    image, valid = pictures(size)
    judgement, shares = net(image, valid), net.hole_shares(1 - valid)
    assert [s.shape for s in judgement.scores] == [s.shape for s in shares]
    assert all(s.shape[:2] == (2, 1) for s in judgement.scores) and judgement.features
    for share in shares:
        assert bool(((share >= 0) & (share <= 1)).all()) and share.max() > 0
    for hole, expected in ((torch.zeros_like(valid), 0.0), (torch.ones_like(valid), 1.0)):
        assert all(torch.allclose(share, torch.full_like(share, expected)) for share in net.hole_shares(hole))


def test_a_patch_has_a_share_where_it_sees_the_hole_and_none_elsewhere() -> None:
    """The gradient of a score is not 0 at the pixels it depends on."""
    net = PatchDiscriminator(8, 3)
    image, valid = torch.rand(1, 3, 96, 96, requires_grad=True), torch.ones(1, 1, 96, 96)
    valid[:, :, 40:44, 10:20] = 0
    scores, shares = net(image, valid).scores[0][0, 0], net.hole_shares(1 - valid)[0][0, 0]
    for row in range(0, 12, 3):
        for column in range(12):
            (seen,) = torch.autograd.grad(scores[row, column], image, retain_graph=True)
            sees_hole = bool(((seen.abs().sum(1, keepdim=True) > 0) & (valid == 0)).any())
            assert sees_hole == (shares[row, column] > 0)


def test_pictures_of_a_batch_are_not_mixed(net: Discriminator) -> None:
    image, valid = pictures((48, 48))
    together, alone = net(image, valid), net(image[1:], valid[1:])
    for both, one in zip(together.scores, alone.scores, strict=True):
        torch.testing.assert_close(both[1:], one, rtol=1e-4, atol=1e-5)


def test_the_mask_matters(net: Discriminator) -> None:
    image, valid = pictures((48, 48))
    pairs = zip(net(image, valid).scores, net(image, torch.ones_like(valid)).scores, strict=True)
    assert all(not torch.equal(a, b) for a, b in pairs)


def test_frozen_features_are_no_part_of_the_state_and_mixtures_do_not_learn() -> None:
    net = FeatureDiscriminator(VGG16Features(), width=8)
    assert not any("features" in name for name in net.state_dict())
    learned = {name.split(".")[0] for name, parameter in net.named_parameters() if parameter.requires_grad}
    assert learned == {"heads"}
    torch.manual_seed(5)
    first = FeatureDiscriminator(VGG16Features(), width=8)
    torch.manual_seed(5)
    second = FeatureDiscriminator(VGG16Features(), width=8)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_coarse_maps_reach_the_fine_ones() -> None:
    """The mixture across scales: a change of the coarsest map alone changes every mixed map."""
    maps = [torch.rand(1, channels, 32 // 2**n, 32 // 2**n) for n, channels in enumerate((64, 128, 256))]
    net = FeatureDiscriminator(lambda _: maps, width=8)
    before = net.see(torch.rand(1, 3, 64, 64))
    maps[2] = maps[2] + 1
    after = net.see(torch.rand(1, 3, 64, 64))
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
