"""The grain of a photo, continued into what was filled.

A network answers with something near the mean of all likely pictures, so its fills are smoother than photos are. Which
detail is missing cannot be known, but how strong it is and how it is spread over frequencies can be seen around the
hole: noise of that spectrum is added where the fill lacks it. Texture gets about half its amplitude, the best trade on
photos; what is everywhere, even in the quietest places, is grain of film or sensor and is made up to nearly all.
Near known pixels the network knows texture better than noise does, so it gets none there; grain it cannot know.

Source: noise with the spectrum of a texture is that of Galerne, Gousseau and Morel 2011, "Random Phase Textures"; where
and how strongly to add it is ours.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.inference.planner import Box, Plan, pixels_of
from partialconv.inference.scales import rounded

Map = NDArray[np.floating[Any]]
THIN_PX = 4  # strokes of this width get no grain
MARGIN_PX, DEEP_MARGIN_PX = 48, 128  # around a box, to learn from
MIRROR_PX = 16  # a Fourier transform joins opposite borders
DETAIL_PX = 2  # sigma: what a blur of this takes away is detail
NEAR_PX, FAR_PX = 12, 64  # sigmas around a pixel in which known ones count, and count where no others are
FAR_WEIGHT = 1e-3
NO_GRAIN = 1e-5  # weight of what the fill has already: far inside of wide holes nothing is added
FILL_PX = 3  # sigma, to see what the fill has
CORRELATION_PX = 8  # sigma, of the detail that is kept
STEP_PX = 4  # strengths are found for blocks of this size
NUM_TONES = 6  # known pixels of the brightness of the fill count most
SHARED = 0.1  # weight of all other tones
EDGE_PX = 3  # sigma: near known pixels a fill needs little grain, and thin strokes none
TEXTURE_RISE, GRAIN_RISE = 8, 2  # powers of how deep inside a pixel is, for amplitudes; texture near an edge is known
FLOOR = 0.5 / 255**2  # of the detail's energy: as little as 8 bits can show
QUIET_PX = 6  # sigma of neighbourhoods whose energies are compared
QUIETEST = 0.02  # the share of them that is noise and nothing else
QUIETEST_TO_MEAN = 1.15  # of noise that is the same everywhere
MOSTLY = 0.25  # of a neighbourhood is known, else it does not count
CLIPPED = 0.03  # no grain shows so near to black or white
LARGEST = 3  # multiples of its strength that detail counts with in the spectrum: edges are no texture
PERIOD_PX = 512
KEPT_PX = 1 << 23  # of windows, 9 bytes a pixel, that are seen twice and computed once


def add_grain(photo: NDArray[Any], hole: Hole, steps: Plan, peak: float) -> None:
    """Add grain like that of the known pixels to the filled ones, in place.

    The same photo and hole get the same grain. Photos without grain, and smooth parts of others, stay as they are.

    Args:
        photo: Filled, (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = was filled.
        steps: The plan of the hole.
        peak: The value of white.
    """
    windows: dict[Box, Box] = {}  # in which to learn what the grain of a box is
    for box in steps.boxes:
        is_deep = steps.deep is not None and pixels_of(steps.deep, box).any()
        window = box.grown(DEEP_MARGIN_PX if is_deep else MARGIN_PX, steps.size)
        if _is_thick(hole[box.grown(THIN_PX, steps.size).slices]) and not hole[window.slices].all():
            windows[box] = window
    kept: dict[Box, _Seen] = {}
    quietest, room = [], KEPT_PX
    for window in windows.values():
        seen = _seen_in(photo, hole, window, peak)
        quietest.append(_quietest(seen))
        room -= seen.grey.size
        if room >= 0:
            kept[window] = seen
    noise = min((energy for energy in quietest if energy is not None), default=0)
    left = hole.copy()
    changes = []  # made at the end, so that no window sees the grain of another
    for box, window in windows.items():
        here = left[box.slices].copy()
        if here.any():
            seen = kept.get(window) or _seen_in(photo, hole, window, peak)
            grain = _grain_in(seen, box, window, noise)
            values = photo[box.slices][here] + grain[here][:, None] * np.float32(peak)
            changes.append((box, here, rounded(values.clip(0, peak), photo.dtype)))
            left[box.slices] = False
    for box, here, values in changes:
        photo[box.slices][here] = values


class _Seen(NamedTuple):
    """A window in grey, 0 to 1, what a blur leaves of it, and its hole, with margins of their mirror image."""

    grey: Map
    smooth: Map
    hole: Hole


def _is_thick(hole: Hole) -> bool:
    """Whether any square of more than `THIN_PX` pixels is in the hole; grain would hardly show in what is thinner."""
    for _ in (0, 1):
        padded = np.pad(hole, [(0, THIN_PX), (0, 0)])
        hole = np.logical_and.reduce([padded[start : start + len(hole)] for start in range(THIN_PX + 1)]).T
    return bool(hole.any())


def _seen_in(photo: NDArray[Any], hole: Hole, window: Box, peak: float) -> _Seen:
    """A window and its margins; sides are multiples of 32."""
    sides = [-(-(side + 2 * MIRROR_PX) // 32) * 32 for side in window.shape]
    padding = [(MIRROR_PX, side - length - MIRROR_PX) for side, length in zip(sides, window.shape, strict=True)]
    grey = np.pad(photo[window.slices] @ np.full(3, 1 / (3 * peak), np.float32), padding, mode="symmetric")
    smooth = _filtered(grey, _blur(grey.shape, DETAIL_PX))
    return _Seen(grey, smooth, np.pad(hole[window.slices], padding, mode="symmetric"))


def _grain_in(seen: _Seen, box: Box, window: Box, noise: float) -> Map:
    """The grain of a box, learned from a window around it."""
    top, left = window.top - MIRROR_PX, window.left - MIRROR_PX
    rows, columns = (
        np.arange(start, start + side) % PERIOD_PX for start, side in zip((top, left), seen.grey.shape, strict=True)
    )
    grain = _grain(seen, noise, _white_noise()[np.ix_(rows, columns)])
    return grain[box.top - top : box.bottom - top, box.left - left : box.right - left]


def _grain(seen: _Seen, noise: float, white: Map) -> Map:
    """What to add to a fill, (H, W), of a photo in [0, 1] with noise of that energy."""
    grey, smooth, hole = seen
    detail = grey - smooth
    energy = detail**2
    logarithm = np.log(energy + np.float32(FLOOR))
    known = np.where(hole, np.float32(0), np.float32(1))
    filled, tone = _reduced(1 - known), _reduced(smooth)
    there = _share(_reduced(logarithm * (1 - known)), filled, FILL_PX)
    wanted, near = _wanted(_reduced(logarithm * known), _reduced(known), tone, there)
    texture = np.exp(wanted) - np.exp(there)
    grain = noise * near * _shows_grain(tone) - _share(_reduced(energy * (1 - known)), filled, QUIET_PX)
    relative = (detail / _enlarged(np.exp(wanted / 2))).clip(-LARGEST, LARGEST) * known
    inside = _filtered(1 - known, _blur(grey.shape, EDGE_PX)).clip(0, 1)
    strengths = [
        _enlarged(np.sqrt(np.maximum(energies, 0))) * inside**rise
        for energies, rise in ((texture, TEXTURE_RISE), (grain, GRAIN_RISE))
    ]
    return np.asarray(np.maximum(*strengths) * _filtered(white, _spectrum(relative)))


def _quietest(seen: _Seen) -> float | None:
    """The mean energy of detail in the quietest known places, if any: it is that of noise, which is everywhere."""
    grey, smooth, hole = seen
    known = np.where(hole, np.float32(0), np.float32(1))
    blocks = _reduced(known)
    blur = _blur(blocks.shape, QUIET_PX / STEP_PX)
    count = _filtered(blocks, blur)
    places = (count > MOSTLY) & _shows_grain(_reduced(smooth))
    if not places.any():
        return None
    energies = _filtered(_reduced((grey - smooth) ** 2 * known), blur)[places] / count[places]
    return float(QUIETEST_TO_MEAN * max(_quantile(energies, QUIETEST), 0))


def _shows_grain(tone: Map) -> Hole:
    return np.asarray((tone > CLIPPED) & (tone < 1 - CLIPPED))


def _wanted(energy: Map, known: Map, tone: Map, there: Map) -> tuple[Map, Map]:
    """The logarithm of the energy that detail should have, of blocks; and how near they are to known ones, 0 to 1.

    The mean of logarithms is the geometric mean: a few strong edges on a smooth ground do not count as grain.
    """
    wide = [side + DEEP_MARGIN_PX // STEP_PX for side in energy.shape]  # nothing is known beyond
    near = _blur(wide, NEAR_PX / STEP_PX) + FAR_WEIGHT * _blur(wide, FAR_PX / STEP_PX)
    all_energy, all_known = _filtered(energy, near), _filtered(known, near)
    low, high = (_quantile(tone, share) for share in (0.01, 0.99))
    place = ((tone - low) / max(high - low, 1e-6)).clip(0, 1) * (NUM_TONES - 1)
    weights = (1 - np.abs(place - np.arange(NUM_TONES)[:, None, None])).clip(0, 1)
    total = _filtered(energy * weights, near) + SHARED * all_energy
    count = _filtered(known * weights, near) + SHARED * all_known
    wanted = (weights * (total + NO_GRAIN * there) / (count + NO_GRAIN)).sum(axis=0)
    return np.asarray(wanted), np.asarray(all_known / (all_known + NO_GRAIN))


def _quantile(values: Map, share: float) -> float:
    """As NumPy's, whose first call imports a large part of it that nothing else needs."""
    ordered = np.sort(values, axis=None)
    return float(np.interp(share * (len(ordered) - 1), np.arange(len(ordered)), ordered))


def _spectrum(detail: Map) -> Map:
    """The amplitudes of noise, of mean square 1, that is correlated as `detail` is over short distances."""
    correlation = np.fft.irfft2(np.abs(np.fft.rfft2(detail)) ** 2, detail.shape)
    distances = (np.minimum(np.arange(side), side - np.arange(side)) for side in detail.shape)
    correlation *= _bell(*(distance / CORRELATION_PX for distance in distances))
    power = np.fft.rfft2(correlation).real.clip(0) + 1e-12
    return np.asarray(np.sqrt(power / power.mean()), np.float32)


def _blur(shape: Sequence[int], sigma: float) -> Map:
    """The amplitudes of a Gaussian blur."""
    return _bell(
        *(2 * np.pi * sigma * frequency for frequency in (np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])))
    )


