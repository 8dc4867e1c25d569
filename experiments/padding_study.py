"""Zero, partial, reflect and replicate padding on one small real task: which photograph is this crop of a texture from?

    python experiments/padding_study.py [--seeds 10]

Six photographs of textures that scikit-image ships. Training crops come from the left half of each, test crops from the
right half; each crop is grey, with its mean and standard deviation taken out, so that only structure tells. One network
of six 3x3 convolutions, in the manner of VGG with BatchNorm. Within a seed all paddings start from the same weights and
see the same crops in the same order, so that differences are paired.
"""

import argparse
import datetime
import itertools
import os
import platform
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage import color, data
from torch import Tensor, nn

from partialconv.nn import convert_padding

TEXTURES = ("brick", "grass", "gravel", "immunohistochemistry", "moon", "hubble_deep_field")
PADDINGS = ("zeros", "partial", "reflect", "replicate")
SIDE_PX = 16
TRAIN_CROPS, TEST_CROPS = 150, 1000  # of each texture
EPOCHS, BATCH, RATE = 20, 64, 0.05


def photographs() -> list[NDArray[np.float32]]:
    """The textures, grey, in [0, 1]."""
    photos = [np.asarray(getattr(data, name)()) for name in TEXTURES]
    return [(color.rgb2gray(p) if p.ndim == 3 else p / 255).astype(np.float32) for p in photos]


def crops(half: str, num: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw `num` crops of each texture, (6 * num, 1, side, side), and their classes."""
    drawn = []
    for photo in photographs():
        middle = photo.shape[1] // 2
        part = photo[:, :middle] if half == "left" else photo[:, middle:]
        for _ in range(num):
            y, x = (int(rng.integers(size - SIDE_PX + 1)) for size in part.shape)
            crop = part[y : y + SIDE_PX, x : x + SIDE_PX]
            drawn.append((crop - crop.mean()) / (crop.std() + 1e-3))
    return torch.from_numpy(np.stack(drawn))[:, None], torch.arange(len(TEXTURES)).repeat_interleave(num)


def network(padding: str) -> nn.Module:
    """Six convolutions at three sizes, then the mean over the crop."""
    mode: Any = "zeros" if padding == "partial" else padding
    layers: list[nn.Module] = []
    channels = [1, 16, 16, 32, 32, 64, 64]
    for index, (before, after) in enumerate(itertools.pairwise(channels)):
        layers += [nn.Conv2d(before, after, 3, padding=1, padding_mode=mode), nn.BatchNorm2d(after), nn.ReLU()]
        if index in (1, 3):
            layers.append(nn.MaxPool2d(2))
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, len(TEXTURES)))
    if padding == "partial":
        convert_padding(net)
    return net


def accuracy(padding: str, seed: int, test: tuple[Tensor, Tensor]) -> float:
    """Train once; share of test crops recognised, in %."""
    images, classes = crops("left", TRAIN_CROPS, np.random.default_rng(seed))
    torch.manual_seed(seed)
    net = network(padding)
    steps = EPOCHS * (len(classes) // BATCH)
    optimizer = torch.optim.SGD(net.parameters(), RATE, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(classes)).split(BATCH)[: len(classes) // BATCH]:
            loss = F.cross_entropy(net(images[batch]), classes[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.inference_mode():
        right = [(net(x).argmax(1) == y).float().mean() for x, y in zip(*(t.chunk(6) for t in test), strict=True)]
    return 100 * float(torch.stack(right).mean())


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="number of training runs of each padding")
    arguments = parser.parse_args()
    test = crops("right", TEST_CROPS, np.random.default_rng(12345))
    began = time.perf_counter()
    scores = np.array([[accuracy(padding, seed, test) for padding in PADDINGS] for seed in range(arguments.seeds)])
    print(f"{arguments.seeds} seeds, {time.perf_counter() - began:.0f} s; {datetime.date.today()}, ", end="")
    print(f"{os.cpu_count()} cores {platform.machine()}, PyTorch {torch.__version__}\n")
    print("| padding | accuracy in %, mean | std | against zeros, paired mean | its standard error | ahead of zeros |")
    print("|---|---:|---:|---:|---:|---:|")
    for index, padding in enumerate(PADDINGS):
        gain = scores[:, index] - scores[:, 0]
        cells = [padding, f"{scores[:, index].mean():.2f}", f"{scores[:, index].std(ddof=1):.2f}"]
        error = gain.std(ddof=1) / len(gain) ** 0.5
        wins = f"{int((gain > 0).sum())} of {len(gain)}"
        cells += [f"{gain.mean():+.2f}", f"{error:.2f}", wins] if index else ["", "", ""]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
