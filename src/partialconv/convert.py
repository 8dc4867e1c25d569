"""State dicts of other implementations of partial convolution, converted to ours."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from partialconv.errors import InputError, reason_of
from partialconv.imageio import unfinished
from partialconv.models import PartialConvUNet
from partialconv.training.pretrained import check_claims
from partialconv.training.recipe import MOST_LEVELS

Layout = Literal["nvidia", "naoto", "mmagic", "torch-pconv"]
State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model", "model_state_dict", "net")
MOST_WRAPPERS = 8  # one inside another; a file may hold itself
_CENTRE = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # [0, 1] to [-1, 1]
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # naoto0804's opt.py


@dataclass(frozen=True)
class Network:
    """A network of the paper's architecture.

    Args:
        width: Channels of the first layer.
        num_levels: Number of halvings.
        in_channels: Channels of the image.
        mean: Of the pixel values it was trained on, in [0, 1].
        std: Of them.
    """

    width: int
    num_levels: int
    in_channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Conversion:
    """What `convert` did.

    Args:
        layout: The implementation that the file came from.
        state: The tensors, under our names.
        dropped: Names of the tensors that carry no knowledge: kernels of ones, losses.
        network: Set where the file is the paper's network; otherwise `state` keeps the names of its modules.
    """

    layout: Layout
    state: State
    dropped: list[str]
    network: Network | None


def convert(source: Path, destination: Path, layout: Layout | None = None, overwrite: bool = False) -> Conversion:
    """Read a checkpoint of another implementation, without running code from it, and write it as safetensors.

    Layers get the names and shapes of `nn.Conv2d` in the place of the modules that held them, and weights for the
    scaling by sum(1) / sum(M). A network of the paper's architecture gets the names of `PartialConvUNet`, see
    `load_network`.

    Args:
        source: A file of torch.save, or safetensors: a state dict, alone or as "state_dict" or "model" of a checkpoint.
        destination: A name ending in .safetensors.
        layout: Where it is from: "nvidia", "naoto", "mmagic" or "torch-pconv"; by default told by its names.
        overwrite: Replace an existing file.

    Returns:
        What was found.

    Raises:
        InputError: the file cannot be read without running code, or is of no known layout; `destination` exists, or
            cannot be written.
    """
    if destination.suffix != ".safetensors" or not destination.parent.is_dir():
        raise InputError(f"cannot write {destination}: expected a name ending in .safetensors in an existing folder.")
    if destination.exists() and not overwrite:
        raise InputError(f"{destination} exists: name another file, or add --overwrite.")
    conversion = convert_state(read_state(source), layout)
    metadata = {"format": "pt", "layout": conversion.layout}
    if conversion.network is not None:
        metadata["network"] = json.dumps(asdict(conversion.network))
    with unfinished(destination, overwrite) as temporary:
        try:
            save_file({name: t.contiguous() for name, t in conversion.state.items()}, temporary, metadata)
        except SafetensorError as error:
            raise InputError(f"cannot write {destination}: {error}.") from error
    return conversion


def read_state(source: Path) -> State:
    """Read the tensors of a checkpoint, and nothing else.

    Raises:
        InputError: it is missing, broken, holds no state dict, or could only be read by running code from it.
    """
    if not source.is_file():
        raise InputError(f"{source} is no file: give a checkpoint (.pth, .pt, .ckpt or .safetensors).")
    try:
        if source.suffix == ".safetensors":
            return load_file(source)
        loaded: Any = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{source} is broken, or holds Python objects, whose code would have to run: where you trust it, save its "
            'tensors alone first, e.g. torch.save(checkpoint["state_dict"], "state.pth").'
        ) from error
    except Exception as error:  # unpicklers stumble over a broken file in every way
        raise InputError(f"{source} is no checkpoint that PyTorch reads: {reason_of(error)}.") from error
    for _ in range(MOST_WRAPPERS):
        inner = next((key for key in _WRAPPERS if key in loaded), None) if isinstance(loaded, Mapping) else None
        if inner is None:
            break
        loaded = loaded[inner]
    if not isinstance(loaded, Mapping) or not any(isinstance(t, Tensor) for t in loaded.values()):
        raise InputError(f"{source} holds no state dict: expected names with tensors, alone or as one of {_WRAPPERS}.")
    check_claims(loaded.values(), source)
    return {str(name): t for name, t in loaded.items() if isinstance(t, Tensor)}


def convert_state(state: Mapping[str, Tensor], layout: Layout | None = None) -> Conversion:
    """Rename and rescale the tensors of another implementation.

    * NVIDIA/partialconv: names are those of `nn.Conv2d`; buffers of ones go.
    * naoto0804: `conv2d` and `mask2d` of each layer become one; it scales by 1 / sum(M), so weights are divided by
      sum(1).
    * mmagic (and mmediting): the generator alone; buffers of ones go.
    * torch-pconv: `regular_conv` and `mask_conv` become one; a bias of shape (1, C, 1, 1) becomes (C,).

    Args:
        state: Names and tensors; a leading "module." of DataParallel goes.
        layout: As in `convert`.

    Returns:
        The converted tensors, of the dtype they had.

    Raises:
        InputError: the layout is not one of these.
    """
    state = {name.removeprefix("module."): t for name, t in state.items()}
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
    parts = {part for name in state for part in name.split(".")}
    if {"conv2d", "mask2d"} <= parts:
        return "naoto"
    if "regular_conv" in parts:
        return "torch-pconv"
    if "weight_mask_updater" in parts or {"enc1", "dec1"} <= parts:
        return "mmagic"
    if {"input_conv", "mask_conv"} & parts or not any(t.dim() in (3, 4, 5) for t in state.values()):
        names = ", ".join(list(state)[:3])
        raise InputError(
            f"unknown layout, with names such as {names}: expected one of {', '.join(get_args(Layout))}; "
            "say which with --layout if you know that its layers compute the same."
        )
    return "nvidia"


def _is_ballast(name: str, layout: Layout, state: State) -> bool:
    if layout == "mmagic" and any(other.startswith("generator.") for other in state):
        return not name.startswith("generator.") or name.endswith("weight_mask_updater")
    endings = ("mask2d.weight", "mask2d.bias", "mask_conv.weight", "weight_mask_updater", "weight_maskUpdater")
    return name.endswith(endings)


def _layer(name: str, tensor: Tensor, layout: Layout, state: State) -> tuple[str, Tensor]:
    """The name and value of one tensor of a layer."""
    place, _, kind = name.rpartition(".")
    owner = place.rpartition(".")[0]
    if layout == "naoto" and place.rpartition(".")[2] == "conv2d":
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
    if mark is None or len(parts) != 3 or not parts[0][3 + len(mark) :].isdigit():
        return name
    side, level = parts[0][:3], int(parts[0][3 + len(mark) :])
    num_levels = sum(key.removeprefix("encoder.").startswith("enc") and "conv.weight" in key for key in state)
    sides = {"enc": f"encoder.{level - 1}", "dec": f"decoder.{num_levels - level}"}
    kinds = {"conv": "conv", "bn": "norm"}
    return f"{sides[side]}.{kinds[parts[1]]}.{parts[2]}" if side in sides and parts[1] in kinds else name


def _network(state: State, layout: Layout) -> Network | None:
    """The network that takes exactly these tensors, where there is one."""
    first = state.get("encoder.0.conv.weight")
    if first is None or first.dim() != 4 or layout not in ("naoto", "mmagic"):
        return None
    num_levels = sum(name.startswith("encoder.") and name.endswith("conv.weight") for name in state)
    scale = _IMAGENET if layout == "naoto" else _CENTRE
    network = Network(first.shape[0], num_levels, first.shape[1], *scale)
    for name in [name for name in state if name.endswith("norm.running_mean")]:  # files of before PyTorch 0.4.1
        state.setdefault(name.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    with torch.device("meta"):
        empty = PartialConvUNet(network.width, network.num_levels, network.in_channels)
        _add_biases(empty, state)
    shapes = {name: t.shape for name, t in empty.state_dict().items()}
    return network if shapes == {name: t.shape for name, t in state.items()} else None


def _add_biases(net: PartialConvUNet, state: Mapping[str, Tensor]) -> None:
    """Our network has a bias in its last convolution only, the others have more."""
    for name, module in net.named_modules():
        bias = state.get(f"{name}.bias")
        if isinstance(module, nn.Conv2d) and module.bias is None and bias is not None:
            module.bias = nn.Parameter(torch.zeros(bias.shape))


def load_network(path: Path | str) -> nn.Module:
    """Build the network of a file that `convert` wrote.

    Returns:
        In eval mode, called as `PartialConvUNet`: an image (N, C, H, W) in [0, 1] and valid (N, 1, H, W) to the output
        in [0, 1], about. It is a `PartialConvUNet`, inside a `Rescaled` where it was trained on another range.

    Raises:
        InputError: the file is none of these, or of layers of another architecture.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        network = Network(**json.loads(metadata["network"]))
        state = load_file(path)
        mean, std = tuple(map(float, network.mean)), tuple(map(float, network.std))
        if not 1 <= network.num_levels <= MOST_LEVELS:
            raise ValueError(f"it claims {network.num_levels} levels")
        with torch.device("meta"):  # nothing of a claimed size is made
            net = PartialConvUNet(network.width, network.num_levels, network.in_channels)
            _add_biases(net, state)
        net.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in state.items()}, assign=True)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise InputError(f"{path} holds no network of `partialconv convert`: {reason_of(error)}.") from error
    return (net if (mean, std) == _CENTRE else Rescaled(net, mean, std)).eval()


class Rescaled(nn.Module):
    """A network trained on (image - mean) / std, called with images in [0, 1].

    Args:
        net: A `PartialConvUNet`, which itself takes [0, 1] to [-1, 1].
        mean: Of each channel, in [0, 1].
        std: Of each channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: PartialConvUNet, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.net = net
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Fill the holes of `image`, as `PartialConvUNet` does."""
        output: Tensor = self.net(((image - self.mean) / self.std + 1) / 2, valid)
        return (2 * output - 1) * self.std + self.mean
