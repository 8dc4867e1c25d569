"""Files to arrays and back: photos, and black and white pictures."""

from partialconv.imageio.bilevel import encode_png
from partialconv.imageio.photo import Photo, check_destination, open_picture, read_photo, write_photo

__all__ = ["Photo", "check_destination", "encode_png", "open_picture", "read_photo", "write_photo"]
