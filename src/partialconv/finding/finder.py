"""The network that finds damage, over photos of any size: in tiles, with bounded memory."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole, Progress
from partialconv.errors import InputError, reason_of
from partialconv.finding.parts import Part, components_of
from partialconv.finding.scales import MOST_SCALES, doubled, pictures_of
from partialconv.imageio import check_memory
from partialconv.inference.runtime import open_session
from partialconv.zoo import finder_path as finder_path

KINDS = ("dust", "scratches", "cracks", "stamp", "text")
HALO_PX = 64  # further away the network does not look
TILE_PX = 1024  # of a tile without its halo; a multiple of `UNIT_PX`
UNIT_PX = 16  # the network takes sides of multiples of this
FLOOR = 0.02  # no threshold lies below
# taken off the logit for each halving of the size, where more looks like damage: without it 0.175 % of undamaged photos
# are flagged, with it 0.004 %, but a third less of wide damage is found (benchmarks/find_large.py)
DOUBT = 1.0
RUN_BYTES, PIXEL_BYTES = 500_000_000, 10  # what the network takes for a tile, and maps for each pixel, from above
SLOPE = 6.0  # of the threshold's logit over the sensitivity


@dataclass(frozen=True)
class Found:
    """Damage that was found: a proposal.

    Args:
        probability: That a pixel or one beside it is damaged, (H, W), in [0, 1].
        hole: (H, W), the pixels of `parts`.
        parts: From top to bottom.
    """

    probability: NDArray[np.float16]
    hole: Hole
    parts: tuple[Part, ...]

    @property
    def share(self) -> float:
        """Of the photo's pixels that lie in the hole, in [0, 1]."""
        return float(self.hole.mean()) if self.hole.size else 0.0


@dataclass(frozen=True)
class DamageMap:
    """What the network says of a photo, before any threshold: 3 bytes for each pixel.

    Args:
        probability: See `Found`.
        kinds: The most likely of `KINDS` of each pixel, by number, (H, W).
        threshold: Probability at a sensitivity of 0.5.
    """

    probability: NDArray[np.float16]
    kinds: NDArray[np.uint8]
    threshold: float

    def found(self, kinds: Collection[str] = KINDS, sensitivity: float = 0.5, largest_px: int | None = None) -> Found:
        """Take the parts that pass the threshold; each is of the kind that most of its pixels are of.

        Letting a part spread to half of the threshold flagged ten times as much of undamaged photos.

        Args:
            kinds: Of parts to keep.
            sensitivity: In [0, 1].
            largest_px: Parts whose box has a longer side than this are dropped; None keeps all.

        Raises:
            InputError: an argument is out of its range.
        """
        check_choice(kinds, sensitivity, largest_px)
        hole = self.probability >= np.float16(threshold_at(self.threshold, sensitivity))
        components = components_of(hole)
        peaks = components.peaks(self.probability[hole].astype(np.float32))
        labels = components.of_pixels()
        votes = np.bincount(labels * len(KINDS) + self.kinds[hole], minlength=components.count * len(KINDS))
        names = votes.reshape(-1, len(KINDS)).argmax(axis=1)
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
    """The network in ONNX Runtime, on as many cores as OMP_NUM_THREADS says, or on all.

    Args:
        model: Its file; None for the one of this installation.
        num_scales: Of the sizes at which a photo is looked at, at most: its own, half of it, and so on.

    Raises:
        InputError: there is no such file, or it is another network.
    """

    def __init__(self, model: Path | None = None, num_scales: int = MOST_SCALES) -> None:
        self.num_scales = num_scales
        self.path = path = finder_path() if model is None else model
        if not path.is_file():
            raise InputError(f"this installation has no finder: there is no file {path}.")
        try:
            self.session = open_session(path)
            about = self.session.get_modelmeta().custom_metadata_map
            self.threshold = float(about["threshold"])
            kinds = tuple(about["kinds"].split(","))
        except Exception as error:  # the runtime's exceptions share no public base
            raise InputError(f"{path} is no network that finds damage: {reason_of(error)}") from error
        if kinds != KINDS or not 0 < self.threshold < 1:
            raise InputError(f"{path} finds {kinds} from {self.threshold} on, expected {KINDS} and a number in (0, 1).")

    def scan(
        self,
        rgb: NDArray[Any],
        valid: Hole | None = None,
        progress: Progress | None = None,
        blocked: NDArray[np.float16] | None = None,
    ) -> DamageMap:
        """Mark the damage of a photo, and a pixel around it.

        The network ends where drawn damage stops being visible. Real damage has softer rims, and ghosts of them stayed.

        Args:
            rgb: (H, W, 3), uint8, uint16, or float in [0, 1].
            valid: (H, W), False = unknown, in which nothing is found; None = all known.
            progress: Told of tiles.
            blocked: (H, W), that dust is there by infrared, which knows more of dust, scratches and cracks than the
                network does; stamps and text are left to it.

        Raises:
            TooLargeError: there is too little memory.
            ArithmeticError: the network cannot be run.
        """
        found = self.marked(rgb, valid, progress, blocked)
        _widen(found.probability, found.kinds)
        if valid is not None:
            found.probability[~valid] = 0
        return found

    def marked(
        self,
        rgb: NDArray[Any],
        valid: Hole | None = None,
        progress: Progress | None = None,
        blocked: NDArray[np.float16] | None = None,
    ) -> DamageMap:
        """What `scan` finds, without the pixel around it.

        Large photos are looked at in smaller copies, too, in which wide damage is thin.
        """
        height, width = rgb.shape[:2]
        check_memory(find_bytes(height * width), f"finding damage in {width}x{height} pixels")
        pictures = pictures_of(rgb, valid, self.num_scales)
        work = [
            (scale, tile) for scale in reversed(range(len(pictures))) for tile in _tiles(*pictures[scale][0].shape[:2])
        ]
        found: DamageMap | None = None
        coarser: DamageMap | None = None
        for number, (scale, tile) in enumerate(work):
            image, known = pictures[scale]
            if found is None or found.kinds.shape != image.shape[:2]:
                coarser, empty = found, image.shape[:2]
                found = DamageMap(np.empty(empty, np.float16), np.empty(empty, np.uint8), self.threshold)
            damage, kinds = self._tile(image, known, *tile)
            if coarser is not None:
                damage, kinds = _merged(damage, kinds, coarser, tile)
            inner = np.s_[tile[0] : tile[2], tile[1] : tile[3]]
            if blocked is not None and scale == 0:
                damage, kinds = _beside_infrared(damage, kinds, blocked[inner].astype(np.float32))
            found.probability[inner] = damage if known is None else damage * known[inner]
            found.kinds[inner] = kinds
            if progress is not None:
                progress("finding", number + 1, len(work))
        assert found is not None
        return found

    def _tile(
        self, rgb: NDArray[Any], valid: Hole | None, top: int, left: int, bottom: int, right: int
    ) -> tuple[FloatArray, NDArray[np.uint8]]:
        rows = _places(top, bottom, rgb.shape[0])
        columns = _places(left, right, rgb.shape[1])
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
        above, before = top - rows[0], left - columns[0]
        inner = np.s_[above : above + bottom - top, before : before + right - left]
        return damage[0, 0][inner], kinds[0][(slice(None), *inner)].argmax(axis=0).astype(np.uint8)


