"""Filling and scoring scenes with wide holes; what was filled is kept on disk and not filled again.

A method is a function from a photo, uint8 (H, W, 3), black in the hole, and the hole, bool (H, W), to a filled picture.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from partialconv.benchmark.baselines import Fill
from partialconv.benchmark.drawn import Drawn
from partialconv.benchmark.lpips import MIN_PX, Lpips
from partialconv.benchmark.metrics import Metric, decibels
from partialconv.benchmark.pairing import Pixels
from partialconv.benchmark.scenes import Scene
from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.imageio import write_picture, write_whole

DETAIL_SIGMA_PX = 2.0
LEAST_ENERGY = 0.25  # half a level: below it the truth has no detail to compare with
BOX_MARGIN_PX = 16  # around the hole, for LPIPS and pictures
LARGE_PX = 2000  # photos of a longer side are seen at half their size by LPIPS
MEASURES = {
    "hole_psnr": Metric("hole-PSNR, dB", True, 2),
    "lpips": Metric("LPIPS of the box", False, 4),
    "detail": Metric("detail", True, 2),
    "levels": Metric("largest error, levels", False, 1),
    "tint": Metric("tint, levels", False, 1),
    "seconds": Metric("seconds", False, 2),
}
Record = dict[str, Any]
Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Folder:
    """Where the fills and scores of a set lie: one folder for each method in it, two files for each scene.

    Args:
        path: Of the set.
    """

    path: Path

    def files(self, method: str, scene: Scene) -> tuple[Path, Path]:
        """The filled box (PNG), and its scores (JSON)."""
        stem = scene.name.replace(" ", "-")
        return self.path / method / f"{stem}.png", self.path / method / f"{stem}.json"

    def methods(self) -> list[str]:
        """Methods that something is kept of, in the order of their first fills."""
        found = [
            (min(f.stat().st_mtime for f in d.glob("*.json")), d.name)
            for d in self.path.glob("*/")
            if [*d.glob("*.json")]
        ]
        return [name for _, name in sorted(found)]

    def record(self, method: str, scene: Scene) -> Record | None:
        """The scores of a method, or None."""
        path = self.files(method, scene)[1]
        return json.loads(path.read_text("utf-8")) if path.is_file() else None

    def composite(self, method: str, scene: Scene, drawn: Drawn) -> Pixels:
        """The picture as a method filled it.

        Raises:
            InputError: what is kept is of another picture.
        """
        comp = drawn.target.copy()
        box = box_of(drawn.hole)
        path = self.files(method, scene)[0]
        filled = np.array(Image.open(path))
        if filled.shape != comp[box].shape:
            raise InputError(f"{path} was filled for another picture: remove it, and fill again.")
        comp[box] = np.where(drawn.hole[box][..., None], filled, comp[box])
        return comp


def measure(
    method: str,
    fill: Fill | Callable[[Pixels, Hole], tuple[Pixels, float]],
    scenes: Sequence[Scene],
    lpips: Lpips | None,
    folder: Path,
    identity: str = "",
    timed: bool = False,
    report: Callable[[str, int, int], None] | None = None,
) -> list[Record]:
    """Let a method fill scenes, and score what it gives.

    Args:
        method: What tables call it; also the name of a folder.
        fill: See above. Its pixels outside of the hole are ignored.
        scenes: Of `open_scenes`.
        lpips: None where its weights are not there.
        folder: Of the set.
        identity: Kept fills count where this is the same; always filled anew if empty.
        timed: Whether `fill` gives (picture, seconds) itself.
        report: Called with the method, the number of scenes done, and the number of all.

    Returns:
        For each scene: kind, photo, identity, and the scores of `MEASURES` that make sense for it.
    """
    kept = Folder(folder)
    records = []
    for number, scene in enumerate(scenes):
        if report:
            report(method, number, len(scenes))
        picture_path, path = kept.files(method, scene)
        record = kept.record(method, scene)
        judge = lpips.sha256[:16] if lpips else ""
        drawn = scene.load()
        key = {"identity": identity, "judge": judge, "truth": drawn.sha256}
        if not identity or record is None or any(record[name] != value for name, value in key.items()):
            shown = np.where(drawn.hole[..., None], np.uint8(0), drawn.target)
            box = box_of(drawn.hole)
            began = time.perf_counter()
            given: Any = fill(shown, drawn.hole)
            filled, seconds = given if timed else (given, time.perf_counter() - began)
            if filled.dtype != np.uint8 or filled.shape != drawn.target.shape:
                raise InputError(f"{method} gave {filled.dtype} {filled.shape}, expected uint8 {drawn.target.shape}.")
            comp = np.where(drawn.hole[..., None], filled, drawn.target)
            about = {"scene": scene.name, "kind": scene.kind, "photo": scene.photo, **key}
            record = about | {"scores": score(comp, drawn, lpips) | {"seconds": seconds}}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(picture_path, Image.fromarray(comp[box]))
            write_whole(path, (json.dumps(record) + "\n").encode())
        records.append(record)
    return records


def score(comp: Pixels, drawn: Drawn, lpips: Lpips | None = None) -> dict[str, float]:
    """Score a filled picture.

    Args:
        comp: RGB, uint8 (H, W, 3): known pixels of the truth, the rest of a method.
        drawn: The truth and the hole.
        lpips: None where its weights are not there.

    Returns:
        hole_psnr: In dB.
        lpips: Of the hole's bounding box and 16 pixels around it.
        detail: Energy above sigma 2 in the hole over that of the truth; left out where the truth has hardly any.
        levels: Largest difference in the hole, of 255.
        tint: Largest distance of a colour in the hole to the nearest one of the picture's tone, in levels of the worst
            channel; left out where colours are free.
    """
    box = box_of(drawn.hole)
    first, second, hole = comp[box], drawn.target[box], drawn.hole[box]
    error = first[hole].astype(np.float64) - second[hole]
    scores = {"hole_psnr": decibels(float((error**2).mean())), "levels": float(np.abs(error).max())}
    truth = energy(drawn.target, drawn.hole)
    if truth >= LEAST_ENERGY:
        scores["detail"] = energy(comp, drawn.hole) / truth
    if drawn.tone is not None:
        distances, _ = KDTree(drawn.tone).query(np.unique(first[hole], axis=0), p=np.inf)
        scores["tint"] = float(distances.max())
    if lpips is not None:
        halves = max(drawn.hole.shape) > LARGE_PX
        pictures = [np.array(Image.fromarray(part).reduce(2)) if halves else part for part in (first, second)]
        scores["lpips"] = lpips.distance(pictures[0], pictures[1])
    return scores


def energy(picture: Pixels, hole: Hole) -> float:
    """Mean square in the hole of what a Gaussian of sigma 2 takes away."""
    box = box_of(hole)
    values = picture[box].astype(np.float64)
    fine = values - gaussian_filter(values, (DETAIL_SIGMA_PX, DETAIL_SIGMA_PX, 0))
    return float((fine[hole[box]] ** 2).mean())


def box_of(hole: Hole, margin_px: int = BOX_MARGIN_PX) -> Slices:
    """Rows and columns of the hole with a margin, at least as large as LPIPS needs where the picture is."""
    spans = []
    for axis, extent in enumerate(hole.shape):
        found = np.flatnonzero(hole.any(1 - axis))
        low, high = int(found[0]) - margin_px, int(found[-1]) + 1 + margin_px
        low = max(0, min(low, extent - MIN_PX))
        spans.append(slice(low, min(extent, max(high, low + MIN_PX))))
    return spans[0], spans[1]


def code_digest(paths: Sequence[Path]) -> str:
    """Of source files: fills of other code are not kept."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()[:12]
