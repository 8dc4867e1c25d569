"""LPIPS on AlexNet: the weights of AlexNet are the user's, the linear heads come with torchmetrics.

torchmetrics' own LPIPS builds AlexNet by torchvision, whose wheels do not go with every build of PyTorch.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
import torchmetrics.functional.image as torchmetrics_image
from torch import Tensor, nn

from partialconv.benchmark.pairing import Pixels
from partialconv.errors import InputError
from partialconv.training.pretrained import cache_path, cached_weights, read_weights

# torchvision's AlexNet of ImageNet, whose name carries the beginning of its SHA-256
URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
MIN_PX = 35  # below it nothing is left of a picture at the third tap
SHIFT = (-0.030, -0.088, -0.188)  # of values in [-1, 1]
SCALE = (0.458, 0.448, 0.450)


class Lpips:
    """Learned perceptual distance, version 0.1, AlexNet, with linear heads.

    Args:
        file: AlexNet's weights, .pth, .safetensors or .npz with torchvision's names ("features.0.weight").

    Raises:
        InputError: the file is missing, unreadable, or holds other weights.

    Source: Zhang, Isola, Efros, Shechtman, Wang 2018.
    """

    def __init__(self, file: Path) -> None:
        self.layers = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU()),
                nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU()),
                nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU()),
                nn.Sequential(nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU()),
                nn.Sequential(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU()),
            ]
        )
        weights = read_weights(file)
        convolutions = [layer for layer in self.layers.modules() if isinstance(layer, nn.Conv2d)]
        for layer, number in zip(convolutions, (0, 3, 6, 8, 10), strict=True):
            for part in ("weight", "bias"):
                name, parameter = f"features.{number}.{part}", layer.get_parameter(part)
                if name not in weights or weights[name].shape != parameter.shape:
                    raise InputError(f"{file} has no AlexNet: expected {name} of shape {tuple(parameter.shape)}.")
                parameter.data = weights[name].float()
        heads = Path(torchmetrics_image.__file__).parent / "lpips_models" / "alex.pth"
        self.heads = [read_weights(heads)[f"lin{tap}.model.1.weight"].float() for tap in range(len(self.layers))]
        self.sha256 = hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()

    @torch.no_grad()
    def distance(self, comp: Pixels, target: Pixels) -> float:
        """Distance of two pictures, uint8 RGB (H, W, 3): 0 = equal."""
        first, second = _normalised(comp), _normalised(target)
        total = 0.0
        for layer, head in zip(self.layers, self.heads, strict=True):
            first, second = layer(first), layer(second)
            difference = (_unit(first) - _unit(second)).square()
            total += float((difference * head).sum(1).mean())
        return total


def find_lpips(file: Path | None) -> Lpips | str:
    """LPIPS with AlexNet's weights from a file or from the cache of torch.hub, or a line that says what is missing."""
    path = cached_weights(URL) if file is None else file
    if path is None:
        return f"no LPIPS: it needs AlexNet's weights; save {URL} as {cache_path(URL)}, or name a file with --lpips."
    return Lpips(path)


def _normalised(picture: Pixels) -> Tensor:
    if min(picture.shape[:2]) < MIN_PX:
        raise InputError(f"a picture of {picture.shape[1]}x{picture.shape[0]} pixels: LPIPS needs {MIN_PX}.")
    values = torch.from_numpy(picture.astype(np.float32) / np.float32(127.5) - 1).permute(2, 0, 1)[None]
    return (values - torch.tensor(SHIFT).view(1, 3, 1, 1)) / torch.tensor(SCALE).view(1, 3, 1, 1)


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
