"""Cut-out artefacts and outlines of real film damage, read once and kept small enough to be drawn quickly."""

import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError

Alpha = NDArray[np.float32]  # (H, W), opacity in [0, 1]
Opacity = NDArray[np.uint8]  # (H, W), the same in 0-255
ARTEFACTS = {
    "dust": ("dots", "spots", "smut", "dirt", "sprinkles", "stain"),
    "scratches": ("hair", "hair-short", "lint", "scratches"),
}
OUTLINES = {"dust": 0, "dirt": 0, "short hair": 1, "long hair": 1, "scratch": 1}  # 0 is dust, 1 is scratches
TEST_SCANS = ("Scan (4)", "Scan (9)")
SMALLEST_LEVEL = 24  # pixels of the longer side; halved again below it, a cut-out would be nothing
FINE = 2  # outlines are drawn this many times as large: OpenCV fills half a pixel beyond them
SHIFT = 4  # bits of a pixel's fraction in OpenCV's coordinates


@dataclass(frozen=True)
class Scan:
    """Outlines of one scan.

    Args:
        size: (width, height) of the scan in its pixels.
        polygons: (points, 2) each, x and y in its pixels.
        boxes: (polygons, 4): left, top, right, bottom.
        kinds: (polygons,), values of `OUTLINES`.
    """

    size: tuple[int, int]
    polygons: list[NDArray[np.float32]]
    boxes: NDArray[np.float32]
    kinds: NDArray[np.int64]

    def inside(self, left: float, top: float, side: tuple[float, float]) -> NDArray[np.int64]:
        """Numbers of the polygons that touch a window of (width, height) `side`."""
        x0, y0, x1, y1 = self.boxes.T
        return np.flatnonzero((x1 > left) & (x0 < left + side[0]) & (y1 > top) & (y0 < top + side[1]))


@dataclass(frozen=True)
class Cutouts:
    """What damage is drawn from.

    Args:
        artefacts: By the name of their archive; each is a list of its halvings, the largest first.
        scans: With outlines.
    """

    artefacts: dict[str, list[list[Opacity]]]
    scans: list[Scan]


def load_cutouts(folder: Path | str, held_out: bool = False) -> Cutouts:
    """Read the artefacts and the outlines of a folder in the layout of FilmDamageSimulator's copies.

    Args:
        folder: Holds artefacts/NAME.zip, with members train/ and test/, and contours.json.gz.
        held_out: Whether the part for tests is read; otherwise the part for training.

    Raises:
        InputError: a file is missing or is another one.
    """
    folder, part = Path(folder), "test/" if held_out else "train/"
    artefacts: dict[str, list[list[Opacity]]] = {}
    try:
        for name in (name for names in ARTEFACTS.values() for name in names):
            with zipfile.ZipFile(folder / "artefacts" / f"{name}.zip") as archive:
                members = sorted(member for member in archive.namelist() if member.startswith(part))
                artefacts[name] = [_halvings(archive.read(member)) for member in members]
        with gzip.open(folder / "contours.json.gz", "rt", encoding="utf-8") as file:
            scans = [_scan(s) for s in json.load(file)["scans"] if (s["scan"] in TEST_SCANS) == held_out]
    except (OSError, LookupError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{folder} holds no cut-out damage: {error}") from error
    return Cutouts(artefacts, [scan for scan in scans if scan.polygons])


def paste(alpha: Alpha, halvings: Sequence[Opacity], centre: tuple[float, float], length: float, turn: float) -> None:
    """Draw a cut-out; where two overlap the larger opacity counts.

    Args:
        alpha: Is changed.
        halvings: Of the cut-out.
        centre: (x, y) in pixels.
        length: Its longer side in pixels.
        turn: Degrees.
    """
    fitting = [level for level in halvings if max(level.shape) >= length]
    source = fitting[-1] if fitting else halvings[0]
    height, width = source.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, length / max(height, width))
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    low = np.floor(corners.min(1)).astype(int)
    across, down = (np.ceil(corners.max(1)).astype(int) - low + 1).tolist()
    matrix[:, 2] -= low
    patch = cv2.warpAffine(source, matrix, (across, down), flags=cv2.INTER_LINEAR)
    left, top = (int(c - side / 2) for c, side in zip(centre, (across, down), strict=True))
    x0, y0, x1, y1 = max(0, left), max(0, top), min(alpha.shape[1], left + across), min(alpha.shape[0], top + down)
    if x0 < x1 and y0 < y1:
        seen = alpha[y0:y1, x0:x1]
        np.maximum(seen, patch[y0 - top : y1 - top, x0 - left : x1 - left] / np.float32(255), out=seen)


def draw_outlines(
    size: tuple[int, int], scan: Scan, rng: np.random.Generator, scale: float, strength: tuple[float, float]
) -> tuple[Alpha, Alpha]:
    """Fill the outlines in a window of a scan, each with an opacity of its own.

    Args:
        size: (height, width) of the result.
        scan: Where the window is taken from; it is turned and mirrored at random.
        rng: Chooses place and opacities.
        scale: Pixels of the result for each pixel of the scan.
        strength: Lowest and highest opacity.

    Returns:
        Opacity of dust, and of scratches and hairs, (H, W) each.
    """
    turned = bool(rng.random() < 0.5)
    height, width = size[::-1] if turned else size
    across, down = width / scale, height / scale
    left, top = rng.uniform(0, max(1, scan.size[0] - across)), rng.uniform(0, max(1, scan.size[1] - down))
    layers = [np.zeros((height * FINE, width * FINE), np.uint8) for _ in range(2)]
    for number in scan.inside(left, top, (across, down)):
        points = (scan.polygons[number] - np.array([left, top], np.float32) + 0.5) * scale * FINE - 0.5
        fixed = np.rint(points * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(layers[scan.kinds[number]], [fixed], int(255 * rng.uniform(*strength)), cv2.LINE_AA, SHIFT)
    flips = tuple(slice(None, None, int(step)) for step in rng.choice([-1, 1], 2))
    shrunk = [cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA) for layer in layers]
    first, second = (
        np.ascontiguousarray((x.T if turned else x)[flips]).astype(np.float32) / np.float32(255) for x in shrunk
    )
    return first, second


def _halvings(content: bytes) -> list[Opacity]:
    """A picture and its halvings."""
    levels = [np.array(Image.open(io.BytesIO(content)).convert("L"))]
    while max(levels[-1].shape) > 2 * SMALLEST_LEVEL and min(levels[-1].shape) > 1:
        height, width = levels[-1].shape
        levels.append(cv2.resize(levels[-1], (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA))
    return levels


def _scan(content: dict[str, object]) -> Scan:
    """Outlines as arrays."""
    contours, names = content["contours"], list(OUTLINES)
    assert isinstance(contours, list) and isinstance(content["size"], list)
    polygons = [np.array(points, np.float32).reshape(-1, 2) for _, *points in contours if len(points) >= 6]
    kinds = np.array([OUTLINES[names[kind]] for kind, *points in contours if len(points) >= 6], np.int64)
    boxes = np.array([[*p.min(0), *p.max(0)] for p in polygons], np.float32).reshape(-1, 4)
    return Scan((content["size"][0], content["size"][1]), polygons, boxes, kinds)
