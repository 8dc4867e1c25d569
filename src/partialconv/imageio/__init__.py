"""Files to arrays and back: photos, and black and white pictures."""

from partialconv.imageio.bilevel import encode_png
from partialconv.imageio.colours import Filled, image_of, rgb_of
from partialconv.imageio.destination import check_destination, unfinished
from partialconv.imageio.opening import MAX_PIXELS, open_picture
from partialconv.imageio.photo import Photo, photo_of_image, read_photo
from partialconv.imageio.writing import write_photo

__all__ = [
    "MAX_PIXELS",
    "Filled",
    "Photo",
    "check_destination",
    "encode_png",
    "image_of",
    "open_picture",
    "photo_of_image",
    "read_photo",
    "rgb_of",
    "unfinished",
    "write_photo",
]
