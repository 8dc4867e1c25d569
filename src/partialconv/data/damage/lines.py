"""Cracks, folds, tears and the vertical scratches of film, drawn from nothing but a random generator."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from partialconv.data.damage.cutouts import SHIFT, Alpha

Points = NDArray[np.float32]  # (points, 2): x and y
FINE = 2  # lines are drawn on a canvas this many times as large, for widths of less than a pixel


def smooth_noise(size: tuple[int, int], rng: np.random.Generator, cell_px: float) -> Alpha:
    """Noise in [0, 1] whose values lie `cell_px` apart, smooth between them, (H, W)."""
    grid = rng.random((int(size[0] / cell_px) + 2, int(size[1] / cell_px) + 2), np.float32)
    return np.asarray(cv2.resize(grid, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _shrunk(canvas: NDArray[Any], size: tuple[int, int]) -> Alpha:
    """From levels of 255 on a fine canvas to opacity."""
    return np.asarray(cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def wander(
    rng: np.random.Generator, start: tuple[float, float], heading: float, length: float, roughness: float
) -> Points:
    """A walk whose direction changes at every step but returns to `heading`, in radians."""
    step = rng.uniform(2.5, 6)
    num = max(3, int(length / step))
    turns, drift = rng.normal(0, roughness, num), 0.0
    angles = np.empty(num)
    for i in range(num):
        drift = 0.8 * drift + turns[i]
        angles[i] = heading + drift
    path = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], 1) * step, 0)
    return np.concatenate([[start], path + start]).astype(np.float32)


def stroke(size: tuple[int, int], paths: list[tuple[Points, float]]) -> Alpha:
    """Opacity of polylines, each with a width in pixels, which tapers off towards its end, (H, W)."""
    canvas = np.zeros((size[0] * FINE, size[1] * FINE), np.uint8)
    for path, width in paths:
        fixed = np.rint(path * FINE * (1 << SHIFT)).astype(np.int32)
        parts = np.array_split(np.arange(len(fixed)), 3) if len(fixed) >= 9 else [np.arange(len(fixed))]
        for number, part in enumerate(parts):
            wide = max(1, round(width * FINE * (1 - 0.25 * number)))
            piece = fixed[part[0] : part[-1] + 2]
            cv2.polylines(canvas, [piece], False, 255, wide, cv2.LINE_AA, SHIFT)
    return _shrunk(canvas, size)


def _start(size: tuple[int, int], rng: np.random.Generator) -> tuple[tuple[float, float], float]:
    """A place and a direction; often at the border, inwards."""
    height, width = size
    centre = np.array([width / 2, height / 2])
    if rng.random() < 0.6:
        side, along = int(rng.integers(4)), rng.random()
        x, y = [(along * width, 0), (along * width, height), (0, along * height), (width, along * height)][side]
    else:
        x, y = rng.random() * width, rng.random() * height
    inwards = np.arctan2(*(centre - [x, y])[::-1])
    return (float(x), float(y)), float(inwards + rng.normal(0, 0.6))


def crack_paths(size: tuple[int, int], rng: np.random.Generator) -> list[tuple[Points, float]]:
    """Cracks with branches, thinner ones further out."""
    paths: list[tuple[Points, float]] = []
    for _ in range(int(rng.integers(1, 4))):
        start, heading = _start(size, rng)
        width, roughness = (
            float(rng.choice([0.8, 1.2, 1.8, 2.6, 4.0], p=[0.3, 0.3, 0.2, 0.13, 0.07])),
            rng.uniform(0.08, 0.5),
        )
        queue = [(start, heading, rng.uniform(0.2, 1.1) * max(size), width)]
        while queue and len(paths) < 14:
            place, angle, length, wide = queue.pop()
            path = wander(rng, place, angle, length, roughness)
            paths.append((path, wide))
            for _ in range(int(rng.poisson(0.9))):
                if length > 30:
                    at = path[int(rng.integers(len(path)))]
                    side = rng.choice([-1, 1]) * rng.uniform(0.4, 1.4)
                    queue.append(
                        ((float(at[0]), float(at[1])), angle + side, length * rng.uniform(0.2, 0.6), wide * 0.75)
                    )
    return paths


def fold_path(size: tuple[int, int], rng: np.random.Generator) -> list[tuple[Points, float]]:
    """A nearly straight line through the whole picture, at times a second one beside or across it."""
    height, width = size
    paths, angle = [], rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.05)
    for _ in range(1 + int(rng.random() < 0.25)):
        centre = np.array([rng.random() * width, rng.random() * height])
        reach = np.array([np.cos(angle), np.sin(angle)]) * (height + width)
        t = np.linspace(-1, 1, 80)[:, None]
        wobble = np.cumsum(rng.normal(0, 0.25, (80, 2)), 0)
        paths.append(((centre + t * reach + wobble).astype(np.float32), float(rng.uniform(0.8, 3.2))))
        angle += np.pi / 2 * (rng.random() < 0.5)
    return paths


def tear(size: tuple[int, int], rng: np.random.Generator) -> tuple[Alpha, Alpha]:
    """A gap that opens towards the border, or a corner that is gone: opacity of the gap, and of its fibres."""
    height, width = size
    gap = np.zeros((height * FINE, width * FINE), np.uint8)
    if rng.random() < 0.35:
        reach = rng.uniform(0.12, 0.5, 2) * min(size)
        first, second = np.array([reach[0], 0.0]), np.array([0.0, reach[1]])
        t = np.linspace(0, 1, 24)[:, None]
        edge = first + (second - first) * t + np.cumsum(rng.normal(0, 0.8, (24, 2)), 0)
        outline = np.concatenate([[[-9, -9], [first[0], -9]], edge, [[-9, second[1]]]])
        if rng.random() < 0.5:
            outline[:, 0] = width - outline[:, 0]
        if rng.random() < 0.5:
            outline[:, 1] = height - outline[:, 1]
    else:
        start, heading = _start(size, rng)
        path = wander(rng, start, heading, rng.uniform(0.25, 0.9) * min(size), rng.uniform(0.1, 0.4))
        across = np.array([-np.sin(heading), np.cos(heading)])
        opening = np.linspace(rng.uniform(2, 18), 0.3, len(path))[:, None] / 2
        jags = rng.normal(0, 0.5, (2, len(path), 1))
        outline = np.concatenate([path + across * (opening + jags[0]), (path - across * (opening + jags[1]))[::-1]])
    cv2.fillPoly(gap, [np.rint(outline * FINE * (1 << SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
    rim_px = int(rng.integers(1, 4)) * FINE
    wide = cv2.dilate(gap, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim_px + 1, 2 * rim_px + 1)))
    fibres = _shrunk(wide, size) * (smooth_noise(size, rng, 2.5) > rng.uniform(0.1, 0.55))
    return _shrunk(gap, size), fibres


def film_scratches(size: tuple[int, int], rng: np.random.Generator) -> Alpha:
    """Lines that run with the film, upright, now and then level; broken and of changing strength, (H, W)."""
    level = bool(rng.random() < 0.15)
    height, width = size[::-1] if level else size
    alpha, y = np.zeros((height, width), np.float32), np.arange(height, dtype=np.float32)
    for _ in range(int(rng.integers(1, 6))):
        centre = rng.random() * width + rng.normal(0, 0.02) * (y - height / 2)
        centre = centre + np.cumsum(rng.normal(0, 0.04, height))
        half = rng.uniform(0.4, 1.3)
        strength = np.interp(y, np.linspace(0, height, 12), rng.random(12)) * 1.4 + rng.uniform(-0.3, 0.6)
        if rng.random() < 0.5:
            begin, end = np.sort(rng.uniform(-0.3, 1.3, 2)) * height
            strength = strength * ((y > begin) & (y < end))
        left, right = max(0, int(centre.min()) - 4), min(width, int(centre.max()) + 5)
        if left < right:
            away = np.abs(np.arange(left, right)[None] - centre[:, None])
            line = np.clip(half + 0.5 - away, 0, 1) * np.clip(strength, 0, 1)[:, None]
            np.maximum(alpha[:, left:right], line, out=alpha[:, left:right])
    return np.ascontiguousarray(alpha.T) if level else alpha
