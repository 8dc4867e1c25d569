"""Changing only the touched blocks of a JPEG."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import some_blocks
from partialconv.errors import InputError
from partialconv.imageio.attached import MPF_NAME, attached_to, with_index
from partialconv.imageio.colours import Filled
from partialconv.imageio.markers import (
    APP0,
    APP2,
    APP14,
    BLOCK,
    COM,
    FRAMES,
    Segment,
    blank_like,
    parse_jpeg,
    write_jpeg,
)

BAND_PX = 64  # rows of the photo whose blocks are computed at once
# row k is the k-th cosine of the orthonormal 8-point DCT (ITU T.81, A.3.3)
_K = np.arange(BLOCK)
DCT = np.cos((2 * _K[None] + 1) * _K[:, None] * np.pi / 16) * np.where(_K[:, None] == 0, np.sqrt(1 / 8), 0.5)
# JFIF 1.02: Y, Cb and Cr of RGB
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
Plane = Callable[[NDArray[np.float64]], NDArray[np.float64]]
NAMES = ("Y", "Cb", "Cr", "K")  # as jpeglib calls the planes of a file of any colours


def _luma(row: int, offset: float) -> Plane:
    return lambda colours: colours[..., :3] @ YCBCR[row] + offset


def _channel(index: int) -> Plane:
    return lambda colours: colours[..., index]


def _paper(index: int) -> Plane:
    return lambda ink: 255 - ink[..., index]  # Pillow takes ink in a JPEG as inverted, as Adobe writes it


# what the planes of a file are made of: samples of the photo, (..., channels), 0 to 255
YCC = (_luma(0, 0), _luma(1, 128), _luma(2, 128))
PLAIN = (_channel(0), _channel(1), _channel(2))
INK = (_paper(0), _paper(1), _paper(2), _paper(3))
HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
# of the libraries in jpeglib: the first writes the bytes of the second in less time, but reads no CMYK
TURBO, WITH_CMYK = "turbo210", "6b"
# jpeglib keeps the markers of a file in globals
_ONE_AT_A_TIME = threading.Lock()


class _Coefficients(np.ndarray[Any, np.dtype[np.int16]]):
    """int16 that `astype` does not copy: jpeglib would copy all planes once more before writing them."""

    def astype(self, *_: Any, **__: Any) -> "_Coefficients":  # type: ignore[override]
        return self


def requantise_blocks(filled: Filled, destination: Path) -> None:
    """Write the photo's JPEG with the blocks that touch the hole computed anew.

    Quantisation tables, subsampling, all markers (EXIF, ICC profile, XMP, comments) and the coefficients of all other
    blocks stay as they are. A progressive file becomes a sequential one of the same coefficients. What follows the
    picture in the file is kept if a gain map or a video is among it, with a corrected index. Mere previews of the old
    picture are left out, and so is their index.

    Args:
        filled: A photo that came from a JPEG.
        destination: The file to write.

    Raises:
        InputError: the JPEG is coded arithmetically.
    """
    import jpeglib  # here, for training reads holes and needs no JPEG

    path = filled.photo.path
    jpeg = parse_jpeg(filled.photo.content)
    segments, picture, behind = list(jpeg.segments), jpeg.picture, jpeg.behind
    frame = next((marker for marker, _ in segments if marker in FRAMES), None)
    if frame not in HUFFMAN_FRAMES:
        raise InputError(f"{path} is a JPEG with arithmetic coding: write a .png file instead.")
    described = [(m, c) for m, c in segments if describes(m)]
    # what jpeglib has to know; it would write the rest, but not all of it, and not in order
    needed = [(m, c) for m, c in segments if (m, c) not in described or m in (APP0, APP14)]
    library = WITH_CMYK if filled.photo.mode == "CMYK" else TURBO
    with _ONE_AT_A_TIME, jpeglib.version(library), tempfile.TemporaryDirectory() as folder:
        bare, blank, planes = Path(folder, "bare.jpg"), Path(folder, "blank.jpg"), planes_of(segments)
        write_jpeg(bare, needed, picture)
        if filled.photo.mode == "CMYK":  # jpeglib writes three planes; so the fourth becomes the first for a while
            _rewrite(bare, bare, filled, planes[:3])
            _swap_planes(bare)
            _rewrite(bare, bare, filled, planes[3:])
            _swap_planes(bare)
            _rewrite(bare, bare, filled, ())
        else:
            write_jpeg(blank, *blank_like(segments))
            _rewrite(bare, blank, filled, planes)
        rewritten = parse_jpeg(bare.read_bytes())
    drawn, picture = named_as(segments, list(rewritten.segments), rewritten.picture)
    drawn = [(m, c) for m, c in drawn if not describes(m)]
    if attached_to(jpeg):
        write_jpeg(destination, with_index(described + drawn, filled.photo.content, jpeg, picture), picture, behind)
        return
    write_jpeg(destination, without_index(described) + drawn, picture)


def describes(marker: int) -> bool:
    """Whether a segment tells about the picture (EXIF, profile, comments) and is not needed to decode its planes."""
    return APP0 <= marker < APP0 + 16 or marker == COM


def without_index(segments: Sequence[Segment]) -> list[Segment]:
    """The segments but for the index of what follows the picture."""
    return [(m, c) for m, c in segments if not (m == APP2 and c.startswith(MPF_NAME))]


def planes_of(segments: Sequence[Segment]) -> tuple[Plane, ...]:
    """Which colours the planes are, by the rules of libjpeg."""
    names = next(content for marker, content in segments if marker in FRAMES)[6::3]
    jfif = any(marker == APP0 and content.startswith(b"JFIF\0") for marker, content in segments)
    adobe = [content[11:12] for marker, content in segments if marker == APP14 and content[:5] == b"Adobe"]
    if len(names) == 1:
        return PLAIN[:1]
    if len(names) == 4:
        return (*YCC, INK[3]) if adobe and adobe[-1] != b"\0" else INK
    if not jfif and (adobe[-1] == b"\0" if adobe else names == b"RGB"):
        return PLAIN
    return YCC


def _rewrite(path: Path, frame: Path, filled: Filled, planes: tuple[Plane, ...]) -> None:
    """Compute the touched blocks of the first planes, and write the file again.

    jpeglib decodes a file once to describe it, and once more to write other coefficients into its frame. This is done
    to `frame`, a file of the same planes, which may be `path` or, if no more than the first three are needed, blank.
    """
    import jpeglib

    jpeg = jpeglib.read_dct(str(frame))
    described, jpeg.content = jpeg.content, path.read_bytes()
    jpeg.load()
    height = filled.photo.size[0]
    tallest = BLOCK * int(np.asarray(jpeg.samp_factor)[:, 0].max())
    band = max(BAND_PX // tallest, 1) * tallest
    for top in range(0, height if planes else 0, band):  # colours of some rows are computed once for all planes
        span = slice(top, min(top + band, height))
        if filled.hole[span].any():
            rows = filled.rows(span.start, span.stop)
            for place, plane in enumerate(planes):
                _change(jpeg, place, plane, top, filled.hole[span], rows)
    for name in NAMES[: jpeg.num_components]:
        setattr(jpeg, name, getattr(jpeg, name).view(_Coefficients))
    jpeg.content, jpeg.markers = described, []
    jpeg.write_dct(str(path))


def _change(jpeg: Any, place: int, plane: Plane, top: int, hole: NDArray[np.bool_], rows: NDArray[Any]) -> None:
    """Compute the coefficients of the touched blocks of a plane in some rows of the photo, which begin at `top`."""
    coefficients, table = getattr(jpeg, NAMES[place]), jpeg.qt[jpeg.quant_tbl_no[place]]
    factors = np.asarray(jpeg.samp_factor)  # (planes, 2): vertical, horizontal
    step_y, step_x = (int(step) for step in factors.max(axis=0) // factors[place])
    tall, wide = BLOCK * step_y, BLOCK * step_x
    places = np.argwhere(some_blocks(hole, tall, wide)[:, : coefficients.shape[1]])
    samples = plane(averaged(cut_blocks(rows, places, tall, wide), step_y, step_x)) - 128
    values = np.rint(DCT @ samples @ DCT.T / table).astype(coefficients.dtype)
    coefficients[top // tall + places[:, 0], places[:, 1]] = values


def cut_blocks(pixels: NDArray[Any], places: NDArray[np.intp], height: int, width: int) -> NDArray[Any]:
    """Cut blocks out of an array, the border repeated.

    Args:
        pixels: (H, W, ...).
        places: Row and column of each block in the grid of blocks, (N, 2); may lie beyond the border.
        height: Of a block, in pixels.
        width: Of a block, in pixels.

    Returns:
        (N, height, width, ...).
    """
    rows = (places[:, :1] * height + np.arange(height)).clip(0, pixels.shape[0] - 1)
    columns = (places[:, 1:] * width + np.arange(width)).clip(0, pixels.shape[1] - 1)
    return np.asarray(pixels[rows[:, :, None], columns[:, None, :]])


def averaged(blocks: NDArray[Any], tall: int, wide: int) -> NDArray[np.float64]:
    """The means of `tall` times `wide` pixels, (N, height / tall, width / wide, channels).

    Planes are linear, so it is the same before or after a `Plane`, and here there are fewer values left for it.

    Args:
        blocks: (N, height, width) or (N, height, width, channels).
        tall: Rows that become one.
        wide: Columns that become one.
    """
    blocks = blocks.reshape(*blocks.shape[:3], -1)
    parts = [blocks[:, row::tall, column::wide] for row in range(tall) for column in range(wide)]
    return np.asarray(sum(part.astype(np.float64) for part in parts) / (tall * wide))


def _swap_planes(path: Path) -> None:
    """Exchange the first and the fourth plane where the frame lists them; their data find them by their names."""
    jpeg = parse_jpeg(path.read_bytes())
    segments = list(jpeg.segments)
    for index, (marker, content) in enumerate(segments):
        if marker in FRAMES:
            first, between, fourth = content[6:9], content[9:15], content[15:18]
            segments[index] = marker, content[:6] + fourth + between + first
    write_jpeg(path, segments, jpeg.picture)


def named_as(original: list[Segment], segments: list[Segment], picture: bytes) -> tuple[list[Segment], bytes]:
    """Give the planes their old names: three called R, G and B are not YCbCr, if no marker says so."""
    frame = next(content for marker, content in original if marker in FRAMES)
    names = frame[6::3]
    result = []
    for marker, content in segments:
        changed = bytearray(content)
        if marker in FRAMES:
            changed[6::3] = names
        result.append((marker, bytes(changed)))
    scan = bytearray(picture)
    if scan[4] == len(names):
        scan[5 : 5 + 2 * len(names) : 2] = names
        return result, bytes(scan)
    return segments, picture
