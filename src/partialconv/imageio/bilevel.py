"""Black and white PNG files whose bytes depend on the picture alone."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

# deflate (RFC 1951): the longest match is 258 bytes, as one code; the shortest 3
LONGEST_RUN, SHORTEST_RUN = 258, 3


def encode_png(hole: NDArray[np.bool_]) -> bytes:
    """Write a hole as a PNG file of one bit a pixel, white = hole.

    The bytes are the same with every version of Python, Pillow and zlib, which compressors do not promise: rows are
    stored as differences to the one above, and runs of equal bytes by the fixed codes of deflate.

    Args:
        hole: (H, W), True = hole, not empty.

    Returns:
        The file.

    Source: PNG (W3C), RFC 1950 and 1951; the choice of filter and codes is ours.
    """
    height, width = hole.shape
    rows = np.packbits(hole, axis=1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2  # PNG's filter "up"
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    data = filtered.tobytes()
    stream = b"\x78\x01" + _deflate(np.frombuffer(data, np.uint8)) + struct.pack(">I", zlib.adler32(data))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", stream) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file: length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _deflate(data: NDArray[np.uint8]) -> bytes:
    """One deflate block: the first byte of a run as it is, the others as copies of the byte before."""
    starts = np.flatnonzero(np.diff(data, prepend=data[:1] ^ 1))
    lengths = np.diff(starts, append=len(data))
    copied = lengths - 1
    # a copied run is cut into whole matches of 258, one shorter match, and single bytes where that would be under 3
    whole, rest = np.divmod(copied, LONGEST_RUN)
    matched = rest >= SHORTEST_RUN
    singles = np.where(matched, 0, rest)
    counts = 1 + singles + whole + matched
    run = np.repeat(np.arange(len(starts)), counts)
    place = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
    value = data[starts][run].astype(np.int64)
    length = np.where(place <= singles[run], 0, np.where(place <= (singles + whole)[run], LONGEST_RUN, rest[run]))
    bits = np.where(length == 0, LITERAL_BITS[value], MATCH_BITS[length])
    sizes = np.where(length == 0, LITERAL_SIZES[value], MATCH_SIZES[length])
    # header: last block, fixed codes; end of block: seven zero bits
    bits, sizes = np.concatenate([[0b011], bits, [0]]), np.concatenate([[3], sizes, [7]])
    ends = np.cumsum(sizes)
    stream = np.zeros(int(ends[-1]), np.uint8)
    for bit in range(int(sizes.max())):
        has = sizes > bit
        stream[(ends - sizes + bit)[has]] = (bits[has] >> bit) & 1
    return np.packbits(stream, bitorder="little").tobytes()


def _reversed(code: int, size: int) -> int:
    return int(f"{code:0{size}b}"[::-1], 2)


def _literals() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    codes = [(0x30 + byte, 8) if byte < 144 else (0x190 + byte - 144, 9) for byte in range(256)]
    return np.array([_reversed(*code) for code in codes]), np.array([size for _, size in codes])


def _matches() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bits, first one lowest, and their number for a match of each length at distance 1."""
    bits, sizes = np.zeros(LONGEST_RUN + 1, np.int64), np.zeros(LONGEST_RUN + 1, np.int64)
    symbol, length = 257, SHORTEST_RUN
    for extra in (0, 0, 1, 2, 3, 4, 5):  # of four symbols each
        for _ in range(4):
            code, size = (symbol - 256, 7) if symbol < 280 else (0xC0 + symbol - 280, 8)
            for offset in range(1 << extra):
                bits[length + offset] = _reversed(code, size) | offset << size
                sizes[length + offset] = size + extra + 5  # distance 1 is code 0 of five bits
            symbol, length = symbol + 1, length + (1 << extra)
    bits[LONGEST_RUN], sizes[LONGEST_RUN] = _reversed(0xC0 + 285 - 280, 8), 8 + 5
    return bits, sizes


LITERAL_BITS, LITERAL_SIZES = _literals()
MATCH_BITS, MATCH_SIZES = _matches()
