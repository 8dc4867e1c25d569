"""From pictures of any kind to brightness: grey, palette, alpha, 16 bit, floats, arrays."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.masks.findings import Finding

HoleColor = Literal["white", "black"]
Levels = NDArray[Any]
ALPHA_MODES = ("LA", "PA", "RGBA", "La", "RGBa")


def levels_of_array(array: NDArray[Any], hole_color: HoleColor) -> tuple[Levels, float]:
    """Levels of numbers up to 1, 255 or 65535; see `levels_of_image`.

    Raises:
        InputError: an array of another kind.
    """
    levels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if levels.ndim != 2 or levels.size == 0 or levels.dtype.kind not in "biuf":
        raise InputError(f"the hole is an array {array.dtype} {array.shape}, expected numbers (H, W), not empty.")
    if levels.dtype.kind == "b":
        return (levels if hole_color == "white" else ~levels), 0.5
    lowest, highest = levels.min(), levels.max()
    top = next((top for top in (1, 255, 65535) if lowest >= 0 and highest <= top), None)
    if top is None:
        raise InputError(
            f"the hole has values from {lowest} to {highest}, expected bool, 0 to 1, 0 to 255 or 0 to 65535."
        )
    return (levels if hole_color == "white" else levels.dtype.type(top) - levels), 0.5 if top == 1 else top // 2


def image_of_array(array: NDArray[Any]) -> Image.Image:
    """Make a picture of uint8 (H, W, 3) RGB or (H, W, 4) RGBA; `InputError` for other types."""
    if array.dtype != np.uint8:
        raise InputError(f"the hole is an array {array.dtype} {array.shape}, expected uint8, or numbers (H, W).")
    return Image.fromarray(np.ascontiguousarray(array))


def levels_of_image(
    image: Image.Image, hole_color: HoleColor, name: str, findings: list[Finding]
) -> tuple[Levels, float]:
    """How much each pixel is of the hole's colour: (H, W), 0 upwards, and half of what it can be.

    Args:
        image: Of any mode.
        hole_color: What marks the hole.
        name: Of the picture, for the findings.
        findings: Of the alpha channel are added to it.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        levels, half = levels_of_array(np.asarray(image), "white")
        if image.mode.startswith("I;16"):
            half = 32767
        top = levels.dtype.type(1 if half == 0.5 else 2 * half + 1)
        return (levels if hole_color == "white" else top - levels), half
    if "transparency" in image.info or image.mode in ALPHA_MODES:
        return _levels_of_alpha(image, hole_color, name, findings), 127
    grey = np.asarray(image.convert("L") if image.mode in ("1", "L", "P", "RGB") else image.convert("RGB").convert("L"))
    return (grey if hole_color == "white" else ~grey), 127


def _levels_of_alpha(
    image: Image.Image, hole_color: HoleColor, name: str, findings: list[Finding]
) -> NDArray[np.uint8]:
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    grey = np.asarray(image.convert("RGBA").convert("RGB").convert("L"))
    grey = grey if hole_color == "white" else ~grey
    if alpha.min() == alpha.max():
        if alpha.max() < 255:
            message = f"{name} is equally transparent everywhere; its colours alone were taken"
            findings.append(Finding("alpha", message, "save it without alpha"))
        return grey
    opaque = alpha > 127
    shown = grey[opaque] if opaque.any() else grey[:1, :1]
    between = (shown > 31) & (shown < 224)
    one_colour = int(shown.max()) - int(shown.min()) <= 2
    bright = bool(shown.min() > 127)
    if one_colour and (not bright or int(grey.max()) - int(grey.min()) <= 2):
        # a dark layer may be drawn upon or erased; a hole is the smaller part
        drawn = bright or opaque.mean() <= 0.5
    elif between.mean() > 0.5:
        drawn = False  # a photo out of which the hole was erased
    else:
        return np.asarray((grey.astype(np.uint16) * alpha + 127) // 255, np.uint8)
    taken = "opaque" if drawn else "transparent"
    message = f"{name} marks the hole in its alpha channel alone; its {taken} pixels were taken"
    findings.append(Finding("alpha", message, "paint the hole white on black and save it without alpha"))
    return alpha if drawn else ~alpha
