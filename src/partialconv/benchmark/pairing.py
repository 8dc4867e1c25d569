"""Which photo gets which hole: the same in every run, and written down with hashes."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv.conventions import Hole
from partialconv.data import find_photos
from partialconv.errors import InputError
from partialconv.imageio import read_photo
from partialconv.masks import read_hole
from partialconv.masks.sets import BINS, MANIFEST, MaskRow, read_manifest

Pixels = NDArray[np.uint8]
BIN_NAMES = tuple(f"{low:g}-{high:g}" for low, high in BINS)
BORDERS = ("clear", "any")  # N and B of the paper's Table 1


@dataclass(frozen=True)
class Pair:
    """A photo and the hole to fill in it.

    Args:
        number: Place in the list of all pairs.
        photo: File of the photo, relative to its folder.
        photo_sha256: Of that file.
        mask: File of the mask, relative to its folder.
        mask_sha256: Of that file.
        bin: Of the hole ratio, one of `BIN_NAMES`.
        border: "clear" where the hole stays away from the border, else "any".
        ratio: Share of hole pixels.
    """

    number: int
    photo: str
    photo_sha256: str
    mask: str
    mask_sha256: str
    bin: str
    border: str
    ratio: float


@dataclass(frozen=True)
class Pairing:
    """All pairs of a benchmark, and the folders of their files."""

    photos: Path
    masks: Path
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()

    def load(self, pair: Pair) -> tuple[Pixels, Hole]:
        """Read a pair: the photo scaled and cropped about its centre to the size of the mask, and the hole.

        Masks are never resized, so that ratio and border stay those of the manifest.

        Returns:
            RGB, uint8 (H, W, 3); and (H, W), True = hole.
        """
        found = read_hole(self.masks / pair.mask)
        hole = found.accept(False)
        photo = ImageOps.exif_transpose(read_photo(self.photos / pair.photo).image).convert("RGB")
        fitted = ImageOps.fit(photo, hole.shape[::-1], Image.Resampling.LANCZOS)
        return np.array(fitted), hole

    @property
    def sha256(self) -> str:
        """Of the hashes of all pairs in their order: equal for benchmarks of the same pictures."""
        text = "".join(f"{pair.photo_sha256} {pair.mask_sha256}\n" for pair in self.pairs)
        return hashlib.sha256(text.encode()).hexdigest()


def pair_up(photos: Path, manifest: Path, num_per_cell: int | None = None) -> Pairing:
    """Pair photos with the masks of a set, in each of its cells (bin of hole ratio, with or without border).

    Photos and masks are taken in the order of their names, each list from its start again where it ends; no pair comes
    twice before all have come once. A cell goes on with the photos where the one before it stopped, so that fewer pairs
    than photos still use all photos.

    Args:
        photos: Folder.
        manifest: manifest.csv of `partialconv masks benchmark` or `masks import`, or its folder.
        num_per_cell: Pairs of each cell; as many as there are photos if None.

    Raises:
        InputError: nothing to pair, a file of the set is missing or changed, or more pairs are asked for than exist.
    """
    folder = manifest if manifest.is_dir() else manifest.parent
    if manifest.name != MANIFEST and not manifest.is_dir():
        raise InputError(f"{manifest} is not a manifest: give the {MANIFEST} of `partialconv masks benchmark`.")
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder} has no {MANIFEST}: make one with `partialconv masks import {folder} -o masks/`, and name masks/."
        )
    rows = read_manifest(folder)
    paths, broken = find_photos(photos)
    names = [str(path.relative_to(photos)) for path in paths]
    hashes = [_sha256(path) for path in paths]
    notes = [f"skipped, not readable: {path}" for path in broken]
    if unused := sum(not row.bin for row in rows):
        notes.append(f"{unused} of {len(rows)} masks are in no bin of hole ratio and were left out.")
    count = len(paths) if num_per_cell is None else num_per_cell
    pairs: list[Pair] = []
    for bin_name in BIN_NAMES:
        for border in BORDERS:
            cell = [row for row in rows if (row.bin, row.border) == (bin_name, border)]
            if cell and count > len(paths) * len(cell):
                raise InputError(
                    f"{count} pairs of {len(paths)} photos and {len(cell)} masks of {bin_name}, {border} border: "
                    f"there are {len(paths) * len(cell)}."
                )
            for index, row in turns(len(paths), cell, count, first=len(pairs)):
                ids = names[index], hashes[index], row.file, row.sha256
                pairs.append(Pair(len(pairs), *ids, bin_name, border, float(row.ratio)))
    if not pairs:
        raise InputError(f"no mask of {folder} is in a bin of hole ratio ({', '.join(BIN_NAMES)}).")
    for pair in {pair.mask: pair for pair in pairs}.values():
        path = folder / pair.mask
        if not path.is_file() or _sha256(path) != pair.mask_sha256:
            raise InputError(f"{path} is missing, or is not the file of the manifest: make the set again.")
    return Pairing(photos, folder, tuple(pairs), tuple(notes))


def turns(num_photos: int, masks: Sequence[MaskRow], count: int, first: int = 0) -> list[tuple[int, MaskRow]]:
    """Take `count` pairs of photo number and mask, both lists turn by turn, from photo `first` on."""
    if not masks:
        return []
    period = math.lcm(num_photos, len(masks))  # after it the same pairs would come again: shift by one
    return [((first + k) % num_photos, masks[(k + k // period) % len(masks)]) for k in range(count)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
