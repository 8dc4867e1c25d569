"""Wide holes: shapes as objects have them, blobs, and whole parts of the picture."""

import numpy as np

from partialconv.masks.strokes import Mark, Polygon, Stroke

NUM_POINTS = 48  # of a smooth outline


def sample_silhouettes(rng: np.random.Generator, size: tuple[int, int]) -> list[Mark]:
    """Sample one to three shapes with a body and up to six limbs, as people, animals, plants and vehicles have them.

    Args:
        rng: Source of randomness.
        size: (height, width) in pixels.

    Source: ours.
    """
    side = min(size)
    marks: list[Mark] = []
    for _ in range(1 + int(rng.choice(3, p=[0.6, 0.25, 0.15]))):
        radius = _log_uniform(rng, 0.1, 0.36) * side
        centre = rng.uniform((0, 0), (size[1], size[0]))
        long = _log_uniform(rng, 1, 2.5)
        marks.append(_outline(rng, centre, radius, long, rng.uniform(0.05, 0.3)))
        for _ in range(int(rng.integers(0, 7))):
            angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 2.2) * radius
            bend = rng.normal(0, 0.5)
            steps = np.array([[np.cos(angle + turn), np.sin(angle + turn)] for turn in (0, bend)]) * length / 2
            points = centre + np.cumsum([np.zeros(2), *steps], axis=0)
            width = max(1, round(float(rng.uniform(0.15, 0.6)) * radius))
            marks.append(Stroke(_whole(points), width, round=True))
            if rng.random() < 0.4:  # a head, a hand, a crown
                marks.append(_outline(rng, points[-1], rng.uniform(0.25, 0.6) * radius, 1.2, 0.1))
    return marks


def sample_blobs(rng: np.random.Generator, size: tuple[int, int]) -> list[Mark]:
    """Sample one to four smooth shapes, from round to ragged; arguments as `sample_silhouettes`. Source: ours."""
    side = min(size)
    marks: list[Mark] = []
    for _ in range(int(rng.integers(1, 5))):
        centre = rng.uniform((0, 0), (size[1], size[0]))
        radius, long = _log_uniform(rng, 0.1, 0.45) * side, _log_uniform(rng, 1, 2.5)
        marks.append(_outline(rng, centre, radius, long, rng.uniform(0.0, 0.5)))
    return marks


def sample_halves(rng: np.random.Generator, size: tuple[int, int]) -> list[Mark]:
    """Sample everything on one side of a line, of a quarter to three quarters of the picture, or all around its middle.

    Half of the lines run along a side of the picture; the others are tilted. Arguments as `sample_silhouettes`.

    Source: ours.
    """
    height, width = size
    if rng.random() < 0.2:
        kept = np.sqrt(rng.uniform(0.25, 0.75))
        top, left = rng.uniform(0, 1 - kept, 2) * size
        bottom, right = top + kept * height, left + kept * width
        outer = [(0, 0), (width, 0), (width, height), (0, height)]
        inner = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return [
            Polygon(_whole(np.array([outer[n], outer[m], inner[m], inner[n]])))
            for n, m in ((0, 1), (1, 2), (2, 3), (3, 0))
        ]
    angle = rng.integers(4) * np.pi / 2 + (rng.uniform(-np.pi / 4, np.pi / 4) if rng.random() < 0.5 else 0)
    normal = np.array([np.cos(angle), np.sin(angle)])
    along, reach = np.array([-normal[1], normal[0]]), 2 * max(size)
    offset = rng.uniform(-0.25, 0.25) * (abs(normal[0]) * width + abs(normal[1]) * height)
    point = np.array([width, height]) / 2 + offset * normal
    far = [point - reach * along, point + reach * along]
    return [Polygon(_whole(np.array([*far, far[1] + reach * normal, far[0] + reach * normal])))]


def _outline(rng: np.random.Generator, centre: np.ndarray, radius: float, long: float, ragged: float) -> Polygon:
    """A closed curve around `centre`, `long` times as long as wide; `ragged` is how far its radius varies."""
    angles = np.arange(NUM_POINTS) * 2 * np.pi / NUM_POINTS
    waves = np.arange(2, 7)[:, None]
    heights, phases = rng.normal(0, ragged, (5, 1)) / waves, rng.uniform(0, 2 * np.pi, (5, 1))
    radii = radius * np.clip(1 + 2 * (heights * np.cos(waves * angles + phases)).sum(0), 0.2, 2)
    turn = rng.uniform(0, 2 * np.pi)
    x, y = radii * np.cos(angles) * np.sqrt(long), radii * np.sin(angles) / np.sqrt(long)
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1)
    return Polygon(_whole(centre + turned))


def _whole(points: np.ndarray) -> tuple[tuple[int, int], ...]:
    return tuple((int(x), int(y)) for x, y in np.floor(points))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
