"""Train VGG16-BN or ResNet-50 on a folder in ImageNet's layout, with any padding, by the paper's recipe.

    torchrun --nproc-per-node 8 examples/imagenet_padding.py /data/imagenet --out runs/partial --padding partial

SGD with momentum 0.9 and weight decay 1e-4; learning rate 0.1, divided by 10 every 30 of 100 epochs; 192 images a
step, over all processes. Every convolution with padding is replaced, the first one too; pooling is not. The folder has
train/CLASS/*.jpg and val/CLASS/*.jpg. Top-1 of each epoch goes to OUT/log.csv; --resume goes on.

Source: Liu et al. 2018, Partial Convolution based Padding, https://arxiv.org/abs/1811.11718, section 4.
"""

import argparse
import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from partialconv.nn import convert_padding

MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
PADDINGS = ("zeros", "partial", "reflect", "replicate")


class Folder(Dataset[tuple[Tensor, int]]):
    """Photos of one folder for each class; random crops and flips where `train`, else the centre."""

    def __init__(self, root: Path, side: int, train: bool) -> None:
        classes = sorted(path for path in root.iterdir() if path.is_dir())
        self.files = [(file, n) for n, folder in enumerate(classes) for file in sorted(folder.iterdir())]
        self.num_classes, self.side, self.train, self.epoch = len(classes), side, train, 0

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        with Image.open(path) as file:
            photo = file.convert("RGB")
        rng = np.random.default_rng((self.epoch, index))
        box = self.random_box(*photo.size, rng) if self.train else self.centre_box(*photo.size)
        pixels = np.asarray(photo.resize((self.side, self.side), Image.Resampling.BILINEAR, box), np.float32)
        if self.train and rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        return torch.from_numpy(((pixels / 255 - MEAN) / STD).transpose(2, 0, 1).copy()), label

    def random_box(self, width: int, height: int, rng: np.random.Generator) -> tuple[float, float, float, float]:
        """8 to 100 % of the photo, sides 3:4 to 4:3."""
        for _ in range(10):
            area = width * height * rng.uniform(0.08, 1)
            aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
            w, h = np.sqrt(area * aspect), np.sqrt(area / aspect)
            if w <= width and h <= height:
                x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
                return x, y, x + w, y + h
        return self.centre_box(width, height)

    def centre_box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The middle 224 of 256 of the short side."""
        crop = min(width, height) * 224 / 256
        x, y = (width - crop) / 2, (height - crop) / 2
        return x, y, x + crop, y + crop


def vgg16_bn(num_classes: int) -> nn.Module:
    """Thirteen 3x3 convolutions, each with BatchNorm, and three fully connected layers."""
    layers: list[nn.Module] = []
    before = 3
    for channels, num in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(num):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
            before = channels
        layers.append(nn.MaxPool2d(2))
    head: list[nn.Module] = [nn.AdaptiveAvgPool2d(7), nn.Flatten()]
    for inputs in (512 * 49, 4096):
        head += [nn.Linear(inputs, 4096), nn.ReLU(inplace=True), nn.Dropout()]
    return nn.Sequential(*layers, *head, nn.Linear(4096, num_classes))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, beside the identity."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = 4 * width
        self.convs = nn.Sequential(
            nn.Conv2d(before, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        shortcut = [nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)]
        self.shortcut = nn.Sequential(*(shortcut if stride > 1 or before != after else []))

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, 4 * width, H / stride, W / stride)."""
        return F.relu(self.convs(x) + self.shortcut(x))


def resnet50(num_classes: int) -> nn.Module:
    """The residual network of 50 layers, with the stride in the 3x3 convolutions."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    before = 64
    for stage, num in enumerate((3, 4, 6, 3)):
        for index in range(num):
            layers.append(Bottleneck(before, 64 << stage, 2 if stage > 0 and index == 0 else 1))
            before = 256 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, num_classes))


MODELS = {"resnet50": resnet50, "vgg16_bn": vgg16_bn}


def build(name: str, padding: str, num_classes: int) -> nn.Module:
    """A network with He initialisation and that padding in every convolution."""
    net = MODELS[name](num_classes)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if padding == "partial":
        convert_padding(net)
    elif padding != "zeros":
        change_padding_mode(net, padding)
    return net


def change_padding_mode(net: nn.Module, mode: str) -> None:
    """Give every padded convolution a `padding_mode`."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.padding != (0, 0):
            module.padding_mode = mode  # type: ignore[assignment]


