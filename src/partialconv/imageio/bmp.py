"""BMP files with other pixels: only the bytes of the hole change."""

from pathlib import Path

import numpy as np

from partialconv.imageio.colours import Filled
from partialconv.imageio.opening import open_header

# where red, green, blue and alpha (or the one channel) are in the bytes of a pixel, and how many bytes it has
LAYOUTS = {
    "L": ((0,), 1),
    "P": ((0,), 1),
    "BGR": ((2, 1, 0), 3),
    "BGRX": ((2, 1, 0), 4),
    "BGRA": ((2, 1, 0, 3), 4),
    "RGBA": ((0, 1, 2, 3), 4),
    "XBGR": ((3, 2, 1), 4),
    "ABGR": ((3, 2, 1, 0), 4),
    "BGXR": ((3, 1, 0), 4),
    "BGAR": ((3, 1, 0, 2), 4),
}


def patch_bmp(filled: Filled, destination: Path) -> bool:
    """Copy the photo's file and change the pixels of the hole in it.

    Returns:
        False if the file is packed in another way (run lengths, less than 8 bits a sample), and nothing was written.
    """
    photo = filled.photo
    with open_header(photo.content, photo.path) as (image, _):
        tile = image.tile[0]
    raw, *layout = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    if photo.format != "BMP" or tile.codec_name != "raw" or raw not in LAYOUTS or photo.bits != 8:
        return False
    if filled.palette is not photo.palette and (filled.palette != photo.palette).any():  # type: ignore[union-attr]
        return False
    channels, pixel_bytes = LAYOUTS[str(raw)]
    (height, width), (stride, direction) = photo.size, layout
    destination.write_bytes(photo.content)
    with destination.open("r+b") as file:
        for row in map(int, np.flatnonzero(filled.hole.any(axis=1))):
            place = tile.offset + stride * (row if direction == 1 else height - 1 - row)
            file.seek(place)
            pixels = np.frombuffer(bytearray(file.read(width * pixel_bytes)), np.uint8).reshape(width, pixel_bytes)
            hole = filled.hole[row]
            new = filled.rows(row, row + 1)[0][hole].reshape(int(hole.sum()), -1)
            for index, channel in enumerate(channels):
                pixels[hole, channel] = new[:, index]
            file.seek(place)
            file.write(pixels.tobytes())
    return True
