"""Reading the picture that marks a hole: white = fill."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv.errors import InputError
from partialconv.imageio.photo import Photo, open_picture

# from the photo as shown to the photo as stored: the inverse of what its EXIF orientation says
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def read_hole(path: Path, photo: Photo) -> NDArray[np.bool_]:
    """Read the hole of `photo` from a picture in which white marks the pixels to fill.

    The picture is drawn over the photo as it is shown, turned by its EXIF orientation.

    Returns:
        (H, W), True = hole, as the photo is stored.

    Raises:
        InputError: the picture cannot be read, is of another size, or marks nothing or everything.
    """
    picture = ImageOps.exif_transpose(open_picture(path))
    width, height = photo.image.size if photo.orientation < 5 else photo.image.size[::-1]
    if picture.size != (width, height):
        raise InputError(
            f"{path} is {picture.width}x{picture.height} pixels, but {photo.path} is {width}x{height}: "
            "draw the hole at the size of the photo."
        )
    if photo.orientation in STORED:
        picture = picture.transpose(STORED[photo.orientation])
    hole = hole_from_image(picture)
    if not hole.any():
        raise InputError(f"{path} marks no pixel to fill: paint the hole white on black.")
    if hole.all():
        raise InputError(f"{path} marks every pixel: paint only the hole white, and leave the rest black.")
    return hole


def hole_from_image(picture: Image.Image) -> NDArray[np.bool_]:
    """Threshold a picture at half: (H, W), True where it is bright and opaque.

    Raises:
        InputError: a mode without a known white (32-bit integers or floats).
    """
    if picture.mode.startswith("I;16"):
        return np.asarray(picture) > 32767
    if picture.mode in ("I", "F"):
        raise InputError(f"the hole picture is of mode {picture.mode}, expected 8-bit grey or RGB: convert it first.")
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA"):
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture.convert("RGBA"))
    return np.asarray(picture.convert("L")) > 127
