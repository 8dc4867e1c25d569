"""Files of all kinds, written and decoded by other means than the package: zlib, struct, Pillow, tifffile."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Samples = NDArray[Any]
Chunk = tuple[bytes, bytes]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's colour types
EXIF = b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x010E, 2, 14, 26) + b"\0\0\0\0" + b"a description\0"
ICC = b"\0\0\x01\0test\x04\0\0\0mntrRGB XYZ " + b"profile " * 40
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>1</a></x:xmpmeta>'


def oriented(orientation: int) -> bytes:
    """EXIF of nothing but an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def png(
    samples: Samples, bits: int, kind: int, before: list[tuple[bytes, bytes]], after: list[tuple[bytes, bytes]]
) -> bytes:
    """A PNG without filters; rows of (H, W) or (H, W, C) samples of `bits` bits."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    if bits == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif bits == 8:
        packed = rows.astype(np.uint8)
    else:
        ones = (rows[..., None].astype(np.uint8) >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
        packed = np.packbits(ones.reshape(height, -1), axis=1)
    data = np.pad(packed, [(0, 0), (1, 0)]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(data)), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def png_chunks(content: bytes) -> list[Chunk]:
    """All chunks; their checksums are looked at."""
    chunks: list[Chunk] = []
    place = 8
    while place < len(content):
        (size,) = struct.unpack_from(">I", content, place)
        name, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", content, place + 8 + size) == (zlib.crc32(name + body),)
        chunks.append((name, body))
        place += size + 12
    return chunks


def png_samples(content: bytes) -> Samples:
    """Decode a PNG, pixel by pixel as its standard says."""
    chunks = png_chunks(content)
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    assert not interlaced
    channels = CHANNELS[kind]
    row_bytes, step = -(-width * channels * bits // 8), max(1, channels * bits // 8)
    data = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    assert len(data) == height * (row_bytes + 1)
    above, rows = [0] * row_bytes, []
    for y in range(height):
        number, *line = data[y * (row_bytes + 1) : (y + 1) * (row_bytes + 1)]
        for x in range(row_bytes):
            a, b, c = (line[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, paeth)[number]) % 256
        above = line
        rows.append(line)
    packed = np.array(rows, np.uint8)
    if bits == 16:
        samples: Samples = packed.view(">u2").astype(np.uint16)
    elif bits == 8:
        samples = packed
    else:
        ones = np.unpackbits(packed, axis=1)[:, : width * bits].reshape(height, width, bits)
        samples = np.asarray((ones << np.arange(bits - 1, -1, -1, dtype=np.uint8)).sum(axis=2), np.uint8)
    return samples.reshape(height, width, channels) if channels > 1 else samples


def tiff_samples(path: Path) -> Samples:
    """Decode a TIFF: tifffile, and what follows where it lacks a codec."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        if page.compression not in (5, 32773):
            return np.asarray(page.asarray())
        unpack = lzw if page.compression == 5 else packbits
        strips = []
        for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.filehandle.seek(offset)
            strips.append(unpack(file.filehandle.read(size)))
        samples = np.frombuffer(b"".join(strips), f"{file.byteorder}u{page.bitspersample // 8}")
        samples = samples.astype(samples.dtype.newbyteorder("=")).reshape(page.imagelength, page.imagewidth, -1)
        if page.predictor == 2:
            samples = np.cumsum(samples, axis=1, dtype=samples.dtype)
        return samples[..., 0] if page.samplesperpixel == 1 else samples


def lzw(data: bytes) -> bytes:
    """TIFF 6.0, section 13."""
    bits = int.from_bytes(data)
    num_bits, place, width = 8 * len(data), 0, 9
    table: list[bytes] = []
    result, last = b"", b""
    while True:
        code = bits >> (num_bits - place - width) & ((1 << width) - 1)
        place += width
        if code == 257:
            return result
        if code == 256:
            table, width, last = [bytes([value]) for value in range(256)] + [b"", b""], 9, b""
            continue
        entry = table[code] if code < len(table) else last + last[:1]
        if last:
            table.append(last + entry[:1])
            width = max(9, (len(table) + 1).bit_length())
        result += entry
        last = entry


def packbits(data: bytes) -> bytes:
    """TIFF 6.0, section 9."""
    result, place = b"", 0
    while place < len(data):
        count = data[place]
        if count < 128:
            result += data[place + 1 : place + 2 + count]
            place += 2 + count
        elif count > 128:
            result += data[place + 1 : place + 2] * (257 - count)
            place += 2
        else:
            place += 1
    return result


def tiff_tags(path: Path) -> dict[str, Any]:
    """All tags that do not say where the pixels are, those of EXIF included."""
    with tifffile.TiffFile(path) as file:
        tags = {tag.name: tag.value for tag in file.pages.first.tags.values()}
    places = ("StripOffsets", "StripByteCounts", "TileOffsets", "TileByteCounts", "ColorMap")
    return {name: value for name, value in tags.items() if name not in places}


def animation(kind: str) -> bytes:
    """Two frames."""
    frames = [Image.new("RGB", (9, 7), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()
