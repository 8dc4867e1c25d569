"""The recipe for ImageNet, on eight photos of noise: it trains, writes and goes on."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from partialconv.nn import PartialPaddingConv2d

SCRIPT = Path(__file__).parent.parent / "examples" / "imagenet_padding.py"


def test_it_trains_and_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for number in range(2):
                Image.fromarray(rng.integers(0, 256, (40, 48, 3), np.uint8)).save(folder / f"{number}.png")
    command = [sys.executable, SCRIPT, tmp_path, "--out", tmp_path / "run", "--batch", 4, "--side", 32, "--workers", 0]
    environment = {name: value for name, value in os.environ.items() if name != "RANK"}
    for options in (["--epochs", 1], ["--epochs", 2, "--resume"]):
        done = subprocess.run([*map(str, command), *map(str, options)], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "epoch 2 of 2" in done.stdout and "epoch 1 of 2" not in done.stdout
    lines = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines] == [["1", "resnet50", "partial"], ["2", "resnet50", "partial"]]


@pytest.mark.parametrize(
    ("name", "num_parameters", "num_padded"), [("resnet50", 25_557_032, 17), ("vgg16_bn", 138_365_992, 13)]
)
def test_the_networks_are_those_of_the_paper(name: str, num_parameters: int, num_padded: int) -> None:
    script = runpy.run_path(str(SCRIPT))
    with torch.device("meta"):
        net: nn.Module = script["build"](name, "partial", 1000)
    assert sum(p.numel() for p in net.parameters()) == num_parameters  # as published with torchvision
    assert sum(isinstance(m, PartialPaddingConv2d) for m in net.modules()) == num_padded
    assert net(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 1000)


def test_other_paddings_fill_the_border_from_the_image() -> None:
    script = runpy.run_path(str(SCRIPT))
    torch.manual_seed(0)
    net = script["build"]("resnet50", "replicate", 10).eval()
    reference = nn.Conv2d(3, 64, 7, 2, 3, bias=False, padding_mode="replicate")
    reference.load_state_dict(net[0].state_dict())
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(net[0](x), reference(x))
