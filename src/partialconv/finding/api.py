"""`partialconv.find`."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.finding.finder import KINDS, DamageFinder, Found, check_choice
from partialconv.imageio import photo_of_image, read_photo, rgb_of


def find(
    image: str | Path | Image.Image | NDArray[Any],
    *,
    kinds: Collection[str] = KINDS,
    sensitivity: float = 0.5,
    largest_px: int | None = None,
    hole: Hole | None = None,
    model: str | Path | None = None,
) -> Found:
    """Find the damage of a photo: a proposal of what to fill.

    Args:
        image: A file, which is looked at as it is shown; a PIL image; or an array of uint8, uint16, or float in
            [0, 1], of shape (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA. Transparent pixels are unknown.
        kinds: Of damage, some of `KINDS`.
        sensitivity: In [0, 1]; more finds more, and more that is no damage.
        largest_px: Finds whose box has a longer side than this are dropped.
        hole: (H, W), True = unknown already: nothing is found in it.
        model: A file of the network; None for the one of this installation.

    Raises:
        InputError: a file is missing or broken, an argument is out of its range, or this installation has no finder.
    """
    check_choice(kinds, sensitivity, largest_px)
    finder = DamageFinder(None if model is None else Path(model))
    rgb, valid = _pixels(image)
    if hole is not None:
        if hole.shape != valid.shape or hole.dtype != np.bool_:
            raise InputError(f"the hole is {hole.dtype} of shape {hole.shape}, expected bool of {valid.shape}.")
        valid = valid & ~hole
    return finder.scan(rgb, valid).found(kinds, sensitivity, largest_px)


def _pixels(image: str | Path | Image.Image | NDArray[Any]) -> tuple[NDArray[Any], Hole]:
    """RGB, (H, W, 3), and which pixels are known, (H, W)."""
    if isinstance(image, np.ndarray):
        if image.ndim not in (2, 3) or not image.size or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
            raise InputError(f"the photo has the shape {image.shape}, expected (H, W), (H, W, 3) or (H, W, 4).")
        if image.dtype not in (np.uint8, np.uint16) and image.dtype.kind != "f":
            raise InputError(f"the photo is of {image.dtype}, expected uint8, uint16 or floats in [0, 1].")
        pixels = image.reshape(*image.shape[:2], -1)
        known = np.isfinite(pixels).all(axis=2) if image.dtype.kind == "f" else np.ones(image.shape[:2], bool)
        if image.dtype.kind == "f" and not ((pixels[known] >= 0) & (pixels[known] <= 1)).all():
            raise InputError("the photo has values outside [0, 1].")
        if pixels.shape[2] == 4:
            known = known & (pixels[..., 3] > 0)
        return np.broadcast_to(pixels[..., :1], (*known.shape, 3)) if pixels.shape[2] == 1 else pixels[..., :3], known
    photo = photo_of_image(image) if isinstance(image, Image.Image) else read_photo(Path(image)).shown
    return rgb_of(photo), ~photo.erased
