"""The one-call interface: photos of any kind in, the same kind out."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv.errors import InputError
from partialconv.imageio import hole_from_image, read_hole, read_photo
from partialconv.imageio.photo import MODES, open_picture
from partialconv.inference import Inpainter

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]
HoleLike = str | Path | Image.Image | NDArray[Any]


@overload
def fill(image: Pixels, hole: HoleLike, *, model: str | Path | None = None) -> Pixels: ...
@overload
def fill(image: str | Path | Image.Image, hole: HoleLike, *, model: str | Path | None = None) -> Image.Image: ...
def fill(
    image: str | Path | Image.Image | Pixels, hole: HoleLike, *, model: str | Path | None = None
) -> Image.Image | Pixels:
    """Fill the holes of a photo.

    Args:
        image: A file, a PIL image (L, LA, RGB or RGBA), or uint8 of shape (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.
            Alpha is kept as it is.
        hole: What to fill: a file or PIL image in which it is white, or an array (H, W), bool, or numbers of which
            those above half of 1, 255 or 65535 are the hole. Same size as `image`.
        model: A file of `partialconv export`; the shipped network if None.

    Returns:
        For an array an array, else a PIL image; every pixel outside the hole is that of `image`. A file comes back
        as it is shown, turned by its EXIF orientation, and so is the hole understood.

    Raises:
        InputError: a file is missing or broken, the sizes differ, or the hole is empty or full.

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
        photo = read_photo(Path(image))
        shown = replace(photo, image=ImageOps.exif_transpose(photo.image))
        marked = read_hole(Path(hole), shown) if isinstance(hole, str | Path) else _hole(hole)
        return fill_image(inpainter, shown.image, marked)
    marked = _hole(ImageOps.exif_transpose(open_picture(Path(hole))) if isinstance(hole, str | Path) else hole)
    if isinstance(image, Image.Image):
        return fill_image(inpainter, image, marked)
    return _fill_array(inpainter, np.asarray(image), marked)


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


def _hole(hole: Image.Image | NDArray[Any]) -> Hole:
    if isinstance(hole, Image.Image):
        return hole_from_image(hole)
    array = np.asarray(hole)
    if array.dtype == np.bool_ or array.size == 0:
        return array.astype(np.bool_)
    largest = array.max()
    half = next((half for limit, half in ((1, 0.5), (255, 127), (65535, 32767)) if largest <= limit), None)
    if half is None:
        raise InputError(f"the hole has values up to {largest}, expected bool, 0 to 1, 0 to 255 or 0 to 65535.")
    return np.asarray(array > half)


@lru_cache(maxsize=2)
def _inpainter(model: Path | None, _changed_ns: int) -> Inpainter:
    return Inpainter(model)
