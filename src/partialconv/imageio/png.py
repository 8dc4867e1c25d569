"""PNG files with other pixels: everything else in them is copied."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from partialconv.errors import InputError
from partialconv.imageio.bilevel import png_chunk
from partialconv.imageio.colours import Filled
from partialconv.imageio.ink import Samples
from partialconv.imageio.photo import Photo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {"1": 0, "L": 0, "RGB": 2, "P": 3, "LA": 4, "RGBA": 6}
PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
# depend on the pixels or their colours by the letter of the standard, but not on where they are in the file
KNOWN = (
    b"bKGD", b"cHRM", b"cICP", b"cLLI", b"gAMA", b"iCCP", b"mDCV", b"pCAL",
    b"sBIT", b"sCAL", b"sPLT", b"sRGB", b"tIME", b"tRNS",
)  # fmt: skip
BAND_BYTES = 1 << 22
LEVEL = 5  # of zlib
Bytes = NDArray[np.uint8]
Chunk = tuple[bytes, bytes]


def write_png(filled: Filled, file: BinaryIO) -> None:
    """Write a photo as PNG.

    From a PNG all that is not pixels is copied, from another format EXIF, ICC profile, XMP and resolution. Takes
    memory for a few rows besides the photo. An interlaced file is no longer so.

    Raises:
        InputError: the photo is CMYK.
    """
    photo = filled.photo
    if photo.mode not in COLOUR_TYPES:
        raise InputError("a PNG cannot hold CMYK colours: write a .tif or .jpg file.")
    before, after = _copied(photo.content) if photo.format == "PNG" else (_described(photo), [])
    height, width = photo.size
    bits = photo.bits if photo.format == "PNG" or photo.mode == "1" or photo.bits == 16 else 8
    colour_type = COLOUR_TYPES[photo.mode]
    file.write(SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)))
    if filled.palette is not None:
        before = _with_palette(filled.palette, bits, before)
    for chunk in before:
        file.write(png_chunk(*chunk))
    compressor = zlib.compressobj(LEVEL)
    pixel_bytes = max(1, filled.rows(0, 1).reshape(width, -1).shape[1] * bits // 8)
    rows_at_once = max(1, BAND_BYTES // (width * pixel_bytes))
    above = None
    for start in range(0, height, rows_at_once):
        packed = _packed(filled.rows(start, start + rows_at_once), bits, photo.mode)
        content = compressor.compress(_filtered(packed, above, pixel_bytes, bits >= 8 and photo.mode != "P").tobytes())
        above = packed[-1]
        if content:
            file.write(png_chunk(b"IDAT", content))
    file.write(png_chunk(b"IDAT", compressor.flush()))
    for chunk in after:
        file.write(png_chunk(*chunk))
    file.write(png_chunk(b"IEND", b""))


def _chunks(content: bytes) -> Iterator[Chunk]:
    place = len(SIGNATURE)
    while place + 8 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        place += size + 12


def _copied(file: bytes) -> tuple[list[Chunk], list[Chunk]]:
    """What stands before and behind the pixels and may be copied (PNG, third edition, 14.2)."""
    before: list[Chunk] = []
    after: list[Chunk] = []
    kept = before
    for kind, content in _chunks(file):
        if kind == b"IDAT":
            kept = after
        safe = len(kind) == 4 and kind[0] & 0x20 and kind[3] & 0x20
        if (kind not in PIXELS and safe) or kind in KNOWN:
            kept.append((kind, content))
    return before, after


def _described(photo: Photo) -> list[Chunk]:
    """What Pillow writes about a photo from another format."""
    texts = PngImagePlugin.PngInfo()
    if xmp := photo.info.get("xmp"):
        texts.add_itxt("XML:com.adobe.xmp", bytes(xmp).decode("utf-8", "replace"))
    kept = {name: photo.info[name] for name in ("exif", "icc_profile", "dpi") if name in photo.info}
    buffer = io.BytesIO()
    Image.new("L" if photo.mode in ("1", "L", "LA") else "RGB", (1, 1)).save(buffer, "PNG", pnginfo=texts, **kept)
    return [chunk for chunk in _chunks(buffer.getvalue()) if chunk[0] not in PIXELS]


def _with_palette(palette: Bytes, bits: int, chunks: list[Chunk]) -> list[Chunk]:
    """Put the palette where it has to be: behind the description of colours, before what refers to it."""
    palette = palette[: 2**bits]
    behind = (b"bKGD", b"hIST", b"tRNS")
    opaque = np.flatnonzero(palette[:, 3] < 255)
    alpha = palette[: opaque[-1] + 1, 3].tobytes() if len(opaque) else b""
    return [
        *(chunk for chunk in chunks if chunk[0] not in behind),
        (b"PLTE", np.ascontiguousarray(palette[:, :3]).tobytes()),
        *([(b"tRNS", alpha)] if alpha else []),
        *(chunk for chunk in chunks if chunk[0] == b"bKGD"),
    ]


def _packed(samples: Samples, bits: int, mode: str) -> Bytes:
    """Rows of samples as rows of bytes."""
    if bits == 1:
        return np.packbits(samples.astype(bool), axis=1)
    if bits == 16:
        return samples.astype(">u2").reshape(len(samples), -1).view(np.uint8)
    if bits == 8:
        return np.ascontiguousarray(samples).reshape(len(samples), -1)
    if mode == "L":  # which Pillow has spread to 8 bits
        samples = samples // (255 // (2**bits - 1))
    each = 8 // bits
    padded = np.pad(samples, [(0, 0), (0, -samples.shape[1] % each)]).reshape(len(samples), -1, each)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    return np.asarray(np.bitwise_or.reduce(padded << shifts, axis=2), np.uint8)


def _filtered(rows: Bytes, above: Bytes | None, pixel_bytes: int, choose: bool) -> Bytes:
    """Each row by the one of PNG's filters that leaves the smallest differences (the standard's heuristic, 12.7)."""
    result = np.zeros((len(rows), rows.shape[1] + 1), np.uint8)
    if not choose:
        result[:, 1:] = rows
        return result
    up = np.vstack([np.zeros((1, rows.shape[1]), np.uint8) if above is None else above[None], rows[:-1]])
    left = np.zeros_like(rows)
    left[:, pixel_bytes:] = rows[:, :-pixel_bytes]
    mean = (left >> 1) + (up >> 1) + (left & up & 1)  # half of the sum, without its ninth bit
    candidates = {1: rows - left, 2: rows - up, 3: rows - mean}
    scores = np.stack([np.minimum(c, -c).sum(axis=1, dtype=np.int64) for c in candidates.values()])
    best = scores.argmin(axis=0)
    for place, (number, differences) in enumerate(candidates.items()):
        result[best == place, 0] = number
        result[best == place, 1:] = differences[best == place]
    return result
