"""Changing only the touched blocks of a JPEG."""

from pathlib import Path

import jpeglib
import numpy as np
from numpy.typing import NDArray

from partialconv.errors import InputError

BLOCK = 8
# row k is the k-th cosine of the orthonormal 8-point DCT (ITU T.81, A.3.3)
_K = np.arange(BLOCK)
DCT = np.cos((2 * _K[None] + 1) * _K[:, None] * np.pi / 16) * np.where(_K[:, None] == 0, np.sqrt(1 / 8), 0.5)
# JFIF 1.02: rows Y, Cb, Cr of RGB
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def requantise_blocks(source: Path, pixels: NDArray[np.uint8], hole: NDArray[np.bool_], destination: Path) -> None:
    """Write `source` with the blocks that touch the hole taken from `pixels`.

    Quantisation tables, subsampling, markers (EXIF, ICC) and the coefficients of all other blocks stay as they are.

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
    if space == "JCS_GRAYSCALE":
        planes = [pixels.astype(np.float64)]
    elif space == "JCS_YCbCr":
        planes = list(np.moveaxis(pixels @ YCBCR.T + np.array([0, 128, 128]), -1, 0))
    else:
        raise InputError(f"{source} is a JPEG in {space.removeprefix('JCS_')} colours: write a .png file instead.")
    factors = np.asarray(jpeg.samp_factor)  # (planes, 2): vertical, horizontal
    largest = factors.max(axis=0)
    for plane, name, factor, table in zip(planes, ("Y", "Cb", "Cr"), factors, jpeg.quant_tbl_no, strict=False):
        step_y, step_x = largest // factor
        coefficients = getattr(jpeg, name)
        touched = _blocks(hole, step_y, step_x, coefficients.shape[:2], reduce=np.max).any(axis=(2, 3))
        samples = _blocks(plane, step_y, step_x, coefficients.shape[:2], reduce=np.mean)[touched]
        coefficients[touched] = np.rint(DCT @ (samples - 128) @ DCT.T / jpeg.qt[table]).astype(coefficients.dtype)
    # the index of a camera's previews, which do not come along
    jpeg.markers = [marker for marker in jpeg.markers if not bytes(marker.content).startswith(b"MPF\0")]
    jpeg.write_dct(str(destination))


def _blocks(plane: np.ndarray, step_y: int, step_x: int, num: tuple[int, int], reduce) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Subsample a plane and cut it into blocks: (H, W) to (rows, columns, 8, 8), the border repeated."""
    height, width = num[0] * BLOCK * step_y, num[1] * BLOCK * step_x
    plane = plane[:height, :width]
    plane = np.pad(plane, ((0, height - plane.shape[0]), (0, width - plane.shape[1])), mode="edge")
    plane = reduce(plane.reshape(height // step_y, step_y, width // step_x, step_x), axis=(1, 3))
    return plane.reshape(num[0], BLOCK, num[1], BLOCK).swapaxes(1, 2)
