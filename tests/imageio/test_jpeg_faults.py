"""JPEGs as they are met: stray bytes, a missing end, gain maps and videos behind the picture."""

import io
import struct
from pathlib import Path

import jpeglib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import read_photo, write_photo
from tests.imageio.test_jpeg import encode, picture

SIZE = (160, 96)
NAMESPACES = (
    'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    'xmlns:C="http://ns.google.com/photos/1.0/container/"'
)
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description {NAMESPACES} hdrgm:Version="1.0" GCamera:MotionPhoto="1" GCamera:Author="me">'
    "<C:Directory><rdf:Seq><rdf:li><C:Item/></rdf:li></rdf:Seq></C:Directory><GCamera:MicroVideo>1</GCamera:MicroVideo>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(100)


def hole() -> NDArray[np.bool_]:
    marked = np.zeros(SIZE, bool)
    marked[20:30, 40:60] = True
    return marked


def refilled(content: bytes, folder: Path, name: str = "b.jpg") -> tuple[bytes, tuple[str, ...]]:
    """The file with a grey hole, and what was remarked on it."""
    (folder / "a.jpg").write_bytes(content)
    photo = read_photo(folder / "a.jpg")
    remarks = write_photo(photo, np.full((*SIZE, 3), 120, np.uint8), hole(), folder / name, overwrite=True)
    return (folder / name).read_bytes(), (*photo.remarks, *remarks)


def pixels(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("marker", [b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda"])
@pytest.mark.parametrize("stray", [b"\0\0", b"\x12", b"\xff\xff\xff", b"\xff\0", b"ab\xff\0\xff"])
def test_stray_bytes_before_a_marker_change_nothing(tmp_path: Path, marker: bytes, stray: bytes) -> None:
    content = encode(SIZE, "4:2:0", "plain", 85, 0)
    place = content.index(marker)
    result, remarks = refilled(content[:place] + stray + content[place:], tmp_path)
    wanted, _ = refilled(content, tmp_path, "c.jpg")
    assert result == wanted and remarks == ()


@pytest.mark.parametrize("coding", ["plain", "progressive", "restart"])
@pytest.mark.parametrize("rest", [b"", b"\xff", bytes(4000)], ids=["nothing", "half a marker", "zeros of a disk"])
def test_a_missing_end_marker_is_remarked_on(tmp_path: Path, coding: str, rest: bytes) -> None:
    content = encode(SIZE, "4:2:0", coding, 85, 0)
    result, remarks = refilled(content[:-2] + rest, tmp_path)
    assert len(remarks) == 1 and remarks[0].endswith("a.jpg lacks its end marker, but its picture is whole")
    np.testing.assert_array_equal(pixels(result)[64:], pixels(content)[64:])
    assert result == refilled(content, tmp_path, "c.jpg")[0]


def test_a_cut_last_row_is_remarked_on(tmp_path: Path) -> None:
    """All rows of blocks but the last stay; how many rows are cut is known from the place of the cut."""
    content = encode(SIZE, "4:4:4", "restart", 90, 0)  # 12 blocks a row, a restart marker behind every third
    restarts = [
        place for place in range(len(content) - 1) if content[place] == 0xFF and 0xD0 <= content[place + 1] < 0xD8
    ]
    num_rows_whole = 19
    cut = content[: restarts[4 * num_rows_whole] + 10]
    result, remarks = refilled(cut, tmp_path)
    assert len(remarks) == 1 and "ends early: its last 8 rows are incomplete" in remarks[0]
    assert result.endswith(b"\xff\xd9")
    (tmp_path / "whole.jpg").write_bytes(content)
    before, after = (jpeglib.read_dct(str(tmp_path / name)) for name in ("whole.jpg", "b.jpg"))
    untouched = np.s_[4:num_rows_whole]
    for plane in ("Y", "Cb", "Cr"):
        np.testing.assert_array_equal(getattr(before, plane)[untouched], getattr(after, plane)[untouched])


@pytest.mark.parametrize("coding", ["plain", "progressive"])
def test_what_lacks_much_of_its_picture_is_refused(tmp_path: Path, coding: str) -> None:
    content = encode(SIZE, "4:4:4", coding, 90, 0)
    for size in (len(content) // 2, len(content) // 4):
        with pytest.raises(InputError, match="a.jpg is broken.*get a whole copy"):
            refilled(content[:size], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def index_of(entries: list[tuple[int, int]], order: str) -> bytes:
    """An index of pictures (CIPA DC-007): size and offset of each."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "IH", 8, 1) + struct.pack(order + "HHIII", 0xB002, 7, 16 * len(entries), 26, 0)
    return b"MPF\0" + head + b"".join(struct.pack(order + "IIIHH", 0, *entry, 0, 0) for entry in entries)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("behind", ["gain map", "video", "both"])
def test_gain_map_and_video_stay_and_are_found(tmp_path: Path, order: str, behind: str) -> None:
    jfif, rest = encode(SIZE, "4:2:0", "optimised", 85, 0)[2:20], encode(SIZE, "4:2:0", "optimised", 85, 0)[20:]
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + XMP
    named = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2) + xmp
    small = encode((20, 12), "L", "plain", 80, 1)
    base = 2 + len(jfif) + len(named) + 8
    primary = 2 + len(jfif) + len(named) + 4 + len(index_of([(0, 0)] * 2, order)) + len(rest)
    index = index_of([(primary, 0), (len(small), primary - base)], order)
    content = b"\xff\xd8" + jfif + named + b"\xff\xe2" + (len(index) + 2).to_bytes(2) + index + rest
    attached = {"gain map": small, "video": VIDEO, "both": small + VIDEO}[behind]
    assert len(content) == primary
    result, remarks = refilled(content + attached, tmp_path)
    assert result.endswith(b"\xff\xd9" + attached) and XMP in result
    new_primary = len(result) - len(attached)
    place = result.index(b"MPF\0") + 4
    (size, offset), (small_size, small_offset) = (
        struct.unpack_from(order + "II", result, place + 26 + 16 * number + 4) for number in (0, 1)
    )
    assert (size, offset) == (new_primary, 0)
    assert (small_size, place + small_offset) == (len(small), new_primary)
    assert len(remarks) == 1 and behind.split()[-1] in remarks[0].replace("a gain map and a video", "both")


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_a_format_without_room_for_them_does_not_claim_them(tmp_path: Path, suffix: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture(SIZE, 3, 0)).save(buffer, "JPEG", xmp=XMP)
    result, remarks = refilled(buffer.getvalue() + VIDEO, tmp_path, f"b.{suffix}")
    for claim in (b"MotionPhoto", b"MicroVideo", b"Directory", b"Version="):
        assert claim not in result
    assert b'GCamera:Author="me"' in result
    assert remarks == (
        f"{tmp_path}/b.{suffix} cannot hold a video that {tmp_path}/a.jpg has behind its picture: left out",
    )
