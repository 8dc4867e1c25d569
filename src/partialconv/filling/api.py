"""The one-call interface: photos of any kind in, the same kind out."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.filling.job import HoleLike, filled_photo, find_hole, open_inpainter
from partialconv.filling.options import FillOptions
from partialconv.imageio import Photo, image_of, photo_of_image, read_photo
from partialconv.inference import Inpainter
from partialconv.masks.levels import HoleColor
from partialconv.zoo import model_path

Values = TypeVar("Values", np.uint8, np.uint16, np.float32, np.float64)
DTYPES = ("uint8", "uint16", "float32", "float64")
CHANNELS = (1, 2, 3, 4)


class HoleWarning(UserWarning):
    """Something is wrong with the picture of a hole, but it could be used; see `partialconv.masks.doctor`."""


@overload
def fill(
    image: NDArray[Values],
    hole: HoleLike | None = None,
    *,
    model: str | Path | None = ...,
    hole_color: HoleColor = ...,
    grow_px: int = ...,
    strict: bool = ...,
    hole_from_alpha: bool = ...,
    grain: bool = ...,
) -> NDArray[Values]: ...
@overload
def fill(
    image: str | Path | Image.Image,
    hole: HoleLike | None = None,
    *,
    model: str | Path | None = ...,
    hole_color: HoleColor = ...,
    grow_px: int = ...,
    strict: bool = ...,
    hole_from_alpha: bool = ...,
    grain: bool = ...,
) -> Image.Image: ...
def fill(
    image: str | Path | Image.Image | NDArray[Any],
    hole: HoleLike | None = None,
    *,
    model: str | Path | None = FillOptions.model,
    hole_color: HoleColor = FillOptions.hole_color,
    grow_px: int = FillOptions.grow_px,
    strict: bool = FillOptions.strict,
    hole_from_alpha: bool = FillOptions.hole_from_alpha,
    grain: bool = FillOptions.grain,
) -> Image.Image | NDArray[Any]:
    """Fill the holes of a photo.

    Args:
        image: A file; a PIL image (1, L, LA, P, RGB, RGBA, CMYK or 16-bit grey); or an array of uint8, uint16, or
            float in [0, 1], of shape (H, W), (H, W, 1), (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA.
            Alpha is kept as it is.
        hole: What to fill: a file or PIL image in which it is white, or an array (H, W), bool, or numbers of which
            those above half of 1, 255 or 65535 are the hole. Of another size than `image`, it is resized. None: the
            pixels of a float array that are NaN in any channel.
        model: This and all that follow are described in `FillOptions`, whose defaults hold here, too.
        hole_color: See `FillOptions`.
        grow_px: See `FillOptions`.
        strict: See `FillOptions`.
        hole_from_alpha: See `FillOptions`; in place of `hole`.
        grain: See `FillOptions`.

    Returns:
        For an array an array of its dtype and shape, else a PIL image of the mode of the photo; every pixel outside
        the hole is that of `image`. A file comes back as it is shown, turned by its EXIF orientation, and so is the
        hole understood.

    Raises:
        InputError: a file is missing or broken, an array or image is of another kind, values are out of range, the
            hole has another shape than the photo, or is empty or full.

    Warns:
        HoleWarning: something is wrong with the hole; what, and what was made of it.

    Example:
        >>> import numpy as np, partialconv
        >>> photo = np.full((64, 64, 3), 0.8, np.float32)
        >>> photo[20:30, 20:30] = np.nan
        >>> bool(np.isfinite(partialconv.fill(photo)).all())
        True
    """
    options = FillOptions(model, hole_color, grow_px, strict, hole_from_alpha, grain)
    path = model_path(model).absolute()
    inpainter = _inpainter(path, path.stat().st_mtime_ns if path.is_file() else 0)
    photo, pixels = _opened(image)
    if hole is None and not hole_from_alpha:
        if pixels is None or pixels.dtype.kind != "f":
            raise InputError("no hole was given: give one, or a float array that is NaN in its hole.")
        hole = np.isnan(pixels).reshape(*photo.size, -1).any(axis=2)
    found = find_hole(photo, hole, options)
    marked = found.accept(strict)
    for finding in found.findings:
        warnings.warn(str(finding), HoleWarning, stacklevel=2)
    _check_values(photo, marked)
    filled = filled_photo(inpainter, photo, marked, options)
    if pixels is None:
        return image_of(filled)
    result = filled.rows(0, photo.size[0]).astype(pixels.dtype).reshape(pixels.shape)
    if pixels.dtype.kind == "f":
        result[~marked] = pixels[~marked]  # to the last bit of 64
        if photo.mode in ("LA", "RGBA") and not hole_from_alpha:
            result[..., -1] = pixels[..., -1]
    return result


def fill_image(inpainter: Inpainter, image: Image.Image, hole: Hole) -> Image.Image:
    """Fill a PIL image of any mode that `fill` takes; the result has its mode and info."""
    return image_of(filled_photo(inpainter, photo_of_image(image), hole, FillOptions()))


def _opened(image: str | Path | Image.Image | NDArray[Any]) -> tuple[Photo, NDArray[Any] | None]:
    """What was given as a photo as it is shown, and the array if it is one."""
    if isinstance(image, str | Path):
        return read_photo(Path(image)).shown, None
    if isinstance(image, Image.Image):
        return photo_of_image(image), None
    pixels = np.asarray(image)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.dtype not in DTYPES or pixels.ndim not in (2, 3) or channels not in CHANNELS or pixels.size == 0:
        raise InputError(
            f"the image is an array {pixels.dtype} {pixels.shape}, expected uint8, uint16 or float in [0, 1], "
            "(H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA: convert it."
        )
    samples = pixels[..., 0] if channels == 1 and pixels.ndim == 3 else pixels
    if samples.dtype == np.float64:
        samples = samples.astype(np.float32)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    return Photo(Path("the image"), "", mode, samples, 8 * samples.dtype.itemsize, 1, {}), pixels


def _check_values(photo: Photo, hole: Hole) -> None:
    """Refuse floats outside of [0, 1] where they are to be known."""
    if photo.samples.dtype.kind != "f":
        return
    known = photo.samples[~hole]
    if not np.isfinite(known).all():
        raise InputError("the image is NaN or infinite outside of the hole: mark these pixels, too, or set them.")
    if known.size and (known.min() < 0 or known.max() > 1):
        raise InputError(
            f"the image has values from {known.min():g} to {known.max():g}, expected floats from 0 to 1: divide them."
        )


@lru_cache(maxsize=2)
def _inpainter(model: Path, _changed_ns: int) -> Inpainter:
    return open_inpainter(FillOptions(model))
