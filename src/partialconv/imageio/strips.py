"""The pixels of TIFF files that are packed in a way which is understood here: strip by strip, or tile by tile."""

import io
import logging
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

RAW, LZW, DEFLATE, ADOBE_DEFLATE, PACKBITS = 1, 5, 32946, 8, 32773
COMPRESSIONS = {LZW: "tiff_lzw", PACKBITS: "packbits"}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED = 0, 1, 2, 3, 5
COLOURS = {RGB: 3, SEPARATED: 4}  # samples of a pixel, 1 in all other kinds of picture
ALPHAS = PREMULTIPLIED, UNASSOCIATED = 1, 2
SEPARATE_PLANES = 2
Place = tuple[slice, slice]


def open_tiff(file: Path | io.BytesIO, mode: Literal["r", "r+"] = "r") -> "TiffFile":
    """Open a TIFF; what is wrong with it is raised, and not logged to standard error as well."""
    import tifffile

    if not logging.getLogger("tifffile").handlers:
        logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return tifffile.TiffFile(file, mode=mode)


def is_understood(page: "TiffPage") -> bool:
    """Whether the pixels of a page are packed in one of the ways that this file knows."""
    return (
        page.compression in (RAW, LZW, DEFLATE, ADOBE_DEFLATE, PACKBITS)
        and page.predictor in (1, 2)
        and page.fillorder == 1
        and page.bitspersample in (8, 16)
        and page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED)
        and page.sampleformat == 1
    )


def places(page: "TiffPage") -> Iterator[tuple[int, Place]]:
    """Each strip or tile, and where it is in the picture; one after the other for planes of their own."""
    height, width = page.imagelength, page.imagewidth
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    across = math.ceil(width / columns)
    each = across * math.ceil(height / rows)
    for index in range(len(page.dataoffsets)):
        row, column = divmod(index % each, across)
        yield index, (slice(row * rows, (row + 1) * rows), slice(column * columns, (column + 1) * columns))


def plane_of(page: "TiffPage", index: int) -> int | None:
    """Which plane a strip or tile is of; None where the samples of a pixel are stored together."""
    if page.planarconfig != SEPARATE_PLANES:
        return None
    return index // max(1, len(page.dataoffsets) // page.samplesperpixel)


def unpacked(page: "TiffPage", data: bytes, place: Place, byteorder: str) -> NDArray[Any]:
    """The samples of a strip or tile, (rows, columns, samples), a tile with what lies beyond the picture.

    Args:
        page: Of the file.
        data: Of the strip or tile.
        place: Where it is in the picture.
        byteorder: Of the file, "<" or ">".

    Raises:
        ValueError: the data end early.
    """
    rows = page.tilelength if page.is_tiled else min(place[0].stop, page.imagelength) - place[0].start
    columns = page.tilewidth if page.is_tiled else page.imagewidth
    samples = 1 if page.planarconfig == SEPARATE_PLANES else page.samplesperpixel
    dtype = np.dtype(f"{byteorder}u{page.bitspersample // 8}")
    content = _decompressed(data, page.compression, rows, columns * samples * dtype.itemsize)
    values = np.frombuffer(content, dtype).reshape(rows, columns, samples).astype(dtype.newbyteorder("="))
    if page.predictor == 2:
        np.cumsum(values, axis=1, dtype=values.dtype, out=values)
    return values


def packed(page: "TiffPage", values: NDArray[Any], byteorder: str) -> bytes:
    """The data of a strip or tile of given samples, which are changed on the way."""
    if page.predictor == 2:
        values[:, 1:] -= values[:, :-1].copy()
    data = values.astype(np.dtype(f"{byteorder}u{page.bitspersample // 8}")).tobytes()
    return _compressed(data, page.compression, values.shape[0])


def strips_of(content: bytes, channels: int) -> Iterator[NDArray[Any]] | None:
    """The rows of an RGB or RGBA TIFF, not turned; None if they are to be decoded by Pillow.

    Pillow decodes 8 bits a channel, unless there are planes or further channels, and whatever is not understood here.
    """
    with open_tiff(io.BytesIO(content)) as tiff:
        page = tiff.pages.first
        plain = page.samplesperpixel == channels and page.planarconfig != SEPARATE_PLANES
        if not is_understood(page) or page.photometric != RGB or (plain and page.bitspersample == 8):
            return None
        rows = read_rows(content, page, tiff.byteorder, channels)
        multiplied = channels == 4 and page.extrasamples[:1] == (PREMULTIPLIED,)
        return map(_divided, rows) if multiplied else rows


def _divided(band: NDArray[Any]) -> NDArray[Any]:
    """Colours that were multiplied by alpha, as they were before."""
    alpha, top = band[..., -1:].astype(np.uint64), np.iinfo(band.dtype).max
    colours = (band[..., :-1].astype(np.uint64) * top + alpha // 2) // np.maximum(alpha, 1)
    band[..., :-1] = np.where(alpha > 0, colours.clip(0, top), band[..., :-1])
    return band


def read_rows(content: bytes, page: "TiffPage", byteorder: str, channels: int) -> Iterator[NDArray[Any]]:
    """The first samples of each pixel, a row of strips or tiles at a time: (h, W, channels).

    Raises:
        ValueError: the data of a strip end early.
    """
    band: NDArray[Any] = np.empty(0)
    by_row: dict[int, list[tuple[int, Place]]] = {}
    for index, place in places(page):
        by_row.setdefault(place[0].start, []).append((index, place))
    for start in sorted(by_row):
        height = min(by_row[start][0][1][0].stop, page.imagelength) - start
        band = np.empty((height, page.imagewidth, channels), f"u{page.bitspersample // 8}")
        for index, place in by_row[start]:
            plane = plane_of(page, index)
            if plane is not None and plane >= channels:
                continue
            offset, size = page.dataoffsets[index], page.databytecounts[index]
            values = unpacked(page, content[offset : offset + size], place, byteorder)
            target = band[:, place[1]] if plane is None else band[:, place[1], plane : plane + 1]
            target[:] = values[:height, : target.shape[1], : target.shape[2]]
        yield band


def _decompressed(data: bytes, compression: int, rows: int, row_bytes: int) -> bytes:
    if compression == RAW:
        return data[: rows * row_bytes]
    if compression in (DEFLATE, ADOBE_DEFLATE):
        return zlib.decompressobj().decompress(data, rows * row_bytes)
    # a file of this one strip, which libtiff unpacks
    tags = {256: row_bytes, 257: rows, 258: 8, 259: compression, 262: 1, 273: 0, 277: 1, 278: rows, 279: len(data)}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    file = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", 0) + data
    from PIL import TiffImagePlugin  # here, for few photos are TIFF

    return TiffImagePlugin.TiffImageFile(io.BytesIO(file)).tobytes()


def _compressed(data: bytes, compression: int, rows: int) -> bytes:
    if compression == RAW:
        return data
    if compression in (DEFLATE, ADOBE_DEFLATE):
        return zlib.compress(data)
    from PIL import TiffImagePlugin

    buffer = io.BytesIO()
    picture = Image.frombytes("L", (len(data) // rows, rows), data)
    picture.save(buffer, "TIFF", compression=COMPRESSIONS[compression], strip_size=len(data))
    buffer.seek(0)
    with TiffImagePlugin.TiffImageFile(buffer) as written:
        (offset,), (size,) = written.tag_v2[273], written.tag_v2[279]
    return buffer.getvalue()[offset : offset + size]
