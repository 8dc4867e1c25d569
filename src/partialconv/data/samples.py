"""Photos with holes drawn over them, reproducible sample by sample."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from partialconv.data.photos import PhotoSource
from partialconv.errors import InputError
from partialconv.masks.mixture import sample_hole

STROKES: Mapping[str, float] = MappingProxyType({"strokes": 1.0})
LANCZOS = Image.Resampling.LANCZOS


class Batch(NamedTuple):
    """What a training step sees; a sample has the same fields without N.

    Args:
        photo: uint8, (N, 3, S, S), RGB.
        hole: bool, (N, 1, S, S), True = hole.
        jitter: Factors of brightness, contrast and saturation, (N, 3).
        number: Of the photo in its source, int64, (N,).
    """

    photo: Tensor
    hole: Tensor
    jitter: Tensor
    number: Tensor


@dataclass(frozen=True)
class CropPlan:
    """Which crop of a photo to take, and how: sampled apart from taking it."""

    left: int
    top: int
    mirrored: bool
    jitter: tuple[float, float, float]


class SampleOrder:
    """Photos in an order of their own for each epoch, without end.

    Args:
        num: Number of photos.
        seed: Same seed, same order.
    """

    def __init__(self, num: int, seed: int) -> None:
        self.num, self.seed = num, seed
        self._epoch: tuple[int, np.ndarray] = (-1, np.arange(0))

    def __getitem__(self, index: int) -> tuple[int, int]:
        """Epoch and photo of sample `index`."""
        epoch, place = divmod(index, self.num)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, np.random.default_rng((self.seed, epoch)).permutation(self.num))
        return epoch, int(self._epoch[1][place])


def plan_crop(rng: np.random.Generator, size: tuple[int, int], crop_px: int, colour_jitter: float) -> CropPlan:
    """Sample a crop of a photo of `size` (height, width), both at least `crop_px`."""
    left, top = (int(rng.integers(0, extent - crop_px + 1)) for extent in (size[1], size[0]))
    mirrored = bool(rng.random() < 0.5)
    brightness, contrast, saturation = rng.uniform(1 - colour_jitter, 1 + colour_jitter, size=3)
    return CropPlan(left, top, mirrored, (float(brightness), float(contrast), float(saturation)))


def enlarge_to(photo: Image.Image, side: int) -> Image.Image:
    """The photo, enlarged where its shorter side is below `side` pixels."""
    if min(photo.size) >= side:
        return photo
    scale = side / min(photo.size)
    return photo.resize((max(side, round(photo.width * scale)), max(side, round(photo.height * scale))))


def shrink_to(photo: Image.Image, side: int) -> Image.Image:
    """The photo, shrunk where its shorter side is above `side` pixels."""
    scale = side / min(photo.size)
    return photo if scale >= 1 else photo.resize((round(photo.width * scale), round(photo.height * scale)), LANCZOS)


class HoledPhotos(Dataset[Batch]):
    """Square crops of photos, mirrored at random, each with an irregular hole.

    Sample `i` depends on the seed, its epoch and its photo alone, never on workers, processes or what was drawn
    before, so that training can stop and resume anywhere, on any number of processes, and see the same holes.

    Args:
        photos: Where they come from.
        crop_px: Side of a crop; smaller photos are enlarged to fit.
        hole_ratio: The share of hole pixels lies in (low, high].
        seed: Of order, crops, mirroring and holes.
        holes: Weight of each kind of holes, see `masks.mixture.sample_hole`; strokes by default.
        flow_masks: Folder of raw flow masks, for the kind "flow".
        colour_jitter: Largest relative change of brightness, contrast and saturation.

    Source: ours.
    """

    def __init__(
        self,
        photos: PhotoSource,
        crop_px: int,
        hole_ratio: tuple[float, float],
        seed: int,
        holes: Mapping[str, float] = STROKES,
        flow_masks: Path | None = None,
        colour_jitter: float = 0,
    ) -> None:
        self.photos, self.crop_px, self.hole_ratio, self.seed = photos, crop_px, hole_ratio, seed
        self.holes, self.flow_masks, self.colour_jitter = dict(holes), flow_masks, colour_jitter
        self._order = SampleOrder(len(photos), seed)

    def __getitem__(self, index: int) -> Batch:
        """Sample `index` of an endless sequence; an epoch is as many samples as there are photos.

        A photo that turns out to be broken gives its place to the next one.

        Raises:
            InputError: no photo can be decoded.
        """
        epoch, number = self._order[index]
        rng = np.random.default_rng((self.seed, epoch, number))
        size, seed = (self.crop_px, self.crop_px), (self.seed, epoch, number, 1)
        hole = sample_hole(size, seed, self.holes, self.hole_ratio, self.flow_masks)
        number, photo = first_whole(self.photos, number)
        photo = enlarge_to(photo, self.crop_px)
        plan = plan_crop(rng, (photo.height, photo.width), self.crop_px, self.colour_jitter)
        box = (plan.left, plan.top, plan.left + self.crop_px, plan.top + self.crop_px)
        pixels = np.array(photo.crop(box))
        if plan.mirrored:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        return Batch(
            torch.from_numpy(pixels).permute(2, 0, 1),
            torch.from_numpy(hole)[None],
            torch.tensor(plan.jitter),
            torch.tensor(number),
        )


def first_whole(photos: PhotoSource, number: int) -> tuple[int, Image.Image]:
    """Photo `number`, or the next one that can be decoded, and its number.

    Raises:
        InputError: there is none.
    """
    for offset in range(len(photos)):
        candidate = (number + offset) % len(photos)
        try:
            return candidate, photos.read(candidate)
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for broken files
            warnings.warn(f"passed over {photos.names[candidate]}: {error}", stacklevel=2)
    raise InputError("none of the photos can be decoded.")


def change_colours(image: Tensor, jitter: Tensor) -> Tensor:
    """Change brightness, contrast and saturation, in this order.

    Args:
        image: RGB in [0, 1], (N, 3, H, W).
        jitter: The three factors, (N, 3); 1 = as it is.

    Returns:
        (N, 3, H, W), clamped to [0, 1].

    Source: ours, after the usual definitions: grey is .299 R + .587 G + .114 B, contrast is around its mean.
    """
    brightness, contrast, saturation = jitter.to(image.dtype)[..., None, None, None].unbind(1)
    image = (image * brightness).clamp(0, 1)
    mean = _grey(image).mean((2, 3), keepdim=True)
    image = ((image - mean) * contrast + mean).clamp(0, 1)
    grey = _grey(image)
    return ((image - grey) * saturation + grey).clamp(0, 1)


def _grey(image: Tensor) -> Tensor:
    red, green, blue = image.split(1, dim=1)
    luma: Tensor = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma
