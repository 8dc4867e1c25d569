"""The one-call interface: photos of any kind in, the same kind out."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv.errors import InputError
from partialconv.imageio import read_photo
from partialconv.imageio.photo import MODES
from partialconv.inference import Inpainter
from partialconv.masks.doctor import examine, read_hole
from partialconv.masks.levels import HoleColor

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]
HoleLike = str | Path | Image.Image | NDArray[Any]


class HoleWarning(UserWarning):
    """Something is wrong with the picture of a hole, but it could be used; see `partialconv.masks.doctor`."""


@overload
def fill(
    image: Pixels,
    hole: HoleLike,
    *,
    model: str | Path | None = None,
    hole_color: HoleColor = "white",
    grow_px: int = 0,
    strict: bool = False,
) -> Pixels: ...
@overload
def fill(
    image: str | Path | Image.Image,
    hole: HoleLike,
    *,
    model: str | Path | None = None,
    hole_color: HoleColor = "white",
    grow_px: int = 0,
    strict: bool = False,
) -> Image.Image: ...
def fill(
    image: str | Path | Image.Image | Pixels,
    hole: HoleLike,
    *,
    model: str | Path | None = None,
    hole_color: HoleColor = "white",
    grow_px: int = 0,
    strict: bool = False,
) -> Image.Image | Pixels:
    """Fill the holes of a photo.

    Args:
        image: A file, a PIL image (L, LA, RGB or RGBA), or uint8 of shape (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.
            Alpha is kept as it is.
        hole: What to fill: a file or PIL image in which it is white, or an array (H, W), bool, or numbers of which
            those above half of 1, 255 or 65535 are the hole. Of another size than `image`, it is resized.
        model: A file of `partialconv export`; the shipped network if None.
        hole_color: "black" where `hole` is 1 or white at the known pixels.
        grow_px: Grow the hole by so many pixels in all directions.
        strict: Refuse a hole that something is wrong with, instead of warning.

    Returns:
        For an array an array, else a PIL image; every pixel outside the hole is that of `image`. A file comes back
        as it is shown, turned by its EXIF orientation, and so is the hole understood.

    Raises:
        InputError: a file is missing or broken, the hole has another shape than the photo, or is empty or full.

    Warns:
        HoleWarning: something is wrong with the hole; what, and what was made of it.

    Example:
        >>> import numpy as np
        >>> import partialconv
        >>> photo, hole = np.full((64, 64, 3), 200, np.uint8), np.zeros((64, 64), bool)
        >>> hole[20:30, 20:30] = True
        >>> partialconv.fill(photo, hole).shape
        (64, 64, 3)
    """
    path = None if model is None else Path(model).absolute()
    inpainter = _inpainter(path, 0 if path is None or not path.is_file() else path.stat().st_mtime_ns)
    if isinstance(image, str | Path):
        image = ImageOps.exif_transpose(read_photo(Path(image)).image)
    elif not isinstance(image, Image.Image):
        image = np.asarray(image)
    size = image.size[::-1] if isinstance(image, Image.Image) else image.shape[:2]
    if isinstance(hole, str | Path):
        found = read_hole(Path(hole), size, hole_color, grow_px)
    else:
        found = examine(hole if isinstance(hole, Image.Image) else np.asarray(hole), size, hole_color, grow_px)
    marked = found.accept(strict)
    for finding in found.findings:
        warnings.warn(str(finding), HoleWarning, stacklevel=2)
    if isinstance(image, Image.Image):
        return fill_image(inpainter, image, marked)
    return _fill_array(inpainter, image, marked)


def fill_image(inpainter: Inpainter, image: Image.Image, hole: Hole) -> Image.Image:
    """Fill a PIL image of mode L, LA, RGB or RGBA; the result has its mode and info."""
    if image.mode not in MODES:
        raise InputError(f"the image is of mode {image.mode}, expected {', '.join(MODES)}: convert it first.")
    pixels = np.asarray(image)
    if image.mode == "LA":
        filled = np.dstack([_fill_array(inpainter, pixels[..., 0], hole), pixels[..., 1]])
    else:
        filled = _fill_array(inpainter, pixels, hole)
    result = Image.fromarray(filled)
    result.info = dict(image.info)
    return result


def _fill_array(inpainter: Inpainter, pixels: Pixels, hole: Hole) -> Pixels:
    if pixels.ndim == 2:
        filled = inpainter.fill(np.repeat(pixels[..., None], 3, axis=2), hole)
        grey: Pixels = np.rint(filled.mean(axis=2)).astype(np.uint8)
        return grey
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return np.dstack([inpainter.fill(np.ascontiguousarray(pixels[..., :3]), hole), pixels[..., 3]])
    return inpainter.fill(pixels, hole)


@lru_cache(maxsize=2)
def _inpainter(model: Path | None, _changed_ns: int) -> Inpainter:
    return Inpainter(model)
