"""Crops of photos with damage, to train and to judge what finds it."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from partialconv.data.damage import NOTHING, Cutouts, draw_damage
from partialconv.data.damage.ageing import Pixels, age, finish
from partialconv.data.damage.lines import smooth_noise
from partialconv.data.damage.scenery import draw_scenery
from partialconv.data.photos import open_photos

Part = Literal["train", "choice", "test"]
Item = tuple[Tensor, Tensor, Tensor, Tensor]
SMALL_PX = 400  # photos whose shorter side is less are shown enlarged, too


def part_of(name: str) -> Part:
    """Where a photo belongs, by its file's name: one in 16 chooses thresholds, one in 16 tests, the rest trains.

    Crops of a photo, whose names end in _c1 and _c2, go with it.
    """
    stem = Path(name).stem
    stem = stem[:-3] if stem[-3:-1] == "_c" else stem
    number = int.from_bytes(hashlib.sha256(stem.encode()).digest()[:4], "big") % 16
    return "test" if number == 0 else "choice" if number == 8 else "train"


def read_photos(folders: Iterable[Path | str], part: Part, crop_px: int) -> list[Pixels]:
    """Decode the photos of one part, in order of name.

    Raises:
        InputError: a folder holds no usable photo, or a photo cannot be decoded.
    """
    photos: list[Pixels] = []
    for folder in folders:
        source = open_photos(folder, crop_px)
        names = sorted((name, number) for number, name in enumerate(source.names) if part_of(name) == part)
        with ThreadPoolExecutor(2) as pool:
            photos += map(np.asarray, pool.map(source.read, [number for _, number in names]))
    return [pixels for pixels in photos if min(pixels.shape[:2]) >= crop_px / 1.6]


def cut_view(photo: Pixels, rng: np.random.Generator, px: int) -> Pixels:
    """A square of a photo at a scale and a place chosen at random, at times mirrored, (px, px, 3)."""
    low, high = (0.75, 1.5) if min(photo.shape[:2]) < SMALL_PX else (0.5, 1.1)
    scale = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    side = min(round(px / scale), *photo.shape[:2])
    top, left = (int(rng.integers(room - side + 1)) for room in photo.shape[:2])
    view = photo[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > px else cv2.INTER_CUBIC
    sized = view if side == px else cv2.resize(view, (px, px), interpolation=method)
    return np.ascontiguousarray(sized[:, :: int(rng.choice([-1, 1]))], dtype=np.uint8)


class DamagedCrops(Dataset[Item]):
    """Damaged and undamaged crops, each from its number.

    Args:
        photos: (H, W, 3), RGB.
        cutouts: What damage is drawn from.
        crop_px: Side of the crops.
        num_items: How many there are.
        seed: Of everything.
        undamaged: Share of the crops that stay as they are.
        unknown: Share of the crops with unknown parts.
        scenery: Share of the crops over which lines are drawn that are no damage.
    """

    def __init__(
        self,
        photos: list[Pixels],
        cutouts: Cutouts,
        crop_px: int,
        num_items: int,
        seed: int,
        undamaged: float,
        unknown: float,
        scenery: float = 0,
    ) -> None:
        self.photos, self.cutouts, self.crop_px, self.num_items = photos, cutouts, crop_px, num_items
        self.seed, self.undamaged, self.unknown, self.scenery = seed, undamaged, unknown, scenery

    def __len__(self) -> int:
        return self.num_items

    def __getitem__(self, number: int) -> Item:
        """Crop `number`.

        Returns:
            image: (3, H, W), uint8; noise where unknown.
            valid: (1, H, W), bool, True = known.
            truth: (1, H, W), bool, True = damaged.
            kinds: (H, W), uint8, `NOTHING` where the truth is False.
        """
        rng = np.random.default_rng((self.seed, number))
        px = self.crop_px
        view = cut_view(self.photos[int(rng.integers(len(self.photos)))], rng, px)
        valid, truth, kinds = np.ones((px, px), bool), np.zeros((px, px), bool), np.full((px, px), NOTHING, np.uint8)
        if self.scenery and rng.random() < self.scenery:
            view = draw_scenery(view, rng)
        if rng.random() < self.undamaged:
            image = finish([age(view, rng)], rng)[0]
        else:
            damaged = draw_damage(view, (self.seed, number, 1), self.cutouts)
            image, truth, kinds = damaged.image, damaged.truth, damaged.kinds
        if rng.random() < self.unknown:
            valid = smooth_noise((px, px), rng, rng.uniform(12, 80)) < rng.uniform(0.55, 0.95)
            image = np.where(valid[..., None], image, rng.integers(0, 256, 3)).astype(np.uint8)
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return planes, torch.from_numpy(valid)[None], torch.from_numpy(truth)[None], torch.from_numpy(kinds)
