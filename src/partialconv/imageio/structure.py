"""The skeleton of a file, walked before a decoder sees it: what would cost far more than the picture is worth.

Decoders collect segments with a cost that grows with their square, follow directories that name the same bytes again
and again, and allocate what a header claims. Each walk here is linear in the file, and reads no pixel.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MOST_PARTS = 10_000  # segments, chunks and blocks beside the pixels; the largest profiles of cameras have some hundred
MOST_SCANS = 500  # of a JPEG, each of which passes over the whole picture; usual are 1 to 10
MOST_JUNK = 1 << 16  # bytes between the segments of a JPEG
BARE_MARKERS = {0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # without a length
MOST_TAGS = 4096  # of a directory
MOST_TILE_PX = 1 << 22  # of a tile in a picture that is smaller itself
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
WIDTH, HEIGHT, BITS, STRIPS, SAMPLES, ROWS, TILE_WIDTH, TILE_HEIGHT, TILES = 256, 257, 258, 273, 277, 278, 322, 323, 324
KIND, REDUCED, MASK = 254, 1, 4
MOST_PAGES = 16
DIRECTORIES = (34665, 34853, 40965)  # of EXIF, GPS and interoperability, which decoders read as well


@dataclass(frozen=True)
class Structure:
    """What the skeleton says.

    Args:
        frames: 1, or 2 for a picture that is one of several.
        num_companions: Pages of a TIFF that belong to the first one: its infrared channel, thumbnails, masks.
        num_samples: Of a pixel of a TIFF.
        size: (height, width), where a decoder would allocate it on opening; None elsewhere.
        unit_bytes: Of the largest piece that is decoded as a whole: a strip or tile of a TIFF.
        unit: What that piece is, for messages.
    """

    frames: int = 1
    num_companions: int = 0
    num_samples: int = 0
    size: tuple[int, int] | None = None
    unit_bytes: int = 0
    unit: str = ""


def structure_of(content: bytes) -> Structure:
    """Walk through a file.

    Args:
        content: Of a file of any kind; of one that is no picture nothing is said.

    Raises:
        ValueError: a decoder would be led astray; the message says by what.
    """
    try:
        return _walked(content)
    except (struct.error, IndexError):
        return Structure()  # the file ends early, and the decoder will say so


def _walked(content: bytes) -> Structure:
    if content[:2] == b"\xff\xd8":
        return _jpeg(content)
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(content)
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return _gif(content)
    return Structure()


def check_exif(content: bytes) -> None:
    """Refuse EXIF whose directories claim more bytes than there are.

    Args:
        content: With or without the name "Exif" before it.

    Raises:
        ValueError: they do.
    """
    content = content.removeprefix(b"Exif\0\0")
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        try:
            _Directories(content).read()
        except (struct.error, IndexError):
            return  # an early end is for the decoder to judge


def _jpeg(content: bytes) -> Structure:
    """As Pillow walks, which skips what stands between segments byte by byte."""
    place, parts, junk, exif = 2, 0, 0, []
    while 0 <= place < len(content) - 1:
        following = content.find(b"\xff", place)
        junk += max(0, following - place)
        if following < 0 or following + 1 >= len(content):
            break
        place, marker = following, content[following + 1]
        parts += marker not in (0x00, 0xFF)
        junk += marker in (0x00, 0xFF)
        if parts > MOST_PARTS or junk > MOST_JUNK:
            raise ValueError(f"more than {MOST_PARTS} segments, or {MOST_JUNK} bytes between them, before the picture")
        if marker == 0xDA:
            break
        if marker in (0x00, 0xFF):
            place += 1
        elif marker in BARE_MARKERS:
            place += 2
        else:
            size = int.from_bytes(content[place + 2 : place + 4])
            if marker == 0xE1 and content[place + 4 : place + 10] == b"Exif\0\0":
                exif.append(content[place + 10 : place + 2 + size])
            place += 2 + max(2, size)
    check_exif(b"".join(exif))
    end = content.find(b"\xff\xd9", place)
    scans = content.count(b"\xff\xda", place, end if end >= 0 else len(content))
    if scans > MOST_SCANS:
        raise ValueError(f"{scans} scans, expected at most {MOST_SCANS}")
    return Structure()


def _png(content: bytes) -> Structure:
    place, parts, profiles, frames = 8, 0, 0, 1
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IEND":
            break
        if kind == b"acTL" and size >= 4:
            frames = min(2, max(1, struct.unpack_from(">I", content, place + 8)[0]))
        if kind == b"eXIf":
            check_exif(content[place + 8 : place + 8 + size])
        profiles += kind == b"iCCP"
        # pixels in pieces of a few bytes cost a decoder as much as other chunks
        parts += kind != b"IDAT" or size < 64
        if parts > MOST_PARTS or profiles > 1:
            raise ValueError(f"{profiles} colour profiles" if profiles > 1 else f"more than {MOST_PARTS} chunks")
        place += size + 12
    return Structure(frames)


def _webp(content: bytes) -> Structure:
    place, parts, frames, size = 12, 0, 0, None
    while place + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, place)
        body = content[place + 8 : place + 18]
        if size is None and kind == b"VP8X":
            size = 1 + int.from_bytes(body[7:10], "little"), 1 + int.from_bytes(body[4:7], "little")
        elif size is None and kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            size = height & 0x3FFF, width & 0x3FFF
        elif size is None and kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            size = 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
        if kind == b"EXIF":
            check_exif(content[place + 8 : place + 8 + length])
        frames += kind == b"ANMF"
        parts += 1
        if frames > 1:
            return Structure(2, size=size)
        if parts > MOST_PARTS:
            raise ValueError(f"more than {MOST_PARTS} chunks")
        place += 8 + length + length % 2
    return Structure(1, size=size)


def _gif(content: bytes) -> Structure:
    def table(flags: int) -> int:
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0

    def blocks(place: int) -> Iterator[int]:
        """The ends of blocks that say how long they are, up to the empty one."""
        while content[place]:
            place += 1 + content[place]
            yield place
        yield place + 1

    place, parts, frames = 13 + table(content[10]), 0, 0
    while place < len(content) and content[place] in b"!,":
        if content[place] == 0x2C:
            frames += 1
            if frames > 1:
                return Structure(2)
            try:
                *_, place = blocks(place + 11 + table(content[place + 9]))
            except IndexError:
                return Structure()
            continue
        for end in blocks(place + 2):
            parts, place = parts + 1, end
            if parts > MOST_PARTS:
                raise ValueError(f"more than {MOST_PARTS} blocks beside the picture")
    return Structure()


class _Directories:
    """Walks the directories of a TIFF, or of EXIF, which is one."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.order = "<" if content[:2] == b"II" else ">"
        self.big = content[2:4] in (b"+\0", b"\0+")
        self.claimed = 0

    def read(self) -> tuple[dict[int, tuple[int, int]], list[dict[int, tuple[int, int]]]]:
        """Walk the first directory, those below it, and those that follow it.

        Returns:
            Number of values and the first one of each tag, of the first directory and of at most `MOST_PAGES` others.
        """
        (first,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), self.content, 8 if self.big else 4)
        tags, following = self._directory(first)
        seen, waiting = {first}, [tags]
        while waiting:
            for tag, (_, value) in waiting.pop().items():
                if tag in DIRECTORIES and value not in seen:
                    seen.add(value)
                    try:
                        waiting.append(self._directory(value)[0])
                    except struct.error:
                        continue
        others: list[dict[int, tuple[int, int]]] = []
        places = {first}
        while following not in (0, *places) and len(others) < MOST_PAGES:
            places.add(following)
            try:
                other, following = self._directory(following)
            except struct.error:
                other, following = {}, 0
            others.append(other)
        return tags, others

    def _directory(self, place: int) -> tuple[dict[int, tuple[int, int]], int]:
        order, content = self.order, self.content
        head, entry, room = ("Q", "HHQ", 8) if self.big else ("H", "HHI", 4)
        (number,) = struct.unpack_from(order + head, content, place)
        if number > MOST_TAGS:
            raise ValueError(f"a directory of {number} tags, expected at most {MOST_TAGS}")
        place += struct.calcsize(order + head)
        tags = {}
        for _ in range(number):
            tag, kind, count = struct.unpack_from(order + entry, content, place)
            place += struct.calcsize(order + entry)
            size = TYPE_BYTES.get(kind, 1) * count
            start = place
            if size > room:
                (start,) = struct.unpack_from(order + ("Q" if self.big else "I"), content, place)
                self.claimed += size
                if self.claimed > len(content) + 1:
                    raise ValueError("tags that claim more bytes than the file has")
            form = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}.get(kind)
            readable = form is not None and count and start + struct.calcsize(form) <= len(content)
            tags[tag] = count, struct.unpack_from(order + form, content, start)[0] if readable else -1  # type: ignore[operator]
            place += room
        following = struct.unpack_from(order + ("Q" if self.big else "I"), content.ljust(place + 8, b"\0"), place)
        return tags, following[0]


