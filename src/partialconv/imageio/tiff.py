"""TIFF files with other pixels: only the strips or tiles that the hole touches are written anew."""

import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from partialconv.imageio.colours import Filled

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

RAW, LZW, DEFLATE, ADOBE_DEFLATE, PACKBITS = 1, 5, 32946, 8, 32773
COMPRESSIONS = {LZW: "tiff_lzw", PACKBITS: "packbits"}
WHITE_IS_ZERO, PALETTE = 0, 3
WIDTH, BITS, PHOTOMETRIC, SAMPLES, COLOUR_MAP, EXTRA, XMP = 256, 258, 262, 277, 320, 338, 700
PREMULTIPLIED = 1


def patch_tiff(filled: Filled, destination: Path) -> bool:
    """Copy the photo's file and change the pixels of the hole in it.

    All tags stay, private ones too, and the bytes of every strip or tile that the hole does not touch.

    Returns:
        False if the pixels are packed in another way (JPEG, fax, less than 8 bits), and nothing was written.
    """
    import tifffile

    photo = filled.photo
    if photo.format != "TIFF" or photo.bits not in (8, 16):
        return False
    with tifffile.TiffFile(io.BytesIO(photo.content)) as tiff:
        page = tiff.pages.first
        kinds = (RAW, LZW, DEFLATE, ADOBE_DEFLATE, PACKBITS)
        bits = page.bitspersample
        if page.compression not in kinds or page.predictor not in (1, 2) or page.fillorder != 1 or bits != photo.bits:
            return False
        if page.photometric not in (WHITE_IS_ZERO, 1, 2, PALETTE, 5) or page.sampleformat != 1:
            return False
    destination.write_bytes(photo.content)
    with tifffile.TiffFile(destination, mode="r+") as tiff:
        page = tiff.pages.first
        offsets, sizes = list(page.dataoffsets), list(page.databytecounts)
        for index, region in _segments(page):
            if filled.hole[region].any():
                _patch_segment(filled, tiff, page, (index, region), offsets, sizes)
        names = ("TileOffsets", "TileByteCounts") if page.is_tiled else ("StripOffsets", "StripByteCounts")
        for name, old, new in zip(names, (page.dataoffsets, page.databytecounts), (offsets, sizes), strict=True):
            if tuple(new) != tuple(old):
                page.tags[name].overwrite(new, dtype="I" if not tiff.is_bigtiff else "Q")
        if photo.mode == "P" and photo.palette is not None and filled.palette is not None:
            changed = (filled.palette != photo.palette[: len(filled.palette)]).any(axis=1)
            colours = np.array(page.tags[COLOUR_MAP].value, np.uint16).reshape(3, -1)
            if changed.any():
                colours[:, : len(changed)][:, changed] = filled.palette[changed, :3].T.astype(np.uint16) * 257
                page.tags[COLOUR_MAP].overwrite(colours.ravel().tolist())
    return True


