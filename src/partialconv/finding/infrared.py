"""Dust and scratches on film, by the infrared image of its scanner: dyes let infrared through, dust does not.

Silver and the dyes of Kodachrome block infrared, too: of such film it shows the picture, and is refused.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole
from partialconv.errors import InputError
from partialconv.imageio.infrared import Infrared

LARGEST_SHIFT_PX = 16  # between the two passes of a scanner
CLEAR_PEAK = 6.0  # standard deviations of the correlation at other shifts, from which a shift is believed
WINDOW_PX = 2048  # a side of the middle of a scan, in which the shift is looked for
BLOCK_PX = 128  # light falls off more slowly than this, and dust is smaller
SAMPLES = 1 << 20  # pixels from which the leak and the noise are learned
ROUNDS, KEPT = 8, 2.5  # of the fit, and the deviations beyond which a pixel is left out of the next one
LEAST_STOPS, NOISE = 0.1, 5.0  # that dust blocks: 7 % of the light, and so many deviations of the noise
STEEPNESS = 6.0  # of the logit, where the light that is blocked doubles its threshold
MOST_BLOCKED = 0.1  # of a photo
MOST_LEAK, MOST_ALIKE = 0.4, 0.5  # slope of infrared over red, in stops, and the share of infrared that red explains
BLOCKS_ALL = (
    "{name} cannot be cleaned by its infrared image: {why}, as on black and white film and Kodachrome, which block "
    "infrared themselves: use --no-infrared."
)


def blocked_by_dust(
    infrared: Infrared, rgb: NDArray[Any], valid: Hole | None, threshold: float, name: str
) -> NDArray[np.float16]:
    """How probable dust is, by the infrared that is missing.

    Args:
        infrared: (H, W), uint8 or uint16.
        rgb: (H, W, 3), uint8, uint16 or float in [0, 1].
        valid: (H, W), False = unknown; None = all known.
        threshold: The probability that stands for just enough.
        name: Of the photo, for the message.

    Returns:
        (H, W), in [0, 1].

    Raises:
        InputError: the film blocks infrared itself.

    Source: ours; the leak of red into infrared and its removal are common to all such programs.
    """
    down, across = shift_between(infrared, rgb[..., 0])
    step = max(1, math.isqrt(infrared.size // SAMPLES))
    rows, columns = np.arange(0, infrared.shape[0], step), np.arange(0, infrared.shape[1], step)
    known = slice(None) if valid is None else valid[rows[:, None], columns].reshape(-1)
    light = _aligned(infrared, rows, columns, down, across).reshape(-1)[known]
    red = _stops(rgb[rows[:, None], columns, 0]).reshape(-1)[known]
    if not light.size:
        return np.zeros(infrared.shape, np.float16)
    offset, slope = _fitted(red, light)
    explained = np.corrcoef(red, light)[0, 1] ** 2 if min(red.std(), light.std()) > 0 else 0.0
    if slope > MOST_LEAK and explained > MOST_ALIKE:
        raise InputError(BLOCKS_ALL.format(name=name, why="it shows the picture itself"))
    left = _left(infrared, rgb, offset, slope, (down, across))
    background = _background(left)
    need = max(LEAST_STOPS, NOISE * _noise(left, background))
    logit, most = math.log(threshold / (1 - threshold)), 0
    probability = np.empty(infrared.shape, np.float16)
    for top in range(0, infrared.shape[0], BLOCK_PX):
        band = slice(top, min(top + BLOCK_PX, infrared.shape[0]))
        away = (_rows_of(background, band, infrared.shape) - left[band].astype(np.float32)) / np.float32(need)
        if valid is not None:
            away[~valid[band]] = 0
        most += int((away >= 1).sum())
        probability[band] = 1 / (1 + np.exp(np.clip(-(logit + STEEPNESS * (away - 1)), -30, 30)))
    if most > MOST_BLOCKED * infrared.size:
        raise InputError(BLOCKS_ALL.format(name=name, why=f"{most / infrared.size:.0%} of it are dark there"))
    return probability


def shift_between(infrared: Infrared, red: NDArray[Any]) -> tuple[int, int]:
    """How far the infrared image lies from the photo, down and across, in pixels; (0, 0) if it cannot be told.

    Dust is dark in infrared, and dark or, on an inverted negative, light in the photo.
    """
    parts = [slice(max(0, (side - WINDOW_PX) // 2), max(0, (side - WINDOW_PX) // 2) + WINDOW_PX) for side in red.shape]
    one, other = (np.fft.rfft2(_details(_stops(image[parts[0], parts[1]]))) for image in (infrared, red))
    size = red[parts[0], parts[1]].shape
    likeness = np.abs(np.fft.irfft2(one * np.conj(other), size))
    reach = [min(LARGEST_SHIFT_PX, (side - 1) // 2) for side in size]
    down, across = (np.arange(-most, most + 1) for most in reach)
    near = likeness[down[:, None], across]
    best = np.unravel_index(near.argmax(), near.shape)
    if near.max() < near.mean() + CLEAR_PEAK * near.std():
        return 0, 0
    return int(down[best[0]]), int(across[best[1]])


def _details(stops: FloatArray) -> FloatArray:
    """What differs from the pixels around, cut off where it is strong, so that no edge outweighs the dust."""
    around = (np.roll(stops, 2, 0) + np.roll(stops, -2, 0) + np.roll(stops, 2, 1) + np.roll(stops, -2, 1)) / np.float32(
        4
    )
    fine = stops - around
    fine[[0, 1, -2, -1]] = fine[:, [0, 1, -2, -1]] = 0
    limit = max(6 * float(np.abs(fine).mean()), 1e-6)
    return np.asarray(np.clip(fine, -limit, limit), np.float32)


def _stops(values: NDArray[Any]) -> FloatArray:
    """The logarithm of light, to the base 2."""
    most = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
    return np.asarray(np.log2(values.astype(np.float32) / np.float32(most) + np.float32(1 / 256)), np.float32)


def _aligned(infrared: Infrared, rows: NDArray[Any], columns: NDArray[Any], down: int, across: int) -> FloatArray:
    height, width = infrared.shape
    return _stops(infrared[(rows + down).clip(0, height - 1)[:, None], (columns + across).clip(0, width - 1)])


def _fitted(red: FloatArray, light: FloatArray) -> tuple[float, float]:
    """Offset and slope of infrared over red, of the pixels that nothing blocks."""
    kept = np.ones(red.shape, bool)
    offset = slope = 0.0
    for _ in range(ROUNDS):
        x, y = red[kept], light[kept]
        spread = float(x.var())
        slope = float(((x - x.mean()) * (y - y.mean())).mean()) / spread if spread > 1e-6 else 0.0
        offset = float(np.median(y - slope * x))
        away = light - offset - slope * red
        deviation = 1.4826 * float(np.median(np.abs(away[kept])))
        kept = np.abs(away) <= KEPT * max(deviation, 1e-3)
    return offset, slope


def _left(
    infrared: Infrared, rgb: NDArray[Any], offset: float, slope: float, shift: tuple[int, int]
) -> NDArray[np.float16]:
    """Infrared without the leak of red, in stops."""
    left = np.empty(infrared.shape, np.float16)
    columns = np.arange(infrared.shape[1])
    for top in range(0, infrared.shape[0], BLOCK_PX):
        rows = np.arange(top, min(top + BLOCK_PX, infrared.shape[0]))
        band = slice(top, rows[-1] + 1)
        left[band] = _aligned(infrared, rows, columns, *shift) - offset - slope * _stops(rgb[band, :, 0])
    return left


def _background(left: NDArray[np.float16]) -> FloatArray:
    """What is usual in each block and those around it."""
    height, width = (-(-side // BLOCK_PX) for side in left.shape)
    blocks = np.empty((height, width), np.float32)
    for y, x in np.ndindex(height, width):
        block = left[y * BLOCK_PX : (y + 1) * BLOCK_PX : 2, x * BLOCK_PX : (x + 1) * BLOCK_PX : 2]
        blocks[y, x] = np.median(block.astype(np.float32))
    wide = np.pad(blocks, 1, mode="edge")
    near = [wide[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.asarray(np.median(near, axis=0), np.float32)


def _noise(left: NDArray[np.float16], background: FloatArray) -> float:
    step = max(1, math.isqrt(left.size // SAMPLES))
    rows, columns = np.arange(0, left.shape[0], step), np.arange(0, left.shape[1], step)
    away = left[rows[:, None], columns].astype(np.float32) - background[rows[:, None] // BLOCK_PX, columns // BLOCK_PX]
    return 1.4826 * float(np.median(np.abs(away)))


def _rows_of(background: FloatArray, band: slice, size: tuple[int, int]) -> FloatArray:
    """Values of the pixels of some rows, between those in the middles of blocks."""
    height, width = background.shape
    down, across = (
        ((places + 0.5) / BLOCK_PX - 0.5).clip(0, length - 1)
        for places, length in ((np.arange(band.start, band.stop), height), (np.arange(size[1]), width))
    )
    top, left = np.floor(down).astype(int), np.floor(across).astype(int)
    y, x = (down - top)[:, None].astype(np.float32), (across - left).astype(np.float32)
    above, below = background[top], background[np.minimum(top + 1, height - 1)]
    mixed = (1 - y) * above + y * below
    return np.asarray((1 - x) * mixed[:, left] + x * mixed[:, np.minimum(left + 1, width - 1)], np.float32)
