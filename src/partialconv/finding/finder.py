"""The network that finds damage, over photos of any size: in tiles, with bounded memory."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole, Progress
from partialconv.errors import InputError, reason_of
from partialconv.finding.parts import Part, components_of

KINDS = ("dust", "scratches", "cracks", "stamp", "text")
HALO_PX = 64  # further away the network does not look
TILE_PX = 1024  # of a tile without its halo; a multiple of `UNIT_PX`
UNIT_PX = 16  # the network takes sides of multiples of this
FLOOR = 0.02  # kinds are kept only where damage is at least so probable; no threshold lies below
SLOPE = 6.0  # of the threshold's logit over the sensitivity


@dataclass(frozen=True)
class Found:
    """Damage that was found: a proposal.

    Args:
        probability: That a pixel is damaged, (H, W), in [0, 1].
        hole: (H, W), the pixels of `parts`.
        parts: From top to bottom.
    """

    probability: FloatArray
    hole: Hole
    parts: tuple[Part, ...]

    @property
    def share(self) -> float:
        """Of the photo's pixels that lie in the hole, in [0, 1]."""
        return float(self.hole.mean()) if self.hole.size else 0.0


@dataclass(frozen=True)
class DamageMap:
    """What the network says of a photo, before any threshold.

    Args:
        probability: See `Found`.
        places: The pixels with a probability of at least `FLOOR`: their places in the flat photo, (N,).
        kinds: The shares of `KINDS` in those pixels, (N, 5), float16.
        threshold: Probability at a sensitivity of 0.5.
    """

    probability: FloatArray
    places: NDArray[np.int64]
    kinds: NDArray[np.float16]
    threshold: float

    def found(self, kinds: Collection[str] = KINDS, sensitivity: float = 0.5, largest_px: int | None = None) -> Found:
        """Take the parts that pass the threshold.

        Letting a part spread to half of the threshold flagged ten times as much of undamaged photos.

        Args:
            kinds: Of parts to keep.
            sensitivity: In [0, 1].
            largest_px: Parts whose box has a longer side than this are dropped; None keeps all.

        Raises:
            InputError: an argument is out of its range.
        """
        check_choice(kinds, sensitivity, largest_px)
        threshold = threshold_at(self.threshold, sensitivity)
        hole = self.probability >= threshold
        components = components_of(hole)
        peaks = components.peaks(self.probability[hole])
        # places and their kinds in the order of the hole's pixels
        inside = hole.reshape(-1)[self.places]
        order = np.argsort(self.places[inside])
        shares = self.kinds[inside][order]
        labels = components.of_pixels()
        means = np.stack(
            [np.bincount(labels, shares[:, kind], minlength=components.count) for kind in range(len(KINDS))]
        )
        names = means.argmax(axis=0) if components.count else np.zeros(0, np.int64)
        boxes, areas = components.boxes, components.areas
        kept = np.isin(names, [KINDS.index(kind) for kind in kinds])
        if largest_px is not None:
            kept &= np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) <= largest_px
        parts = tuple(
            Part(KINDS[names[at]], (*map(int, boxes[at]),), int(areas[at]), float(peaks[at]))  # type: ignore[arg-type]
            for at in np.flatnonzero(kept)
        )
        hole[hole] = kept[labels]
        return Found(self.probability, hole, parts)


