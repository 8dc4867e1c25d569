"""From pictures of any kind to brightness: grey, palette, alpha, 16 bit, floats, arrays."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.masks.findings import Finding
from partialconv.masks.likeness import Shown, is_cut_from

HoleColor = Literal["auto", "white", "black"]
Levels = NDArray[Any]
ALPHA_MODES = ("LA", "PA", "RGBA", "La", "RGBa")
SATURATED = 96  # difference of the brightest and the darkest channel
LEAST_COLOURED = 0.01  # of the bright pixels
UNCERTAIN = 0.1  # share of the pixels around one half


def levels_of_array(array: NDArray[Any], hole_color: HoleColor) -> tuple[Levels, float]:
    """Levels of numbers up to 1, 255 or 65535; see `levels_of_image`.

    Raises:
        InputError: an array of another kind.
    """
    levels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if levels.ndim != 2 or levels.size == 0 or levels.dtype.kind not in "biuf":
        raise InputError(f"the hole is an array {array.dtype} {array.shape}, expected numbers (H, W), not empty.")
    if levels.dtype.kind == "b":
        return (~levels if hole_color == "black" else levels), 0.5
    lowest, highest = levels.min(), levels.max()
    top = next((top for top in (1, 255, 65535) if lowest >= 0 and highest <= top), None)
    if top is None:
        raise InputError(
            f"the hole has values from {lowest} to {highest}, expected bool, 0 to 1, 0 to 255 or 0 to 65535."
        )
    return (levels.dtype.type(top) - levels if hole_color == "black" else levels), 0.5 if top == 1 else top // 2


def image_of_array(array: NDArray[Any]) -> Image.Image:
    """Make a picture of uint8 (H, W, 3) RGB or (H, W, 4) RGBA; `InputError` for other types."""
    if array.dtype != np.uint8:
        raise InputError(f"the hole is an array {array.dtype} {array.shape}, expected uint8, or numbers (H, W).")
    return Image.fromarray(np.ascontiguousarray(array))


def levels_of_image(
    image: Image.Image, hole_color: HoleColor, name: str, findings: list[Finding], shown: Shown | None = None
) -> tuple[Levels, float]:
    """How much each pixel is of the hole's colour: (H, W), 0 upwards, and half of what it can be.

    Args:
        image: Of any mode.
        hole_color: What marks the hole.
        name: Of the picture, for the findings.
        findings: Of colours and the alpha channel are added to it.
        shown: Gives the photo as it is shown, (H, W, 3), to compare with.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        levels, half = levels_of_array(np.asarray(image), "white")
        if image.mode.startswith("I;16"):
            half = 32767
        top = levels.dtype.type(1 if half == 0.5 else 2 * half + 1)
        return (top - levels if hole_color == "black" else levels), half
    if has_alpha(image):
        return _levels_of_alpha(image, hole_color, name, findings, shown), 127
    grey = np.asarray(image.convert("L") if image.mode in ("1", "L", "P", "RGB") else image.convert("RGB").convert("L"))
    if hole_color == "black":
        return ~grey, 127
    if image.mode in ("1", "L"):
        return grey, 127
    colours = np.asarray(image.convert("RGB"))
    brightest = colours.max(axis=2)
    dark_colours = (brightest > 127) & (grey <= 127) & (brightest - colours.min(axis=2) > SATURATED)
    if LEAST_COLOURED * np.count_nonzero(brightest > 127) < np.count_nonzero(dark_colours) < grey.size / 2:
        message = f"{name} has coloured marks; they were taken as white ones"
        findings.append(Finding("contrast", message, "paint the hole white on black"))
        return brightest, 127
    return grey, 127


def has_alpha(image: Image.Image) -> bool:
    """Whether some pixels of a picture may be transparent."""
    return "transparency" in image.info or image.mode in ALPHA_MODES


def _levels_of_alpha(
    image: Image.Image, hole_color: HoleColor, name: str, findings: list[Finding], shown: Shown | None
) -> NDArray[np.uint8]:
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    grey = np.asarray(image.convert("RGBA").convert("RGB").convert("L"))
    grey = ~grey if hole_color == "black" else grey
    if alpha.min() == alpha.max():
        if alpha.max() < 255:
            message = f"{name} is equally transparent everywhere; its colours alone were taken"
            findings.append(Finding("alpha", message, "save it without alpha"))
        return grey
    opaque = alpha > 127
    if not opaque.any():  # a faint layer
        opaque = alpha > 0
    values = grey[opaque]
    between = (values > 31) & (values < 224)
    one_colour = int(values.max()) - int(values.min()) <= 2
    bright = bool(values.min() > 127)
    is_cut = shown is not None and not one_colour and is_cut_from(image, opaque, shown)
    if not is_cut and one_colour and bright:
        drawn = True
        if int(grey.max()) - int(grey.min()) > 2:  # white on black that is transparent
            return np.asarray((grey.astype(np.uint16) * alpha + 127) // 255, np.uint8)
    elif not is_cut and between.mean() <= 0.5 and opaque.mean() > 0.5 and not one_colour:
        return np.asarray((grey.astype(np.uint16) * alpha + 127) // 255, np.uint8)
    else:
        drawn, certain = _is_layer(opaque)
        if not certain:
            message = f"{name} is partly transparent, and either part could be the hole"
            findings.append(Finding("ambiguous", message, "paint the hole white on black", fatal=True))
    taken = "opaque" if drawn else "transparent"
    message = f"{name} marks the hole in its alpha channel alone; its {taken} pixels were taken"
    findings.append(Finding("alpha", message, "paint the hole white on black and save it without alpha"))
    # whatever an eraser has touched, however softly
    return alpha if drawn else np.where(alpha < alpha.max(), np.uint8(255), np.uint8(0))


def _is_layer(opaque: NDArray[np.bool_]) -> tuple[bool, bool]:
    """Whether a picture was drawn upon a transparent ground rather than erased, and whether that is certain.

    The hole is the smaller part, and does not surround the other one.
    """
    border = np.concatenate([opaque[0], opaque[-1], opaque[1:-1, 0], opaque[1:-1, -1]])
    share, surrounding = float(opaque.mean()), float(border.mean())
    drawn = share <= 0.5
    return drawn, abs(share - 0.5) > UNCERTAIN or (surrounding < 0.25 if drawn else surrounding > 0.75)
