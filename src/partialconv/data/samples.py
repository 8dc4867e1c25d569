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

from partialconv.data.drawn import draw_picture
from partialconv.data.photos import PhotoSource
from partialconv.errors import InputError
from partialconv.masks.mixture import sample_hole

STROKES: Mapping[str, float] = MappingProxyType({"strokes": 1.0})
LANCZOS = Image.Resampling.LANCZOS
WHOLE_LARGEST = 1.25  # shorter side of a photo, in crops, of which a crop shows nearly all
GREY = 0.5  # of the photos that lose their colours, those that get no tone


class Batch(NamedTuple):
    """What a training step sees; a sample has the same fields without N.

    Args:
        photo: uint8, (N, 3, S, S), RGB.
        hole: bool, (N, 1, S, S), True = hole.
        jitter: Factors of brightness, contrast and saturation, (N, 3).
        tone: Exponent, darkest and lightest value of R, G and B, (N, 3, 3); 1, 0 and 1 change nothing.
        number: Of the photo in its source, int64, (N,).
    """

    photo: Tensor
    hole: Tensor
    jitter: Tensor
    tone: Tensor
    number: Tensor


@dataclass(frozen=True)
class Variety:
    """What samples show besides crops of photos as they are: shares, each 0 to 1.

    Args:
        whole: Of crops that show nearly all of their photo, which is shrunk for them.
        drawn: Of pictures that are no photos, see `data.drawn`.
        toned: Of photos that are made grey, or dark and light tones of one colour.
    """

    whole: float = 0.0
    drawn: float = 0.0
    toned: float = 0.0


PHOTOS_ALONE = Variety()
_Tone = tuple[tuple[float, float, float], ...]
AS_IT_IS: _Tone = ((1, 1, 1), (0, 0, 0), (1, 1, 1))


@dataclass(frozen=True)
class CropPlan:
    """Which crop of a photo to take, and how: sampled apart from taking it."""

    left: int
    top: int
    mirrored: bool
    jitter: tuple[float, float, float]
    tone: _Tone = AS_IT_IS


@dataclass(frozen=True)
class View:
    """What a sample shows, chosen apart from its crop: see `Variety`.

    Args:
        shorter_side: The photo is shrunk to, in crops; None = not at all.
        drawn: Whether a drawn picture takes the place of the photo.
        tone: See `Batch`; None = colours as they are.
    """

    shorter_side: float | None
    drawn: bool
    tone: _Tone | None


def choose_view(rng: np.random.Generator, variety: Variety) -> View:
    """Sample what a sample shows."""
    whole, drawn, toned = rng.random(3) < (variety.whole, variety.drawn, variety.toned)
    side, tone = float(rng.uniform(1, WHOLE_LARGEST)), _sample_tone(rng)
    return View(side if whole else None, bool(drawn), tone if toned and not drawn else None)


def _sample_tone(rng: np.random.Generator) -> _Tone:
    if rng.random() < GREY:
        return AS_IT_IS
    exponents, dark, light = rng.uniform(0.75, 1.33, 3), rng.uniform(0, 0.2, 3), rng.uniform(0.8, 1, 3)
    red, green, blue = zip(exponents, dark, light, strict=True)
    return tuple((float(r), float(g), float(b)) for r, g, b in zip(red, green, blue, strict=True))


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


def plan_crop(
    rng: np.random.Generator,
    size: tuple[int, int],
    crop_px: int,
    colour_jitter: float,
    tone: _Tone | None = None,
) -> CropPlan:
    """Sample a crop of a photo of `size` (height, width), both at least `crop_px`; a tone takes its saturation away."""
    left, top = (int(rng.integers(0, extent - crop_px + 1)) for extent in (size[1], size[0]))
    mirrored = bool(rng.random() < 0.5)
    brightness, contrast, saturation = rng.uniform(1 - colour_jitter, 1 + colour_jitter, size=3)
    factors = (float(brightness), float(contrast), 0.0 if tone is not None else float(saturation))
    return CropPlan(left, top, mirrored, factors, tone or AS_IT_IS)


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
        variety: What samples show besides.

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
        variety: Variety = PHOTOS_ALONE,
    ) -> None:
        self.photos, self.crop_px, self.hole_ratio, self.seed = photos, crop_px, hole_ratio, seed
        self.variety = variety
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
        view = choose_view(np.random.default_rng((self.seed, epoch, number, 2)), self.variety)
        if view.drawn:
            photo = Image.fromarray(draw_picture(size, (self.seed, epoch, number, 3)))
        else:
            number, photo = first_whole(self.photos, number)
            if view.shorter_side is not None:
                photo = shrink_to(photo, round(view.shorter_side * self.crop_px))
            photo = enlarge_to(photo, self.crop_px)
        plan = plan_crop(rng, (photo.height, photo.width), self.crop_px, self.colour_jitter, view.tone)
        box = (plan.left, plan.top, plan.left + self.crop_px, plan.top + self.crop_px)
        pixels = np.array(photo.crop(box))
        if plan.mirrored:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        return Batch(
            torch.from_numpy(pixels).permute(2, 0, 1),
            torch.from_numpy(hole)[None],
            torch.tensor(plan.jitter),
            torch.tensor(plan.tone, dtype=torch.float32),
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
        except InputError as error:
            warnings.warn(f"passed over {photos.names[candidate]}: {error}", stacklevel=2)
    raise InputError("none of the photos can be decoded.")


def change_colours(image: Tensor, jitter: Tensor, tone: Tensor | None = None) -> Tensor:
    """Change brightness, contrast and saturation, in this order, and then the tone.

    Args:
        image: RGB in [0, 1], (N, 3, H, W).
        jitter: The three factors, (N, 3); 1 = as it is.
        tone: See `Batch`, (N, 3, 3); None = as it is.

    Returns:
        (N, 3, H, W), clamped to [0, 1].

    Source: ours, after the usual definitions: grey is .299 R + .587 G + .114 B, contrast is around its mean.
    """
    brightness, contrast, saturation = jitter.to(image.dtype)[..., None, None, None].unbind(1)
    image = (image * brightness).clamp(0, 1)
    mean = _grey(image).mean((2, 3), keepdim=True)
    image = ((image - mean) * contrast + mean).clamp(0, 1)
    grey = _grey(image)
    image = ((image - grey) * saturation + grey).clamp(0, 1)
    if tone is None:
        return image
    exponent, dark, light = tone.to(image.dtype)[..., None, None].unbind(1)
    return image**exponent * (light - dark) + dark


def _grey(image: Tensor) -> Tensor:
    red, green, blue = image.split(1, dim=1)
    luma: Tensor = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma
