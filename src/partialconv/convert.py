"""State dicts of other implementations of partial convolution, converted to ours."""

import json
import pickle
import re
import types
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from partialconv.errors import InputError, reason_of
from partialconv.imageio import unfinished
from partialconv.models import PartialConvUNet
from partialconv.training.pretrained import check_claims
from partialconv.zoo.networks import MOST_LEVELS

Layout = Literal["nvidia", "naoto", "mmagic", "torch-pconv"]
State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model", "model_state_dict", "net")
MOST_WRAPPERS = 8  # one inside another; a file may hold itself
_PAIRS = (("conv2d.weight", "mask2d.weight"), ("input_conv.weight", "mask_conv.weight"))
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # naoto0804's opt.py


@dataclass(frozen=True)
class Conversion:
    """What `convert` did.

    Args:
        layout: The implementation that the file came from.
        state: The tensors, under our names.
        dropped: Names of the tensors that carry no knowledge: kernels of ones, losses.
        network: Where the file is the paper's network, the arguments of `PartialConvUNet`; otherwise `state` keeps the
            names of its modules.
    """

    layout: Layout
    state: State
    dropped: list[str]
    network: dict[str, Any] | None


def convert(source: Path, destination: Path, layout: Layout | None = None, overwrite: bool = False) -> Conversion:
    """Read a checkpoint of another implementation, without running code from it, and write it as safetensors.

    Layers get the names and shapes of `nn.Conv2d` in the place of the modules that held them, and weights for the
    scaling by sum(1) / sum(M). A network of the paper's architecture gets the names of `PartialConvUNet`, see
    `zoo.networks.load_network`.

    Args:
        source: A file of torch.save, or safetensors: a state dict, alone or as "state_dict" or "model" of a checkpoint.
        destination: A name ending in .safetensors.
        layout: Where it is from: "nvidia", "naoto", "mmagic" or "torch-pconv"; by default told by its names.
        overwrite: Replace an existing file.

    Returns:
        What was found.

    Raises:
        InputError: as in `read_state`; or the file is of no known layout, or not of `layout`; `destination` exists, or
            cannot be written.
    """
    if destination.suffix != ".safetensors" or not destination.parent.is_dir():
        raise InputError(f"cannot write {destination}: expected a name ending in .safetensors in an existing folder.")
    if destination.exists() and not overwrite:
        raise InputError(f"{destination} exists: name another file, or add --overwrite.")
    conversion = convert_state(read_state(source), layout)
    metadata = {"format": "pt", "layout": conversion.layout}
    if conversion.network is not None:
        metadata["network"] = json.dumps(conversion.network)
    with unfinished(destination, overwrite) as temporary:
        try:
            save_file({name: t.contiguous() for name, t in conversion.state.items()}, temporary, metadata)
        except SafetensorError as error:
            raise InputError(f"cannot write {destination}: {error}.") from error
    return conversion


def read_state(source: Path) -> State:
    """Read the tensors of a checkpoint, and nothing else.

    Raises:
        InputError: it is missing or broken, or holds no state dict beside Python objects, which are not built.
    """
    if not source.is_file():
        raise InputError(f"no file {source}: give a checkpoint (.pth, .pt, .ckpt or .safetensors).")
    try:
        if source.suffix == ".safetensors":
            return load_file(source)
        loaded: Any = _loaded(source)
    except pickle.UnpicklingError as error:
        raise InputError(f"{source} is broken: {reason_of(error)}.") from error
    except Exception as error:  # unpicklers stumble over a broken file in every way
        raise InputError(f"cannot read {source} as a checkpoint of PyTorch: {reason_of(error)}.") from error
    for _ in range(MOST_WRAPPERS):
        inner = next((key for key in _WRAPPERS if key in loaded), None) if isinstance(loaded, Mapping) else None
        if inner is None:
            break
        loaded = loaded[inner]
    if not isinstance(loaded, Mapping) or not any(isinstance(t, Tensor) for t in loaded.values()):
        raise InputError(
            f"{source} holds no state dict: expected names with tensors, alone or under one of {_WRAPPERS}. "
            "If it holds Python objects, such as whole modules, save the tensors first: "
            'torch.save(module.state_dict(), "state.pth").'
        )
    check_claims(loaded.values(), source)
    return {str(name): t for name, t in loaded.items() if isinstance(t, Tensor)}


def _loaded(source: Path) -> Any:
    """What torch.save wrote; Python objects in it, as mmengine's logs of a run, are left as empty places."""
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return torch.load(source, map_location="cpu", weights_only=False, pickle_module=_TensorsAlone)


