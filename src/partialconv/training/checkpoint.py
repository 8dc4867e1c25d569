"""The state of a training run in one safetensors file."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.training.recipe import Recipe, recipe_from_dict

FILE_NAME = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training needs to go on.

    Args:
        step: Number of steps done.
        recipe: What the run was started with.
        model: Weights and buffers of the network.
        average: Moving average of `model`; empty where the recipe has none.
        optimizer: Adam's state of parameter i under "i.name".
    """

    step: int
    recipe: Recipe
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Tensor]

    @property
    def best(self) -> dict[str, Tensor]:
        """The weights to use: the average where there is one."""
        return self.average or self.model

    def network(self) -> PartialConvUNet:
        """The network with the best weights, in eval mode."""
        net = PartialConvUNet(self.recipe.model.width, self.recipe.model.num_levels)
        net.load_state_dict(self.best)
        return net.eval()


def save_checkpoint(checkpoint: Checkpoint, run: Path) -> None:
    """Write the checkpoint of folder `run`; the last one stays whole until the new one is."""
    groups = {"model": checkpoint.model, "average": checkpoint.average, "optimizer": checkpoint.optimizer}
    tensors = {
        f"{group}.{name}": tensor.detach().cpu().contiguous()
        for group, state in groups.items()
        for name, tensor in state.items()
    }
    metadata = {"step": str(checkpoint.step), "recipe": json.dumps(asdict(checkpoint.recipe))}
    path = run / FILE_NAME
    unfinished = path.with_suffix(".unfinished")
    save_file(tensors, unfinished, metadata)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_checkpoint(run: Path) -> Checkpoint:
    """Read the checkpoint of folder `run`.

    Raises:
        InputError: there is none, or it is broken.
    """
    path = run / FILE_NAME
    if not path.is_file():
        raise InputError(f"no {FILE_NAME} in {run}: give the folder that `partialconv train --out` wrote.")
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            for key in file.keys():  # noqa: SIM118 (not a dict)
                group, name = key.split(".", 1)
                groups[group][name] = file.get_tensor(key)
        return Checkpoint(int(metadata["step"]), recipe_from_dict(json.loads(metadata["recipe"])), **groups)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no checkpoint of partialconv, or broken: {error}.") from error


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten the state of `optimizer` into "parameter.name" tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": tensor for index, values in state.items() for name, tensor in values.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Put the tensors of `optimizer_state` back."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        index, name = key.split(".", 1)
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:  # fused Adam walks through memory: the layout has to be the parameter's
            tensor = torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
