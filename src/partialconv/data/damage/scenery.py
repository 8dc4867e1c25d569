"""Thin things that belong to a photo: joints, slats and bars, drawn so that they are not taken for damage."""

import cv2
import numpy as np

from partialconv.data.damage.ageing import Pixels
from partialconv.data.damage.lines import Points, stroke

FEWEST, MOST = 3, 14  # lines side by side


def draw_scenery(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw lines that a photo could have shown: many at one distance, at times crossed by others.

    Damage does not repeat itself at one distance.

    Args:
        photo: (H, W, 3), RGB.
        rng: Chooses.

    Returns:
        The photo with them, (H, W, 3).
    """
    height, width, _ = photo.shape
    alpha = stroke((height, width), _regular((height, width), rng))
    alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.4, 1.6)) * np.float32(rng.uniform(0.25, 1))
    colour = photo[int(rng.integers(height)), int(rng.integers(width))] * np.float32(rng.choice([0.3, 0.6, 1, 1.6]))
    mixed = photo + alpha[..., None] * (np.clip(colour, 0, 255) - photo)
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8)


def _regular(size: tuple[int, int], rng: np.random.Generator) -> list[tuple[Points, float]]:
    """Straight lines side by side, of equal width, mostly upright."""
    centre, reach = np.array(size[::-1], np.float32) / 2, float(np.hypot(*size))
    upright = rng.normal(0, 0.03) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    wide, lines = float(rng.uniform(0.6, 4)), []
    for turn in (0, np.pi / 2)[: 1 + int(rng.random() < 0.5)]:
        along = np.array([np.sin(upright + turn), np.cos(upright + turn)])
        across, distance = np.array([along[1], -along[0]]), max(size) / rng.uniform(FEWEST, MOST)
        fan = rng.normal(0, 0.01)  # how much lines draw nearer to each other, as seen from the side
        for number in np.arange(-MOST, MOST + 1) + rng.random():
            middle, way = centre + across * number * distance, along + across * number * fan
            lines.append((np.stack([middle - reach * way, middle + reach * way]).astype(np.float32), wide))
    return lines
