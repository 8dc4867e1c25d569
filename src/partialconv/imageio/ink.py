"""Between ink and light: CMYK to RGB and back."""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgb = NDArray[Any]
Samples = NDArray[Any]
BAND_PX, FEW_PX = 1 << 22, 1 << 18


def rgb_of_ink(ink: Samples, profile: bytes | None) -> NDArray[np.uint8]:
    """RGB of ink, (H, W, 4) to (H, W, 3), both uint8, by an ICC profile if it can be used."""
    to_rgb, _ = ink_transforms(profile)
    rgb = np.empty((*ink.shape[:2], 3), np.uint8)
    rows = max(1, BAND_PX // ink.shape[1])
    for start in range(0, ink.shape[0], rows):
        rgb[start : start + rows] = to_rgb(ink[start : start + rows])
    return rgb


def ink_of_rgb(rgb: Rgb, profile: bytes | None) -> NDArray[np.uint8]:
    """Ink of colours, (N, 3) to (N, 4), both uint8, by an ICC profile if it can be used."""
    _, to_ink = ink_transforms(profile)
    ink = np.empty((len(rgb), 4), np.uint8)
    for start in range(0, len(rgb), FEW_PX):
        ink[start : start + FEW_PX] = to_ink(rgb[start : start + FEW_PX])
    return ink


@lru_cache(maxsize=2)
def ink_transforms(profile: bytes | None) -> tuple[Callable[[Samples], Rgb], Callable[[Rgb], Samples]]:
    """From ink to RGB and back: (H, W, 4) to (H, W, 3), and (N, 3) to (N, 4)."""
    from PIL import ImageCms  # here, for few photos are of ink

    try:
        inks = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        srgb = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        there = ImageCms.buildTransform(inks, srgb, "CMYK", "RGB", intent)
        back = ImageCms.buildTransform(srgb, inks, "RGB", "CMYK", intent)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return _plain_rgb, _plain_ink

    def to_rgb(ink: Samples) -> Rgb:
        return np.asarray(ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(ink), "CMYK"), there))

    def to_ink(rgb: Rgb) -> Samples:
        row = Image.fromarray(np.ascontiguousarray(rgb[None]))
        return np.asarray(ImageCms.applyTransform(row, back)).reshape(-1, 4)

    return to_rgb, to_ink


def _plain_rgb(ink: Samples) -> Rgb:
    paper = 255 - ink.astype(np.uint16)
    return ((paper[..., :3] * paper[..., 3:].astype(np.uint32) + 127) // 255).astype(np.uint8)


def _plain_ink(rgb: Rgb) -> Samples:
    brightest = rgb.max(axis=-1, keepdims=True)
    share = rgb / np.maximum(brightest, 1)
    return np.concatenate([np.rint(255 * (1 - share)) * (brightest > 0), 255 - brightest], axis=-1).astype(np.uint8)
