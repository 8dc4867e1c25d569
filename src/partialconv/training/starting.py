"""The weights that a new run begins with."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from partialconv.conventions import valid_from_hole
from partialconv.data import HoledPhotos, PhotoSource
from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import unfold_batchnorm
from partialconv.training.checkpoint import Checkpoint, load_checkpoint
from partialconv.training.recipe import ModelRecipe, Recipe
from partialconv.zoo import model_path
from partialconv.zoo.networks import SUFFIX, load_file

NUM_SAMPLES = 16  # for the statistics of BatchNorm


def starting_network(start: Path, recipe: Recipe, photos: PhotoSource) -> PartialConvUNet:
    """The network of a recipe with the best weights of another one.

    Args:
        start: The folder of a run; a file of `partialconv convert`; or a model by name or as a file of `partialconv
            export`, which gets its BatchNorm back, see `unfold_batchnorm`.
        recipe: Of the new run. Detail layers or channels that only it has are added, see `models.growth`.
        photos: Of the new run.

    Raises:
        InputError: there is no such network, or it is another one and not the recipe's with fewer detail layers, or
            with fewer channels.
    """
    path, model = model_path(start), recipe.model
    before = load_checkpoint(path) if path.is_dir() or not path.is_file() else _of_file(path, recipe, photos)
    if before.recipe.model == model:
        return before.network()
    torch.manual_seed(recipe.training.seed)  # of the new layers
    grown = before.grown(model) or before.widened(model)
    if grown is None:
        values = asdict(before.recipe.model).items()
        lines = "; ".join(f"{k} = {json.dumps(v)}" for k, v in values)
        raise InputError(f"the network in {start} differs from the one in the recipe: write under [model] {lines}.")
    return grown


def network_of(source: str) -> PartialConvUNet:
    """The network of a run, of a file, or of a model by name, as it fills: in eval mode.

    Raises:
        InputError: there is none.
    """
    path = model_path(source)
    return load_file(path) if path.is_file() else load_checkpoint(path).network()


def _of_file(path: Path, recipe: Recipe, photos: PhotoSource) -> Checkpoint:
    net = load_file(path)
    model = ModelRecipe.of(net)
    if path.suffix != SUFFIX:
        net = unfold_batchnorm(net, *_samples(recipe, photos))
    return Checkpoint(0, replace(recipe, model=model), net.state_dict())


def _samples(recipe: Recipe, photos: PhotoSource) -> tuple[Tensor, Tensor]:
    """What training begins with: images (N, 3, S, S) in [0, 1], and valid (N, 1, S, S)."""
    data = recipe.data
    basis = (photos, data.crop_px, data.hole_ratio, recipe.training.seed, data.holes, data.flow_folder)
    samples = HoledPhotos(*basis, variety=data.variety)
    batch = [samples[number] for number in range(NUM_SAMPLES)]
    images = torch.stack([sample.photo for sample in batch]).float() / 255
    return images, valid_from_hole(torch.stack([sample.hole for sample in batch])).float()