class DamageFinder:
    """The network in ONNX Runtime.

    Args:
        model: Its file; None for the one of this installation.

    Raises:
        InputError: there is no such file, or it is another network.
    """

    def __init__(self, model: Path | None = None) -> None:
        path = finder_path() if model is None else model
        if not path.is_file():
            raise InputError(f"this installation has no finder: there is no file {path}.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            about = self.session.get_modelmeta().custom_metadata_map
            self.threshold = float(about["threshold"])
            kinds = tuple(about["kinds"].split(","))
        except Exception as error:  # the runtime's exceptions share no public base
            raise InputError(f"{path} is no network that finds damage: {reason_of(error)}") from error
        if kinds != KINDS or not 0 < self.threshold < 1:
            raise InputError(f"{path} finds {kinds} from {self.threshold} on, expected {KINDS} and a number in (0, 1).")

    def scan(self, rgb: NDArray[Any], valid: Hole | None = None, progress: Progress | None = None) -> DamageMap:
        """Run the network over a photo.

        Args:
            rgb: (H, W, 3), uint8, uint16, or float in [0, 1].
            valid: (H, W), False = unknown, in which nothing is found; None = all known.
            progress: Told of tiles.

        Raises:
            ArithmeticError: the network cannot be run.
        """
        height, width = rgb.shape[:2]
        probability = np.zeros((height, width), np.float32)
        places, shares = [np.zeros(0, np.int64)], [np.zeros((0, len(KINDS)), np.float16)]
        tiles = list(_tiles(height, width))
        for number, (top, left, bottom, right) in enumerate(tiles):
            damage, kinds = self._tile(rgb, valid, top, left, bottom, right)
            probability[top:bottom, left:right] = damage
            y, x = np.nonzero(damage >= FLOOR)
            places.append((y + top) * width + x + left)
            shares.append(kinds[:, y, x].T.astype(np.float16))
            if progress is not None:
                progress("finding", number + 1, len(tiles))
        return DamageMap(probability, np.concatenate(places), np.concatenate(shares), self.threshold)

    def _tile(
        self, rgb: NDArray[Any], valid: Hole | None, top: int, left: int, bottom: int, right: int
    ) -> tuple[FloatArray, FloatArray]:
        rows = _reflected(top, bottom, rgb.shape[0])
        columns = _reflected(left, right, rgb.shape[1])
        image = rgb[rows[:, None], columns].transpose(2, 0, 1)[None]
        most = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
        known = np.ones((1, 1, len(rows), len(columns)), np.float32)
        if valid is not None:
            known[0, 0] = valid[rows[:, None], columns]
        image = np.where(known > 0, image.astype(np.float32) / np.float32(most), np.float32(0))
        try:
            damage, kinds = self.session.run(["damage", "kinds"], {"image": image, "valid": known})
        except Exception as error:
            raise ArithmeticError(f"the finder cannot be run: {reason_of(error)}") from error
        inner = np.s_[HALO_PX : HALO_PX + bottom - top, HALO_PX : HALO_PX + right - left]
        return (damage[0, 0] * known[0, 0])[inner], kinds[0][(slice(None), *inner)]


def finder_path() -> Path:
    """The file of the network of this installation, which may be missing."""
    return Path(str(resources.files("partialconv.zoo") / "find.onnx"))


def threshold_at(default: float, sensitivity: float) -> float:
    """The probability from which a pixel counts; that of the file, `default`, at a sensitivity of 0.5."""
    logit = math.log(default / (1 - default)) - SLOPE * (sensitivity - 0.5)
    return max(FLOOR, 1 / (1 + math.exp(-logit)))


def check_choice(kinds: Collection[str], sensitivity: float, largest_px: int | None) -> None:
    """Refuse what `DamageMap.found` does not take.

    Raises:
        InputError: an argument is out of its range.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise InputError(f"the kind is {unknown[0]!r}, expected some of {', '.join(KINDS)}.")
    if not kinds:
        raise InputError(f"no kind is asked for, expected some of {', '.join(KINDS)}.")
    if not 0 <= sensitivity <= 1:
        raise InputError(f"the sensitivity is {sensitivity}, expected 0 to 1.")
    if largest_px is not None and largest_px < 1:
        raise InputError(f"the largest part is {largest_px} pixels, expected 1 or more.")


def _tiles(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            yield top, left, min(top + TILE_PX, height), min(left + TILE_PX, width)


def _reflected(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Places of a tile with its halo, and with what makes its side a multiple of `UNIT_PX`; reflected at the border."""
    size = -(-(stop - start + 2 * HALO_PX) // UNIT_PX) * UNIT_PX
    places = np.arange(start - HALO_PX, start - HALO_PX + size)
    period = max(1, 2 * (length - 1))
    places = np.abs(places) % period
    return np.minimum(places, period - places) if length > 1 else np.zeros(size, np.intp)
