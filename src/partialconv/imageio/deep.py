"""16 bits a channel, which Pillow decodes to 8: it is asked twice, for the upper and for the lower bytes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from partialconv.errors import InputError
from partialconv.imageio.opening import bands, decode, open_header

# the raw mode that finds the lower byte where another one finds the upper
LOWER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def deep_bands(content: bytes, path: Path, image: ImageFile) -> tuple[str, Iterator[NDArray[np.uint16]]]:
    """Decode an opened PNG or TIFF of 16 bits a channel.

    Args:
        content: Of its file.
        path: Its name, to speak of in errors.
        image: RGB or RGBA, opened and not decoded.

    Returns:
        The mode, LA, RGB or RGBA, and its rows, some (h, W, C) at a time.

    Raises:
        InputError: the channels are laid out in another way.

    Source: ours; the raw modes are those of Pillow's unpackers.
    """
    raw = _raw_mode(image)
    if raw == "LA;16B":  # four bytes a pixel, as RGBA has
        _set_raw_mode(image, "RGBA")
        decode(image)
        return "LA", (np.ascontiguousarray(four).view(">u2").astype(np.uint16) for four in bands(image))
    if raw[:-1] not in ("RGB;16", "RGBA;16") or raw[-1] not in LOWER:
        raise InputError(f"{path} stores 16 bits as {raw}, expected RGB or RGBA: save it without extra channels.")
    decode(image)
    with open_header(content, path) as (again, _):
        _set_raw_mode(again, raw[:-1] + LOWER[raw[-1]])
        decode(again)
        halves = zip(bands(image), bands(again), strict=True)
        return image.mode, (upper.astype(np.uint16) << 8 | lower for upper, lower in halves)


def _raw_mode(image: ImageFile) -> str:
    args = {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile}
    return str(args.pop()) if len(args) == 1 else "/".join(sorted(map(str, args)))


def _set_raw_mode(image: ImageFile, raw: str) -> None:
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw) for tile in image.tile
    ]
