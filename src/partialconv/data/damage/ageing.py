"""Photos made old: grey, toned, faded, soft, grainy; and compressed after damage."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # (H, W, 3), RGB, 0-255
Pixels = NDArray[np.uint8]  # (H, W, 3), RGB
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def age(photo: Pixels, rng: np.random.Generator) -> Picture:
    """Make a photo old, or leave it as it is: it may lose its colour, contrast and sharpness, and gain grain."""
    picture = photo.astype(np.float32)
    if rng.random() < 0.4:
        grey = picture @ GREY
        tone = np.ones(3, np.float32)
        if rng.random() < 0.5:  # sepia, or the blue of some papers
            tone = np.array([1, rng.uniform(0.85, 0.97), rng.uniform(0.6, 0.9)], np.float32)
            tone = tone[:: int(rng.choice([1, 1, 1, -1]))]
        picture = grey[..., None] * tone
    elif rng.random() < 0.3:
        picture *= rng.uniform(0.75, 1.1, 3).astype(np.float32)
    if rng.random() < 0.45:  # faded: black gets lighter, white darker
        low, high = rng.uniform(0, 60), rng.uniform(190, 255)
        picture = low + picture * np.float32((high - low) / 255)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3)).astype(np.float32)
    if rng.random() < 0.5:
        picture = picture + grain(picture.shape[:2], rng)
    return np.clip(picture, 0, 255).astype(np.float32)


def grain(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Noise of grey or of colour, fine or coarse, (H, W, 3), with a deviation of 1.5 to 14."""
    noise = rng.standard_normal((*size, 1 if rng.random() < 0.6 else 3), np.float32)
    if rng.random() < 0.6:
        soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.4, 1.0)), np.float32).reshape(noise.shape)
        noise = soft / np.float32(max(float(soft.std()), 1e-6))
    strength = np.float32(np.exp(rng.uniform(np.log(1.5), np.log(14))))
    return np.broadcast_to(noise * strength, (*size, 3)).astype(np.float32)


def finish(pictures: Sequence[Picture], rng: np.random.Generator) -> list[Pixels]:
    """What comes after damage, the same for all `pictures`: a soft scan at times, and JPEG."""
    blur = rng.uniform(0.3, 0.8) if rng.random() < 0.2 else 0
    quality = int(rng.integers(55, 97)) if rng.random() < 0.6 else 0
    finished = []
    for picture in pictures:
        soft = cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture
        pixels = np.rint(np.clip(soft, 0, 255)).astype(np.uint8)
        if quality:
            _, content = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            decoded = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
            pixels = np.ascontiguousarray(decoded[..., ::-1])
        finished.append(pixels)
    return finished
