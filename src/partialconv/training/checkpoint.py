"""The state of a training run in a safetensors file, or in several small ones."""

import contextlib
import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from partialconv.errors import InputError, reason_of
from partialconv.imageio import unfinished
from partialconv.models import PartialConvUNet
from partialconv.models.growth import add_detail, widen
from partialconv.training.recipe import ModelRecipe, Recipe, recipe_from_dict

FILE_NAME = "checkpoint.safetensors"
PART_NAME = "checkpoint-{:05d}-of-{:05d}.safetensors"  # as others split their files
PART = re.compile(r"checkpoint-(\d+)-of-(\d+)\.safetensors")
ADAM = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")
GROUPS = ("model", "average", "optimizer", "scaler", "discriminator", "discriminator_optimizer")


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training needs to go on.

    Args:
        step: Number of steps done.
        recipe: What the run was started with.
        model: Weights and buffers of the network.
        average: Moving average of `model`; empty where the recipe has none.
        optimizer: Adam's state of each parameter, under "PARAMETER.exp_avg" and the like.
        scaler: State of the scaling of gradients in fp16; empty in other precisions.
        discriminator: Weights of the discriminator; empty where the recipe has none.
        discriminator_optimizer: As `optimizer`.
        position: Where in the schedule the run stands, in steps of the recipe: more than `step` if a time limit
            squeezed it. None = at `step`.
    """

    step: int
    recipe: Recipe
    model: dict[str, Tensor]
    average: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    scaler: dict[str, Tensor] = field(default_factory=dict)
    discriminator: dict[str, Tensor] = field(default_factory=dict)
    discriminator_optimizer: dict[str, Tensor] = field(default_factory=dict)
    position: float | None = None

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
        return Checkpoint(self.step, self.recipe, self.best, position=self.position)

    def light(self) -> "Checkpoint":
        """The best weights alone, in half precision."""
        halves = {name: t.half() if t.is_floating_point() else t for name, t in self.best.items()}
        return Checkpoint(self.step, self.recipe, halves, position=self.position)


def save_checkpoint(checkpoint: Checkpoint, run: Path, max_mb: float | None = None) -> list[Path]:
    """Write the checkpoint of folder `run`; the last one stays whole until the new one is.

    Args:
        checkpoint: What to write.
        run: An existing folder.
        max_mb: Largest size of a file, in units of 10^6 bytes; None = one file, whatever its size.

    Returns:
        The files.

    Raises:
        InputError: a single tensor is larger than `max_mb`, or the system refuses the file.
    """
    tensors = {
        f"{group}.{name}": tensor.detach().cpu().contiguous()
        for group in GROUPS
        for name, tensor in getattr(checkpoint, group).items()
    }
    metadata = {"step": str(checkpoint.step), "recipe": json.dumps(asdict(checkpoint.recipe))}
    if checkpoint.position is not None:
        metadata["position"] = repr(checkpoint.position)
    parts = [tensors] if max_mb is None else _split(tensors, max_mb * 1e6)
    paths = (
        [run / FILE_NAME]
        if len(parts) == 1
        else [run / PART_NAME.format(number, len(parts)) for number in range(1, len(parts) + 1)]
    )
    with contextlib.ExitStack() as stack:
        for part, path in zip(parts, paths, strict=True):
            temporary = stack.enter_context(unfinished(path, overwrite=True))
            try:
                save_file(part, temporary, metadata)
            except SafetensorError as error:  # a full disk among others
                raise InputError(f"cannot write {path}: {error}.") from error
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
    return paths


def holds_checkpoint(run: Path) -> bool:
    """Whether there is a checkpoint in folder `run`."""
    return (run / FILE_NAME).is_file() or any(PART.fullmatch(path.name) for path in run.glob("*.safetensors"))


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
        step, recipe = int(metadata["step"]), recipe_from_dict(json.loads(metadata["recipe"]))
        position = float(metadata["position"]) if "position" in metadata else None
        if step < 0 or not (position is None or step <= position < math.inf):
            raise ValueError(f"its step is {step}, its position {position}")
        _check_names(recipe.model, groups)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        missing = f"it has no {error}" if isinstance(error, KeyError) else reason_of(error).rstrip(".")
        raise InputError(f"{path} is not a checkpoint of partialconv, or is broken: {missing}.") from error
    return Checkpoint(step, recipe, **groups, position=position)


def _check_names(model: ModelRecipe, groups: dict[str, dict[str, Tensor]]) -> None:
    """Compare the tensors with those of the network, which is not made: a recipe may claim any width.

    Raises:
        ValueError: names or shapes differ.
    """
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in model.build().state_dict().items()}
    for group in ("model", "average") if groups["average"] else ("model",):
        found = {name: tensor.shape for name, tensor in groups[group].items()}
        for name in sorted(shapes.keys() ^ found.keys()):
            what = "no" if name in shapes else "an unknown"
            raise ValueError(f"it has {what} tensor {group}.{name}, for a network of {model}")
        for name, shape in shapes.items():
            if found[name] != shape:
                raise ValueError(f"{group}.{name} is {tuple(found[name])}, expected {tuple(shape)} for {model}")


def _parts(run: Path) -> list[Path]:
    found = sorted((p for p in run.glob("*.safetensors") if PART.fullmatch(p.name)), key=_number)
    if not found:
        raise InputError(f"no {FILE_NAME} in {run}: give the folder that `partialconv train --out` wrote.")
    total = int(found[0].stem.rpartition("-")[2])
    if [_number(path) for path in found] != list(range(1, total + 1)):
        names = ", ".join(path.name for path in found)
        raise InputError(f"the checkpoint in {run} is incomplete: expected {total} files, found {names}.")
    return found


def _number(part: Path) -> int:
    return int(part.stem.split("-")[1])


def _split(tensors: dict[str, Tensor], max_bytes: float) -> list[dict[str, Tensor]]:
    """Tensors in as few files as they come; each file has room for its header."""
    room = max_bytes - 32 * 1024
    parts: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if tensor.nbytes > room:
            needed = tensor.nbytes / 1e6
            raise InputError(f"{name} alone has {needed:.1f} MB, which do not fit into {max_bytes / 1e6:g} MB.")
        if filled + tensor.nbytes > room:
            parts.append({})
            filled = 0
        parts[-1][name] = tensor
        filled += tensor.nbytes
    return parts


def optimizer_state(optimizer: torch.optim.Optimizer, net: nn.Module) -> dict[str, Tensor]:
    """Flatten the state of the parameters of `net` in `optimizer` into "PARAMETER.name" tensors."""
    return {
        f"{name}.{key}": tensor
        for name, parameter in net.named_parameters()
        for key, tensor in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, net: nn.Module, flat: dict[str, Tensor], numbered: Sequence[str] = ()
) -> None:
    """Put the tensors of `optimizer_state` back: parameters that it does not know begin anew, frozen ones stay out.

    Args:
        optimizer: Of parameters of `net`.
        net: The network.
        flat: The tensors.
        numbered: Names of parameters 0, 1, ... of checkpoints of before, which know no names.

    Raises:
        InputError: they are those of another network.
    """
    names = {parameter: name for name, parameter in net.named_parameters()}
    shapes = {name: parameter.shape for parameter, name in names.items()}
    moments: dict[str, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        place, _, kind = key.rpartition(".")
        name = numbered[int(place)] if place.isdecimal() and int(place) < len(numbered) else place
        if name not in shapes or kind not in ADAM or tensor.shape not in (shapes[name], ()):
            raise InputError(f"optimizer.{key} of the checkpoint has shape {tuple(tensor.shape)}, unlike this network.")
        moments.setdefault(name, {})[kind] = tensor
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(p for group in optimizer.param_groups for p in group["params"]):
        # fused Adam walks through memory: the layout has to be the parameter's
        state[index] = {
            kind: torch.empty_like(parameter).copy_(tensor) if tensor.shape == parameter.shape else tensor
            for kind, tensor in moments.get(names[parameter], {}).items()
        }
    known = {index: values for index, values in state.items() if values}
    optimizer.load_state_dict({"state": known, "param_groups": optimizer.state_dict()["param_groups"]})


def trained_names(recipe: Recipe) -> list[str]:
    """The parameters that a run of a recipe trains, in order."""
    with torch.device("meta"):
        net = recipe.model.build()
    if recipe.training.coarse_frozen:
        net.freeze_coarse()
    if recipe.training.norm_frozen:
        net.freeze_norm()
    return [name for name, parameter in net.named_parameters() if parameter.requires_grad]
