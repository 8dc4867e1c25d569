"""The state of a training run in a safetensors file, or in several small ones."""

import json
import os
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.models.growth import add_detail, widen
from partialconv.training.recipe import ModelRecipe, Recipe, recipe_from_dict

FILE_NAME = "checkpoint.safetensors"
PART_NAME = "checkpoint-{}-of-{}.safetensors"
GROUPS = ("model", "average", "optimizer", "scaler", "discriminator", "discriminator_optimizer")


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training needs to go on.

    Args:
        step: Number of steps done.
        recipe: What the run was started with.
        model: Weights and buffers of the network.
        average: Moving average of `model`; empty where the recipe has none.
        optimizer: Adam's state of parameter i under "i.name".
        scaler: State of the scaling of gradients in fp16; empty in other precisions.
        discriminator: Weights of the discriminator; empty where the recipe has none.
        discriminator_optimizer: As `optimizer`.
    """

    step: int
    recipe: Recipe
    model: dict[str, Tensor]
    average: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    scaler: dict[str, Tensor] = field(default_factory=dict)
    discriminator: dict[str, Tensor] = field(default_factory=dict)
    discriminator_optimizer: dict[str, Tensor] = field(default_factory=dict)

    @property
    def best(self) -> dict[str, Tensor]:
        """The weights to use: the average where there is one."""
        return self.average or self.model

    def network(self) -> PartialConvUNet:
        """The network with the best weights, in eval mode."""
        net = self.recipe.model.build()
        net.load_state_dict(self.best)
        return net.eval()

    def grown(self, model: ModelRecipe) -> PartialConvUNet | None:
        """The network with further detail layers, see `models.growth.add_detail`; None if `model` is another one."""
        width, dilations = model.detail_width, model.detail_dilations
        if replace(self.recipe.model, detail_width=width, detail_dilations=dilations) != model:
            return None
        try:
            return add_detail(self.network(), width, dilations)
        except ValueError:
            return None

    def widened(self, model: ModelRecipe) -> PartialConvUNet | None:
        """The network with more channels, see `models.growth.widen`; None if `model` is another one."""
        width, detail_width = model.width, model.detail_width
        if replace(self.recipe.model, width=width, detail_width=detail_width) != model:
            return None
        try:
            return widen(self.network(), width, detail_width)
        except ValueError:
            return None

    def weights(self) -> "Checkpoint":
        """The best weights alone: enough to export, to average, and to go on from without Adam's state."""
        return Checkpoint(self.step, self.recipe, self.best)

    def light(self) -> "Checkpoint":
        """The best weights alone, in half precision."""
        halves = {name: t.half() if t.is_floating_point() else t for name, t in self.best.items()}
        return Checkpoint(self.step, self.recipe, halves)


def save_checkpoint(checkpoint: Checkpoint, run: Path, max_mb: float | None = None) -> list[Path]:
    """Write the checkpoint of folder `run`; the last one stays whole until the new one is.

    Args:
        checkpoint: What to write.
        run: An existing folder.
        max_mb: Largest size of a file, in units of 10^6 bytes; None = one file, whatever its size.

    Returns:
        The files.

    Raises:
        InputError: a single tensor is larger than `max_mb`.
    """
    tensors = {
        f"{group}.{name}": tensor.detach().cpu().contiguous()
        for group in GROUPS
        for name, tensor in getattr(checkpoint, group).items()
    }
    metadata = {"step": str(checkpoint.step), "recipe": json.dumps(asdict(checkpoint.recipe))}
    parts = [tensors] if max_mb is None else _split(tensors, max_mb * 1e6)
    paths = (
        [run / FILE_NAME]
        if len(parts) == 1
        else [run / PART_NAME.format(number, len(parts)) for number in range(1, len(parts) + 1)]
    )
    unfinished = [path.with_suffix(".unfinished") for path in paths]
    for part, path in zip(parts, unfinished, strict=True):
        save_file(part, path, metadata)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    for before, after in zip(unfinished, paths, strict=True):
        before.replace(after)
    return paths


def holds_checkpoint(run: Path) -> bool:
    """Whether there is a checkpoint in folder `run`."""
    return (run / FILE_NAME).is_file() or any(run.glob(PART_NAME.format("*", "*")))


def load_checkpoint(run: Path) -> Checkpoint:
    """Read the checkpoint of folder `run`, of one file or several.

    Raises:
        InputError: there is none, or it is broken or incomplete.
    """
    paths = [run / FILE_NAME] if (run / FILE_NAME).is_file() else _parts(run)
    groups: dict[str, dict[str, Tensor]] = {group: {} for group in GROUPS}
    path = run
    try:
        for path in paths:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                for key in file.keys():  # noqa: SIM118 (not a dict)
                    group, name = key.split(".", 1)
                    groups[group][name] = file.get_tensor(key)
        return Checkpoint(int(metadata["step"]), recipe_from_dict(json.loads(metadata["recipe"])), **groups)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no checkpoint of partialconv, or broken: {error}.") from error


def _parts(run: Path) -> list[Path]:
    found = {p.name: p for p in run.glob(PART_NAME.format("*", "*"))}
    if not found:
        raise InputError(f"no {FILE_NAME} in {run}: give the folder that `partialconv train --out` wrote.")
    number = re.fullmatch(PART_NAME.format(r"\d+", r"(\d+)"), sorted(found)[0])
    names = [PART_NAME.format(n, number[1]) for n in range(1, int(number[1]) + 1)] if number else []
    missing = [name for name in names if name not in found]
    if missing or len(names) != len(found):
        raise InputError(f"the checkpoint in {run} is not whole: expected {names or PART_NAME}, found {sorted(found)}.")
    return [found[name] for name in names]


def _split(tensors: dict[str, Tensor], max_bytes: float) -> list[dict[str, Tensor]]:
    """Tensors in as few files as they come; each file has room for its header."""
    room = max_bytes - 32 * 1024
    parts: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if tensor.nbytes > room:
            needed = tensor.nbytes / 1e6
            raise InputError(f"{name} alone has {needed:.1f} MB, more than a file of {max_bytes / 1e6:g} MB can hold.")
        if filled + tensor.nbytes > room:
            parts.append({})
            filled = 0
        parts[-1][name] = tensor
        filled += tensor.nbytes
    return parts


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