class _Nothing:
    """Stands for an object of a checkpoint that is no tensor: takes everything, does nothing."""

    def __new__(cls, *_: object, **__: object) -> "_Nothing":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def ignore(self, *_: object) -> None:
        """Whatever unpickling would put into the object."""

    def __call__(self, *_: object, **__: object) -> "_Nothing":
        return self

    __setstate__ = __setitem__ = add = append = extend = update = ignore


class _TensorsAlone(types.SimpleNamespace):
    """In the place of the module pickle: builds tensors and dictionaries, and calls nothing else that a file names."""

    class Unpickler(pickle.Unpickler):
        """Finds what tensors are made of; `_Nothing` under any other name. torch.load itself finds storages."""

        def find_class(self, module: str, name: str) -> Any:
            return _BUILDERS.get((module, name), _Nothing)

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """As pickle.load."""
        return _TensorsAlone.Unpickler(file, **options).load()


_BUILDERS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
}


def convert_state(state: Mapping[str, Tensor], layout: Layout | None = None) -> Conversion:
    """Rename and rescale the tensors of another implementation.

    * NVIDIA/partialconv: names are those of `nn.Conv2d`; buffers of ones go.
    * naoto0804: `conv2d` and `mask2d` of each layer, today `input_conv` and `mask_conv`, become one; it scales by
      1 / sum(M), so weights are divided by sum(1).
    * mmagic (and mmediting): the generator alone; buffers of ones go.
    * torch-pconv: `regular_conv` and `mask_conv` become one; a bias of shape (1, C, 1, 1) becomes (C,).

    Args:
        state: Names and tensors; a leading "module." of DataParallel goes.
        layout: As in `convert`.

    Returns:
        The converted tensors, of the dtype they had.

    Raises:
        InputError: the layout is not one of these, or the file has not what `layout` has.
    """
    state = {name.removeprefix("module."): t for name, t in state.items()}
    if layout is not None and (lack := _lacks(state, layout, asked=True)):
        shown = ", ".join(list(state)[:3])
        raise InputError(f"the layout {layout} has {lack}, but this file does not: its names are such as {shown}.")
    found = layout or _layout(state)
    dropped = [name for name in state if _is_ballast(name, found, state)]
    kept = {name.removeprefix("generator."): t for name, t in state.items() if name not in dropped}
    converted = dict(_layer(name, t, found, kept) for name, t in kept.items())
    renamed = {_network_name(name, found, converted): t for name, t in converted.items()}
    network = _network(renamed, found)
    return Conversion(found, converted if network is None else renamed, dropped, network)


def layout_from(name: str | None) -> Layout | None:
    """The layout of that name.

    Raises:
        InputError: there is none.
    """
    for layout in get_args(Layout):
        if name == layout:
            return layout  # type: ignore[no-any-return]
    if name is not None:
        raise InputError(f"layout is {name!r}, expected one of {', '.join(get_args(Layout))}.")
    return None


def _layout(state: State) -> Layout:
    """The layout that a state dict has what is needed of."""
    for layout in get_args(Layout):
        if layout != "nvidia" and not _lacks(state, layout):
            return layout  # type: ignore[no-any-return]
    pairs = any(name.rpartition(".")[0].rpartition(".")[2] in ("input_conv", "mask_conv") for name in state)
    if pairs or _lacks(state, "nvidia"):
        names = ", ".join(list(state)[:3])
        raise InputError(
            f"unknown layout, with names such as {names}: expected one of {', '.join(get_args(Layout))}; "
            "say which with --layout if you know that its layers compute the same."
        )
    return "nvidia"


def _lacks(state: State, layout: Layout, asked: bool = False) -> str:
    """What a state dict lacks of a layout; "" if nothing. `asked`: the user says that the layers are of this kind."""
    names = {name.removeprefix("generator.") for name in state}
    if layout == "naoto":
        pairs = [(n, n[: -len(a)] + b) for a, b in _PAIRS for n in names if n.endswith(a)]
        ones = [(n, m) for n, m in pairs if m in names]
        if not ones or len(ones) < len(pairs):
            return "a mask2d or mask_conv beside each conv2d or input_conv"
        # other projects call their layers so, too, but scale in other ways
        if not asked and not any(n.startswith("enc_") or n.endswith("conv2d.weight") for n, _ in ones):
            return "layers of a network enc_1, enc_2, ..."
    elif layout == "torch-pconv":
        if not any(n.endswith("regular_conv.weight") for n in names):
            return "a regular_conv in each layer"
    elif layout == "mmagic":
        parts = {part for name in names for part in name.split(".")}
        if not (any(n.endswith("weight_mask_updater") for n in names) or {"enc1", "dec1"} <= parts):
            return "a weight_mask_updater in each layer, or blocks enc1 and dec1"
    else:
        others = ("conv2d", "mask2d", "regular_conv", "mask_conv", "input_conv")
        if any(part in others for name in names for part in name.split(".")[:-1]):
            return "convolutions without others beside them for the mask"
        if not any(t.dim() in (3, 4, 5) for t in state.values()):
            return "the weight of a convolution"
    return ""


