"""Changing only the touched blocks of a JPEG."""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
from numpy.typing import NDArray

from partialconv.errors import InputError
from partialconv.imageio.colours import Filled

BLOCK = 8
# row k is the k-th cosine of the orthonormal 8-point DCT (ITU T.81, A.3.3)
_K = np.arange(BLOCK)
DCT = np.cos((2 * _K[None] + 1) * _K[:, None] * np.pi / 16) * np.where(_K[:, None] == 0, np.sqrt(1 / 8), 0.5)
# JFIF 1.02: Y, Cb and Cr of RGB, and what is added to each
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
OFFSET = np.array([0, 128, 128])
PLANES = {"JCS_GRAYSCALE": ("Y",), "JCS_YCbCr": ("Y", "Cb", "Cr"), "JCS_RGB": ("Y", "Cb", "Cr")}
SOI, SOS, APP0, APP2, APP14, COM = 0xD8, 0xDA, 0xE0, 0xE2, 0xEE, 0xFE
HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# jpeglib keeps the markers of a file in globals
_ONE_AT_A_TIME = threading.Lock()


class _Coefficients(NDArray[np.int16]):
    """int16 that `astype` does not copy: jpeglib would copy all planes once more before writing them."""

    def astype(self, *_: Any, **__: Any) -> "_Coefficients":  # type: ignore[override]
        return self


def requantise_blocks(filled: Filled, destination: Path) -> None:
    """Write the photo's JPEG with the blocks that touch the hole computed anew.

    Quantisation tables, subsampling, all markers (EXIF, ICC profile, XMP, comments) and the coefficients of all other
    blocks stay as they are. A progressive file becomes a sequential one of the same coefficients. What follows the
    picture in the file (previews of a camera, the film of a motion photo) stays behind, and so does its index.

    Args:
        filled: A photo that came from a grey, YCbCr or RGB JPEG.
        destination: The file to write.

    Raises:
        InputError: the JPEG has other colours, or is coded arithmetically.
    """
    path = filled.photo.path
    segments, picture = _parsed(path)
    frame = next((marker for marker, _ in segments if marker in FRAMES), None)
    if frame not in HUFFMAN_FRAMES:
        raise InputError(f"{path} is a JPEG with arithmetic coding: write a .png file instead.")
    described = [(m, c) for m, c in segments if APP0 <= m < APP0 + 16 or m == COM]
    # what jpeglib has to know; it would write the rest, but not all of it, and not in order
    needed = [(m, c) for m, c in segments if (m, c) not in described or m in (APP0, APP14)]
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory() as folder, _silent():
        bare = Path(folder, "bare.jpg")
        bare.write_bytes(b"\xff\xd8" + b"".join(_segment(*s) for s in needed) + picture)
        jpeg = jpeglib.read_dct(str(bare))
        _change(jpeg, filled)
        jpeg.markers = []
        jpeg.write_dct(str(bare))
        del jpeg
        written, rest = _parsed(bare)
    drawn = [(m, c) for m, c in written if not (APP0 <= m < APP0 + 16 or m == COM)]
    with destination.open("wb") as file:
        file.write(b"\xff\xd8")
        for marker, content in described:
            if not (marker == APP2 and content.startswith(b"MPF\0")):
                file.write(_segment(marker, content))
        for marker, content in drawn:
            file.write(_segment(marker, content))
        file.write(rest)


def _change(jpeg: Any, filled: Filled) -> None:
    """Compute the coefficients of touched blocks, a row of them at a time."""
    space = jpeg.jpeg_color_space.name
    if space not in PLANES:
        raise InputError(
            f"{filled.photo.path} is a JPEG in {space.removeprefix('JCS_')} colours: write a .tif file instead."
        )
    factors = np.asarray(jpeg.samp_factor)  # (planes, 2): vertical, horizontal
    height = filled.photo.size[0]
    for index, name in enumerate(PLANES[space]):
        coefficients, table = getattr(jpeg, name), jpeg.qt[jpeg.quant_tbl_no[index]]
        setattr(jpeg, name, coefficients.view(_Coefficients))
        step_y, step_x = (int(step) for step in factors.max(axis=0) // factors[index])
        tall, wide = BLOCK * step_y, BLOCK * step_x
        for row in range(coefficients.shape[0]):
            rows = slice(row * tall, min((row + 1) * tall, height))
            hole = filled.hole[rows]
            if not hole.any():
                continue
            touched = _blocks(hole, coefficients.shape[1], tall, wide).any(axis=(1, 2))
            blocks = _blocks(filled.rows(rows.start, rows.stop), coefficients.shape[1], tall, wide)[touched]
            if space == "JCS_YCbCr":
                values = blocks @ YCBCR[index] + OFFSET[index]
            else:
                values = (blocks[..., index] if blocks.ndim == 4 else blocks).astype(np.float64)
            samples = values.reshape(-1, BLOCK, step_y, BLOCK, step_x).mean(axis=(2, 4)) - 128
            coefficients[row, touched] = np.rint(DCT @ samples @ DCT.T / table).astype(coefficients.dtype)


def _blocks(rows: NDArray[Any], number: int, tall: int, wide: int) -> NDArray[Any]:
    """Cut some rows, (h, W, ...), into (number, tall, wide, ...), the border repeated."""
    rows = rows[:, : number * wide]
    missing = [(0, tall - rows.shape[0]), (0, number * wide - rows.shape[1])]
    rows = np.pad(rows, missing + [(0, 0)] * (rows.ndim - 2), mode="edge")
    return rows.reshape(tall, number, wide, *rows.shape[2:]).swapaxes(0, 1)


def _parsed(path: Path) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments of a JPEG up to its first scan, and from there the rest of the picture."""
    content = path.read_bytes()
    segments: list[tuple[int, bytes]] = []
    place = 2
    while True:
        while content[place : place + 2] == b"\xff\xff":  # fill bytes
            place += 1
        marker, size = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if marker == SOS or size < 2:
            return segments, content[place:]
        segments.append((marker, content[place + 4 : place + 2 + size]))
        place += 2 + size


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep libjpeg's remarks about harmless faults, which it prints itself, from standard error."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no standard error
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
