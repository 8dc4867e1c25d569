"""The parts of a JPEG file: its segments, its scans, and what follows the picture."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Segment = tuple[int, bytes]
SOI, EOI, SOS, APP0, APP1, APP2, APP14, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
SOF1, DHT, DQT = 0xC1, 0xC4, 0xDB
TABLES = (DHT, DQT, 0xDD)  # Huffman and quantisation tables, restart interval
FRAMES = set(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
BARE = {0x01, SOI, *range(0xD0, 0xD8)}  # markers without a length
# in entropy-coded data a 0xFF is followed by 0, and restart markers belong to it
BETWEEN_SCANS = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
NUM_COEFFICIENTS = 64
BLOCK = 8


@dataclass(frozen=True)
class Jpeg:
    """A JPEG file in parts.

    Args:
        segments: Marker and content of all segments before the first scan.
        picture: From the first scan to the end-of-image marker, which is missing if the file ends before it.
        behind: What follows that marker: previews, gain maps, videos.
        ended: Whether the end-of-image marker was there.
        scans: The content of the header of each scan.
    """

    segments: tuple[Segment, ...]
    picture: bytes
    behind: bytes
    ended: bool
    scans: tuple[bytes, ...]

    @property
    def refined(self) -> bool:
        """Whether the scans give every coefficient of every component to its last bit."""
        frame = next((marker for marker, _ in self.segments if marker in FRAMES), None)
        names = next((content for marker, content in self.segments if marker in FRAMES), b"")[6::3]
        last_bits = {name: [NUM_COEFFICIENTS] * NUM_COEFFICIENTS for name in names}
        for scan in self.scans:
            components, (first, last, bits) = scan[1:-3:2], scan[-3:]
            if frame not in PROGRESSIVE:
                first, last, bits = 0, NUM_COEFFICIENTS - 1, 0
            for name in components:
                if name in last_bits:
                    last_bits[name][first : last + 1] = [bits & 15] * (last + 1 - first)
        return not any(any(bits) for bits in last_bits.values())


def parse_jpeg(content: bytes) -> Jpeg:
    """Take a JPEG file apart, as tolerant of stray bytes between segments as decoders are.

    Raises:
        ValueError: the file ends before its picture.
    """
    segments: list[Segment] = []
    place = 2
    while True:
        place = content.find(b"\xff", place)
        while 0 <= place < len(content) - 1 and content[place + 1] == 0xFF:  # fill bytes
            place += 1
        if place < 0 or place + 4 > len(content) or content[place + 1] == EOI:
            raise ValueError("it ends before its picture")
        marker, size = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if marker == 0 or marker in BARE or size < 2:
            place += 2
            continue
        if marker == SOS:
            break
        segments.append((marker, content[place + 4 : place + 2 + size]))
        place += 2 + size
    scans, end = _scans(content, place)
    stop = len(content) if end is None else end
    return Jpeg(tuple(segments), content[place:stop], content[stop:], end is not None, tuple(scans))


def _scans(content: bytes, place: int) -> tuple[list[bytes], int | None]:
    """The headers of all scans from the one at `place` on, and where the picture ends, if it does."""
    scans: list[bytes] = []
    while True:
        size = int.from_bytes(content[place + 2 : place + 4])
        marker = content[place + 1]
        if marker == SOS and size >= 6:
            scans.append(content[place + 4 : place + 2 + size])
        known = marker in (SOS, COM, *TABLES) or APP0 <= marker < APP0 + 16
        found = BETWEEN_SCANS.search(content, place + 2 + (size if known else 0))
        if found is None:
            return scans, None
        place = found.end() - 2
        if content[place + 1] == EOI:
            return scans, place + 2


def write_jpeg(path: Path, segments: list[Segment], picture: bytes, behind: bytes = b"") -> None:
    """Write a JPEG file from its parts."""
    with path.open("wb") as file:
        file.write(b"\xff\xd8")
        for marker, content in segments:
            file.write(bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content)
        file.write(picture)
        file.write(behind)


def length_of(segments: list[Segment]) -> int:
    """The bytes that segments take in a file, start-of-image marker included."""
    return 2 + sum(4 + len(content) for _, content in segments)


def blank_like(segments: Sequence[Segment]) -> tuple[list[Segment], bytes]:
    """A JPEG of the same size, planes and colours whose coefficients are all 0: its picture has two bits for a block.

    Args:
        segments: Of a JPEG whose planes fit into one scan.

    Returns:
        Its segments and its picture, for `write_jpeg`. All quantisation steps are 1.
    """
    frame = next(content for marker, content in segments if marker in FRAMES)
    height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    names, factors = frame[6::3], [divmod(both, 16) for both in frame[7::3]]
    if len(names) == 1:  # its blocks are coded one by one, whatever its factors
        factors = [(1, 1)]
    wide, tall = (BLOCK * max(factor) for factor in zip(*factors, strict=True))
    num_blocks = -(-height // tall) * -(-width // wide) * sum(across * down for across, down in factors)
    only_zero = bytes([1, *[0] * 15, 0])  # one code, of one bit: no difference of the mean, or the end of a block
    steps = b"".join(bytes([number, *[1] * NUM_COEFFICIENTS]) for number in range(4))
    told = [(m, c) for m, c in segments if m in (APP0, APP14)]
    drawn = [(DQT, steps), (SOF1, frame), (DHT, b"\x00" + only_zero + b"\x10" + only_zero)]
    scan = bytes([len(names), *(part for name in names for part in (name, 0)), 0, NUM_COEFFICIENTS - 1, 0])
    header = bytes([0xFF, SOS]) + (len(scan) + 2).to_bytes(2) + scan
    return told + drawn, header + bytes(-(-2 * num_blocks // 8)) + bytes([0xFF, EOI])
