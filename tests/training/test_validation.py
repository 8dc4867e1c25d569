"""Validation scores, judged by scikit-image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn

from partialconv.data import open_photos
from partialconv.training.distributed import World
from partialconv.training.validation import BINS, METRICS, Validation

WORLD = World(0, 1, torch.device("cpu"))


class Grey(nn.Module):
    """Fills with grey, and spoils what is known, which must not count."""

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        return torch.where(valid, 1 - image, 0.4999)


def test_scores_against_scikit_image(photos: Path) -> None:
    source = open_photos(photos, 40)
    checks = Validation.of(source, 40, WORLD)
    scores = checks.score(Grey(), WORLD)
    assert tuple(scores) == METRICS
    for number, (low, high) in enumerate(BINS):
        expected: dict[str, list[float]] = {name: [] for name in METRICS}
        for index, holes in enumerate(checks.holes):
            photo = np.asarray(ImageOps.fit(source.read(index), (40, 40)))
            hole = holes[number].numpy()
            assert low < hole.mean() <= high
            comp = photo.copy()
            comp[hole] = round(0.4999 * 255)
            difference = comp.astype(float) - photo
            expected["hole_psnr"].append(10 * np.log10(255**2 / (difference[hole] ** 2).mean()))
            expected["psnr"].append(peak_signal_noise_ratio(photo, comp))
            ssim = structural_similarity(
                photo, comp, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2
            )
            expected["ssim"].append(ssim)
            expected["l1_percent"].append(100 * np.abs(difference).mean() / 255)
        for name, values in expected.items():
            assert scores[name][number] == pytest.approx(np.mean(values), rel=2e-4), name


def test_every_run_sees_the_same_holes_and_processes_share_the_photos(photos: Path) -> None:
    source = open_photos(photos, 40)
    whole = Validation.of(source, 40, WORLD)
    halves = [Validation.of(source, 40, World(rank, 2, torch.device("cpu"))) for rank in (0, 1)]
    for index, (crop, holes) in enumerate(zip(whole.crops, whole.holes, strict=True)):
        half = halves[index % 2]
        assert torch.equal(half.crops[index // 2], crop) and torch.equal(half.holes[index // 2], holes)
    assert sum(len(half.crops) for half in halves) == len(whole.crops) == 6


def test_a_perfect_fill_has_a_finite_score(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (51, 51, 51)).save(tmp_path / "flat.png")
    checks = Validation.of(open_photos(tmp_path, 40), 40, WORLD)

    class Perfect(nn.Module):
        def forward(self, image: Tensor, valid: Tensor) -> Tensor:
            return torch.full_like(image, 0.2)

    scores = checks.score(Perfect(), WORLD)
    assert scores["psnr"] == [100.0] * 6 and scores["l1_percent"] == [0.0] * 6
    assert scores["ssim"] == pytest.approx([1.0] * 6)
