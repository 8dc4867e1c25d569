"""The node for ComfyUI, against its documented interface: IMAGE (N, H, W, C) and MASK (N, H, W), in [0, 1]."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "integrations"


@pytest.fixture(scope="module")
def node() -> Any:
    sys.path.insert(0, str(FOLDER))
    try:
        package = importlib.import_module("comfyui")
    finally:
        sys.path.remove(str(FOLDER))
    assert set(package.NODE_DISPLAY_NAME_MAPPINGS) == set(package.NODE_CLASS_MAPPINGS)
    return package.NODE_CLASS_MAPPINGS["PartialconvFill"]()


def images(number: int, channels: int = 3) -> torch.Tensor:
    x = torch.linspace(0.2, 0.8, 96).repeat(64, 1)
    return x[None, :, :, None].repeat(number, 1, 1, channels) * torch.linspace(1, 0.8, number).view(-1, 1, 1, 1)


def masks(number: int) -> torch.Tensor:
    mask = torch.zeros(number, 64, 96)
    for index in range(number):
        mask[index, 20:40, 30 + 10 * index : 40 + 10 * index] = 1
    return mask


@pytest.mark.parametrize("num_masks", [1, 3])
def test_each_image_of_a_batch_is_filled(node: Any, num_masks: int) -> None:
    image, mask = images(3), masks(num_masks)
    broken = image.clone()
    holes = mask.expand(3, -1, -1) > 0.5
    broken[holes] = 0
    (filled,) = getattr(node, node.FUNCTION)(broken, mask)
    assert filled.shape == image.shape and filled.dtype == image.dtype
    assert torch.equal(filled[~holes], image[~holes])
    assert (filled - image)[holes].abs().mean() < 0.05
    assert (broken[holes] == 0).all()  # the input is not changed


def test_the_form_of_the_inputs_is_that_of_the_function(node: Any) -> None:
    kinds = node.INPUT_TYPES()
    assert kinds["required"]["image"] == ("IMAGE",) and kinds["required"]["mask"] == ("MASK",)
    defaults = {name: kind[1]["default"] for group in kinds.values() for name, kind in group.items() if len(kind) > 1}
    (filled,) = getattr(node, node.FUNCTION)(image=images(1), mask=masks(1)[0], **defaults)
    assert node.RETURN_TYPES == ("IMAGE",) and filled.shape == images(1).shape


def test_alpha_and_images_without_a_mask_stay(node: Any) -> None:
    image, mask = images(2, 4), masks(2)
    mask[1] = 0
    (filled,) = node.fill(image, mask)
    assert torch.equal(filled[..., 3], image[..., 3])
    assert torch.equal(filled[1], image[1])
    assert not torch.equal(filled[0], image[0])


def test_the_mask_grows(node: Any) -> None:
    image, mask = images(1), masks(1)
    image[0, 18:42, 28:42] = 0  # two pixels more than the mask on each side
    (filled,) = node.fill(image, mask, grow=3)
    assert filled[0, 18:42, 28:42].min() > 0.2


@pytest.mark.parametrize(("size", "says"), [((1, 32, 96), "96x32, but the image is 96x64"), ((2, 64, 96), "2 masks")])
def test_masks_that_do_not_fit_are_refused(node: Any, size: tuple[int, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        node.fill(images(3), torch.zeros(size))
