"""Networks that judge, patch by patch, whether a picture is a photo or a filled hole."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of leaky ReLUs


class Judgement(NamedTuple):
    """What a discriminator says.

    Args:
        scores: One map or several, each (N, 1, h, w); the more, the more like a photo.
        features: What it computed on the way, each (N, C, h, w).
    """

    scores: list[Tensor]
    features: list[Tensor]


class Discriminator(nn.Module, ABC):
    """Scores patches of a picture, knowing where its hole is.

    No layer mixes the pictures of a batch, so that two processes judge as one.
    """

    def forward(self, image: Tensor, valid: Tensor) -> Judgement:
        """Judge pictures.

        Args:
            image: A photo or a composite, (N, 3, H, W) in [0, 1].
            valid: 1 = known, 0 = hole, floating, (N, 1, H, W).
        """
        return self.judge(self.see(image), valid)

    @abstractmethod
    def see(self, image: Tensor) -> list[Tensor]:
        """What is judged of a picture; nothing in it is learned."""

    @abstractmethod
    def judge(self, seen: list[Tensor], valid: Tensor) -> Judgement:
        """Judge what `see` gave."""

    @abstractmethod
    def hole_shares(self, hole: Tensor) -> list[Tensor]:
        """Share of hole in what each patch sees, pixels in its middle counting more.

        Args:
            hole: 1 = hole, floating, (N, 1, H, W).

        Returns:
            In [0, 1], of the shapes of the scores.
        """


class PatchDiscriminator(Discriminator):
    """Convolutions over picture and mask: `num_levels` of stride 2, and one that scores.

    A patch spans 18 pixels with two levels, then 38, 78, 158.

    Args:
        width: Channels of the first layer; they double per level up to 8 * width.
        num_levels: Number of halvings.

    Source: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks"; without BatchNorm, as
        Karras et al. 2018, "Progressive Growing of GANs", for it mixes pictures.
    """

    def __init__(self, width: int = 32, num_levels: int = 4) -> None:
        super().__init__()
        channels = [4, *(width * min(2**level, 8) for level in range(num_levels))]
        self.layers = nn.ModuleList(
            nn.Conv2d(channels[level], channels[level + 1], 4, 2, 1) for level in range(num_levels)
        )
        self.score = nn.Conv2d(channels[-1], 1, 3, 1, 1)
        _initialise(self)

    def see(self, image: Tensor) -> list[Tensor]:
        """The picture itself, in [-1, 1]."""
        return [image * 2 - 1]

    def judge(self, seen: list[Tensor], valid: Tensor) -> Judgement:
        """Judge a picture; one map of scores."""
        x = torch.cat([seen[0], valid.to(seen[0].dtype)], dim=1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return Judgement([self.score(x)], features)

    def hole_shares(self, hole: Tensor) -> list[Tensor]:
        """See `Discriminator`."""
        for _ in self.layers:
            hole = _halved(hole)
        return [_surroundings(hole)]


class FeatureDiscriminator(Discriminator):
    """Judges maps of a trained network, frozen, whose channels and scales are mixed at random, for good.

    The mixture lets no score rest on a few channels alone. From the coarsest map to the finest, each is mixed with the
    coarser one. What learns is small: two convolutions and a score on each map.

    Args:
        features: Maps of images in [0, 1], finest first, each half as large as the one before.
        channels: Of each map.
        width: Channels of the mixtures and of what learns.

    Source: Sauer et al. 2021, "Projected GANs Converge Faster".
    """

    def __init__(
        self, features: Callable[[Tensor], list[Tensor]], channels: Sequence[int] = (64, 128, 256), width: int = 32
    ) -> None:
        super().__init__()
        self._features = (features,)  # not a submodule: frozen weights are no part of the state
        self.across_channels = nn.ModuleList(nn.Conv2d(num, width, 1) for num in channels)
        self.across_scales = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        self.heads = nn.ModuleList(_Head(width) for _ in channels)
        _initialise(self)
        for mixing in (self.across_channels, self.across_scales):
            mixing.requires_grad_(False)

    def see(self, image: Tensor) -> list[Tensor]:
        """The mixed maps, finest first."""
        mixed: list[Tensor] = []
        maps = zip(self._features[0](image), self.across_channels, self.across_scales, strict=True)
        for features, across_channels, across_scales in reversed(list(maps)):
            x = across_channels(features)
            if mixed:
                coarser = F.interpolate(mixed[0], x.shape[-2:], mode="bilinear", align_corners=False)
                x = (x + coarser) / 2
            mixed.insert(0, across_scales(x))
        return mixed

    def judge(self, seen: list[Tensor], valid: Tensor) -> Judgement:
        """Judge mixed maps; a map of scores for each."""
        scores: list[Tensor] = []
        features: list[Tensor] = []
        for maps, head in zip(seen, self.heads, strict=True):
            score, computed = head(maps, valid)
            scores.append(score)
            features += computed
        return Judgement(scores, features)

    def hole_shares(self, hole: Tensor) -> list[Tensor]:
        """See `Discriminator`."""
        shares = []
        for _ in self.heads:
            hole = F.avg_pool2d(hole, 2)
            shares.append(_surroundings(_surroundings(_halved(hole))))
        return shares


class _Head(nn.Module):
    """What learns of one map: its layers and their scores; the mask is one more channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Conv2d(width + 1, 2 * width, 4, 2, 1), nn.Conv2d(2 * width, 2 * width, 3, 1, 1)]
        )
        self.score = nn.Conv2d(2 * width, 1, 3, 1, 1)

    def forward(self, maps: Tensor, valid: Tensor) -> tuple[Tensor, list[Tensor]]:
        size = (maps.shape[-2], maps.shape[-1])
        x = torch.cat([maps, F.adaptive_avg_pool2d(valid, size).to(maps.dtype)], dim=1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.score(x), features


def _halved(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, 4, 2, 1, count_include_pad=False)


def _surroundings(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)


def _initialise(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, SLOPE, nonlinearity="leaky_relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
