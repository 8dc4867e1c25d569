"""Blind comparison: pictures of two methods side by side in random order, and the count of what a viewer preferred."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from partialconv.benchmark.contact import reduced, region_of
from partialconv.benchmark.pairing import Pixels
from partialconv.benchmark.scenes import Scene
from partialconv.benchmark.wide import Folder
from partialconv.errors import InputError
from partialconv.imageio import write_picture, write_whole

GAP_PX = 12
LEVEL = "="
LARGEST_PX = 768  # of one picture, so that a pair is shown whole; larger ones are reduced by whole factors


def write_pairs(
    scenes: Sequence[Scene],
    methods: tuple[str, str],
    kept: Folder,
    out: Path,
    seed: int = 0,
    largest_px: int = LARGEST_PX,
) -> Iterator[Path]:
    """Write a PNG for each scene: the region of its hole by one method (A, left) and by the other (B, right).

    The order of scenes and of sides is drawn at random. The key goes beside the folder, not into it.

    Args:
        scenes: Filled by both methods.
        methods: Names of two methods.
        kept: Folder of the set.
        out: Folder for the pairs, new or empty; the key is OUT-key.json.
        seed: Of both orders.
        largest_px: Of a picture; larger ones are reduced.

    Yields:
        The path of each picture.

    Raises:
        InputError: the folder has files in it.
    """
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty: name a new folder.")
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    key = {}
    for number, place in enumerate(rng.permutation(len(scenes))):
        scene, swapped = scenes[place], bool(rng.integers(2))
        drawn = scene.load()
        region = region_of(drawn)
        factor = -(-max(drawn.target[region].shape) // largest_px)
        sides = methods[::-1] if swapped else methods
        pictures = [reduced(kept.composite(name, scene, drawn)[region], factor) for name in sides]
        path = out / f"{number:03d}.png"
        write_picture(path, Image.fromarray(side_by_side(pictures[0], pictures[1])))
        key[path.stem] = {"scene": scene.name, "A": sides[0], "B": sides[1]}
        yield path
    write_whole(key_path(out), (json.dumps(key, indent=1) + "\n").encode())


def key_path(out: Path) -> Path:
    """The file that tells which side is which."""
    return out.with_name(f"{out.name}-key.json")


def side_by_side(first: Pixels, second: Pixels) -> Pixels:
    """Two pictures of one size with a white gap between them."""
    gap = np.full((first.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.hstack([first, gap, second])


def count_votes(key_file: Path, votes_file: Path) -> dict[str, int]:
    """Count votes by the key.

    Args:
        key_file: Of `write_pairs`.
        votes_file: A line for each pair: its number, and A, B, or = for level ones; what follows is a remark.

    Returns:
        For each method the pairs in which it was preferred; "level" and "missing" pairs.

    Raises:
        InputError: a file cannot be read, or a line names no pair, no side, or a pair twice.
    """
    try:
        key = json.loads(key_file.read_text("utf-8"))
        lines = votes_file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {key_file} and {votes_file}: {error}.") from error
    names = dict.fromkeys(name for pair in key.values() for name in (pair["A"], pair["B"]))
    counts: Counter[str] = Counter(dict.fromkeys((*names, "level", "missing"), 0))
    seen = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        pair, vote, *_ = [*line.split(), "", ""]
        vote = vote.strip(",:;").upper()
        pair = pair.removesuffix(".png").strip(",:;").zfill(3)
        if pair not in key or pair in seen or vote not in ("A", "B", LEVEL):
            raise InputError(
                f"{votes_file}, line {number} is {line!r}, expected the number of a pair that was not named before, "
                f"and A, B or {LEVEL}."
            )
        seen.add(pair)
        counts["level" if vote == LEVEL else key[pair][vote]] += 1
    counts["missing"] = len(key) - len(seen)
    return dict(counts)
