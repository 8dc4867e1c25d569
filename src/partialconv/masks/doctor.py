"""The one reader of pictures that mark a hole: it decides what is meant, and says what is wrong with them.

Decisions: white = hole, black = hole if asked for; resized to the photo by the nearest pixel; a hole is what is
brighter than half. Faults come back as data, and every entrance tells them its own way.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.imageio import Photo, open_picture
from partialconv.masks.findings import Diagnosis, Finding
from partialconv.masks.levels import HoleColor, Levels, image_of_array, levels_of_array, levels_of_image
from partialconv.masks.morphology import dilate

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
    hole_color: HoleColor = "white",
    grow_px: int = 0,
) -> Diagnosis:
    """Read the hole of a photo from a picture that is drawn over the photo as it is shown.

    A photo is shown turned by its EXIF orientation.

    Args:
        path: Any still picture that Pillow opens.
        photo: Whose hole it is; or (height, width) of a photo that needs no turning; None to look at the picture alone.
        hole_color: What marks the hole.
        grow_px: See `examine`.

    Returns:
        The hole as the photo is stored, and the findings.

    Raises:
        InputError: the picture cannot be read.
    """
    opened = open_picture(path)
    picture, name = ImageOps.exif_transpose(opened), str(path)
    if not isinstance(photo, Photo):
        return examine(picture, photo, hole_color, grow_px, name, opened.format)
    size = photo.size[::-1] if photo.orientation >= 5 else photo.size
    found = examine(picture, size, hole_color, grow_px, name, opened.format, str(photo.path))
    if photo.orientation not in STORED or any(finding.code == "shape" for finding in found.findings):
        return found
    stored = np.asarray(Image.fromarray(found.hole).transpose(STORED[photo.orientation]))
    return Diagnosis(stored, found.findings)


def examine(
    picture: Image.Image | NDArray[Any],
    size: tuple[int, int] | None = None,
    hole_color: HoleColor = "white",
    grow_px: int = 0,
    name: str = "the hole",
    file_format: str | None = None,
    photo_name: str = "the photo",
) -> Diagnosis:
    """Decide which pixels of a picture mark the hole.

    Args:
        picture: A PIL image of any mode; or an array (H, W) or (H, W, 1), bool, or numbers up to 1, 255 or 65535; or
            uint8 (H, W, 3) RGB or (H, W, 4) RGBA.
        size: (height, width) of the photo. A picture of another size is resized by the nearest pixel if its shape is
            that of the photo.
        hole_color: "white", or "black" for masks of 1 = known pixel.
        grow_px: Grow the hole by so many pixels in all directions.
        name: Of the picture, for the findings.
        file_format: As Pillow names it, where `picture` has lost it.
        photo_name: Of the photo, for the findings.

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
        levels, half = levels_of_image(image, hole_color, name, findings)
        jpeg = (file_format or image.format) in JPEG_FORMATS
    else:
        levels, half = levels_of_array(picture, hole_color)
        jpeg = False
    half = _judge_levels(levels, half, jpeg, name, findings)
    levels, resized = _resize(levels, size, name, photo_name, findings)
    hole = np.asarray(levels > half)
    if resized:
        _judge_hole(hole, hole_color, name, findings)
    return Diagnosis(dilate(hole, grow_px) if grow_px else hole, tuple(findings))


def _judge_levels(levels: Levels, half: float, jpeg: bool, name: str, findings: list[Finding]) -> float:
    """Look for what is neither black nor white; returns the threshold."""
    lowest, highest = levels.min(), levels.max()
    num_marked = max(int(np.count_nonzero(levels > lowest)), 1)
    grey = int(np.count_nonzero((levels > lowest) & (levels < highest))) / num_marked
    if jpeg:
        message = f"{name} is a JPEG, which blurs edges: of its marked pixels {grey:.0%} are grey, and half decides"
        findings.append(Finding("jpeg", message, "save holes as PNG"))
    elif grey > MOST_GREY:
        message = f"{name} is grey in {grey:.0%} of its marked pixels, and half decides"
        findings.append(Finding("grey", message, "draw and resize holes without smoothing, in black and white"))
    elif lowest < highest and grey == 0 and not lowest <= half < highest:
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
    ratio = hole.mean()
    other = "black" if hole_color == "white" else "white"
    if ratio == 0:
        fix = f"paint the hole {hole_color} on {other}"
        findings.append(Finding("empty", f"{name} marks no pixel to fill", fix, fatal=True))
    elif ratio == 1:
        fix = f"paint only the hole {hole_color}, and leave the rest {other}"
        findings.append(Finding("full", f"{name} marks every pixel", fix, fatal=True))
    elif ratio > INVERTED_FROM:
        border = np.concatenate([hole[0], hole[-1], hole[1:-1, 0], hole[1:-1, -1]])
        if border.mean() > 0.5:
            message = f"{name} marks {ratio:.0%} of the picture and most of its border, and looks inverted"
            findings.append(
                Finding("inverted", message, f"if it is, say that the hole color is {other} (--hole-color {other})")
            )
