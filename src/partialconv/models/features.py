"""VGG16 up to its third pooling, the network behind the perceptual and style terms."""

import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in [0, 1]
CHANNELS = ((64, 64), (128, 128), (256, 256, 256))


class VGG16Features(nn.Module):
    """The maps of pool1, pool2 and pool3 of VGG16, for images in [0, 1].

    Parameters have the names of torchvision's VGG16 ("features.0.weight" to "features.14.bias"), are frozen, and
    gradients flow through to the image. The weights are random until a state dict is loaded: see
    `training.pretrained.load_vgg16`.

    Example:
        >>> import torch
        >>> [tuple(maps.shape) for maps in VGG16Features()(torch.rand(1, 3, 32, 48))]
        [(1, 64, 16, 24), (1, 128, 8, 12), (1, 256, 4, 6)]

    Source: Simonyan, Zisserman 2015, configuration D; Liu et al. 2018, section 3.2: Psi_p.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for stage in CHANNELS:
            for channels in stage:
                layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(inplace=True)]
                before = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The three maps of `image`, (N, 3, H, W) in [0, 1]; H and W of at least 8.

        Returns:
            (N, 64, H/2, W/2), (N, 128, H/4, W/4) and (N, 256, H/8, W/8), sizes rounded down.
        """
        x = (image - self.mean) / self.std
        maps = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
        return maps
