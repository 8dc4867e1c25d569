"""A node that fills the mask of images.

ComfyUI's IMAGE is (N, H, W, C), float in [0, 1]; its MASK is (N, H, W) or (H, W), float, 1 = marked.
"""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from partialconv import Inpainter
from partialconv.masks.morphology import dilate


class PartialconvFill:
    """Fills what is masked; every other pixel stays as it is."""

    CATEGORY = "inpaint"
    FUNCTION = "fill"
    RETURN_TYPES = ("IMAGE",)
    DESCRIPTION = "Fills the mask by partial convolutions: scratches, wires, spots and lettering. It runs on the CPU."
    _opened: ClassVar[dict[str, Inpainter]] = {}

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI asks for this name
        """What goes in."""
        return {
            "required": {
                "image": ("IMAGE",),
                "mask": ("MASK",),
                "grow": ("INT", {"default": 0, "min": 0, "max": 500, "tooltip": "Grow the mask by pixels."}),
                "grain": ("BOOLEAN", {"default": True, "tooltip": "Continue the grain of the image into the fill."}),
                "copy": ("BOOLEAN", {"default": True, "tooltip": "Fill wide parts with detail of the image itself."}),
            },
            "optional": {"model": ("STRING", {"default": "", "tooltip": "A file or name; empty = the shipped one."})},
        }

    def fill(
        self, image: Tensor, mask: Tensor, grow: int = 0, grain: bool = True, copy: bool = True, model: str = ""
    ) -> tuple[Tensor]:
        """Fill each image of a batch.

        Args:
            image: (N, H, W, 3), or 4 with alpha, which stays.
            mask: (N, H, W), (1, H, W) for all images, or (H, W); more than half = fill.
            grow: Pixels by which the mask grows.
            grain: See `partialconv.FillOptions`.
            copy: See `partialconv.FillOptions`.
            model: A file or the name of a network; "" for the shipped one.

        Raises:
            ValueError: sizes differ, or a mask covers the whole image.
        """
        masks = mask.reshape(-1, *mask.shape[-2:])
        if masks.shape[1:] != image.shape[1:3]:
            raise ValueError(
                f"the mask is {masks.shape[2]}x{masks.shape[1]}, but the image is {image.shape[2]}x{image.shape[1]}: "
                "resize one of them."
            )
        if len(masks) not in (1, len(image)):
            raise ValueError(f"there are {len(masks)} masks for {len(image)} images: give one, or one for each.")
        if model not in self._opened:
            self._opened[model] = Inpainter(model or None)
        filled = image.clone()
        for number, picture in enumerate(image):
            hole = masks[number % len(masks)].cpu().numpy() > 0.5
            hole = dilate(hole, grow) if grow and hole.any() else hole
            if hole.any():
                rgb = np.ascontiguousarray(picture[..., :3].detach().cpu().float().numpy().clip(0, 1))
                result = torch.from_numpy(self._opened[model].fill(rgb, hole, grain, copy))
                place = torch.from_numpy(hole).to(image.device)
                filled[number][..., :3][place] = result.to(image)[place]
        return (filled,)


NODE_CLASS_MAPPINGS = {"PartialconvFill": PartialconvFill}
NODE_DISPLAY_NAME_MAPPINGS = {"PartialconvFill": "Fill mask (partialconv)"}
