"""Photos of a folder with holes drawn over them, reproducible sample by sample."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from partialconv.errors import InputError
from partialconv.masks import stroke_hole

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
UNSUITABLE_MODES = {"F", "I", "I;16", "I;16B", "I;16L"}  # Pillow would clip them to white
THIN_PX = (1, 4)


def find_photos(folder: Path) -> tuple[list[Path], list[Path]]:
    """List the photos below `folder`, sorted by name.

    Returns:
        The readable photos, and the files that look like photos but do not open, or have no 8-bit form.

    Raises:
        InputError: there is no such folder, or no readable photo in it.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}: give a folder of photos.")
    readable: list[Path] = []
    broken: list[Path] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES):
        try:
            with Image.open(path) as photo:
                (broken if photo.mode in UNSUITABLE_MODES else readable).append(path)
        except (OSError, Image.DecompressionBombError):
            broken.append(path)
    if not readable:
        raise InputError(f"no readable photo in {folder}, expected {', '.join(sorted(PHOTO_SUFFIXES))} files.")
    return readable, broken


class HoledPhotos(Dataset[tuple[Tensor, Tensor]]):
    """Square crops of photos, mirrored at random, each with an irregular hole.

    Sample `i` depends on the seed, its epoch and its photo alone, never on workers or on what was drawn before, so
    that training can stop and resume anywhere and see the same holes.

    Args:
        photos: Files.
        crop_px: Side of a crop; smaller photos are enlarged to fit.
        hole_ratio: The share of hole pixels lies in (low, high].
        thin_share: Share of the holes that are made of thin strokes alone, `THIN_PX` wide.
        seed: Of order, crops, mirroring and holes.

    Source: ours.
    """

    def __init__(
        self, photos: list[Path], crop_px: int, hole_ratio: tuple[float, float], seed: int, thin_share: float = 0
    ) -> None:
        self.photos, self.crop_px, self.hole_ratio, self.seed = photos, crop_px, hole_ratio, seed
        self.thin_share = thin_share
        self._order: tuple[int, np.ndarray] = (-1, np.arange(0))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Sample `index` of an endless sequence; an epoch is as many samples as there are photos.

        A photo that turns out to be broken gives its place to the next one.

        Returns:
            photo: uint8 (3, crop_px, crop_px), RGB.
            hole: bool (1, crop_px, crop_px), True = hole.

        Raises:
            InputError: no photo can be decoded.
        """
        epoch, place = divmod(index, len(self.photos))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng((self.seed, epoch)).permutation(len(self.photos)))
        number = int(self._order[1][place])
        rng = np.random.default_rng((self.seed, epoch, number))
        photo = self._first_whole(number, rng)
        width_px = THIN_PX if rng.random() < self.thin_share else None
        hole = stroke_hole((self.crop_px, self.crop_px), (self.seed, epoch, number, 1), self.hole_ratio, width_px)
        return torch.from_numpy(photo).permute(2, 0, 1), torch.from_numpy(hole)[None]

    def _first_whole(self, number: int, rng: np.random.Generator) -> np.ndarray:
        for offset in range(len(self.photos)):
            path = self.photos[(number + offset) % len(self.photos)]
            try:
                return self._crop(path, rng)
            except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for broken files
                warnings.warn(f"passed over {path}: {error}", stacklevel=2)
        raise InputError("none of the photos can be decoded.")

    def _crop(self, path: Path, rng: np.random.Generator) -> np.ndarray:
        side = self.crop_px
        with Image.open(path) as opened:
            photo = ImageOps.exif_transpose(opened).convert("RGB")
        if min(photo.size) < side:
            scale = side / min(photo.size)
            photo = photo.resize((max(side, round(photo.width * scale)), max(side, round(photo.height * scale))))
        left, top = (int(rng.integers(0, extent - side + 1)) for extent in photo.size)
        pixels = np.array(photo.crop((left, top, left + side, top + side)))
        return np.ascontiguousarray(pixels[:, ::-1]) if rng.random() < 0.5 else pixels
