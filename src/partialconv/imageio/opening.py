"""Opening pictures that may be broken, hostile or not pictures at all."""

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from partialconv.errors import FormatError, InputError, TooLargeError
from partialconv.imageio.header import Header, header_of
from partialconv.imageio.layout import openable
from partialconv.imageio.memory import check_memory
from partialconv.imageio.quiet import quiet, without_warnings
from partialconv.imageio.structure import check_exif, structure_of

MAX_PIXELS = 250_000_000
MAX_SIDE_PX = 65_535  # as of a JPEG
MAX_FILE_BYTES = 1 << 31  # more than 250 million pixels of 16 bits with alpha, as they are
# those that Pillow knows from the start come first: for another one it imports all that it has
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "AVIF", "TIFF", "WEBP")
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
BAND_ROWS = 64  # the system takes the memory of larger bands back each time: 256 rows took up to four times as long
_LIMIT = threading.Lock()


def read_header(path: Path) -> Header:
    """Look at the header of a still picture: nothing is decoded, and no memory asked for.

    Raises:
        InputError: as in `open_picture`, but for what lies behind the header.
    """
    return header_of_content(read_content(path), path)


def header_of_content(content: bytes, name: Path | str) -> Header:
    """Look at the header of a still picture, from its file's content; see `read_header`."""
    with open_header(content, name) as (_, header):
        return header


def open_picture(path: Path) -> Image.Image:
    """Open and decode a still picture of up to `MAX_PIXELS`; its content decides the format, not its name.

    Raises:
        InputError: the file is missing, no regular file, no picture, broken, animated, too large in pixels (a
            `TooLargeError`) or for the memory of this machine; or its skeleton would cost far more than the picture.
    """
    return decode_picture(read_content(path), path)


def decode_picture(content: bytes, name: Path | str) -> Image.Image:
    """Decode a still picture from its file's content; see `open_picture`."""
    with open_header(content, name) as (image, header), explained(name):
        check_memory(header.read_bytes, str(name))
        decode(image)
        exif_of(image)  # kept by the image; Pillow's warnings about it end here
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


def bands(image: Image.Image) -> Iterator[NDArray[Any]]:
    """The pixels of a decoded picture, some rows at a time: as a whole Pillow would hold three copies on the way."""
    for top in range(0, image.height, BAND_ROWS):
        band = np.asarray(image.crop((0, top, image.width, min(top + BAND_ROWS, image.height))))
        yield band.astype(np.uint16) if band.dtype.itemsize == 2 else band  # of either byte order


def exif_of(image: Image.Image) -> Image.Exif:
    """The EXIF of a picture.

    Raises:
        ValueError: its directories claim more than there is.
    """
    exif = image.info.get("exif")
    if exif is None and isinstance(image.info.get("Raw profile type exif"), str):
        lines = image.info["Raw profile type exif"].split("\n")
        with contextlib.suppress(ValueError):
            exif = bytes.fromhex("".join(lines[3:]))
    if isinstance(exif, bytes):
        check_exif(exif)
    return image.getexif()


@contextmanager
def open_header(content: bytes, name: Path | str) -> Iterator[tuple[ImageFile.ImageFile, Header]]:
    """Open a still picture as far as its header.

    Args:
        content: Of its file.
        name: To speak of in errors.

    Raises:
        InputError: as in `open_picture`, but for what lies behind the header.
    """
    with explained(name):
        structure = structure_of(content)
    if structure.size is not None:
        _check_size(*structure.size, name)
    with contextlib.ExitStack() as stack:
        with explained(name), quiet(), _without_limit():
            opened = io.BytesIO(openable(content))
            image = stack.enter_context(_identified(content, opened, name))
        _check_size(image.height, image.width, name)
        if max(structure.frames, _num_frames(image)) > 1:
            raise InputError(f"{name} has more than one frame, expected a still picture: save one frame.")
        with explained(name):
            header = header_of(image, len(content), structure.unit_bytes)
        yield image, header