def _is_ballast(name: str, layout: Layout, state: State) -> bool:
    if layout == "mmagic" and any(other.startswith("generator.") for other in state):
        return not name.startswith("generator.") or name.endswith("weight_mask_updater")
    endings = ("mask2d.weight", "mask2d.bias", "mask_conv.weight", "mask_conv.bias")
    return name.endswith((*endings, "weight_mask_updater", "weight_maskUpdater"))


def _layer(name: str, tensor: Tensor, layout: Layout, state: State) -> tuple[str, Tensor]:
    """The name and value of one tensor of a layer."""
    place, _, kind = name.rpartition(".")
    owner = place.rpartition(".")[0]
    if layout == "naoto" and place.rpartition(".")[2] in ("conv2d", "input_conv"):
        if kind == "weight":  # in double, so that the quotient is rounded once
            tensor = (tensor.double() / tensor[0].numel()).to(tensor.dtype)
        return f"{owner}.{kind}".removeprefix("."), tensor
    if layout == "torch-pconv":
        if place.rpartition(".")[2] == "regular_conv":
            return f"{owner}.{kind}".removeprefix("."), tensor
        if kind == "bias" and f"{place}.regular_conv.weight".removeprefix(".") in state:
            return name, tensor.reshape(-1)
    return name, tensor


def _network_name(name: str, layout: Layout, state: State) -> str:
    """enc_1.conv.weight, or encoder.enc1.conv.weight, as encoder.0.conv.weight."""
    mark = {"naoto": "_", "mmagic": ""}.get(layout)
    parts = name.removeprefix("encoder.").removeprefix("decoder.").split(".")
    if len(parts) == 2 and layout == "naoto":  # its block is the layer itself
        parts.insert(1, "conv")
    if mark is None or len(parts) != 3 or not parts[0][3 + len(mark) :].isdigit():
        return name
    side, level = parts[0][:3], int(parts[0][3 + len(mark) :])
    num_levels = sum(re.fullmatch(r"(encoder\.)?enc_?\d+(\.conv)?\.weight", key) is not None for key in state)
    sides = {"enc": f"encoder.{level - 1}", "dec": f"decoder.{num_levels - level}"}
    kinds = {"conv": "conv", "bn": "norm"}
    return f"{sides[side]}.{kinds[parts[1]]}.{parts[2]}" if side in sides and parts[1] in kinds else name


def _network(state: State, layout: Layout) -> dict[str, Any] | None:
    """What builds the network that takes exactly these tensors, where there is one."""
    first = state.get("encoder.0.conv.weight")
    if first is None or first.dim() != 4 or layout not in ("naoto", "mmagic"):
        return None
    num_levels = sum(name.startswith("encoder.") and name.endswith("conv.weight") for name in state)
    if not 1 <= num_levels <= MOST_LEVELS:
        return None
    settings: dict[str, Any] = {"width": first.shape[0], "num_levels": num_levels, "in_channels": first.shape[1]}
    settings["first_bias"] = "encoder.0.conv.bias" in state
    if layout == "naoto" and first.shape[1] == 3:
        settings |= {"mean": _IMAGENET[0], "std": _IMAGENET[1]}
    for name in [name for name in state if name.endswith("norm.running_mean")]:  # files of before PyTorch 0.4.1
        state.setdefault(name.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    _move_biases(state)
    with torch.device("meta"):
        shapes = {name: t.shape for name, t in PartialConvUNet(**settings).state_dict().items()}
    return settings if shapes == {name: t.shape for name, t in state.items()} else None


def _move_biases(state: State) -> None:
    """Take the biases under a BatchNorm out of its mean: there they change nothing else."""
    for name in [name for name in state if name.endswith(".norm.running_mean")]:
        bias = state.pop(name.replace("norm.running_mean", "conv.bias"), None)
        if bias is not None:
            state[name] = (state[name].double() - bias.double()).to(state[name].dtype)
