"""Black and white PNG files whose bytes depend on the picture alone."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# deflate (RFC 1951): the longest match is 258 bytes, as one code; the shortest 3
LONGEST_RUN, SHORTEST_RUN = 258, 3
BAND_BYTES = 1 << 18  # of rows at a time; each byte takes some hundred while it is coded


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
    stream, checksum, above = _Deflate(), 1, np.zeros((1, -(-width // 8)), np.uint8)
    content = bytearray(b"\x78\x01")
    band_rows = max(1, BAND_BYTES // (above.shape[1] + 1))
    for start in range(0, height, band_rows):
        rows = np.packbits(hole[start : start + band_rows], axis=1)
        filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
        filtered[:, 0] = 2  # PNG's filter "up"
        filtered[:, 1:] = rows - np.concatenate([above, rows[:-1]])
        above = rows[-1:]
        checksum = zlib.adler32(filtered.data, checksum)
        content += stream.add(filtered.reshape(-1))
    content += stream.end() + struct.pack(">I", checksum)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", bytes(content)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file: length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


class _Deflate:
    """One deflate block, written piece by piece: the first byte of a run as it is, the others as copies of it."""

    def __init__(self) -> None:
        self._value, self._length = 0, 0  # of the run that the next piece may continue
        self._bits = np.array([1, 1, 0], np.uint8)  # not yet a byte; at first the header: last block, fixed codes

    def add(self, data: NDArray[np.uint8]) -> bytes:
        """What can be written after some more bytes."""
        starts = np.flatnonzero(np.diff(data, prepend=data[:1] ^ 1))
        lengths = np.diff(starts, append=len(data))
        values = data[starts]
        if self._length and values[0] == self._value:
            lengths[0] += self._length
        elif self._length:
            values, lengths = np.insert(values, 0, self._value), np.insert(lengths, 0, self._length)
        self._value, self._length = int(values[-1]), int(lengths[-1])
        return self._packed(*_codes(values[:-1], lengths[:-1]))

    def end(self) -> bytes:
        """The last run, and the end of the block: seven zero bits."""
        bits, sizes = _codes(np.array([self._value]), np.array([self._length]))
        written = self._packed(np.append(bits, 0), np.append(sizes, 7))
        return written + np.packbits(self._bits, bitorder="little").tobytes()

    def _packed(self, bits: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
        ends = np.cumsum(sizes) + len(self._bits)
        stream = np.zeros(int(ends[-1]) if len(ends) else len(self._bits), np.uint8)
        stream[: len(self._bits)] = self._bits
        for bit in range(int(sizes.max(initial=0))):
            has = sizes > bit
            stream[(ends - sizes + bit)[has]] = (bits[has] >> bit) & 1
        whole = len(stream) // 8 * 8
        self._bits = stream[whole:]
        return np.packbits(stream[:whole], bitorder="little").tobytes()


def _codes(values: NDArray[Any], lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The codes of some runs, first bit lowest, and how many bits each has."""
    copied = lengths - 1
    # a copied run is cut into whole matches of 258, one shorter match, and single bytes where that would be under 3
    whole, rest = np.divmod(copied, LONGEST_RUN)
    matched = rest >= SHORTEST_RUN
    singles = np.where(matched, 0, rest)
    counts = 1 + singles + whole + matched
    run = np.repeat(np.arange(len(values)), counts)
    place = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
    value = values[run].astype(np.int64)
    length = np.where(place <= singles[run], 0, np.where(place <= (singles + whole)[run], LONGEST_RUN, rest[run]))
    bits = np.where(length == 0, LITERAL_BITS[value], MATCH_BITS[length])
    return bits, np.where(length == 0, LITERAL_SIZES[value], MATCH_SIZES[length])


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
