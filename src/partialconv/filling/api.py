"""The one-call interface: photos of any kind in, the same kind out."""

import warnings
from dataclasses import replace
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
from partialconv.imageio import Filled, Photo, image_of, photo_of_array, photo_of_image, read_photo
from partialconv.inference import Inpainter
from partialconv.masks.levels import HoleColor
from partialconv.masks.placing import Anchor
from partialconv.zoo import model_path

Values = TypeVar("Values", np.uint8, np.uint16, np.float32, np.float64)
# from the photo as it is stored to how it is shown, by its EXIF orientation
SHOWN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
OVERSHOOT = 0.1  # beyond 0 and 1, as resizing and sharpening leave it; known pixels come back as they were


class HoleWarning(UserWarning):
    """Something is wrong with the picture of a hole, but it could be used; see `partialconv.masks.doctor`."""


class PhotoWarning(UserWarning):
    """Something is wrong with the file of a photo, but it could be filled."""


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
    anchor: Anchor = ...,
    grain: bool = ...,
    copy: bool = ...,
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
    anchor: Anchor = ...,
    grain: bool = ...,
    copy: bool = ...,
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
    anchor: Anchor = FillOptions.anchor,
    grain: bool = FillOptions.grain,
    copy: bool = FillOptions.copy,
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
        anchor: See `FillOptions`.
        grain: See `FillOptions`.
        copy: See `FillOptions`.

    Returns:
        For an array an array of its dtype and shape, else a PIL image of the mode of the photo; every pixel outside
        the hole is that of `image`. A file is filled as `partialconv fill` does it, and comes back as it is shown:
        turned by its EXIF orientation. The hole is drawn over it as it is shown, too.

    Raises:
        InputError: a file is missing or broken, an array or image is of another kind, values are out of range, the
            hole has another shape than the photo, or is empty or full.

    Warns:
        HoleWarning: something is wrong with the hole; what, and what was made of it.
        PhotoWarning: the file of the photo is damaged, and what that means.

    Example:
        >>> import numpy as np, partialconv
        >>> photo = np.full((64, 64, 3), 0.8, np.float32)
        >>> photo[20:30, 20:30] = np.nan
        >>> bool(np.isfinite(partialconv.fill(photo)).all())
        True
    """
    options = FillOptions(
        model=model,
        hole_color=hole_color,
        grow_px=grow_px,
        strict=strict,
        hole_from_alpha=hole_from_alpha,
        anchor=anchor,
        grain=grain,
        copy=copy,
    )
    path = model_path(model).absolute()
    inpainter = _inpainter(path, path.stat().st_mtime_ns if path.is_file() else 0)
    photo, pixels = _opened(image)
    if hole is None and not hole_from_alpha:
        if pixels is None or pixels.dtype.kind != "f":
            raise InputError("no hole was given: give one, or a float array that is NaN in its hole.")
        hole = np.isnan(pixels).reshape(*photo.size, -1).any(axis=2)
        options = replace(options, hole_color="white")  # there is no doubt
    found = find_hole(photo, hole, options)
    marked = found.accept(strict)
    for finding in found.findings:
        warnings.warn(str(finding), HoleWarning, stacklevel=2)
    for remark in photo.remarks:
        warnings.warn(f"{remark}.", PhotoWarning, stacklevel=2)
    _check_values(photo, marked)
    filled = filled_photo(inpainter, photo, marked, options, found.opaque)
    if pixels is None:
        return _shown(filled)
    result = filled.rows(0, photo.size[0]).astype(pixels.dtype).reshape(pixels.shape)
    if pixels.dtype.kind == "f":
        result[~marked] = pixels[~marked]  # to the last bit of 64
        if photo.mode in ("LA", "RGBA") and not found.opaque:
            result[..., -1] = pixels[..., -1]
    return result


def fill_image(inpainter: Inpainter, image: Image.Image, hole: Hole) -> Image.Image:
    """Fill a PIL image of any mode that `fill` takes; the result has its mode and info."""
    return image_of(filled_photo(inpainter, photo_of_image(image), hole, FillOptions()))


def _opened(image: str | Path | Image.Image | NDArray[Any]) -> tuple[Photo, NDArray[Any] | None]:
    """What was given as a photo as it is stored, and the array if it is one."""
    if isinstance(image, str | Path):
        return read_photo(Path(image)), None
    if isinstance(image, Image.Image):
        return photo_of_image(image), None
    pixels = np.asarray(image)
    return photo_of_array(pixels), pixels


def _shown(filled: Filled) -> Image.Image:
    """Turned by the photo's EXIF orientation, for what comes back has no file that says so."""
    image, photo = image_of(filled), filled.photo
    if photo.orientation not in SHOWN:
        return image
    turned = image.transpose(SHOWN[photo.orientation])
    turned.info.update(photo.shown.info)
    return turned


def _check_values(photo: Photo, hole: Hole) -> None:
    """Refuse floats far outside of [0, 1] where they are to be known."""
    if photo.samples.dtype.kind != "f":
        return
    known = photo.samples[~hole]
    if not np.isfinite(known).all():
        raise InputError("the image is NaN or infinite outside of the hole: mark these pixels, too, or set them.")
    if known.size and (known.min() < -OVERSHOOT or known.max() > 1 + OVERSHOOT):
        raise InputError(
            f"the image has values from {known.min():g} to {known.max():g}, expected floats from 0 to 1: divide them."
        )


@lru_cache(maxsize=2)
def _inpainter(model: Path, _changed_ns: int) -> Inpainter:
    return open_inpainter(FillOptions(model))
