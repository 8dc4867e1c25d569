"""Networks in files, in PyTorch: those of `partialconv export` and of `partialconv convert`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from partialconv.errors import InputError, reason_of, require_torch

if TYPE_CHECKING:
    from partialconv.models import PartialConvUNet

SUFFIX = ".safetensors"
MOST_WIDTH, MOST_LEVELS, MOST_CHANNELS = 4096, 32, 4096


def load_network(path: Path | str) -> "PartialConvUNet":
    """Build the network of a file that `partialconv convert` wrote.

    Returns:
        In eval mode; from an image (N, C, H, W) in [0, 1] and valid (N, 1, H, W) to the output, about [0, 1].

    Raises:
        InputError: the file is none of these, or of layers of another architecture.
        ImportError: PyTorch is not installed.
    """
    require_torch("a .safetensors model")
    import torch
    from safetensors import SafetensorError, safe_open

    from partialconv.models import PartialConvUNet

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        settings = json.loads(metadata["network"])
        for name, most in (("width", MOST_WIDTH), ("num_levels", MOST_LEVELS), ("in_channels", MOST_CHANNELS)):
            if not 1 <= settings[name] <= most:
                raise ValueError(f"it claims {name} {settings[name]}")
        with torch.device("meta"):  # nothing of a claimed size is made
            net = PartialConvUNet(**settings)
        net.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in state.items()}, assign=True)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise InputError(f"{path} holds no network of `partialconv convert`: {reason_of(error)}.") from error
    return net.eval()


def load_exported(path: Path) -> tuple["PartialConvUNet", dict[str, str]]:
    """The network of a file of `partialconv export`, in eval mode, and what is said of it in the file.

    Returns:
        The network without BatchNorm, weights as rounded to half precision; the metadata.

    Raises:
        InputError: the file is none of these, or broken.
        ImportError: PyTorch or onnx is not installed.
    """
    require_torch("an .onnx model in PyTorch")
    import onnx

    from partialconv.models.graph import read_graph

    try:
        model = onnx.load(path)
        return read_graph(model).eval(), {entry.key: entry.value for entry in model.metadata_props}
    except Exception as error:  # a graph of another network breaks what reads it in every way
        raise InputError(f"{path} is not a file of `partialconv export`: {reason_of(error)}.") from error


def load_file(path: Path) -> "PartialConvUNet":
    """The network of a file of `partialconv export` or of `partialconv convert`; see there for what is raised."""
    return load_network(path) if path.suffix == SUFFIX else load_exported(path)[0]


def graph_of(path: Path) -> bytes:
    """The network of such a file as an ONNX file, as `partialconv export` writes it, but not compared with PyTorch.

    Raises:
        InputError: as in `load_network`.
    """
    net = load_network(path)
    from partialconv.models.deploy import deploy
    from partialconv.models.graph import build_graph

    content: bytes = build_graph(deploy(net), {}).SerializeToString()
    return content
