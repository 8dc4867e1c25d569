"""JPEG to JPEG without jpeglib: the whole picture is compressed again, as nearly as its file was."""

import io
import platform
from pathlib import Path
from typing import Any

from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio.colours import Filled, image_of
from partialconv.imageio.jpeg import (
    HUFFMAN_FRAMES,
    PLAIN,
    YCC,
    describes,
    named_as,
    planes_of,
    without_index,
)
from partialconv.imageio.markers import APP14, FRAMES, Segment, parse_jpeg, write_jpeg

SUBSAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}  # those that Pillow can write


def jpeglib_is_usable() -> bool:
    """Whether blocks of a JPEG can be kept; jpeglib has wheels for common machines only."""
    try:
        import jpeglib  # noqa: F401
    except (ImportError, OSError):  # OSError: a shared library of the system is missing
        return False
    return True


def loss_of(photo: Path, output: Path) -> str:
    """Say what is not exact in a JPEG that `recompress` wrote, why, and what to do about it."""
    machine = f"{platform.system()} {platform.machine()}"
    return (
        f"{output} was compressed again as a whole, with the quantisation tables of {photo}, because jpeglib, which "
        f"keeps blocks as they are, is not installed on this {machine}: write a .png file to keep every pixel"
    )


def recompress(filled: Filled, destination: Path) -> None:
    """Write the photo's JPEG anew, with Pillow.

    Quantisation tables, colour space, subsampling (4:4:4 for kinds that Pillow cannot write) and all markers stay;
    pixels outside the hole change by what rounding to the same tables changes. YCCK becomes CMYK.

    Args:
        filled: A photo that came from a JPEG.
        destination: The file to write.

    Raises:
        InputError: the JPEG is coded arithmetically.
    """
    photo = filled.photo
    segments = list(parse_jpeg(photo.content).segments)
    if next((marker for marker, _ in segments if marker in FRAMES), None) not in HUFFMAN_FRAMES:
        raise InputError(f"{photo.path} is a JPEG with arithmetic coding: write a .png file instead.")
    planes = planes_of(segments)
    with Image.open(io.BytesIO(photo.content)) as original:
        layers, tables = getattr(original, "layer"), getattr(original, "quantization")  # noqa: B009  Pillow's types lack them
        options: dict[str, Any] = {"qtables": [tables[layer[3]] for layer in layers]}
    if photo.mode != "L":
        step = (layers[0][1] // layers[1][1], layers[0][2] // layers[1][2])
        ycck = photo.mode == "CMYK" and planes[0] is YCC[0]
        options["subsampling"] = "4:4:4" if ycck else SUBSAMPLINGS.get(step, "4:4:4")
        options["keep_rgb"] = planes is PLAIN
    buffer = io.BytesIO()
    image_of(filled).save(buffer, "JPEG", **options)
    rewritten = parse_jpeg(buffer.getvalue())
    drawn, picture = named_as(segments, list(rewritten.segments), rewritten.picture)
    told = [_true(segment, drawn, photo.mode) for segment in without_index(segments) if describes(segment[0])]
    write_jpeg(destination, told + [segment for segment in drawn if not describes(segment[0])], picture)


def _true(segment: Segment, drawn: list[Segment], mode: str) -> Segment:
    """A marker of the photo, or the new one where it speaks of how ink is stored."""
    if mode == "CMYK" and segment[0] == APP14 and segment[1].startswith(b"Adobe"):
        return next((new for new in drawn if new[0] == APP14), segment)
    return segment
