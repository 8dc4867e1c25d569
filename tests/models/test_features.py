"""VGG16 against plain array arithmetic, with random weights and, where they are at hand, the official ones."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from partialconv.models.features import VGG16Features
from partialconv.training.pretrained import URL, load_vgg16

STORED = Path(__file__).with_name("vgg16_rocket.npz")
OFFICIAL = Path(os.environ.get("PARTIALCONV_VGG16", Path(torch.hub.get_dir()) / "checkpoints" / URL.rsplit("/", 1)[1]))


def vgg_by_numpy(image: NDArray[np.float64], weights: dict[str, NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Pool1 to pool3 of one image, (3, H, W) in [0, 1], in double precision."""
    x = (image - np.array([0.485, 0.456, 0.406])[:, None, None]) / np.array([0.229, 0.224, 0.225])[:, None, None]
    maps = []
    for stage in ((0, 2), (5, 7), (10, 12, 14)):
        for layer in stage:
            windows = sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
            x = np.einsum("ihwyx,oiyx->ohw", windows, weights[f"features.{layer}.weight"], optimize=True)
            x = np.maximum(x + weights[f"features.{layer}.bias"][:, None, None], 0)
        channels, height, width = x.shape
        x = x[:, : height // 2 * 2, : width // 2 * 2]
        x = x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
        maps.append(x)
    return maps


def photo() -> NDArray[np.float64]:
    """A piece of an example photo with an edge in it."""
    with Image.open(Path(__file__).parents[2] / "examples" / "rocket.jpg") as opened:
        return np.asarray(opened.convert("RGB").crop((300, 200, 332, 240)), np.float64).transpose(2, 0, 1) / 255


def test_the_maps_are_those_of_plain_arithmetic() -> None:
    features = VGG16Features()
    weights = {name: value.double().numpy() for name, value in features.state_dict().items()}
    image = np.random.default_rng(0).random((3, 26, 19))
    expected = vgg_by_numpy(image, weights)
    maps = features(torch.from_numpy(image).float()[None])
    assert [m.shape[1:] for m in maps] == [(64, 13, 9), (128, 6, 4), (256, 3, 2)]
    for given, wanted in zip(maps, expected, strict=True):
        np.testing.assert_allclose(given[0].numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_names_are_torchvisions() -> None:
    names = [f"features.{n}.{kind}" for n in (0, 2, 5, 7, 10, 12, 14) for kind in ("weight", "bias")]
    assert list(VGG16Features().state_dict()) == names


def test_gradients_reach_the_image_and_no_weight() -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    features = VGG16Features()
    sum(m.sum() for m in features(image)).backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in features.parameters())


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="VGG16's official weights are not here: set PARTIALCONV_VGG16")
def test_the_official_weights_give_the_stored_activation() -> None:
    """Stored by `vgg_by_numpy`, which this package's code had no part in: see `store`."""
    features = load_vgg16(OFFICIAL)
    stored = np.load(STORED)["pool3"]
    given = features(torch.from_numpy(photo()).float()[None])[2][0].numpy()
    np.testing.assert_allclose(given, stored, atol=2e-3 * stored.max())


def store(weights: Path) -> None:
    """Write the stored activation: python -c "from tests.models.test_features import *; store(Path('vgg16.npz'))"."""
    with np.load(weights) as arrays:
        maps = vgg_by_numpy(photo(), {name: arrays[name].astype(np.float64) for name in arrays})
    np.savez_compressed(STORED, pool3=maps[2].astype(np.float32))
