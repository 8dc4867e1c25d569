"""What phones attach behind the picture of a JPEG: gain maps of HDR photos, and the videos of motion photos."""

import re
import struct
from collections.abc import Sequence

from partialconv.imageio.markers import APP1, APP2, Jpeg, Segment, length_of

XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
MPF_NAME = b"MPF\0"
GAIN_MAPS = (b"hdr-gain-map", b"hdrgainmap", b"urn:iso:std:iso:ts:21496")  # of Adobe and Google, Apple, ISO
VIDEO = re.compile(rb"\0\0[\0-\2].ftyp", re.DOTALL)
MP_ENTRIES = 0xB002
ENTRY = "III4x"  # attributes, size, offset
# namespaces of XMP, and the names in them that speak of what is behind the picture
CLAIMS = {
    b"http://ns.google.com/photos/1.0/camera/": rb"(?:MotionPhoto|MicroVideo)\w*",
    b"http://ns.google.com/photos/1.0/container/": rb"\w+",
    b"http://ns.google.com/photos/1.0/container/item/": rb"\w+",
    b"http://ns.adobe.com/hdr-gain-map/1.0/": rb"\w+",
    b"http://ns.apple.com/HDRGainMap/1.0/": rb"\w+",
}


def attached_to(jpeg: Jpeg) -> tuple[str, ...]:
    """Name what is behind the picture and no mere preview of it: "a gain map", "a video"."""
    found = []
    described = [content for marker, content in jpeg.segments if marker in (APP1, APP2)]
    if b"\xff\xd8\xff" in jpeg.behind and any(name in part for part in (*described, jpeg.behind) for name in GAIN_MAPS):
        found.append("a gain map")
    announced = any(b"MotionPhoto" in part or b"MicroVideo" in part for part in described)
    if VIDEO.search(jpeg.behind) or (announced and jpeg.behind):
        found.append("a video")
    return tuple(found)


def without_claims(xmp: bytes) -> bytes:
    """XMP that no longer says that a gain map or a video follows the picture."""
    for namespace, names in CLAIMS.items():
        for prefix in set(re.findall(rb"xmlns:(\w+)\s*=\s*[\"']" + re.escape(namespace) + rb"[\"']", xmp)):
            name = re.escape(prefix) + rb":" + names
            xmp = re.sub(rb"<(" + name + rb")\b[^>]*?(?:/>|(?<!/)>.*?</\1\s*>)", b"", xmp, flags=re.DOTALL)
            xmp = re.sub(rb"\s" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", xmp)
    return xmp


def with_index(segments: Sequence[Segment], content: bytes, jpeg: Jpeg, picture: bytes) -> list[Segment]:
    """Correct the index of pictures (CIPA DC-007, "MPF") for another picture before the same attachments.

    Args:
        segments: Of the new file.
        content: The old file, of which `jpeg` are the parts.
        jpeg: The parts.
        picture: Of the new file.

    Returns:
        The segments of the new file; without the index, if it cannot be read.
    """
    result = list(segments)
    for place, (marker, index) in enumerate(result):
        if marker == APP2 and index.startswith(MPF_NAME):
            old_base = content.index(index) + len(MPF_NAME)
            new_base = length_of(result[:place]) + 4 + len(MPF_NAME)
            old_start, new_start = len(content) - len(jpeg.behind), length_of(result) + len(picture)
            try:
                result[place] = marker, _moved(index, old_base, new_base, old_start, new_start)
            except struct.error:
                del result[place]
            break
    return result


def _moved(index: bytes, old_base: int, new_base: int, old_start: int, new_start: int) -> bytes:
    """An index whose offsets count from another base, and whose pictures from `old_start` on have moved."""
    body = bytearray(index[len(MPF_NAME) :])
    order = "<" if body[:2] == b"II" else ">"
    (place,) = struct.unpack_from(order + "I", body, 4)
    (num_tags,) = struct.unpack_from(order + "H", body, place)
    for tag_place in range(place + 2, place + 2 + 12 * num_tags, 12):
        tag, _, num_bytes, entries = struct.unpack_from(order + "HHII", body, tag_place)
        if tag == MP_ENTRIES:
            for entry in range(entries, entries + num_bytes, struct.calcsize(order + ENTRY)):
                attributes, size, offset = struct.unpack_from(order + "III", body, entry)
                if offset == 0:
                    size += new_start - old_start
                elif old_base + offset >= old_start:
                    offset += old_base - new_base + new_start - old_start
                struct.pack_into(order + "III", body, entry, attributes, size, offset)
    return MPF_NAME + bytes(body)
