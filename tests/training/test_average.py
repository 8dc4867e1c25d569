"""Averages of runs."""

from dataclasses import replace

import pytest
import torch

from partialconv.errors import InputError
from partialconv.training.average import average
from partialconv.training.checkpoint import Checkpoint
from partialconv.training.recipe import ModelRecipe, Recipe
from tests.models.test_unet import edged, holed


def run(model: ModelRecipe, seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    return Checkpoint(seed, replace(Recipe(), model=model), model.build().state_dict())


SMALL, DETAILED = ModelRecipe(4, 3), ModelRecipe(4, 3, detail_width=5)
DILATED = ModelRecipe(4, 3, detail_width=5, detail_dilations=(2, 1))


def test_it_is_the_weighted_mean() -> None:
    first, second = run(DETAILED, 1), run(DETAILED, 2)
    mixed = average(first, second, 0.25)
    assert (mixed.step, mixed.recipe) == (2, second.recipe)
    for name, value in mixed.model.items():
        wanted = 0.75 * first.model[name].double() + 0.25 * second.model[name].double()
        assert value.dtype == second.model[name].dtype
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), wanted, atol=1e-6, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("small", "large"), [(SMALL, DETAILED), (SMALL, DILATED), (DETAILED, DILATED)])
def test_a_network_with_fewer_detail_layers_keeps_its_output_at_share_zero(
    small: ModelRecipe, large: ModelRecipe
) -> None:
    first, second = run(small, 1), run(large, 2)
    image, valid = holed(40, 40)
    output, before = average(first, second, 0).network()(image, valid), first.network()
    expected = edged(before, image, valid) if small == SMALL else before(image, valid)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(average(first, second, 1).network()(image, valid), second.network()(image, valid))


def test_other_networks_and_shares_are_refused() -> None:
    with pytest.raises(InputError, match="width=4.*width=8"):
        average(run(SMALL, 1), run(ModelRecipe(8, 3), 2), 0.5)
    with pytest.raises(InputError, match="detail_width=5.*detail_width=0"):
        average(run(DETAILED, 1), run(SMALL, 2), 0.5)
    with pytest.raises(InputError, match="share is 2"):
        average(run(SMALL, 1), run(SMALL, 2), 2)
