"""Changing only the touched blocks of a JPEG."""

from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
from numpy.typing import NDArray

from partialconv.errors import InputError

BLOCK = 8
# row k is the k-th cosine of the orthonormal 8-point DCT (ITU T.81, A.3.3)
_K = np.arange(BLOCK)
DCT = np.cos((2 * _K[None] + 1) * _K[:, None] * np.pi / 16) * np.where(_K[:, None] == 0, np.sqrt(1 / 8), 0.5)
# JFIF 1.02: Y, Cb and Cr of RGB, and what is added to each
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
OFFSET = (0, 128, 128)
# libjpeg writes the first anew; the second indexes a camera's previews, which do not come along
DROPPED_MARKERS = (b"JFIF\0", b"MPF\0")


def requantise_blocks(source: Path, pixels: NDArray[np.uint8], hole: NDArray[np.bool_], destination: Path) -> None:
    """Write `source` with the blocks that touch the hole taken from `pixels`.

    Quantisation tables, subsampling, EXIF, ICC profile and the coefficients of all other blocks stay as they are. A
    progressive file becomes a sequential one of the same coefficients. Takes memory for the touched blocks alone.

    Args:
        source: A grey or YCbCr JPEG.
        pixels: What it should show, (H, W) or (H, W, 3) RGB.
        hole: (H, W), True where `pixels` differs.
        destination: The file to write.

    Raises:
        InputError: the JPEG has another colour space.
    """
    jpeg = jpeglib.read_dct(str(source))
    space = jpeg.jpeg_color_space.name
    if space not in ("JCS_GRAYSCALE", "JCS_YCbCr"):
        raise InputError(f"{source} is a JPEG in {space.removeprefix('JCS_')} colours: write a .png file instead.")
    factors = np.asarray(jpeg.samp_factor)  # (planes, 2): vertical, horizontal
    planes = ("Y",) if space == "JCS_GRAYSCALE" else ("Y", "Cb", "Cr")
    for index, name in enumerate(planes):
        coefficients, table = getattr(jpeg, name), jpeg.qt[jpeg.quant_tbl_no[index]]
        step_y, step_x = (int(step) for step in factors.max(axis=0) // factors[index])
        grid = (*coefficients.shape[:2], BLOCK * step_y, BLOCK * step_x)
        touched = _cut(hole, grid).any(axis=(2, 3))
        blocks = _cut(pixels, grid)[touched]
        values = blocks @ YCBCR[index] + OFFSET[index] if len(planes) == 3 else blocks.astype(np.float64)
        samples = values.reshape(-1, BLOCK, step_y, BLOCK, step_x).mean(axis=(2, 4)) - 128
        coefficients[touched] = np.rint(DCT @ samples @ DCT.T / table).astype(coefficients.dtype)
    jpeg.markers = [marker for marker in jpeg.markers if not bytes(marker.content).startswith(DROPPED_MARKERS)]
    jpeg.write_dct(str(destination))


def _cut(picture: NDArray[Any], grid: tuple[int, int, int, int]) -> NDArray[Any]:
    """Cut (H, W, ...) into blocks, (rows, columns, height, width, ...), the border repeated."""
    rows, columns, height, width = grid
    picture = picture[: rows * height, : columns * width]
    missing = [(0, rows * height - picture.shape[0]), (0, columns * width - picture.shape[1])]
    picture = np.pad(picture, missing + [(0, 0)] * (picture.ndim - 2), mode="edge")
    return picture.reshape(rows, height, columns, width, *picture.shape[2:]).swapaxes(1, 2)
