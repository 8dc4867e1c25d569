"""Learning from two trained networks instead of from photos."""

from collections import deque

import torch
import torch.nn.functional as F
from torch import Tensor

from partialconv.conventions import composite
from partialconv.models import PartialConvUNet
from partialconv.training.recipe import DistillationRecipe
from partialconv.training.starting import network_of

SMOOTH_PX = 3  # sigma: what is left of the difference after this blur is taken whole
EDGE_PX = 4  # sigma: how far from known pixels the share is that of the edge
NUM_REMEMBERED = 2048  # crops


class Teachers:
    """A network of least error and one of texture; a pupil learns the mix of what they fill.

    Between the picture of least error and one with texture lie those that are best for their error, in a straight line;
    the mean of two networks' weights is not on it, and the mean of what they fill takes two networks. So the mix is
    learned. What is sure is taken of the first: what is smooth, and most of what is near known pixels. The first fills
    the picture and its mirror image, and the mean of both has less error than either.

    Args:
        error: Trained with the pixel terms alone.
        texture: Trained with all terms.
        share: Of `error` in the mix, at the edge of the hole and deep inside, each 0 to 1.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; the straight line is that of Freirich et
    al. 2021, "A Theory of the Distortion-Perception Tradeoff in Wasserstein Space"; frequencies and depths: ours.
    """

    def __init__(self, error: PartialConvUNet, texture: PartialConvUNet, share: tuple[float, float]) -> None:
        self.error, self.texture, self.share = error.eval(), texture.eval(), share

    @classmethod
    def of(cls, recipe: DistillationRecipe, device: torch.device) -> "Teachers | None":
        """Those that a recipe names, if any.

        Raises:
            InputError: there is no such run.
        """
        if not recipe.error:
            return None
        error, texture = (network_of(run) for run in (recipe.error, recipe.texture))
        for net in (error, texture):
            net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(error, texture, recipe.share)

    @torch.no_grad()
    def __call__(self, target: Tensor, valid: Tensor) -> Tensor:
        """What the pupil is to give.

        Args:
            target: The truth, (N, C, H, W) in [0, 1]; only its known pixels are looked at.
            valid: bool, (N, 1, H, W).

        Returns:
            (N, C, H, W), fp32: known pixels of `target`, the rest filled.
        """
        known = valid.float()
        texture = self.texture(target, valid).float()
        difference = (self._least_error(target, valid) - texture) * (1 - known)
        at_edge, deep = self.share
        share = deep + (at_edge - deep) * (2 * _blurred(known, EDGE_PX)).clamp(max=1)
        mixed: Tensor = texture + share * difference + (1 - share) * _blurred(difference, SMOOTH_PX)
        return composite(target, mixed, known)

    def _least_error(self, target: Tensor, valid: Tensor) -> Tensor:
        mirrored: Tensor = self.error(target.flip(-1), valid.flip(-1)).flip(-1)
        mean: Tensor = (self.error(target, valid).float() + mirrored.float()) / 2
        return mean


class CropMemory:
    """The last crops that were taught, to be learned again: their teachers cost more than a step with them.

    Args:
        repeats: How often a crop is learned again, in the mean.
        seed: Of the choice.
    """

    def __init__(self, repeats: int, seed: int) -> None:
        self.repeats = repeats
        self.generator = torch.Generator().manual_seed(seed)
        self.crops: deque[tuple[Tensor, ...]] = deque(maxlen=NUM_REMEMBERED)

    def recall(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """Add earlier crops to a batch, and remember its own.

        Args:
            batch: Tensors of one length, (N, ...): what belongs to a crop has the same place in each.

        Returns:
            As many tensors: the batch, and behind it `repeats` * N earlier crops, or all there are, none of them twice.
        """
        number = min(self.repeats * len(batch[0]), len(self.crops))
        chosen = torch.randperm(len(self.crops), generator=self.generator)[:number].tolist()
        former = [self.crops[index] for index in chosen]
        if self.repeats:
            self.crops.extend(zip(*(tensor.detach() for tensor in batch), strict=True))
        return tuple(torch.cat([new, *(crop[part][None] for crop in former)]) for part, new in enumerate(batch))


def _blurred(maps: Tensor, sigma_px: int) -> Tensor:
    """Gaussian blur; beyond the border the outermost pixels go on."""
    reach = 3 * sigma_px
    distances = torch.arange(-reach, reach + 1, device=maps.device, dtype=torch.float32)
    weights = torch.softmax(-(distances**2) / (2 * sigma_px**2), dim=0)
    height, width = maps.shape[-2:]
    flat = F.pad(maps.reshape(-1, 1, height, width), [reach] * 4, mode="replicate")
    with torch.autocast(maps.device.type, enabled=False):
        blurred = F.conv2d(F.conv2d(flat, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
    return blurred.reshape(maps.shape)
