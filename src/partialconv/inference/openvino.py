"""The exported network in OpenVINO."""

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from partialconv.conventions import FEATHERED, FloatArray
from partialconv.errors import InputError, reason_of
from partialconv.inference.splitting import split
from partialconv.inference.tiles import run_on_tiles
from partialconv.privacy import import_openvino
from partialconv.zoo.networks import SUFFIX, graph_of

NUM_SIZES = 4  # compiled for, at most


class OpenVinoRuntime:
    """An exported network in OpenVINO.

    A size that comes for the second time is compiled for, once: that takes half a second and saves a fifth of the
    time of every further run.

    Args:
        model: File written by `partialconv export`.
        device: "CPU", "GPU", ...
        precision: "fp32" or "bf16".

    Raises:
        InputError: the file is no such network, or there is no such device.
        ImportError: OpenVINO is not installed.
    """

    def __init__(self, model: Path, device: str = "CPU", precision: str = "fp32") -> None:
        try:
            self._core = _core()
        except ImportError as error:
            raise ImportError("the runtime openvino needs it: pip install 'partialconv[openvino]'.") from error
        self._device = device.upper()
        if self._device.partition(".")[0] not in self._core.available_devices:
            devices = ", ".join(self._core.available_devices)
            raise InputError(f"OpenVINO has no device {device}, expected one of {devices}.")
        # without a hint it takes bf16 wherever the CPU has it
        self._hints = {
            "INFERENCE_PRECISION_HINT": "f32" if precision == "fp32" else "bf16",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._lock = threading.Lock()
        self._sizes: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        try:
            content = graph_of(model) if model.suffix == SUFFIX else model.read_bytes()
            self._parts = split(content)
            self._content = content if self._parts is None else self._parts.whole
            network = self._core.read_model(io.BytesIO(self._content))
            detail = network if self._parts is None else self._core.read_model(io.BytesIO(self._parts.detail))
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{model} is not an ONNX model that can be run: {reason_of(error)}") from error
        self.feathered = detail.output(0).any_name == FEATHERED
        names = [value.any_name for value in network.inputs]
        if names != ["image", "valid"]:
            raise InputError(f"{model} takes {names}, expected image and valid: use a file of `partialconv export`.")
        self._any_size = self._core.compile_model(network, self._device, self._hints)
        self._detail = None if self._parts is None else self._core.compile_model(detail, self._device, self._hints)

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        """Run the network: see `Runtime`."""
        request = self._compiled(image.shape, valid.shape).create_infer_request()
        results = request.infer({"image": image, "valid": valid})
        parts, detail = self._parts, self._detail
        if parts is None or detail is None:
            return np.array(results[0])

        def layers(maps: Sequence[FloatArray]) -> FloatArray:
            inputs = dict(zip((parts.seen, *parts.others), maps, strict=True))
            return np.array(detail.create_infer_request().infer(inputs)[0])

        maps = [np.asarray(results[number]) for number in range(1 + len(parts.others))]
        return run_on_tiles(layers, maps, image, valid, parts.halo_px)

    def _compiled(self, image: tuple[int, ...], valid: tuple[int, ...]) -> Any:
        with self._lock:
            if image not in self._sizes:
                self._sizes[image] = None
                while len(self._sizes) > NUM_SIZES:
                    self._sizes.popitem(last=False)
                return self._any_size
            self._sizes.move_to_end(image)
            if self._sizes[image] is None:
                network = self._core.read_model(io.BytesIO(self._content))
                network.reshape({"image": list(image), "valid": list(valid)})
                self._sizes[image] = self._core.compile_model(network, self._device, self._hints)
            return self._sizes[image]


@cache
def _core() -> Any:
    """OpenVINO, kept until the process ends.

    It gives the thread that loads it another stack for signals, and takes that back where it is freed: in another
    thread, say by the garbage collector, the first one is left without a stack, and Ctrl-C ends in a crash.
    """
    return import_openvino().Core()
