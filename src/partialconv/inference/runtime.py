"""Running the exported network: one interface, several runtimes."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from partialconv.conventions import FEATHERED, FloatArray
from partialconv.errors import InputError, reason_of
from partialconv.inference.splitting import split
from partialconv.inference.tiles import run_on_tiles
from partialconv.zoo.networks import SUFFIX, graph_of

RUNTIMES = ("onnxruntime", "torch", "openvino")
PRECISIONS = ("fp32", "bf16")

KEPT_PIXELS = 2**20  # runs above this many pixels free their memory afterwards, and are about 20 % slower


class Runtime(Protocol):
    """Anything that runs the network; safe to call from several threads.

    Attributes:
        feathered: Whether the network makes the edge of the hole fit the photo itself; else `Inpainter` does.
    """

    feathered: bool

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        """Run the network on a batch.

        Args:
            image: (N, 3, H, W) in [0, 1], any H and W. Values under the hole are ignored, NaN included.
            valid: (N, 1, H, W), 1 = known, 0 = hole.

        Returns:
            (N, 3, H, W), about [0, 1]; exactly 0.5 where the hole is too large for the network to close. What stands
            at known pixels is not to be relied on: a runtime need not compute it.
        """
        ...


def open_runtime(name: str, model: Path, device: str | None = None, precision: str = "fp32") -> Runtime:
    """Open an exported network in a runtime.

    Args:
        name: "onnxruntime", on the CPU; "torch" (extra `[torch]`), which reads the weights from the same file;
            "openvino" (extra `[openvino]`).
        model: A file of `partialconv export`, or, with PyTorch installed, of `partialconv convert`.
        device: For torch "cpu", "cuda", "cuda:1" or "mps", for OpenVINO "CPU" or "GPU"; None = the CPU.
        precision: "bf16" computes in bfloat16, with torch and OpenVINO: less than half the time on CPUs with AMX and
            on GPUs, and errors of some 1/255. CPUs without AMX gain nothing.

    Raises:
        InputError: `model` is missing or no such network, or the runtime has no such device or precision.
        ImportError: the runtime is not installed.

    Example:
        >>> import numpy as np
        >>> from partialconv.zoo import model_path
        >>> runtime = open_runtime("onnxruntime", model_path())
        >>> runtime(np.zeros((1, 3, 50, 70), np.float32), np.ones((1, 1, 50, 70), np.float32)).shape
        (1, 3, 50, 70)
    """
    for given, choices, what in ((name, RUNTIMES, "runtime"), (precision, PRECISIONS, "precision")):
        if given not in choices:
            raise InputError(f"the {what} is {given!r}, expected one of {', '.join(choices)}.")
    if not model.is_file():
        raise InputError(f"no model file {model}: write one with `partialconv export`.")
    if name == "torch":
        from partialconv.inference.pytorch import TorchRuntime

        return TorchRuntime(model, device or "cpu", precision)
    if name == "openvino":
        from partialconv.inference.openvino import OpenVinoRuntime

        return OpenVinoRuntime(model, device or "CPU", precision)
    if precision != "fp32" or (device or "cpu").lower() != "cpu":
        raise InputError("ONNX Runtime runs here on the CPU in fp32 alone: take the runtime torch or openvino.")
    return OnnxRuntime(model)


def open_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """Open a network in ONNX Runtime, on as many cores as OMP_NUM_THREADS says, or on all.

    Raises:
        Exception: of the runtime; they share no public base.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are told once, by the exceptions
    # the network is two sessions: the threads of one would spin, waiting for more, while the other works
    options.add_session_config_entry("session.force_spinning_stop", "1")
    num_threads = os.environ.get("OMP_NUM_THREADS", "")
    if num_threads.isascii() and num_threads.isdigit():
        options.intra_op_num_threads = int(num_threads)
    # without the fallback, which prints and tries the same provider again
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)


class OnnxRuntime:
    """An exported network in ONNX Runtime, on as many cores as OMP_NUM_THREADS says, or on all.

    Args:
        model: File written by `partialconv export`.

    Raises:
        InputError: the file is missing or is no such network.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise InputError(f"no model file {model}: write one with `partialconv export`.")
        try:
            content = graph_of(model) if model.suffix == SUFFIX else model.read_bytes()
            self.parts = split(content)
            self.session = open_session(content if self.parts is None else self.parts.whole)
            self.detail = None if self.parts is None else open_session(self.parts.detail)
        except (InputError, ImportError):
            raise
        except Exception as error:  # the runtime's exceptions share no public base
            raise InputError(f"{model} is not an ONNX model that can be run: {reason_of(error)}") from error
        self.feathered = (self.detail or self.session).get_outputs()[0].name == FEATHERED
        names = [value.name for value in self.session.get_inputs()]
        if names != ["image", "valid"]:
            raise InputError(f"{model} takes {names}, expected image and valid: use a file of `partialconv export`.")

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        """Run the network: see `Runtime`."""
        options = onnxruntime.RunOptions()
        if valid.size > KEPT_PIXELS:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        parts, detail = self.parts, self.detail
        try:
            first, *others = self.session.run(None, {"image": image, "valid": valid}, options)
            if parts is None or detail is None:
                return np.asarray(first)

            def layers(maps: Sequence[FloatArray]) -> FloatArray:
                (output,) = detail.run(None, dict(zip((parts.seen, *parts.others), maps, strict=True)), options)
                return np.asarray(output)

            return run_on_tiles(layers, (first, *others), image, valid, parts.halo_px)
        except Exception as error:  # a graph of another network may fail only here, with exceptions of no common base
            raise ArithmeticError(f"the model cannot be run: {reason_of(error)}") from error