def _merged(
    damage: FloatArray, kinds: NDArray[np.uint8], coarser: DamageMap, tile: tuple[int, int, int, int]
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """What was found in a tile or, if that is still more likely with `DOUBT` taken off, at half the size."""
    height, width = coarser.kinds.shape
    rows, columns = (
        np.arange(start // 2 - 1, -(-stop // 2) + 1).clip(0, length - 1)
        for start, stop, length in ((tile[0], tile[2], height), (tile[1], tile[3], width))
    )
    size = tile[2] - tile[0], tile[3] - tile[1]
    other = doubled(coarser.probability[rows[:, None], columns].astype(np.float32), size)
    other /= other + (1 - other) * np.float32(math.exp(DOUBT))
    others = coarser.kinds[rows[1:-1, None], columns[1:-1]].repeat(2, 0).repeat(2, 1)[: size[0], : size[1]]
    return np.maximum(damage, other), np.where(other > damage, others, kinds)


def _beside_infrared(
    damage: FloatArray, kinds: NDArray[np.uint8], blocked: FloatArray
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Stamps and text of the network, all else by infrared, of the kind that the network thinks it is."""
    seen = kinds >= KINDS.index("stamp")
    damage = np.where(seen, damage, 0)
    return np.maximum(damage, blocked), np.where(seen & (blocked > damage), np.uint8(0), kinds)


def _widen(probability: NDArray[np.float16], kinds: NDArray[np.uint8]) -> None:
    """Give each pixel the highest probability of its eight neighbours, and its kind, if that is higher; in place."""
    bits = probability.view(np.uint16)  # in the order of the numbers, and compared quickly
    for axis in (0, 1):
        old = [np.moveaxis(values.copy(), axis, 0) for values in (bits, kinds)]
        new = [np.moveaxis(values, axis, 0) for values in (bits, kinds)]
        for here, there in (np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:]):
            higher = old[0][there] > new[0][here]
            for before, after in zip(old, new, strict=True):
                np.copyto(after[here], before[there], where=higher)


def find_bytes(num_pixels: int) -> int:
    """The memory that finding takes, beside the photo, in bytes, from above."""
    return RUN_BYTES + num_pixels * PIXEL_BYTES


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


def _places(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Places of a tile with its halo, and of what makes its side a multiple of `UNIT_PX`, reflected at the border."""
    first, last = max(0, start - HALO_PX), min(length, stop + HALO_PX)
    places = np.arange(first, first - (first - last) // UNIT_PX * UNIT_PX)
    period = max(1, 2 * (length - 1))
    places = places % period
    return np.minimum(places, period - places) if length > 1 else np.zeros(len(places), np.intp)
