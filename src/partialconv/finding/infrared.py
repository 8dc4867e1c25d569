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
LEAST_LIKENESS = 0.15  # correlation of both images from which their shift is believed; unlike ones reach 0.06
CLEAR = 5.0  # deviations of the noise, from which a pixel counts in this
WINDOW_PX = 2048  # a side of the middle of a scan, in which the shift is looked for
BLOCK_PX = 128  # light falls off more slowly than this, and dust is smaller
APART_PX = 8  # of pixels whose difference tells the leak
SAMPLES = 1 << 20  # pixels from which the leak and the noise are learned
ROUNDS, KEPT = 8, 2.5  # of the fit, and the deviations beyond which a pixel is left out of the next one
LEAST_STOPS, NOISE = 0.1, 5.0  # that dust blocks: 7 % of the light, and so many deviations of the noise
STEEPNESS = 6.0  # of the logit, where the light that is blocked doubles its threshold
MOST_BLOCKED = 0.1  # of a photo
MOST_LEAK, MOST_ALIKE = 0.4, 0.5  # slope of infrared over red, in stops, and the share of infrared that red explains
Places = NDArray[np.intp]

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
    shift = shift_between(infrared, rgb[..., 0])
    slope, explained = _leak(infrared, rgb, valid, shift)
    if slope > MOST_LEAK and explained > MOST_ALIKE:
        raise InputError(BLOCKS_ALL.format(name=name, why="it shows the picture itself"))
    left = _left(infrared, rgb, slope, shift)
    background = _background(left, valid)
    need = max(LEAST_STOPS, NOISE * _noise(left, background, valid))
    logit, most = math.log(threshold / (1 - threshold)), 0
    probability = np.empty(infrared.shape, np.float16)
    for top in range(0, infrared.shape[0], BLOCK_PX):
        band = slice(top, min(top + BLOCK_PX, infrared.shape[0]))
        usual = _between(background, np.arange(band.start, band.stop), np.arange(infrared.shape[1]))
        away = (usual - left[band].astype(np.float32)) / np.float32(need)
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
    one, other = (_details(_stops(image[parts[0], parts[1]])) for image in (infrared, red))
    size = one.shape
    likeness = np.abs(np.fft.irfft2(np.fft.rfft2(one) * np.conj(np.fft.rfft2(other)), size))
    reach = [min(LARGEST_SHIFT_PX, (side - 1) // 2) for side in size]
    down, across = (np.arange(-most, most + 1) for most in reach)
    near = likeness[down[:, None], across]
    best = np.unravel_index(near.argmax(), near.shape)
    if near.max() <= LEAST_LIKENESS * float(np.linalg.norm(one)) * float(np.linalg.norm(other)):
        return 0, 0
    return int(down[best[0]]), int(across[best[1]])


def _details(stops: FloatArray) -> FloatArray:
    """What differs clearly from the pixels around; cut off, so that no edge outweighs the dust."""
    around = sum((np.roll(stops, step, axis) for step in (2, -2) for axis in (0, 1)), np.zeros_like(stops))
    fine = stops - around / np.float32(4)
    fine[[0, 1, -2, -1]] = fine[:, [0, 1, -2, -1]] = 0
    usual = max(1.4826 * float(np.median(np.abs(fine))), 1e-6)
    # grain shows in both images, and hides where light dust lies
    return np.asarray(np.sign(fine) * np.clip(np.abs(fine) / usual - CLEAR, 0, CLEAR), np.float32)


def _stops(values: NDArray[Any]) -> FloatArray:
    """The logarithm of light, to the base 2."""
    most = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
    return np.asarray(np.log2(values.astype(np.float32) / np.float32(most) + np.float32(1 / 256)), np.float32)


def _aligned(infrared: Infrared, rows: NDArray[Any], columns: NDArray[Any], down: int, across: int) -> FloatArray:
    height, width = infrared.shape
    return _stops(infrared[(rows + down).clip(0, height - 1)[:, None], (columns + across).clip(0, width - 1)])


def _leak(infrared: Infrared, rgb: NDArray[Any], valid: Hole | None, shift: tuple[int, int]) -> tuple[float, float]:
    """Stops of infrared for each stop of red, and the share of infrared that red explains.

    Differences between pixels that lie side by side say it, because the light may fall off towards the sides.
    """
    rows, columns = _sampled(infrared.shape)
    light, red = _aligned(infrared, rows, columns, *shift), _stops(rgb[rows[:, None], columns, 0])
    known = np.ones(red.shape, bool) if valid is None else valid[rows[:, None], columns]
    apart = max(1, APART_PX // int(columns[1])) if len(columns) > 1 else 1
    both = known[:, apart:] & known[:, :-apart]
    y, x = ((image[:, apart:] - image[:, :-apart])[both] for image in (light, red))
    kept, slope = np.ones(x.shape, bool), 0.0
    for _ in range(ROUNDS):
        spread = float(np.square(x[kept]).sum())
        slope = float((x[kept] * y[kept]).sum()) / spread if spread > 1e-3 else 0.0
        away = np.abs(y - slope * x)
        kept = away <= KEPT * max(1.4826 * float(np.median(away)), 1e-3) if away.size else kept
    scale = float(np.square(x).sum() * np.square(y).sum())
    return slope, float((x * y).sum()) ** 2 / scale if scale > 0 else 0.0


def _left(infrared: Infrared, rgb: NDArray[Any], slope: float, shift: tuple[int, int]) -> NDArray[np.float16]:
    """Infrared without the leak of red, in stops."""
    left = np.empty(infrared.shape, np.float16)
    columns = np.arange(infrared.shape[1])
    for top in range(0, infrared.shape[0], BLOCK_PX):
        rows = np.arange(top, min(top + BLOCK_PX, infrared.shape[0]))
        band = slice(top, rows[-1] + 1)
        left[band] = _aligned(infrared, rows, columns, *shift) - np.float32(slope) * _stops(rgb[band, :, 0])
    return left


def _background(left: NDArray[np.float16], valid: Hole | None) -> FloatArray:
    """What is usual in each block and those around it."""
    height, width = (-(-side // BLOCK_PX) for side in left.shape)
    blocks = np.empty((height, width), np.float32)
    for y, x in np.ndindex(height, width):
        place = np.s_[y * BLOCK_PX : (y + 1) * BLOCK_PX : 2, x * BLOCK_PX : (x + 1) * BLOCK_PX : 2]
        known = left[place] if valid is None else left[place][valid[place]]
        blocks[y, x] = np.median(known.astype(np.float32)) if known.size else np.nan
    blocks[np.isnan(blocks)] = np.median(blocks[~np.isnan(blocks)]) if not np.isnan(blocks).all() else 0
    wide = np.pad(blocks, 1, mode="edge")
    near = [wide[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.asarray(np.median(near, axis=0), np.float32)


def _noise(left: NDArray[np.float16], background: FloatArray, valid: Hole | None) -> float:
    rows, columns = _sampled(left.shape)
    away = left[rows[:, None], columns].astype(np.float32) - _between(background, rows, columns)
    known = away if valid is None else away[valid[rows[:, None], columns]]
    return 1.4826 * float(np.median(np.abs(known))) if known.size else 0.0


def _sampled(size: tuple[int, ...]) -> tuple[Places, Places]:
    """Rows and columns of about `SAMPLES` pixels."""
    step = max(1, math.isqrt(size[0] * size[1] // SAMPLES))
    return np.arange(0, size[0], step), np.arange(0, size[1], step)


def _between(background: FloatArray, rows: Places, columns: Places) -> FloatArray:
    """Values of some pixels, between those in the middles of blocks."""
    height, width = background.shape
    down, across = (
        ((places + 0.5) / BLOCK_PX - 0.5).clip(0, length - 1) for places, length in ((rows, height), (columns, width))
    )
    top, left = np.floor(down).astype(int), np.floor(across).astype(int)
    y, x = (down - top)[:, None].astype(np.float32), (across - left).astype(np.float32)
    mixed = (1 - y) * background[top] + y * background[np.minimum(top + 1, height - 1)]
    return np.asarray((1 - x) * mixed[:, left] + x * mixed[:, np.minimum(left + 1, width - 1)], np.float32)
