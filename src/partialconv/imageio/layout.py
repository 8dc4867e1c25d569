"""TIFF files whose layout Pillow does not open, or not rightly: scans of film with infrared, planes."""

import struct
from collections.abc import Iterator

BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANES, EXTRA, PRIVATE = 258, 259, 262, 277, 284, 338, 65535
RGB, SEPARATE, ALPHAS = 2, 2, (1, 2)
SHORT, LONG = 3, 4
COMPRESSIONS = (1, 5, 8, 32773, 32946)  # that `strips` knows


def openable(content: bytes) -> bytes:
    """A file that Pillow can open, of which it must not decode the pixels.

    Args:
        content: Of any file.

    Returns:
        For a TIFF of RGB with further samples, or in planes, a copy whose tags say that it is plain RGB, or RGBA if
        there is alpha; any other file as it is. See `strips.strips_of` for its pixels.
    """
    if content[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return content
    try:
        return _relabelled(content)
    except struct.error:
        return content  # it ends early, and the decoder will say so


def _relabelled(content: bytes) -> bytes:
    order, big = ("<" if content[:1] == b"I" else ">"), b"+" in content[:4]
    room = 8 if big else 4
    found = {tag: (place, count) for place, tag, count in _entries(content, order, big)}

    def values(tag: int) -> tuple[int, ...]:
        if tag not in found:
            return ()
        place, count = found[tag]
        (kind,) = struct.unpack_from(order + "H", content, place + 2)
        if kind not in (SHORT, LONG) or count > 16:
            return ()
        start = place + (12 if big else 8)
        form = order + ("H" if kind == SHORT else "I") * count
        if struct.calcsize(form) > room:
            (start,) = struct.unpack_from(order + ("Q" if big else "I"), content, start)
        return struct.unpack_from(form, content, start)

    bits, samples, extra = values(BITS), values(SAMPLES), values(EXTRA)
    channels = 4 if extra[:1] and extra[0] in ALPHAS else 3
    if values(PHOTOMETRIC) != (RGB,) or set(bits) not in ({8}, {16}) or len(bits) < channels or samples < (channels,):
        return content
    plain = samples == (channels,) and values(PLANES) != (SEPARATE,)
    if plain or not set(values(COMPRESSION)) <= set(COMPRESSIONS):
        return content
    changed = bytearray(content)

    def put(tag: int, *numbers: int) -> None:
        if tag in found:
            place, _ = found[tag]
            struct.pack_into(order + "HHQ" if big else order + "HHI", changed, place, tag, SHORT, len(numbers))
            if 2 * len(numbers) <= room:
                struct.pack_into(f"{order}{len(numbers)}H", changed, place + (12 if big else 8), *numbers)

    put(BITS, *bits[:channels])
    put(SAMPLES, channels)
    put(PLANES, 1)
    if channels == 4:
        put(EXTRA, extra[0])
    elif EXTRA in found:
        struct.pack_into(order + "H", changed, found[EXTRA][0], PRIVATE)
    return bytes(changed)


def _entries(content: bytes, order: str, big: bool) -> Iterator[tuple[int, int, int]]:
    """Place, tag and number of values of each entry of the first directory."""
    (place,) = struct.unpack_from(order + ("Q" if big else "I"), content, 8 if big else 4)
    (number,) = struct.unpack_from(order + ("Q" if big else "H"), content, place)
    place += 8 if big else 2
    for _ in range(min(number, 4096)):
        tag, _kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), content, place)
        yield place, tag, count
        place += 20 if big else 12
