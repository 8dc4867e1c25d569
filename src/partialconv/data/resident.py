"""Photos that live on the training device, so that loading never holds it up.

For GPUs rented by the minute: a few thousand small photos fit into a corner of their memory, and 16 CPU cores can
neither decode photos nor draw holes as fast as such a card consumes them.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from partialconv.data.drawn import draw_picture
from partialconv.data.photos import PhotoSource
from partialconv.data.samples import (
    PHOTOS_ALONE,
    STROKES,
    WHOLE_LARGEST,
    Batch,
    SampleOrder,
    Variety,
    choose_view,
    enlarge_to,
    plan_crop,
    shrink_to,
)
from partialconv.errors import InputError
from partialconv.masks.mixture import sample_hole

NUM_HOLES = 4096
NUM_DRAWN = 2048


class ResidentPhotos:
    """Batches like those of `HoledPhotos`, cut on the device from photos kept there as uint8.

    Crops and jitter are those of `HoledPhotos`. Holes come from a bank drawn at the start: each use mirrors,
    transposes and rolls one of them around, which keeps its ratio, so that no two uses look alike. Drawn pictures come
    from a bank, too, and are mirrored.

    Args:
        photos: Decoded once, at the start, shrunk to a shorter side of at most `WHOLE_LARGEST`
            crops: more would need more memory. So every crop shows nearly all of its photo.
        crop_px: Side of a crop.
        hole_ratio: The share of hole pixels lies in (low, high].
        seed: Of everything.
        device: Where photos and holes live.
        holes: See `HoledPhotos`.
        flow_masks: See `HoledPhotos`.
        colour_jitter: See `HoledPhotos`.
        num_holes: Size of their bank; `NUM_HOLES` by default.
        num_workers: Processes that draw the banks.
        variety: See `HoledPhotos`.
        num_drawn: Size of the bank of drawn pictures; `NUM_DRAWN` by default.

    Source: ours.
    """

    def __init__(
        self,
        photos: PhotoSource,
        crop_px: int,
        hole_ratio: tuple[float, float],
        seed: int,
        device: torch.device,
        holes: Mapping[str, float] = STROKES,
        flow_masks: Path | None = None,
        colour_jitter: float = 0,
        num_holes: int | None = None,
        num_workers: int = 0,
        variety: Variety = PHOTOS_ALONE,
        num_drawn: int | None = None,
    ) -> None:
        self.crop_px, self.seed, self.colour_jitter, self.device = crop_px, seed, colour_jitter, device
        self.variety = variety
        with ThreadPoolExecutor(max(1, num_workers)) as pool:
            decoded = list(pool.map(partial(_decode, photos, crop_px), range(len(photos))))
        self.numbers = [number for number, photo in enumerate(decoded) if photo is not None]
        if not self.numbers:
            raise InputError("none of the photos can be decoded.")
        # through a flat copy: thousands of small transfers are slow
        flat = torch.cat([photo.flatten() for photo in decoded if photo is not None]).to(device)
        sizes = [photo.shape for photo in decoded if photo is not None]
        self.photos = [
            piece.view(shape) for piece, shape in zip(flat.split([s.numel() for s in sizes]), sizes, strict=True)
        ]
        self._order = SampleOrder(len(self.photos), seed)
        draw = partial(_draw, crop_px, seed, dict(holes), hole_ratio, flow_masks)
        self.holes = self._bank(draw, NUM_HOLES if num_holes is None else num_holes, num_workers)
        num_pictures = 0 if variety.drawn == 0 else (NUM_DRAWN if num_drawn is None else num_drawn)
        self.drawn = self._bank(partial(_picture, crop_px, seed), num_pictures, num_workers)

    def _bank(self, draw: Callable[[int], np.ndarray], num: int, num_workers: int) -> Tensor:
        """Arrays number 0 to `num`, drawn in processes, on the device."""
        if num_workers > 0 and num > 0:
            with ProcessPoolExecutor(num_workers, get_context("spawn")) as workers:
                bank = list(workers.map(draw, range(num), chunksize=32))
        else:
            bank = [draw(number) for number in range(num)]
        return torch.from_numpy(np.stack(bank) if bank else np.empty(0, np.uint8)).to(self.device)

    def batches(self, indices: Iterator[range]) -> Iterator[Batch]:
        """A batch of samples for each range of indices; sample i is the same in whichever batch it comes."""
        for several in indices:
            samples = [self[index] for index in several]
            yield Batch(*(torch.stack(parts) for parts in zip(*samples, strict=True)))

    def __getitem__(self, index: int) -> Batch:
        """Sample `index` of an endless sequence."""
        epoch, place = self._order[index]
        number, side = self.numbers[place], self.crop_px
        rng = np.random.default_rng((self.seed, epoch, number))
        chosen = np.random.default_rng((self.seed, epoch, number, 2))
        view = choose_view(chosen, self.variety)
        photo = self.drawn[int(chosen.integers(len(self.drawn)))] if view.drawn else self.photos[place]
        plan = plan_crop(rng, (photo.shape[0], photo.shape[1]), side, self.colour_jitter, view.tone)
        crop = photo[plan.top : plan.top + side, plan.left : plan.left + side].permute(2, 0, 1)
        hole = self.holes[int(rng.integers(len(self.holes)))]
        down, right, flip, transpose = (int(n) for n in rng.integers(0, (side, side, 2, 2)))
        hole = torch.roll(hole, (down, right), (0, 1))
        hole = hole.flip(0) if flip else hole
        hole = hole.T if transpose else hole
        return Batch(
            crop.flip(2) if plan.mirrored else crop,
            hole[None],
            torch.tensor(plan.jitter),
            torch.tensor(plan.tone, dtype=torch.float32),
            torch.tensor(number),
        )


def _decode(photos: PhotoSource, crop_px: int, number: int) -> Tensor | None:
    try:
        photo = shrink_to(photos.read(number), round(WHOLE_LARGEST * crop_px))
        return torch.from_numpy(np.array(enlarge_to(photo, crop_px)))
    except InputError as error:
        warnings.warn(f"passed over {photos.names[number]}: {error}", stacklevel=2)
        return None


def _draw(
    crop_px: int,
    seed: int,
    holes: Mapping[str, float],
    hole_ratio: tuple[float, float],
    flow_masks: Path | None,
    number: int,
) -> np.ndarray:
    return sample_hole((crop_px, crop_px), (seed, 0, number, 2), holes, hole_ratio, flow_masks)


def _picture(crop_px: int, seed: int, number: int) -> np.ndarray:
    return draw_picture((crop_px, crop_px), (seed, 0, number, 3))
