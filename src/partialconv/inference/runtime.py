"""Running the exported network."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from partialconv.errors import InputError

FloatArray = NDArray[np.float32]


class OnnxRuntime:
    """An exported network in ONNX Runtime, on the CPU.

    Args:
        model: File written by `partialconv export`.

    Raises:
        InputError: the file is missing or is no such network.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise InputError(f"no model file {model}: write one with `partialconv export`.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's exceptions share no public base
            raise InputError(f"{model} is no ONNX model that can be run: {str(error).splitlines()[0]}") from error
        names = [value.name for value in self.session.get_inputs()]
        if names != ["image", "valid"]:
            raise InputError(f"{model} takes {names}, expected image and valid: use a file of `partialconv export`.")

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        """Run the network.

        Args:
            image: (N, 3, H, W) in [0, 1].
            valid: (N, 1, H, W), 1 = known, 0 = hole.

        Returns:
            (N, 3, H, W), about [0, 1].
        """
        (output,) = self.session.run(["output"], {"image": image, "valid": valid})
        return np.asarray(output)
