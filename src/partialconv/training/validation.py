"""Scores on photos and holes that stay the same throughout a run."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import ImageOps
from torch import Tensor, nn
from torchmetrics.functional.image import structural_similarity_index_measure

from partialconv.conventions import composite, valid_from_hole
from partialconv.data.photos import PhotoSource
from partialconv.errors import InputError
from partialconv.masks import stroke_hole
from partialconv.training.distributed import World

BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))  # of the paper's test set
METRICS = ("hole_psnr", "psnr", "ssim", "l1_percent")
NUM_PHOTOS = 64
SEED = 2018


@dataclass(frozen=True)
class Validation:
    """Fixed crops with one fixed hole in each of the paper's bins of hole ratio.

    Args:
        crops: Centre crops, uint8, each (3, S, S).
        holes: Of each crop, bool, (6, S, S).
    """

    crops: list[Tensor]
    holes: list[Tensor]

    @classmethod
    def of(cls, photos: PhotoSource, crop_px: int, world: World) -> "Validation":
        """Cut and draw this process's share of the first photos of a source; those that cannot be decoded are named."""
        crops, holes = [], []
        for number in range(min(NUM_PHOTOS, len(photos)))[world.rank :: world.size]:
            try:
                photo = ImageOps.fit(photos.read(number), (crop_px, crop_px))
            except InputError as error:
                warnings.warn(f"passed over {photos.names[number]}: {error}", stacklevel=2)
                continue
            crops.append(torch.from_numpy(np.array(photo)).permute(2, 0, 1))
            drawn = [stroke_hole((crop_px, crop_px), (SEED, number, b), ratio) for b, ratio in enumerate(BINS)]
            holes.append(torch.from_numpy(np.stack(drawn)))
        return cls(crops, holes)

    @torch.no_grad()
    def score(self, net: nn.Module, world: World) -> dict[str, list[float]]:
        """Mean scores of the composite, rounded to 8 bits, for each bin; of the photos of all processes.

        Args:
            net: In eval mode.
            world: The processes.

        Returns:
            For each bin: hole_psnr, over the pixels of the hole, and psnr, over all, in dB; ssim, after Wang et al.
            2004 (Gaussian window of 11 pixels, sigma 1.5), mean of R, G and B; l1_percent of the whole range.
        """
        sums = torch.zeros(len(METRICS) + 1, len(BINS), dtype=torch.float64)
        for target, valid in self._pairs(world.device):
            output = net(target, valid).clamp(0, 1)
            comp = (composite(target, output, valid.float()) * 255).round() / 255
            sums[:-1] += _scores(comp, target, valid).cpu()
            sums[-1] += 1
        sums = world.sum(sums.to(world.device)).cpu()
        means = (sums[:-1] / sums[-1]).tolist()
        return dict(zip(METRICS, means, strict=True))

    def _pairs(self, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        for crop, holes in zip(self.crops, self.holes, strict=True):
            target = crop.to(device).float().div(255).expand(len(BINS), -1, -1, -1)
            yield target.contiguous(memory_format=torch.channels_last), valid_from_hole(holes[:, None].to(device))


def _scores(comp: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """The four metrics of each image: (4, N), fp64."""
    error = (comp - target).double()
    squared = error.square().mean((1, 2, 3))
    ratio = (~valid).double().mean((1, 2, 3))
    hole_psnr = -10 * torch.log10((squared / ratio).clamp(min=1e-10))
    psnr = -10 * torch.log10(squared.clamp(min=1e-10))
    result = structural_similarity_index_measure(comp, target, sigma=1.5, data_range=1.0, return_full_image=True)
    # whole windows only, as Wang et al. and scikit-image; by itself torchmetrics counts mirrored borders, too
    ssim = result[1][..., 5:-5, 5:-5].double().mean((1, 2, 3))
    return torch.stack([hole_psnr, psnr, ssim, 100 * error.abs().mean((1, 2, 3))])