def top1(net: nn.Module, loader: DataLoader[Any], device: torch.device) -> float:
    """Share of photos recognised, over all processes."""
    net.eval()
    counts = torch.zeros(2, device=device, dtype=torch.float64)
    with torch.inference_mode():
        for photos, labels in loader:
            right = net(photos.to(device)).argmax(1) == labels.to(device)
            counts += torch.tensor([right.sum(), right.numel()], device=device)
    if dist.is_initialized():
        dist.all_reduce(counts)
    return float(counts[0] / counts[1])


def main() -> None:
    """Train, and write a line after each epoch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", choices=MODELS, default="resnet50")
    parser.add_argument("--padding", choices=PADDINGS, default="partial")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch", type=int, default=192, help="over all processes")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--resume", action="store_true")
    a = parser.parse_args()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) if torch.cuda.is_available() else 0)
    if not torch.cuda.is_available():
        device = torch.device("cpu")
    if "RANK" in os.environ:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    processes, rank = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)

    train, val = (Folder(a.data / part, a.side, part == "train") for part in ("train", "val"))
    torch.manual_seed(a.seed)
    net = build(a.model, a.padding, train.num_classes).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    a.out.mkdir(parents=True, exist_ok=True)
    checkpoint, first = a.out / "checkpoint.safetensors", 0
    if a.resume:
        first = restore(net, optimizer, load_file(checkpoint))
    model = DistributedDataParallel(net) if dist.is_initialized() else net
    common = dict(batch_size=a.batch // processes, num_workers=a.workers, pin_memory=device.type == "cuda")
    samplers: list[DistributedSampler[Any]] = [
        DistributedSampler(d, processes, rank, shuffle=d.train, seed=a.seed) for d in (train, val)
    ]
    loader: DataLoader[Any] = DataLoader(train, sampler=samplers[0], drop_last=True, **common)
    tests: DataLoader[Any] = DataLoader(val, sampler=samplers[1], **common)
    for epoch in range(first, a.epochs):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * 0.1 ** (epoch // 30)
        samplers[0].set_epoch(epoch)
        train.epoch = epoch * 1000 + a.seed
        model.train()
        for photos, labels in loader:
            loss = F.cross_entropy(model(photos.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy = top1(model, tests, device)
        if rank == 0:
            print(f"epoch {epoch + 1} of {a.epochs}: top-1 {100 * accuracy:.3f} %", flush=True)
            with (a.out / "log.csv").open("a", newline="") as file:
                csv.writer(file).writerow([epoch + 1, a.model, a.padding, a.seed, f"{accuracy:.5f}"])
            save_file(state(net, optimizer, epoch + 1), checkpoint.with_suffix(".unfinished"))
            checkpoint.with_suffix(".unfinished").replace(checkpoint)
    if dist.is_initialized():
        dist.destroy_process_group()


def state(net: nn.Module, optimizer: torch.optim.SGD, epochs: int) -> dict[str, Tensor]:
    """What training needs to go on."""
    tensors = {f"model.{name}": tensor.contiguous() for name, tensor in net.state_dict().items()}
    for name, parameter in net.named_parameters():
        tensors[f"momentum.{name}"] = optimizer.state[parameter]["momentum_buffer"].contiguous()
    return tensors | {"epochs": torch.tensor(epochs)}


def restore(net: nn.Module, optimizer: torch.optim.SGD, tensors: dict[str, Tensor]) -> int:
    """Put it back; the number of epochs done."""
    net.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")})
    for name, parameter in net.named_parameters():
        momentum = torch.empty_like(parameter).copy_(tensors[f"momentum.{name}"])
        optimizer.state[parameter]["momentum_buffer"] = momentum
    return int(tensors["epochs"])


if __name__ == "__main__":
    main()
