"""From a photo and a hole to a filled photo, as arrays."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import valid_from_hole
from partialconv.errors import InputError
from partialconv.inference.runtime import FloatArray, OnnxRuntime
from partialconv.zoo import model_path

CONTEXT_PX = 256  # half the receptive field of the deepest level
MAX_CROP_PIXELS = 16_000_000  # about 7 GB


class Runtime(Protocol):
    """Anything that runs the network: see `OnnxRuntime`."""

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        """Run the network on a batch."""
        ...


class Inpainter:
    """Fills the holes of photos; safe to share between threads.

    The network sees the holes and `CONTEXT_PX` pixels around them, not the whole photo.

    Args:
        model: An exported network; the shipped one if None.

    Raises:
        InputError: the file is missing or is no such network.

    Example:
        >>> import numpy as np
        >>> inpainter = Inpainter()
        >>> photo, hole = np.full((64, 64, 3), 200, np.uint8), np.zeros((64, 64), bool)
        >>> hole[20:30, 20:30] = True
        >>> inpainter.fill(photo, hole).shape
        (64, 64, 3)
    """

    def __init__(self, model: Path | None = None) -> None:
        self.runtime: Runtime = OnnxRuntime(model_path() if model is None else model)

    def fill(self, photo: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fill the hole of a photo.

        Args:
            photo: RGB, (H, W, 3). What lies under the hole is ignored.
            hole: (H, W), True = fill.

        Returns:
            A new array; every pixel outside the hole is that of `photo`.

        Raises:
            InputError: the arrays are of other kinds or sizes, the hole is empty or full, or the holes span too many
                pixels for this version.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
            raise InputError(f"the photo is {photo.dtype} {photo.shape}, expected uint8 (H, W, 3).")
        if hole.dtype != np.bool_ or hole.shape != photo.shape[:2]:
            raise InputError(f"the hole is {hole.dtype} {hole.shape}, expected bool {photo.shape[:2]}.")
        if not hole.any():
            raise InputError("the hole is empty: mark the pixels to fill.")
        if hole.all():
            raise InputError("the hole covers the whole photo: leave some pixels to go by.")
        window = _around(hole)
        crop, crop_hole = photo[window], hole[window]
        if crop_hole.size > MAX_CROP_PIXELS:
            raise InputError(
                f"the holes span {crop_hole.shape[1]}x{crop_hole.shape[0]} pixels, more than the "
                f"{MAX_CROP_PIXELS // 1_000_000} megapixels this version fills at once: mark them in several runs."
            )
        image = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)
        valid = valid_from_hole(crop_hole)[None, None].astype(np.float32)
        output = self.runtime(image, valid)[0].transpose(1, 2, 0)
        filled = photo.copy()
        filled[window][crop_hole] = np.rint(output[crop_hole].clip(0, 1) * 255).astype(np.uint8)
        return filled


def _around(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the hole, with `CONTEXT_PX` pixels on each side."""
    spans = []
    for axis in (1, 0):
        marked = np.flatnonzero(hole.any(axis=axis))
        spans.append(slice(max(0, int(marked[0]) - CONTEXT_PX), int(marked[-1]) + 1 + CONTEXT_PX))
    return spans[0], spans[1]
