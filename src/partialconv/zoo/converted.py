"""Networks in files of `partialconv convert`: in PyTorch, and as the graph that the runtimes take."""

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