def _identified(content: bytes, opened: io.BytesIO, name: Path | str) -> ImageFile.ImageFile:
    """Open a picture with the decoders that may see it.

    Raises:
        InputError: it is a TIFF of a kind that none of them reads.
    """
    try:
        return Image.open(opened, formats=_formats_for(content, name))
    except UnidentifiedImageError as error:
        if content[:4] not in TIFF_STARTS:
            raise
        reason = "it is a TIFF of a kind that is not supported, as of floats, or broken"
        raise FormatError(f"cannot read {name}: {reason}: save it with 8 or 16 bits a channel.") from error


def _formats_for(content: bytes, name: Path | str) -> tuple[str, ...]:
    """The decoders that may see a file.

    Raises:
        InputError: it is a HEIC, and its decoder is not installed.
    """
    brands = content[8:64] if content[4:8] == b"ftyp" else b""
    if b"avif" in brands or not brands.startswith(HEIC_BRANDS):
        return FORMATS
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise InputError(
            f"{name} is a HEIC photo, which needs an extra: pip install 'partialconv[heic]', or save it as JPEG."
        ) from error
    register_heif_opener()
    return ("HEIF",)


def _num_frames(image: ImageFile.ImageFile) -> int:
    """The frames of an AVIF; those of other formats are counted by `structure`."""
    return int(getattr(image, "n_frames", 1)) if image.format == "AVIF" else 1


def _check_size(height: int, width: int, name: Path | str) -> None:
    if width * height > MAX_PIXELS:
        raise TooLargeError(
            f"{name} has {width}x{height} pixels, expected at most {MAX_PIXELS // 10**6} million: scale it down."
        )
    if max(width, height) > MAX_SIDE_PX:
        raise TooLargeError(
            f"{name} has {width}x{height} pixels, expected at most {MAX_SIDE_PX} a side: cut or scale it."
        )


def read_content(path: Path) -> bytes:
    """Read a file once, so that it may be replaced while it is worked on.

    Raises:
        InputError: nothing has this name, or something else than a file that may be read; or it is too large.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            return content_of(file, path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error


def content_of(file: BinaryIO, name: Path | str) -> bytes:
    """The content of an opened file.

    Raises:
        TooLargeError: it is larger than `MAX_FILE_BYTES`, or than the free memory.
    """
    size = file.seek(0, os.SEEK_END)
    if size > MAX_FILE_BYTES:
        raise TooLargeError(f"{name} has {size / 1e9:.1f} GB, expected at most {MAX_FILE_BYTES / 1e9:.1f}.")
    check_memory(size, str(name))
    file.seek(0)
    return file.read(size)  # all that was there: Python takes as much memory as it is told to read


def read_text(path: Path, most_bytes: int) -> str:
    """Read a text file, with or without the byte order mark that editors of Windows put before it.

    Args:
        path: A regular file.
        most_bytes: It may have.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger, no regular file, or no UTF-8.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) > most_bytes:
            raise ValueError(f"it has more than {most_bytes / 1e6:g} MB")
        file.seek(0)
        return file.read().decode("utf-8-sig")


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
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise InputError(f"no file {path}: it is {kind}, expected a picture.")
    raise InputError(f"no file {path}: check the name.")


@contextmanager
def explained(name: Path | str, but: type[Exception] = InputError) -> Iterator[None]:
    """Turn whatever a decoder raises over a broken file into one line, and its warnings into nothing.

    Args:
        name: Of the file.
        but: Exceptions that go through.

    Raises:
        InputError: the file is broken.
    """
    try:
        with without_warnings():
            yield
    except (InputError, MemoryError, but):
        raise
    except UnidentifiedImageError as error:
        raise FormatError(f"cannot read {name} as an image: save it as JPEG, PNG, WebP, TIFF or BMP.") from error
    except Exception as error:  # decoders raise nearly everything: struct.error, KeyError, zlib.error ...
        raise InputError(f"{name} is broken ({error}): get a whole copy of it.") from error


@contextmanager
def _without_limit() -> Iterator[None]:
    """Lift Pillow's own limit, which is lower and global; ours is checked on the header."""
    with _LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
