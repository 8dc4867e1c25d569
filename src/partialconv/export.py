"""From a training run to the ONNX file that the light install runs."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from partialconv.conventions import valid_from_hole
from partialconv.errors import InputError
from partialconv.imageio import unfinished
from partialconv.inference import OnnxRuntime, Runtime
from partialconv.masks import stroke_hole
from partialconv.models.deploy import deploy
from partialconv.models.graph import build_graph
from partialconv.models.unet import PartialConvUNet
from partialconv.training.checkpoint import load_checkpoint
from partialconv.zoo.networks import SUFFIX, load_exported, load_network

CHECK_SIZES = ((256, 256), (123, 301), (480, 320))
TOLERANCE = 1e-4  # of the largest output


def export(run: Path, destination: Path, overwrite: bool = False) -> float:
    """Write the best weights of a run as an ONNX model; see `build_graph` for its inputs and outputs.

    `run` may also be an exported file, of an older version: its weights are written as a graph of today; or a file of
    `convert`. The file takes its name only after ONNX Runtime agreed with PyTorch at three sizes.

    Returns:
        The largest difference that weights in half precision make to the trained network, of values in [0, 1].

    Raises:
        InputError: there is no checkpoint in `run`, or `destination` exists or cannot be written.
        ArithmeticError: the exported network disagrees with PyTorch.
    """
    if destination.suffix != ".onnx" or not destination.parent.is_dir():
        raise InputError(f"cannot write {destination}: expected a name ending in .onnx in an existing folder.")
    if destination.exists() and not overwrite:
        raise InputError(f"{destination} exists: name another file, or add --overwrite.")
    net, metadata = trained(run)
    with unfinished(destination, overwrite) as temporary:
        deployed = deploy(net)
        temporary.write_bytes(build_graph(deployed, metadata).SerializeToString())
        runtime = OnnxRuntime(temporary)
        difference, largest = largest_difference(deployed, runtime)
        if not difference <= TOLERANCE * max(1.0, largest):
            raise ArithmeticError(f"the exported network differs from PyTorch by {difference:g}; nothing was written.")
    return largest_difference(net, runtime)[0]


def trained(run: Path) -> tuple[PartialConvUNet, dict[str, str]]:
    """The network of a run, of an exported or of a converted file, and what is said of it in the file.

    Raises:
        InputError: it is neither, or broken.
    """
    if run.suffix == SUFFIX:
        return load_network(run), {"converted": run.name}
    if run.suffix != ".onnx":
        checkpoint = load_checkpoint(run)
        return checkpoint.network(), {"recipe": json.dumps(asdict(checkpoint.recipe)), "step": str(checkpoint.step)}
    return load_exported(run)


@torch.no_grad()
def largest_difference(net: PartialConvUNet, runtime: Runtime) -> tuple[float, float]:
    """Compare two forms of a network in the holes of smooth images, of `CHECK_SIZES`.

    Returns:
        The largest difference, and the largest output; NaN if either form gave a value that is not finite.
    """
    generator = torch.Generator().manual_seed(0)
    difference = largest = 0.0
    for seed, size in enumerate(CHECK_SIZES):
        coarse = torch.rand(1, net.in_channels, size[0] // 8, size[1] // 8, generator=generator)
        image = nn.functional.interpolate(coarse, size=size, mode="bilinear")
        valid = valid_from_hole(torch.from_numpy(stroke_hole(size, seed)))[None, None].float()
        exported = torch.from_numpy(runtime(image.numpy(), valid.numpy()))
        output = net(image, valid)
        if not (exported.isfinite().all() and output.isfinite().all()):
            return float("nan"), float("nan")  # max() would forget it
        difference = max(difference, float(((exported - output) * (1 - valid)).abs().max()))
        largest = max(largest, float(output.abs().max()))
    return difference, largest