def _segments(page: "TiffPage") -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Each strip or tile, and where it is in the picture; one after the other for planes of their own."""
    height, width = page.imagelength, page.imagewidth
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    across = math.ceil(width / columns)
    each = across * math.ceil(height / rows)
    for index in range(len(page.dataoffsets)):
        row, column = divmod(index % each, across)
        yield index, (slice(row * rows, (row + 1) * rows), slice(column * columns, (column + 1) * columns))


def _patch_segment(
    filled: Filled,
    tiff: "TiffFile",
    page: "TiffPage",
    segment: tuple[int, tuple[slice, slice]],
    offsets: list[int],
    sizes: list[int],
) -> None:
    index, (down, across) = segment
    planes = page.planarconfig == 2
    rows = page.tilelength if page.is_tiled else min(down.stop, page.imagelength) - down.start
    columns = page.tilewidth if page.is_tiled else page.imagewidth
    shape = (rows, columns, 1 if planes else page.samplesperpixel)
    dtype = np.dtype(f"{tiff.byteorder}u{page.bitspersample // 8}")
    tiff.filehandle.seek(offsets[index])
    data = _unpacked(
        tiff.filehandle.read(sizes[index]), page.compression, shape[0], shape[1] * shape[2] * dtype.itemsize
    )
    values = np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    if page.predictor == 2:
        np.cumsum(values, axis=1, dtype=values.dtype, out=values)
    hole = filled.hole[down, across]
    new = filled.rows(down.start, down.stop)[:, across]
    new = new.reshape(*new.shape[:2], -1)[hole]
    inside = values[: hole.shape[0], : hole.shape[1]]
    plane = index * len(offsets) and index // (len(offsets) // page.samplesperpixel) if planes else 0
    inside[hole] = _stored(new, inside[hole], page, plane if planes else None)
    if page.predictor == 2:
        values[:, 1:] -= values[:, :-1].copy()
    packed = _packed(values.astype(dtype).tobytes(), page.compression, shape[0])
    end = tiff.filehandle.seek(0, 2)
    if len(packed) > sizes[index]:
        if end % 2:
            end += tiff.filehandle.write(b"\0")
        offsets[index] = end
    tiff.filehandle.seek(offsets[index])
    tiff.filehandle.write(packed)
    sizes[index] = len(packed)


def _stored(new: NDArray[Any], old: NDArray[Any], page: "TiffPage", plane: int | None) -> NDArray[Any]:
    """Samples as the file has them: turned around where white is 0, times alpha where the file wants that."""
    colours = {2: 3, 5: 4}.get(int(page.photometric), 1)
    values, alpha = new[:, :colours], new[:, colours : colours + 1]
    if page.photometric == WHITE_IS_ZERO and page.bitspersample == 8:
        values = 255 - values
    if alpha.shape[1] and page.extrasamples[:1] == (PREMULTIPLIED,):
        top = 2**page.bitspersample - 1
        values = ((values.astype(np.uint32) * alpha + top // 2) // top).astype(new.dtype)
    changed = np.concatenate([values, alpha], axis=1)
    if plane is not None:
        return changed[:, plane : plane + 1] if plane < changed.shape[1] else old
    return np.concatenate([changed, old[:, changed.shape[1] :]], axis=1)


def _unpacked(data: bytes, compression: int, rows: int, row_bytes: int) -> bytes:
    if compression == RAW:
        return data[: rows * row_bytes]
    if compression in (DEFLATE, ADOBE_DEFLATE):
        return zlib.decompressobj().decompress(data, rows * row_bytes)
    # a file of this one strip, which libtiff unpacks
    tags = {256: row_bytes, 257: rows, 258: 8, 259: compression, 262: 1, 273: 0, 277: 1, 278: rows, 279: len(data)}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    file = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", 0) + data
    return TiffImagePlugin.TiffImageFile(io.BytesIO(file)).tobytes()


def _packed(data: bytes, compression: int, rows: int) -> bytes:
    if compression == RAW:
        return data
    if compression in (DEFLATE, ADOBE_DEFLATE):
        return zlib.compress(data)
    buffer = io.BytesIO()
    picture = Image.frombytes("L", (len(data) // rows, rows), data)
    picture.save(buffer, "TIFF", compression=COMPRESSIONS[compression], strip_size=len(data))
    buffer.seek(0)
    with TiffImagePlugin.TiffImageFile(buffer) as written:
        (offset,), (size,) = written.tag_v2[273], written.tag_v2[279]
    return buffer.getvalue()[offset : offset + size]


def write_deep_tiff(filled: Filled, destination: Path, options: dict[str, Any]) -> None:
    """Write 16 bits a channel: Pillow writes the bytes as a wide grey picture, then the tags say what they are."""
    import tifffile

    height, width = filled.photo.size
    samples = filled.rows(0, height).astype("<u2")
    channels = samples.reshape(height, width, -1).shape[2]
    options["exif"][SAMPLES] = 1
    if channels == 4:
        options["exif"][EXTRA] = 2  # alpha
    wide = Image.fromarray(samples.reshape(height, -1).view(np.uint8))
    wide.save(destination, "TIFF", compression="tiff_adobe_deflate", **options)
    with tifffile.TiffFile(destination, mode="r+") as tiff:
        written = tiff.pages.first.tags
        for tag, value in ((WIDTH, width), (BITS, (16,) * channels), (PHOTOMETRIC, 2), (SAMPLES, channels)):
            written[tag].overwrite(value)
