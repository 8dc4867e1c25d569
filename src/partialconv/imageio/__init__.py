"""Files to arrays and back: photos, and black and white pictures."""

from partialconv.imageio.atomic import (
    check_destination,
    discard_unfinished,
    unfinished,
    unfinished_folder,
    write_picture,
    write_whole,
)
from partialconv.imageio.bilevel import encode_png
from partialconv.imageio.colours import Filled, image_of, rgb_of
from partialconv.imageio.header import Header
from partialconv.imageio.memory import Memory, available_bytes, check_memory
from partialconv.imageio.opening import (
    MAX_PIXELS,
    MAX_SIDE_PX,
    decode_picture,
    open_picture,
    read_header,
    read_text,
)
from partialconv.imageio.photo import Photo, photo_of_array, photo_of_image, read_photo
from partialconv.imageio.ringing import with_ringing
from partialconv.imageio.writing import rewritten, write_filled, write_photo

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE_PX",
    "Filled",
    "Header",
    "Memory",
    "Photo",
    "available_bytes",
    "check_destination",
    "check_memory",
    "decode_picture",
    "discard_unfinished",
    "encode_png",
    "image_of",
    "open_picture",
    "photo_of_array",
    "photo_of_image",
    "read_header",
    "read_photo",
    "read_text",
    "rewritten",
    "rgb_of",
    "unfinished",
    "unfinished_folder",
    "with_ringing",
    "write_filled",
    "write_photo",
    "write_picture",
    "write_whole",
]