def _bell(rows: NDArray[np.floating[Any]], columns: NDArray[np.floating[Any]]) -> Map:
    return np.outer(np.exp(-(rows**2) / 2), np.exp(-(columns**2) / 2))


def _filtered(values: Map, amplitudes: Map) -> Map:
    """`values` blurred, or noise made grain; amplitudes of a wider shape see zeros beyond the border."""
    wide = amplitudes.shape[0], 2 * (amplitudes.shape[1] - 1)  # widths are even
    result = np.fft.irfft2(np.fft.rfft2(values, wide) * amplitudes.astype(values.dtype), wide)
    return np.asarray(result[..., : values.shape[-2], : values.shape[-1]], values.dtype)


def _share(total: Map, count: Map, sigma: float) -> Map:
    blur = _blur(total.shape, sigma / STEP_PX)
    return np.asarray(_filtered(total, blur) / np.maximum(_filtered(count, blur), 1e-3))


def _reduced(values: Map) -> Map:
    """The means of blocks, in double precision: far inside of holes little is left of them."""
    columns = np.add(values[:, ::STEP_PX], values[:, 1::STEP_PX], dtype=np.float64)  # a fifth of the time of a mean
    for place in range(2, STEP_PX):
        columns += values[:, place::STEP_PX]
    total = columns[::STEP_PX] + columns[1::STEP_PX]
    for place in range(2, STEP_PX):
        total += columns[place::STEP_PX]
    return np.asarray(total / STEP_PX**2)


def _enlarged(blocks: Map) -> Map:
    size = blocks.shape[1] * STEP_PX, blocks.shape[0] * STEP_PX
    return np.asarray(Image.fromarray(blocks.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))


@cache
def _white_noise() -> Map:
    return np.random.default_rng(0).standard_normal((PERIOD_PX, PERIOD_PX), np.float32)