def _tiff(content: bytes) -> Structure:
    tags, others = _Directories(content).read()

    def first(tag: int, default: int) -> int:
        return tags[tag][1] if tag in tags and tags[tag][1] >= 0 else default

    height, width = first(HEIGHT, 0), first(WIDTH, 0)
    samples, bits = first(SAMPLES, 1), first(BITS, 1)
    if TILE_WIDTH in tags:
        unit, rows, columns = "tile", first(TILE_HEIGHT, 0), first(TILE_WIDTH, 0)
        if rows * columns > max(MOST_TILE_PX, 4 * height * width):
            raise ValueError(f"tiles of {columns}x{rows} pixels in a picture of {width}x{height}")
        most = math.ceil(height / max(1, rows)) * math.ceil(width / max(1, columns))
    else:
        unit, rows, columns = "strip", min(first(ROWS, height), height), width
        most = height
    number = max(tags.get(STRIPS, (0, 0))[0], tags.get(TILES, (0, 0))[0])
    if number > max(1, most) * max(1, samples):
        raise ValueError(f"{number} {unit}s in a picture of {width}x{height}")
    companions = sum(_is_companion(other, samples) for other in others)
    frames = 1 if companions == len(others) else 2
    return Structure(frames, companions, samples, None, rows * columns * samples * bits // 8, unit)


def _is_companion(page: dict[int, tuple[int, int]], samples: int) -> bool:
    """Whether a page belongs to a first one of so many samples: a smaller copy, a mask, or its infrared channel."""
    kind = page.get(KIND, (1, 0))[1]
    grey = page.get(SAMPLES, (1, 1))[1] == 1
    return kind in (REDUCED, MASK) or (grey and samples >= 3)
