"""16 bits a channel, which Pillow decodes to 8: it is asked twice, for the upper and for the lower bytes."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from partialconv.errors import InputError
from partialconv.imageio.opening import decode, open_header

# the raw mode that finds the lower byte where another one finds the upper
LOWER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def deep_samples(path: Path, image: ImageFile) -> tuple[str, NDArray[np.uint16]]:
    """Decode an opened PNG or TIFF of 16 bits a channel.

    Args:
        path: Its file.
        image: RGB or RGBA, opened and not decoded.

    Returns:
        The mode, LA, RGB or RGBA, and (H, W, C).

    Raises:
        InputError: the channels are laid out in another way.

    Source: ours; the raw modes are those of Pillow's unpackers.
    """
    raw = _raw_mode(image)
    if raw == "LA;16B":  # four bytes a pixel, as RGBA has
        _set_raw_mode(image, "RGBA")
        four = np.asarray(image)
        return "LA", np.ascontiguousarray(four).view(">u2").astype(np.uint16)
    if raw[:-1] not in ("RGB;16", "RGBA;16") or raw[-1] not in LOWER:
        raise InputError(f"{path} stores 16 bits as {raw}, expected RGB or RGBA: save it without extra channels.")
    decode(image)
    upper = np.asarray(image)
    samples = upper.astype(np.uint16)
    samples <<= 8
    del upper
    with open_header(path) as again:
        _set_raw_mode(again, raw[:-1] + LOWER[raw[-1]])
        decode(again)
        samples |= np.asarray(again)
    return image.mode, samples


def _raw_mode(image: ImageFile) -> str:
    args = {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile}
    return str(args.pop()) if len(args) == 1 else "/".join(sorted(map(str, args)))


def _set_raw_mode(image: ImageFile, raw: str) -> None:
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw) for tile in image.tile
    ]
