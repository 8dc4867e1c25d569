"""The mean of two runs' weights, which can be better than either."""

import torch
from torch import Tensor

from partialconv.errors import InputError
from partialconv.models.unet import DETAIL_LAYERS
from partialconv.training.checkpoint import Checkpoint
from partialconv.training.recipe import ModelRecipe


def average(first: Checkpoint, second: Checkpoint, share: float) -> Checkpoint:
    """Mix the best weights of two runs of which one began with the weights of the other.

    Detail layers that only the second network has are given to the first before, without changing its output, so that
    `share` is that of their correction, too.

    Args:
        first: A run.
        second: A run that started from it, or from the same one; its recipe and step are those of the result.
        share: Of the second, 0 to 1.

    Raises:
        InputError: the networks differ otherwise, or `share` is out of range.

    Source: averaging finetuned weights is Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
    """
    if not 0 <= share <= 1:
        raise InputError(f"the share is {share:g}, expected 0 to 1.")
    model = second.recipe.model
    mixed = {name: value.to(torch.float32, copy=True) for name, value in second.best.items()}
    if first.recipe.model == model:
        before = first.best
    elif (grown := first.grown(model)) is not None:
        before = grown.state_dict()
        if first.recipe.model.detail_width == 0:
            _take_layers(before, first, mixed, model)
    else:
        raise InputError(f"the two runs have different networks: {first.recipe.model} and {model}.")
    for name, value in mixed.items():
        if second.best[name].is_floating_point():
            value.lerp_(before[name].float(), 1 - share)
    return Checkpoint(second.step, second.recipe, {n: v.to(second.best[n].dtype) for n, v in mixed.items()})


def _take_layers(before: dict[str, Tensor], first: Checkpoint, like: dict[str, Tensor], model: ModelRecipe) -> None:
    """Give the detail layers that were added the weights of `like`, but for the correction, which is zero."""
    last = f"decoder.{model.num_levels - 1}.conv."
    correction = f"detail.{DETAIL_LAYERS + len(model.detail_dilations)}."
    for name, value in before.items():
        if name.startswith(last):
            known = first.best[name].shape[0]
            value[known:] = like[name][known:]
        elif name.startswith("detail.") and not name.startswith(correction):
            value.copy_(like[name])
