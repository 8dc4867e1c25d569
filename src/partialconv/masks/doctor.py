"""The one reader of pictures that mark a hole: it decides what is meant, and says what is wrong with them.

Decisions: white = hole, black = hole if asked for; resized to the photo by the nearest pixel; a hole is what is
brighter than half. A copy of the photo with something painted on it, a cut-out and a drawn layer are understood; what
looks like a photo, or like an inverted hole, is refused. Faults come back as data, and every entrance tells them its
own way.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.imageio import Photo, decode_picture
from partialconv.imageio.opening import read_content
from partialconv.masks.findings import Diagnosis, Finding
from partialconv.masks.levels import HoleColor, Levels, has_alpha, image_of_array, levels_of_array, levels_of_image
from partialconv.masks.likeness import Shown, painted_on, photo_finding
from partialconv.masks.morphology import dilate

LEAST_CONTRAST = 0.1  # of half
MOST_GREY = 0.01  # of the pixels that are not black
INVERTED_FROM = 0.6  # hole ratio, if most of the border is hole, too
JPEG_FORMATS = ("JPEG", "MPO")
# from the photo as shown to the photo as stored: the inverse of what its EXIF orientation says
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def read_hole(
    path: Path,
    photo: Photo | tuple[int, int] | None = None,
    hole_color: HoleColor = "auto",
    grow_px: int = 0,
) -> Diagnosis:
    """Read the hole of a photo from a picture that is drawn over the photo as it is shown.

    A photo is shown turned by its EXIF orientation.

    Args:
        path: Any still picture that Pillow opens.
        photo: Whose hole it is; or (height, width) of a photo that needs no turning; None to look at the picture alone.
        hole_color: What marks the hole; see `examine`.
        grow_px: See `examine`.

    Returns:
        The hole as the photo is stored, and the findings.

    Raises:
        InputError: the picture cannot be read.
    """
    content = read_content(path)
    if isinstance(photo, Photo) and content == photo.content and photo.erased.any():
        return erased_hole(photo, grow_px)
    opened = decode_picture(content, path)
    picture, name = ImageOps.exif_transpose(opened), str(path)
    if not isinstance(photo, Photo):
        return examine(picture, photo, hole_color, grow_px, name, opened.format)
    size = photo.size[::-1] if photo.orientation >= 5 else photo.size
    found = examine(picture, size, hole_color, grow_px, name, opened.format, str(photo.path), partial(shown_rgb, photo))
    if photo.orientation not in STORED or any(finding.code == "shape" for finding in found.findings):
        return found
    stored = np.asarray(Image.fromarray(found.hole).transpose(STORED[photo.orientation]))
    return Diagnosis(stored, found.findings)


def erased_hole(photo: Photo, grow_px: int = 0) -> Diagnosis:
    """Take what an eraser has touched in a photo as its hole, which becomes opaque.

    Args:
        photo: As it is stored or shown; so is the hole.
        grow_px: See `examine`.

    Raises:
        InputError: the photo has no transparent pixels.
    """
    hole = photo.erased
    if not hole.any():
        raise InputError(f"{photo.path} has no transparent pixels to fill: its mode is {photo.mode}.")
    findings: list[Finding] = []
    if hole.all():
        _judge_hole(hole, "white", str(photo.path), findings)
    return Diagnosis(dilate(hole, grow_px) if grow_px else hole, tuple(findings), opaque=True)


def shown_rgb(photo: Photo) -> NDArray[np.uint8]:
    """A photo as it is shown, to compare pictures of its hole with: (H, W, 3)."""
    return np.asarray(photo.shown.image.convert("RGB"))


def examine(
    picture: Image.Image | NDArray[Any],
    size: tuple[int, int] | None = None,
    hole_color: HoleColor = "auto",
    grow_px: int = 0,
    name: str = "the hole",
    file_format: str | None = None,
    photo_name: str = "the photo",
    shown: Shown | None = None,
) -> Diagnosis:
    """Decide which pixels of a picture mark the hole.

    Args:
        picture: A PIL image of any mode; or an array (H, W) or (H, W, 1), bool, or numbers up to 1, 255 or 65535; or
            uint8 (H, W, 3) RGB or (H, W, 4) RGBA.
        size: (height, width) of the photo. A picture of another size is resized by the nearest pixel if its shape is
            that of the photo.
        hole_color: "white", or "black" for masks of 1 = known pixel. "auto" is white, too, but a hole that looks
            inverted is refused then.
        grow_px: Grow the hole by so many pixels in all directions.
        name: Of the picture, for the findings.
        file_format: As Pillow names it, where `picture` has lost it.
        photo_name: Of the photo, for the findings.
        shown: Gives the photo as it is shown, uint8 (H, W, 3). It is called for pictures that are no clean hole, to see
            whether they are copies of the photo.

    Returns:
        The hole and the findings.

    Raises:
        InputError: an array that is no picture, or a negative `grow_px`.

    Example:
        >>> import numpy as np
        >>> print(examine(np.zeros((4, 4), bool)).findings[0])
        the hole marks no pixel to fill: paint the hole white on black.

    Source: ours.
    """
    if grow_px < 0:
        raise InputError(f"a hole grows by {grow_px} pixels, expected at least 0.")
    findings: list[Finding] = []
    if isinstance(picture, Image.Image) or (picture.ndim == 3 and picture.shape[2] in (3, 4)):
        image = picture if isinstance(picture, Image.Image) else image_of_array(picture)
        jpeg = (file_format or image.format) in JPEG_FORMATS
        painted = _painted(image, name, photo_name, shown, findings)
        if painted is not None:
            return Diagnosis(dilate(painted, grow_px) if grow_px else painted, tuple(findings))
        levels, half = levels_of_image(image, hole_color, name, findings, shown)
    else:
        levels, half = levels_of_array(picture, hole_color)
        jpeg = False
    half = _judge_levels(levels, half, jpeg, name, findings)
    levels, resized = _resize(levels, size, name, photo_name, findings)
    hole = np.asarray(levels > half)
    if resized:
        _judge_hole(hole, hole_color, name, findings)
    return Diagnosis(dilate(hole, grow_px) if grow_px else hole, tuple(findings))


def _painted(
    image: Image.Image, name: str, photo_name: str, shown: Shown | None, findings: list[Finding]
) -> Hole | None:
    """What is painted on a copy of the photo; of a photo that is none a finding is added."""
    if image.mode in ("1", "I", "F") or image.mode.startswith("I;16") or has_alpha(image):
        return None
    if image.mode == "L" and not any(image.histogram()[1:255]):
        return None  # black and white
    if shown is not None and (painted := painted_on(image, shown, name, findings)) is not None:
        return painted
    if finding := photo_finding(image, name, shown, photo_name):
        findings.append(finding)
    return None


def _judge_levels(levels: Levels, half: float, jpeg: bool, name: str, findings: list[Finding]) -> float:
    """Look for what is neither black nor white; returns the threshold."""
    lowest, highest = levels.min(), levels.max()
    num_above, num_below = int(np.count_nonzero(levels > lowest)), int(np.count_nonzero(levels < highest))
    grey = max(num_above + num_below - levels.size, 0) / max(num_above, 1)  # 0: all are of one level
    if jpeg:
        message = f"{name} is a JPEG, which blurs edges: of its marked pixels {grey:.0%} are grey, and half decides"
        findings.append(Finding("jpeg", message, "save holes as PNG"))
    elif grey > MOST_GREY:
        one_sided = not lowest <= half < highest and highest - lowest > half * LEAST_CONTRAST
        half = (float(lowest) + float(highest)) / 2 if one_sided else half
        decides = f"the middle between {lowest} and {highest}" if one_sided else "half"
        message = f"{name} is grey in {grey:.0%} of its marked pixels, and {decides} decides"
        findings.append(Finding("grey", message, "draw and resize holes without smoothing, in black and white"))
        return half
    if lowest < highest and grey == 0 and not lowest <= half < highest:
        message = f"{name} has two values, {lowest} and {highest}, on one side of half; the brighter one was taken"
        findings.append(Finding("contrast", message, "paint the hole white on black"))
        return float(lowest)
    return half


def _resize(
    levels: Levels, size: tuple[int, int] | None, name: str, photo_name: str, findings: list[Finding]
) -> tuple[Levels, bool]:
    if size is None or levels.shape == size:
        return levels, True
    (height, width), (rows, columns) = size, levels.shape
    sizes = f"{name} is {columns}x{rows} pixels, but {photo_name} is {width}x{height}"
    # the same shape, up to the rounding of either size to whole pixels
    if abs(columns * height - rows * width) > max(height + width, rows + columns) / 2:
        findings.append(Finding("shape", sizes, "draw the hole at the size of the photo", fatal=True))
        return levels, False
    findings.append(
        Finding("size", f"{sizes}; the nearest pixels were taken", "draw the hole at the size of the photo")
    )
    row = (2 * np.arange(height) + 1) * rows // (2 * height)
    column = (2 * np.arange(width) + 1) * columns // (2 * width)
    return levels[row[:, None], column], True


def _judge_hole(hole: Hole, hole_color: HoleColor, name: str, findings: list[Finding]) -> None:
    ratio = int(np.count_nonzero(hole)) / hole.size  # a quarter of the time of the mean
    color, other = ("black", "white") if hole_color == "black" else ("white", "black")
    if ratio == 0:
        fix = f"paint the hole {color} on {other}"
        findings.append(Finding("empty", f"{name} marks no pixel to fill", fix, fatal=True))
    elif ratio == 1:
        fix = f"paint only the hole {color}, and leave the rest {other}"
        findings.append(Finding("full", f"{name} marks every pixel", fix, fatal=True))
    elif hole_color == "auto" and looks_inverted(hole):
        message = f"{name} marks {ratio:.0%} of the picture and most of its border, and looks inverted"
        fix = "say which color marks the hole (--hole-color black, or --hole-color white if it is right as it is)"
        findings.append(Finding("inverted", message, fix, fatal=True))


def looks_inverted(hole: Hole) -> bool:
    """Whether a hole, (H, W), covers most of its picture and most of its border."""
    border = np.concatenate([hole[0], hole[-1], hole[1:-1, 0], hole[1:-1, -1]])
    return bool(border.mean() > 0.5 and hole.mean() > INVERTED_FROM)
