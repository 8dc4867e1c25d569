"""How much a request may bring, and how slowly; checked before anything is decoded."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from partialconv.server.problem import Problem

# as Pillow names them, a JPEG with previews behind it as MPO; no other decoder ever sees a client's bytes
DECODERS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}


@dataclass(frozen=True)
class Limits:
    """What the server takes.

    Args:
        max_bytes: Of a whole request.
        max_pixels: Of a photo, and of the picture of a hole.
        max_waiting: Requests that wait while one is filled; twice as many may be on their way in.
        idle_s: Longest silence of a client, within a request or between its headers, in seconds.
        slowest_bytes: A second, on average, of a body that has taken longer than `idle_s`.
    """

    max_bytes: int = 100_000_000
    max_pixels: int = 100_000_000
    max_waiting: int = 16
    idle_s: float = 10.0
    slowest_bytes: int = 16_384


def check_picture(path: Path, field: str, limits: Limits) -> str:
    """Look at the header of an uploaded picture.

    Args:
        path: The file.
        field: "photo" or "hole", for the message.
        limits: Of the server.

    Returns:
        The suffix of its format.

    Raises:
        Problem: 415 for another format than JPEG, PNG, WebP, TIFF and BMP, 413 for too many pixels.
    """
    most = limits.max_pixels / 1e6
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is the server's own
            with Image.open(path, formats=DECODERS) as picture:
                (width, height), file_format = picture.size, picture.format
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(field, "more than 179 megapixels", most) from error
    except UnidentifiedImageError as error:
        message = f"{field} is no picture that can be read: send a JPEG, PNG, WebP, TIFF or BMP file."
        raise Problem(415, "format", message) from error
    except Exception as error:  # decoders meet broken headers with exceptions of many kinds
        raise Problem(422, "broken", f"{field} is broken: get a whole copy of it.") from error
    if width * height > limits.max_pixels:
        raise _too_many_pixels(field, f"{width}x{height} pixels", most)
    return SUFFIXES[str(file_format)]


def _too_many_pixels(field: str, size: str, most: float) -> Problem:
    return Problem(413, "pixels", f"{field} has {size}, at most {most:g} megapixels are taken: scale it down.")
