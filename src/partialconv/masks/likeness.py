"""Pictures that were given as a hole by mistake, or in another way than white on black: what they look like."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.masks.findings import Finding
from partialconv.masks.morphology import dilate

Rgb = NDArray[np.uint8]
Shown = Callable[[], Rgb]  # the photo as it is shown, (H, W, 3)
LOOKED_AT_PX = 1_000_000  # to tell what kind of picture one is
MARGIN = 32  # levels beside black and white that are not grey
GREY_PHOTO = 0.1  # share of pixels with nothing but grey around them
EDGE_PX = 8
COLOURED_PHOTO = 40  # colours of 4 bits a channel, each of at least 0.1 % of the pixels
DRAWN = 0.97  # share of black and white pixels in a picture of a hole
# a copy has the photo's own pixels but for what was painted; one that was a JPEG meanwhile nearly
SAME, NEARLY, PAINTED, CLEARLY = 2, 12, 32, 64  # differences in levels
LEAST_SAME, LEAST_NEARLY = 0.5, 0.7  # shares of the pixels
MOSTLY_EQUAL = 0.9  # share of those that are the same to the bit; where all have changed a little it is 0.2 to 0.6
BRUSH_PX = 4  # from a square of changed pixels to others of the same stroke
LEAST_TELLING = 0.05  # share of neither black nor white ones


def photo_finding(image: Image.Image, name: str, shown: Shown | None, photo_name: str) -> Finding | None:
    """Find out whether a picture without transparency looks like a photo; None if it does not."""
    if not _is_photo(_sampled(image)):
        return None
    if shown is not None and _is_drawn(_sampled(Image.fromarray(shown()))):
        message = f"{name} looks like a photo, and {photo_name} like a hole"
        return Finding("photo", message, "swap the two", fatal=True)
    return Finding("photo", f"{name} looks like a photo, not like a hole", "paint the hole white on black", fatal=True)


def painted_on(image: Image.Image, shown: Shown, name: str, findings: list[Finding]) -> Hole | None:
    """What was painted on a copy of the photo, (H, W); None if the picture is no copy."""
    photo, copy = shown(), np.asarray(image.convert("RGB"))
    if photo.shape != copy.shape:
        return None
    difference = np.abs(photo.astype(np.int16) - copy).max(axis=2)
    # black and white pixels are in every hole, and in dark and bright photos, too
    telling = (copy >= MARGIN).any(axis=2) & (copy <= 255 - MARGIN).any(axis=2)
    if telling.mean() < LEAST_TELLING or (difference[telling] <= NEARLY).mean() < LEAST_SAME:
        return None
    if (difference <= SAME).mean() >= LEAST_SAME and _is_exact(difference):
        painted = difference > SAME
    elif (difference <= NEARLY).mean() >= LEAST_NEARLY:
        painted = _without_noise(difference)
    else:
        return None
    if not painted.any():
        findings.append(Finding("photo", f"{name} is the photo itself", "paint the hole on it", fatal=True))
    else:
        message = f"{name} is a copy of the photo with something painted on it; what differs was taken as the hole"
        findings.append(Finding("copy", message, "paint the hole white on black"))
    return np.asarray(painted)


def is_cut_from(image: Image.Image, opaque: Hole, shown: Shown) -> bool:
    """Whether the opaque part of a picture shows the photo."""
    photo, cut = shown(), np.asarray(image.convert("RGBA"))[..., :3]
    if photo.shape != cut.shape:
        return False
    difference = np.abs(photo[opaque].astype(np.int16) - cut[opaque]).max(axis=1)
    return bool((difference <= NEARLY).mean() >= LEAST_NEARLY)


def _sampled(image: Image.Image) -> Rgb:
    """Every n-th pixel of a picture, (h, w, 3)."""
    step = math.ceil(math.sqrt(max(1, image.width * image.height / LOOKED_AT_PX)))
    size = (-(-image.width // step), -(-image.height // step))
    return np.asarray(image.convert("RGB").resize(size, Image.Resampling.NEAREST))


def _is_photo(rgb: Rgb) -> bool:
    grey = rgb.mean(axis=2)
    lowest, highest = float(grey.min()), float(grey.max())
    between = (grey > lowest + MARGIN) & (grey < highest - MARGIN)
    inside = ~dilate(~between, EDGE_PX)  # soft edges of holes are grey, too
    bins = np.bincount((rgb.astype(np.int32) >> 4 << np.array([8, 4, 0])).sum(axis=2).ravel())
    return bool(inside.mean() > GREY_PHOTO or (bins > 0.001 * grey.size).sum() > COLOURED_PHOTO)


def _is_drawn(rgb: Rgb) -> bool:
    low, high = (rgb < MARGIN).all(axis=2), (rgb > 255 - MARGIN).all(axis=2)
    return bool((low | high).mean() > DRAWN and low.any() and high.any())


def _is_exact(difference: NDArray[np.int16]) -> bool:
    """Whether a copy has the very pixels of the photo but for what was painted; JPEGs and palettes change all a bit."""
    same, little = difference <= SAME, difference <= NEARLY
    num_same, num_little = int(np.count_nonzero(same)), int(np.count_nonzero(little))
    mostly_equal = np.count_nonzero(difference == 0) >= MOSTLY_EQUAL * num_same
    return bool(mostly_equal or num_little - num_same < difference.size - num_little)


def _without_noise(difference: NDArray[np.int16]) -> Hole:
    """Clear changes and what is near them: compression leaves single pixels, palettes patches of a rare colour."""
    clear = ~dilate(~np.pad(difference > CLEARLY, 1), 1)[1:-1, 1:-1]
    return np.asarray((difference > PAINTED) & dilate(clear, BRUSH_PX))
