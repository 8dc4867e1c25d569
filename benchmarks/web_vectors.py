"""Writes what web/ is tested with: holes with their plans, small pictures with their fills, and with what is found.

    python benchmarks/web_vectors.py

The files are web/test/vectors/*.json.gz; tests/test_web_vectors.py says whether they are those of the code. Maps are
lists of run lengths that begin with zeros. Fills are those of ONNX Runtime without copies, grain and what goes on
without a doubt.
"""

import base64
import gzip
import itertools
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.finding import DamageFinder
from partialconv.inference import Inpainter, plan
from partialconv.inference.planner import Box, Plan
from partialconv.masks import stroke_hole
from partialconv.server.finds import map_of

FOLDER = Path(__file__).resolve().parents[1] / "web" / "test" / "vectors"
NUM_HOLES, NUM_FILLS, NUM_FINDS = 200, 20, 4
SHORTEST_PX = (400, 15)  # sides to which pictures are made smaller
SIZES = ((300, 400), (67, 1201), (512, 512), (999, 640), (23, 31), (1500, 1100), (130, 97), (768, 1024))
PICTURES = ((64, 64), (47, 81), (90, 72), (40, 330), (96, 96))


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (("plans", plans()), ("fills", fills()), ("finds", finds())):
        path = FOLDER / f"{name}.json.gz"
        path.write_bytes(gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0))
        print(f"{path.name}: {len(content)} vectors, {path.stat().st_size:,} bytes")


def plans() -> list[dict[str, Any]]:
    """Holes of many kinds and sizes, with their plans."""
    holes = itertools.islice(map(_hole, range(NUM_HOLES)), NUM_HOLES)
    return [{"size": hole.shape, "hole": runs(hole), "plan": _plain(plan(hole))} for hole in holes]


def fills() -> list[dict[str, Any]]:
    """Small pictures, RGB in base64, with the colours of the filled pixels in their order."""
    inpainter = Inpainter()
    found = []
    for number in range(NUM_FILLS):
        photo, hole = picture(number)
        filled = inpainter.fill(photo, hole, grain=False, copy=False)
        found.append(
            {"size": hole.shape, "photo": _text(photo), "hole": runs(hole), "filled": _text(filled[hole])},
        )
    return found


def finds() -> list[dict[str, Any]]:
    """Small pictures with scratches: at how many of the sensitivities each pixel is found, and as what.

    From the second one on, smaller copies are looked at, too, and a part is unknown in every other one.
    """
    finder = DamageFinder()
    found = []
    for number in range(NUM_FINDS):
        photo, _ = picture(5 * number)
        places = np.arange(50)
        for thick in range(2):
            photo[places, places // (1 + number) + 5 + thick] = 245
        if number == NUM_FINDS - 1:
            photo = np.tile(photo[:16], (1, 17, 1))  # in two tiles
        unknown = np.zeros(photo.shape[:2], bool)
        unknown[40:] = number % 2 == 1
        shortest = SHORTEST_PX[min(number, 1)]
        with patch("partialconv.finding.scales.SHORTEST_PX", shortest):
            damage = finder.scan(photo, ~unknown)
        levels = map_of(damage)[..., 0]
        texts = {"photo": _text(photo), "levels": _text(levels), "kinds": _text(damage.kinds * (levels > 0))}
        found.append({"size": unknown.shape, "shortest": shortest, "unknown": runs(unknown)} | texts)
    return found


def picture(number: int) -> tuple[NDArray[np.uint8], Hole]:
    """A picture in colours, grey, toned or drawn, and a hole in it: thin, at the border, wide, or in several parts."""
    rng = np.random.default_rng(number)
    height, width = PICTURES[number % len(PICTURES)]
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (6 + number % 7) + y / (11 - number % 5) + phase) for phase in (0.0, 0.9, 2.1)]
    photo = np.stack(waves, axis=-1) * 90 + 125 + rng.integers(-1, 2, (height, width, 1)) * (number % 4)
    match number % 4:
        case 1:
            photo[:] = photo[..., :1]
        case 2:
            photo = photo[..., :1] * np.array([0.95, 0.8, 0.6])
        case 3:
            photo = np.rint(photo / 100) * 100
    hole = np.zeros((height, width), bool)
    if number % 5 == 4:
        hole[14:-14, 12:-16] = True  # deep: at half the size first
    elif number % 5 == 3:
        hole[10:16, 8:20] = hole[20:24, -30:-10] = True
    elif number % 2:
        hole[: height // 3, : width // 4] = True
    else:
        hole = stroke_hole((height, width), number, (0.1, 0.3)) if min(height, width) >= 64 else hole
        hole[height // 2, width // 4 :] = True
    return photo.clip(0, 255).astype(np.uint8), hole


def runs(grid: Hole) -> list[int]:
    """Run lengths of a map, row by row, zeros first."""
    flat = grid.reshape(-1).astype(np.int8)
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return [after - before for before, after in itertools.pairwise([0, *edges, flat.size])]


def _hole(number: int) -> Hole:
    """Specks, strokes, boxes (some of them wide), lines, frames and nearly full photos, in turn."""
    rng = np.random.default_rng(number)
    height, width = SIZES[number % len(SIZES)]
    hole = np.zeros((height, width), bool)

    def box(most: int) -> tuple[slice, slice]:
        starts = [int(rng.integers(0, side)) for side in (height, width)]
        sides = [int(rng.integers(1, most + 1)) for _ in starts]
        return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])

    match number % 7:
        case 0:
            for _ in range(int(rng.integers(1, 60))):
                hole[box(6)] = True
        case 1:
            for _ in range(int(rng.integers(1, 6))):
                hole[box(120)] = True
        case 2:
            for _ in range(int(rng.integers(1, 5))):
                hole[box(500)] = True
        case 3:
            hole[:: int(rng.integers(20, 90)), :: int(rng.integers(1, 3))] = True
        case 4:
            hole[:] = True
            for _ in range(int(rng.integers(1, 4))):
                hole[box(60)] = False
        case 5:
            edge = int(rng.integers(1, 11))
            hole[:] = True
            hole[edge:-edge, edge:-edge] = False
        case _:
            for _ in range(int(rng.integers(3, 12))):  # slanting lines
                down, right = np.sort(rng.integers(0, height, 2)), rng.integers(0, width, 2)
                places = np.linspace(0, 1, 2 * max(height, width))
                rows = (down[0] + places * (down[1] - down[0])).astype(int)
                columns = (right[0] + places * (right[1] - right[0])).astype(int)
                for thick in range(int(rng.integers(1, 5))):
                    hole[np.minimum(rows + thick, height - 1), columns] = True
    if not hole.any() or hole.all():
        hole[:] = False
        hole[0, 0] = True
    return hole


def _plain(steps: Plan) -> dict[str, Any]:
    return {
        "size": steps.size,
        "scale": steps.scale,
        "batches": [[[_corners(crop.box), _corners(crop.window)] for crop in batch] for batch in steps.batches],
        "deep": None if steps.deep is None else runs(steps.deep),
        "region": None if steps.region is None else _corners(steps.region),
        "coarser": None if steps.coarser is None else _plain(steps.coarser),
    }


def _corners(box: Box) -> list[int]:
    return [box.top, box.left, box.bottom, box.right]


def _text(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(values.tobytes()).decode()


if __name__ == "__main__":
    main()
