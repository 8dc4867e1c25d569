"""Files that would cost a decoder more than the picture is worth are refused; honest ones of their kinds are not."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from partialconv.errors import InputError, TooLargeError
from partialconv.imageio import MAX_SIDE_PX, open_picture, read_header, read_photo
from partialconv.masks import read_hole
from tests.imageio.formats import png_chunks

READERS: list[Callable[[Path], object]] = [read_header, read_photo, read_hole]
Tags = dict[int, tuple[int, int, int]]  # type, number of values, value or place


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *before: bytes, bits: int = 8) -> bytes:
    """Grey, all black."""
    rows = zlib.compress(bytes(min(height, 100) * (width * bits // 8 + 1)))
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pieces = [chunk(b"IHDR", header), *before, chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def tiff(changes: Tags, following: int = 0, size: tuple[int, int] = (48, 64)) -> bytes:
    """Grey, all black, in one strip; `changes` are other tags."""
    height, width = size
    tags: Tags = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    tags |= {273: (4, 1, 8), 277: (3, 1, 1), 278: (4, 1, height), 279: (4, 1, height * width)}
    tags = dict(sorted((tags | changes).items()))
    entries = b"".join(struct.pack("<HHII", tag, *values) for tag, values in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8 + height * width) + bytes(height * width) + directory


def exif(num_tags: int, claimed: int) -> bytes:
    """EXIF whose tags all name the same bytes."""
    entries = b"".join(struct.pack("<HHII", 40000 + n, 7, claimed, 8) for n in range(num_tags))
    return (b"II*\0" + struct.pack("<IH", 8, num_tags) + entries + bytes(4)).ljust(claimed + 8, b"\0")


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (64, 48)).save(buffer, "JPEG")
    more = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    return b"\xff\xd8" + more + buffer.getvalue()[2:]


def progressive(num_scans: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (64, 48)).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    first = content.index(b"\xff\xda")
    second = content.index(b"\xff\xda", first + 2)
    return content[:second] + content[second:-2] * num_scans + content[-2:]


def webp(width: int, height: int) -> bytes:
    body = (
        b"VP8X" + struct.pack("<IB3x", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif(num_comments: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (64, 48)).save(buffer, "GIF")
    content = buffer.getvalue()
    start = 13 + 3 * 2 ** ((content[10] & 7) + 1) if content[10] & 0x80 else 13
    return content[:start] + b"\x21\xfe" + b"\x01a" * num_comments + b"\0" + content[start:]


def bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + bytes(3000)


SAME_BYTES = exif(500, 50_000)
TOO_LARGE = {
    "tall png": png(1, 100_000_000),
    "wide png": png(100_000, 2),
    "jpeg of the highest sizes": jpeg().replace(b"\x08\x00\x30\x00\x40", b"\x08\xff\xff\xff\xff"),
    "webp canvas": webp(16_000_000, 1),
    "bmp of a large negative height": bmp(1, -(2**31 - 1)),
    "tall tiff": tiff({257: (4, 1, 2**32 - 1)}),
}
HOSTILE = {
    "tiff tile": (tiff({322: (4, 1, 46_000), 323: (4, 1, 46_000), 324: (4, 1, 8), 325: (4, 1, 99)}), "tiles of 46000"),
    "tiff strips": (tiff({273: (4, 3000, 8), 279: (4, 3000, 8)}, size=(48, 500)), "strips in a picture"),
    "tiff tags": (tiff({40000 + n: (7, 3000, 8) for n in range(99)}), "claim more bytes"),
    "tiff of many tags": (tiff({40000 + n: (1, 1, 0) for n in range(5000)}), "directory of 5009 tags"),
    "png exif": (png(8, 8, chunk(b"eXIf", SAME_BYTES)), "claim more bytes"),
    "jpeg exif": (jpeg(*[(0xE1, b"Exif\0\0" + SAME_BYTES[n : n + 9000]) for n in range(0, 50_000, 9000)]), "claim"),
    "png chunks": (png(8, 8, *[chunk(b"tEXt", b"a\0b")] * 10_001), "chunks"),
    "png profiles": (png(8, 8, *[chunk(b"iCCP", b"n\0\0" + zlib.compress(bytes(10**6)))] * 99), "colour profiles"),
    "jpeg segments": (jpeg(*[(0xFE, b"")] * 10_001), "segments"),
    "jpeg fill bytes": (jpeg().replace(b"\xff\xd8", b"\xff\xd8" + b"\xff" * 70_000, 1), "bytes between"),
    "jpeg scans": (progressive(600), "scans"),
    "gif comments": (gif(10_001), "blocks beside"),
    "tiff pages": (tiff({}, following=8 + 48 * 64 + 2 + 12 * 9), "more than one frame"),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", TOO_LARGE)
def test_long_sides_are_refused_by_the_header(tmp_path: Path, kind: str, reader: Callable[[Path], object]) -> None:
    (tmp_path / "it").write_bytes(TOO_LARGE[kind])
    with pytest.raises(TooLargeError, match=f"250 million|at most {MAX_SIDE_PX} a side"):
        reader(tmp_path / "it")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_what_leads_decoders_astray_is_refused(tmp_path: Path, kind: str, reader: Callable[[Path], object]) -> None:
    content, message = HOSTILE[kind]
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        reader(tmp_path / "it")
    assert str(caught.value).isprintable()


def test_honest_files_of_these_kinds_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (48, 64), dtype=np.uint8)
    tiled = io.BytesIO()
    tifffile.imwrite(tiled, small, tile=(256, 256), compression="zlib")
    files = {
        "one strip that claims all rows": tiff({278: (4, 1, 2**32 - 1)}),
        "a directory that follows itself": tiff({}, following=8 + 48 * 64),
        "one large tile": tiled.getvalue(),
        "text": png(64, 48, *[chunk(b"tEXt", b"a\0b")] * 900),
        "comments": jpeg(*[(0xFE, b"hello")] * 900),
        "scans": progressive(5),
        "gif": gif(500),
        "tags": png(64, 48, chunk(b"eXIf", exif(1, 40))),
    }
    for name, content in files.items():
        (tmp_path / "it").write_bytes(content)
        assert read_header(tmp_path / "it").size == (48, 64), name
        assert open_picture(tmp_path / "it").size == (64, 48), name


def test_a_narrow_picture_of_the_longest_side_is_read(tmp_path: Path) -> None:
    Image.new("L", (1, MAX_SIDE_PX)).save(tmp_path / "it.png")
    assert read_photo(tmp_path / "it.png").size == (MAX_SIDE_PX, 1)


@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_a_palette_shorter_than_its_indices_is_one_line(tmp_path: Path, kind: str) -> None:
    buffer, pixels = io.BytesIO(), np.full((8, 8), 5, np.uint8)
    if kind == "png":
        picture = Image.fromarray(pixels).convert("P")
        picture.putpalette(bytes(range(48)))
        picture.save(buffer, "PNG")
        chunks = [(k, c[:6] if k == b"PLTE" else c) for k, c in png_chunks(buffer.getvalue())]
        content = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)
    else:
        head = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 8, 0, 64, 0, 0, 2, 0)
        content = b"BM" + struct.pack("<IHHI", 126, 0, 0, 62) + head + bytes(8) + pixels.tobytes()
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(InputError, match="palette has .* colours, its pixels go up to"):
        read_photo(tmp_path / "it")
