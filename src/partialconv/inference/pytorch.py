"""The exported network in PyTorch, from the weights in its ONNX file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from partialconv.conventions import FloatArray
from partialconv.errors import InputError, reason_of, require_torch
from partialconv.inference.tiles import run_on_tiles
from partialconv.zoo.networks import SUFFIX, load_network


class TorchRuntime:
    """An exported network in PyTorch, on any device that it has.

    Args:
        model: File written by `partialconv export`.
        device: "cpu", "cuda", "cuda:1", "mps", ...
        precision: "fp32" or "bf16".

    Raises:
        InputError: the file is no such network, or there is no such device.
        ImportError: PyTorch or onnx is not installed.
    """

    def __init__(self, model: Path, device: str = "cpu", precision: str = "fp32") -> None:
        require_torch("the runtime torch")
        import onnx
        import torch

        from partialconv.models.deploy import FastUNet
        from partialconv.models.graph import read_graph

        try:
            self.device = torch.device(device)
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError) as error:  # the latter from a build without CUDA
            raise InputError(f"PyTorch has no device {device} here: {reason_of(error)}") from error
        try:
            read = load_network(model) if model.suffix == SUFFIX else read_graph(onnx.load(model))
        except InputError:
            raise
        except Exception as error:  # broken graphs meet onnx and the reader with exceptions of many kinds
            raise InputError(f"{model} is not a file of `partialconv export`: {reason_of(error)}") from error
        self.feathered = read.detail_width > 0
        self.network = FastUNet(read).to(self.device, torch.float32 if precision == "fp32" else torch.bfloat16)

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        """Run the network: see `Runtime`."""
        import torch

        def tensors(arrays: Sequence[FloatArray]) -> list[torch.Tensor]:
            return [torch.from_numpy(np.ascontiguousarray(array)).to(self.device) for array in arrays]

        def layers(maps: Sequence[FloatArray]) -> FloatArray:
            tiles = [tile.to(memory_format=torch.channels_last) for tile in tensors(maps)]
            return np.asarray(self.network.detailed(*tiles).numpy())

        first, *others = self.network.before_detail(*tensors((image, valid)))
        if not others:
            return np.asarray(first.cpu().numpy())
        if self.device.type != "cpu" or first.dtype != torch.float32:  # NumPy has no bfloat16
            return np.asarray(self.network.detailed(first, *others).cpu().numpy())
        maps = [one.numpy() for one in (first, *others)]
        return run_on_tiles(layers, maps, image, valid, self.network.halo_px)
