"""Opening pictures that may be broken, hostile or not pictures at all."""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

from partialconv.errors import InputError
from partialconv.imageio.quiet import quiet

MAX_PIXELS = 250_000_000
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_LIMIT = threading.Lock()


def open_picture(path: Path) -> Image.Image:
    """Open and decode a still picture of up to `MAX_PIXELS`; its content decides the format, not its name.

    Raises:
        InputError: the file is missing, no regular file, no picture, broken, too large or animated.
    """
    with open_header(path) as image, explained(path):
        decode(image)
        image.getexif()  # kept by the image; Pillow's warnings about it end here
    return image


def decode(image: ImageFile.ImageFile) -> None:
    """Decode an opened picture, of up to `MAX_PIXELS`."""
    limit = Image.MAX_IMAGE_PIXELS
    with contextlib.ExitStack() as stack:
        if image.format == "TIFF":
            stack.enter_context(quiet())
            if limit is not None and image.width * image.height > 2 * limit:
                stack.enter_context(_without_limit())  # it is checked again
        image.load()


@contextmanager
def open_header(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Open a still picture as far as its header, and close the file afterwards.

    Raises:
        InputError: as in `open_picture`, but for what lies behind the header.
    """
    check_file(path)
    # by its name, Pillow 13 maps an uncompressed TIFF into memory, and mixes up height and width if it is to be turned
    with _open_file(path) as file, contextlib.ExitStack() as stack:
        with explained(path), quiet(), _without_limit():
            image = stack.enter_context(Image.open(file, formats=FORMATS))
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise InputError(
                f"{path} has {width}x{height} pixels, expected at most {MAX_PIXELS // 10**6} million: scale it down."
            )
        with explained(path):
            frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a JPEG with previews behind it, as many cameras write
            raise InputError(f"{path} has {frames} frames, expected a still picture: save one frame.")
        yield image


def _open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error


def check_file(path: Path) -> None:
    """Refuse what is no readable regular file, before opening it could hang.

    Raises:
        InputError: nothing has this name, or something else than a file.
    """
    try:
        if path.is_file() and os.access(path, os.R_OK):
            return
        if path.is_file():
            raise InputError(f"{path} may not be read: check its permissions.")
        found = path.exists()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    if found:
        kind = "a folder" if path.is_dir() else "no regular file"
        raise InputError(f"no file {path}: it is {kind}, expected a picture.")
    raise InputError(f"no file {path}: check the name.")


@contextmanager
def explained(path: Path, but: type[Exception] = InputError) -> Iterator[None]:
    """Turn whatever a decoder raises over a broken file into one line, and its warnings into nothing.

    Args:
        path: The file.
        but: Exceptions that go through.

    Raises:
        InputError: the file is broken.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InputError, MemoryError, but):
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no picture that can be read: save it as JPEG, PNG, WebP, TIFF or BMP.") from error
    except Exception as error:  # decoders raise nearly everything: struct.error, KeyError, zlib.error ...
        raise InputError(f"{path} is broken ({error}): get a whole copy of it.") from error


@contextmanager
def _without_limit() -> Iterator[None]:
    """Lift Pillow's own limit, which is lower and global; ours is checked on the header."""
    with _LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
