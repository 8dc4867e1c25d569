"""The paper's six loss terms, and their weighted sum.

Images are (N, C, H, W) in [0, 1], `valid` is (N, 1, H, W), 1 = known, of any dtype. Every term is a mean over
the batch: a batch of two copies costs what one costs.

Range: the paper does not say in which range its pixel terms are taken; the authors trained in [-1, 1], which would
double valid, hole and tv. Here all terms see [0, 1], the range in which VGG's inputs are defined.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.conventions import composite

Features = Callable[[Tensor], list[Tensor]]

# Liu et al. 2018, eq. 7
PAPER_WEIGHTS = {"valid": 1.0, "hole": 6.0, "perceptual": 0.05, "style_out": 120.0, "style_comp": 120.0, "tv": 0.1}
OF_FEATURES = ("perceptual", "style_out", "style_comp")


def _numbers(valid: Tensor, like: Tensor) -> Tensor:
    """A mask to calculate with: bool knows no subtraction, and uint8 wraps."""
    return valid if valid.is_floating_point() else valid.to(like.dtype)


def valid_loss(output: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """L1 of the known pixels, averaged over the whole image. Source: Liu et al. 2018 (arXiv v2), L_valid."""
    return (_numbers(valid, output) * (output - target)).abs().mean()


def hole_loss(output: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """L1 of the hole, averaged over the whole image. Source: Liu et al. 2018 (arXiv v2), L_hole."""
    return ((1 - _numbers(valid, output)) * (output - target)).abs().mean()


def perceptual_loss(output: list[Tensor], target: list[Tensor], comp: list[Tensor]) -> Tensor:
    """L1 between features, of output and of composite, each averaged over its map and summed over the maps.

    Args:
        output: Features of the network's output, each (N, C_p, H_p, W_p).
        target: Those of the truth.
        comp: Those of the composite.

    Source: Liu et al. 2018 (arXiv v2), L_perceptual.
    """
    pairs = [*zip(output, target, strict=True), *zip(comp, target, strict=True)]
    return torch.stack([F.l1_loss(a.float(), b.float()) for a, b in pairs]).sum()


def style_loss(features: list[Tensor], target: list[Tensor]) -> Tensor:
    """L1 between Gram matrices, averaged over their C_p x C_p entries and summed over the maps.

    Args:
        features: Of the output or of the composite, each (N, C_p, H_p, W_p).
        target: Those of the truth.

    Source: Liu et al. 2018 (arXiv v2), L_style_out and L_style_comp.
    """
    return torch.stack([F.l1_loss(gram(a), gram(b)) for a, b in zip(features, target, strict=True)]).sum()


def gram(features: Tensor) -> Tensor:
    """Products of all pairs of channels, summed over the pixels and divided by C * H * W.

    Args:
        features: (N, C, H, W), any floating dtype.

    Returns:
        (N, C, C), fp32: sums over thousands of pixels are no task for half precision.

    Source: Liu et al. 2018, eq. 4: K_p Psi_p^T Psi_p.
    """
    num, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.reshape(num, channels, height * width)
        flat = flat if flat.dtype == torch.float64 else flat.float()
        return flat @ flat.transpose(1, 2) / (channels * height * width)


def tv_loss(comp: Tensor, valid: Tensor) -> Tensor:
    """Differences of neighbours in the composite where both lie in the hole grown by one pixel, over the image's size.

    The hole grows by a 3x3 square; the paper does not name the shape. As in its second version the sum is divided by
    the number of values of the whole image, not by the number of pairs.

    Args:
        comp: (N, C, H, W).
        valid: (N, 1, H, W).

    Source: Liu et al. 2018 (arXiv v2), L_tv.
    """
    region = F.max_pool2d(1 - _numbers(valid, comp), 3, stride=1, padding=1)
    down = region[..., 1:, :] * region[..., :-1, :] * (comp[..., 1:, :] - comp[..., :-1, :]).abs()
    right = region[..., 1:] * region[..., :-1] * (comp[..., 1:] - comp[..., :-1]).abs()
    return (down.sum() + right.sum()) / comp.numel()


class InpaintingLoss(nn.Module):
    """The terms valid, hole, perceptual, style_out, style_comp and tv, and their weighted sum.

    Terms of weight 0 are neither computed nor returned.

    Args:
        weights: Weight of each term by name; the paper's by default.
        features: Gives the maps of pool1 to pool3 of images in [0, 1], see `models.features.VGG16Features`.
        window_px: Side of the window, around the most hole pixels of each image, that perceptual and style terms
            see; 0 = all of it. Not in the paper: features are nearly all of the cost of a step, and those of known
            pixels teach little.

    Raises:
        ValueError: an unknown term, or perceptual or style terms without `features`.

    Example:
        >>> import torch
        >>> loss = InpaintingLoss({"valid": 1, "hole": 6, "tv": 0.1})
        >>> output, target, valid = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
        >>> terms = loss(output, target, valid)
        >>> sorted(terms), bool(loss.total(terms) > 0)
        (['hole', 'tv', 'valid'], True)

    Source: Liu et al. 2018 (arXiv v2), eq. 3-7.
    """

    def __init__(
        self, weights: dict[str, float] | None = None, features: Features | None = None, window_px: int = 0
    ) -> None:
        super().__init__()
        self.weights = {name: weight for name, weight in (weights or PAPER_WEIGHTS).items() if weight > 0}
        for name in self.weights:
            if name not in PAPER_WEIGHTS:
                raise ValueError(f"unknown loss term {name!r}, expected {', '.join(PAPER_WEIGHTS)}.")
            if name in OF_FEATURES and features is None:
                raise ValueError(f"the term {name!r} needs `features`, e.g. VGG16Features, or a weight of 0.")
        self.features, self.window_px = features, window_px

    def forward(self, output: Tensor, target: Tensor, valid: Tensor, with_features: bool = True) -> dict[str, Tensor]:
        """The unweighted terms by name.

        Args:
            output: What the network gives, (N, C, H, W).
            target: The truth, (N, C, H, W) in [0, 1].
            valid: (N, 1, H, W), exactly 0 or 1.
            with_features: False leaves the perceptual and style terms out.
        """
        output, valid = output.float(), _numbers(valid, target)
        comp = composite(target, output, valid)
        terms: dict[str, Tensor] = {}
        if "valid" in self.weights:
            terms["valid"] = valid_loss(output, target, valid)
        if "hole" in self.weights:
            terms["hole"] = hole_loss(output, target, valid)
        if with_features and self.features is not None and self.uses_features:
            terms |= self._feature_terms(output, target, comp, valid)
        if "tv" in self.weights:
            terms["tv"] = tv_loss(comp, valid)
        return terms

    @property
    def uses_features(self) -> bool:
        """Whether any term needs features."""
        return any(name in self.weights for name in OF_FEATURES)

    def total(self, terms: dict[str, Tensor], feature_factor: float = 1.0) -> Tensor:
        """The weighted sum of terms; `feature_factor` multiplies those that need features."""
        factor = {name: feature_factor if name in OF_FEATURES else 1.0 for name in terms}
        return torch.stack([factor[name] * self.weights[name] * value for name, value in terms.items()]).sum()

    def _feature_terms(self, output: Tensor, target: Tensor, comp: Tensor, valid: Tensor) -> dict[str, Tensor]:
        assert self.features is not None
        if 0 < self.window_px < min(valid.shape[-2:]):
            output, target, comp = windows([output, target, comp], valid, self.window_px)
        with torch.no_grad():  # of the truth once, and without a graph
            of_target = self.features(target)
        halves = [maps.chunk(2) for maps in self.features(torch.cat([output, comp]))]
        of_output, of_comp = [half[0] for half in halves], [half[1] for half in halves]
        terms: dict[str, Callable[[], Tensor]] = {
            "perceptual": lambda: perceptual_loss(of_output, of_target, of_comp),
            "style_out": lambda: style_loss(of_output, of_target),
            "style_comp": lambda: style_loss(of_comp, of_target),
        }
        return {name: term() for name, term in terms.items() if name in self.weights}


@torch.no_grad()
def _corners(valid: Tensor, side: int) -> Tensor:
    """Top left corner, on a grid of 8 pixels, of the window with the most hole pixels: (N, 2) as (y, x)."""
    counts = F.avg_pool2d(1 - valid.float(), side, stride=8)
    best = counts.flatten(1).argmax(dim=1)
    return torch.stack([best // counts.shape[-1], best % counts.shape[-1]], dim=1) * 8


def windows(images: list[Tensor], valid: Tensor, side: int) -> list[Tensor]:
    """Cut the window with the most hole pixels out of each picture.

    Args:
        images: Of one size, each (N, C, H, W); C may differ.
        valid: (N, 1, H, W), 1 = known.
        side: Of the window, at most H and W.

    Returns:
        Each (N, C, side, side).
    """
    corners = _corners(valid, side)
    steps = torch.arange(side, device=valid.device)
    rows = (corners[:, 0, None] + steps)[:, None, :, None]
    columns = (corners[:, 1, None] + steps)[:, None, None, :]
    cut = []
    for image in images:
        num, channels, _, width = image.shape
        # by gather, whose backward is a sum in place; that of indexing sorts the indices on a GPU
        part = image.gather(2, rows.expand(num, channels, side, width))
        cut.append(part.gather(3, columns.expand(num, channels, side, side)))
    return cut
