"""Holes in one flat colour, or in a smooth surface such as a gradient: what goes on there is known, not guessed.

Source: ours; least squares that leave outliers out, as in Hampel et al. 1986, "Robust Statistics".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.shapes import smooth
from partialconv.masks.morphology import dilate

Map = NDArray[np.floating[Any]]
RIM_PX = 3  # around a hole, where one colour must be
ONE_COLOUR = 0.985  # share of the rim: lines of a table leave less, letters that a hole cuts off leave more
RING_PX = 24  # around a hole, to which a surface is fitted
DEGREES = (1, 2, 4, 6)  # of the polynomials that are tried, the simplest first
ON_SURFACE = 0.98  # share of the ring that must lie on the surface
LEAST_LEVELS = 1.0  # how far off a pixel may be, of 255: rounding to 8 bits alone is half of that
NOISE_LEVELS = 2.5  # standard deviation of noise, at most: more is texture
ROUNDS = 6  # of fitting, each without the outliers of the one before
MOST_PIXELS = 20_000  # that take part in a fit
EVEN_PX, EVEN = 4, 0.4  # means of squares of 9 pixels may be off by this share of the noise: else it is no noise


def flat_colour(photo: NDArray[Any], hole: Hole, unknown: Hole) -> NDArray[Any] | None:
    """The colour that goes all around a hole, (3,), or None.

    Args:
        photo: (H, W, 3), as it is stored.
        hole: (H, W), True = to be filled.
        unknown: (H, W), True = tells nothing: the hole, and others.
    """
    around = photo[dilate(hole, RIM_PX) & ~unknown]
    if not len(around):
        return None
    found, counts = np.unique(around, axis=0, return_counts=True)
    most = counts.argmax()
    return found[most] if counts[most] >= ONE_COLOUR * len(around) else None


def surface(photo: NDArray[Any], hole: Hole, unknown: Hole, peak: float) -> tuple[Map, float] | None:
    """The smooth surface that goes on under a hole, if there is one around it.

    Args:
        photo: (H, W, 3), uint8, uint16 or float32.
        hole: (H, W), True = to be filled.
        unknown: (H, W), True = tells nothing: the hole, and others.
        peak: The value of white.

    Returns:
        (number of pixels of the hole, 3), 0 to 255, and how noisy the known part of the surface is, in levels; or None.
    """
    # no larger part of the photo in levels than is needed, which takes four times the memory
    part = tuple(
        slice(max(0, int(lines[0]) - RING_PX), int(lines[-1]) + RING_PX + 1)
        for lines in (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
    )
    hole, unknown = hole[part], unknown[part]
    colours = photo[part] * np.float32(255 / peak)
    ring = dilate(hole, RING_PX) & ~unknown
    places = np.argwhere(ring)
    if len(places) < RING_PX**2:
        return None
    middle, reach = places.mean(axis=0), np.abs(places - places.mean(axis=0)).max()
    step = -(-len(places) // MOST_PIXELS)
    for degree in DEGREES:
        fitted = _fit((places[::step] - middle) / reach, colours[ring][::step], degree)
        if fitted is None:
            continue
        terms, noise = fitted
        if not _is_even(colours, ring, _terms((places - middle) / reach, degree) @ terms, noise):
            continue
        return _terms((np.argwhere(hole) - middle) / reach, degree) @ terms, noise
    return None


def _fit(places: Map, values: Map, degree: int) -> tuple[Map, float] | None:
    """The polynomial through the values at some places, if nearly all lie on it, and how far off they are."""
    terms = _terms(places, degree)
    inside = np.ones(len(values), bool)
    for _ in range(ROUNDS):
        factors = np.linalg.lstsq(terms[inside], values[inside], rcond=None)[0]
        off = np.abs(terms @ factors - values).max(axis=1)
        noise = 1.5 * float(np.median(off))  # of a normal law, from its median
        inside = off <= max(LEAST_LEVELS, 4 * noise)
        if noise > NOISE_LEVELS * 2 or np.count_nonzero(inside) < 4 * terms.shape[1]:
            return None
    enough = noise <= NOISE_LEVELS and inside.mean() >= ON_SURFACE
    return (factors, noise) if enough else None


def _terms(places: Map, degree: int) -> Map:
    """All products of powers of the two coordinates up to a degree, (N, terms)."""
    powers = [np.ones_like(places)]
    for _ in range(degree):
        powers.append(powers[-1] * places)  # many times as fast as places**n
    return np.stack(
        [powers[i][:, 0] * powers[j][:, 1] for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1
    )


def _is_even(colours: Map, ring: Hole, fitted: Map, noise: float) -> bool:
    """Whether what is left beside the surface is noise: then its means over squares are nearly 0."""
    left = np.zeros_like(colours, dtype=np.float32)
    left[ring] = colours[ring] - fitted
    count = smooth(ring[..., None].astype(np.float32), EVEN_PX)
    means = (smooth(left, EVEN_PX) / np.maximum(count, 1e-3))[ring & (count[..., 0] > 0.5)]
    return bool(len(means)) and float(np.sqrt(np.square(means).mean())) <= max(0.25, EVEN * noise)
