"""Scores of one filled photo; definitions in docs/benchmark.md."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from partialconv.benchmark.inception import FeatureNetwork, Vector, kl_divergence
from partialconv.benchmark.lpips import Lpips
from partialconv.benchmark.pairing import Pixels
from partialconv.conventions import Hole

WINDOW_PX = 11
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik 2003
MS_SSIM_MIN_PX = WINDOW_PX * 2 ** (len(MS_SSIM_WEIGHTS) - 1)
LARGEST_DB = 100.0  # of equal pictures


@dataclass(frozen=True)
class Metric:
    """How a score is shown.

    Args:
        label: For tables, with its unit.
        higher_is_better: Else lower is.
        digits: Behind the point.
    """

    label: str
    higher_is_better: bool
    digits: int


METRICS = {
    "l1_percent": Metric("l1 %", False, 3),
    "hole_l1_percent": Metric("hole-l1 %", False, 2),
    "psnr": Metric("PSNR, dB", True, 2),
    "hole_psnr": Metric("hole-PSNR, dB", True, 2),
    "ssim": Metric("SSIM", True, 4),
    "ms_ssim": Metric("MS-SSIM", True, 4),
    "lpips": Metric("LPIPS", False, 4),
    "kl": Metric("KL", False, 3),
}


@dataclass(frozen=True)
class Observation:
    """What a feature network saw in a pair; an array is None where the network has no such output."""

    features: NDArray[np.float32] | None
    target_features: NDArray[np.float32] | None
    classes: NDArray[np.float64] | None


@dataclass(frozen=True)
class Judge:
    """Scores filled photos.

    Args:
        lpips: None where its weights are not there.
        network: For Frechet distance, KL and Inception score; None where there is none.
    """

    lpips: Lpips | None = None
    network: FeatureNetwork | None = None

    @property
    def identity(self) -> str:
        """Changes with whatever changes scores: the weights."""
        return " ".join(part.sha256[:16] for part in (self.lpips, self.network) if part is not None)

    def score(self, comp: Pixels, target: Pixels, hole: Hole) -> tuple[dict[str, float], Observation | None]:
        """Score one filled photo.

        Args:
            comp: RGB, uint8 (H, W, 3): known pixels of `target`, the rest of a method.
            target: The photo.
            hole: (H, W), at least one pixel True.

        Returns:
            Names of `METRICS` to values, without those that need what is not there (weights, or 176 pixels for
            MS-SSIM); and what the network saw.
        """
        error = comp.astype(np.float64) - target
        inside = error[hole]
        scores = {
            "l1_percent": float(np.abs(error).mean() / 255 * 100),
            "hole_l1_percent": float(np.abs(inside).mean() / 255 * 100),
            "psnr": decibels(float((error**2).mean())),
            "hole_psnr": decibels(float((inside**2).mean())),
        }
        scores["ssim"] = ssim(comp, target)
        if min(hole.shape) >= MS_SSIM_MIN_PX:
            scores["ms_ssim"] = ms_ssim(comp, target)
        if self.lpips is not None:
            scores["lpips"] = self.lpips.distance(comp, target)
        if self.network is None:
            return scores, None
        (features, classes), (target_features, target_classes) = self.network(comp), self.network(target)
        if classes is not None and target_classes is not None:
            scores["kl"] = kl_divergence(target_classes, classes)
        return scores, Observation(features, target_features, classes)


def ssim(comp: Pixels, target: Pixels) -> float:
    """Structural similarity: Gaussian window of 11 pixels, sigma 1.5, whole windows only, mean of R, G and B.

    Args:
        comp: uint8 (H, W, 3), sides of at least 11 pixels.
        target: Alike.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004.
    """
    similarity, _ = _similarity(comp.astype(np.float64), target.astype(np.float64))
    return float(similarity.mean())


def ms_ssim(comp: Pixels, target: Pixels) -> float:
    """Multi-scale structural similarity over five scales, halved by averages of 2x2 pixels; mean of R, G and B.

    Negative terms count as 0. torchmetrics, which has both, counts mirrored borders and took 16 times as long, and
    scikit-image does not give the contrast term; hence our own, which tests judge by them.

    Args:
        comp: uint8 (H, W, 3), sides of at least 176 pixels.
        target: Alike.

    Source: Wang, Simoncelli, Bovik 2003.
    """
    first, second = comp.astype(np.float64), target.astype(np.float64)
    product = np.ones(3)
    for weight in MS_SSIM_WEIGHTS[:-1]:
        product *= _similarity(first, second)[1].clip(0) ** weight
        first, second = _halved(first), _halved(second)
    return float((product * _similarity(first, second)[0].clip(0) ** MS_SSIM_WEIGHTS[-1]).mean())


def _similarity(first: Vector, second: Vector) -> tuple[Vector, Vector]:
    """SSIM of each channel of (H, W, 3) with values up to 255, and its part of contrast and structure."""
    edge = WINDOW_PX // 2

    def smooth(values: Vector) -> Vector:
        window = gaussian_filter(values, (1.5, 1.5, 0), radius=(edge, edge, 0))
        return np.asarray(window[edge:-edge, edge:-edge])

    mean_1, mean_2 = smooth(first), smooth(second)
    variances = smooth(first**2) + smooth(second**2) - mean_1**2 - mean_2**2
    covariance = smooth(first * second) - mean_1 * mean_2
    steady, steadier = (0.03 * 255) ** 2, (0.01 * 255) ** 2
    contrast = (2 * covariance + steady) / (variances + steady)
    luminance = (2 * mean_1 * mean_2 + steadier) / (mean_1**2 + mean_2**2 + steadier)
    return (luminance * contrast).mean((0, 1)), contrast.mean((0, 1))


def _halved(picture: Vector) -> Vector:
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    return np.asarray(picture[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)))


def decibels(squared: float) -> float:
    """PSNR of a mean squared error of values up to 255."""
    return min(LARGEST_DB, float(10 * np.log10(255**2 / squared))) if squared > 0 else LARGEST_DB
