"""TIFF files with other pixels: only the strips or tiles that the hole touches are written anew."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.imageio.colours import Filled
from partialconv.imageio.strips import (
    COLOURS,
    PREMULTIPLIED,
    WHITE_IS_ZERO,
    Place,
    is_understood,
    open_tiff,
    packed,
    places,
    plane_of,
    unpacked,
)

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

WIDTH, BITS, PHOTOMETRIC, SAMPLES, COLOUR_MAP, EXTRA, XMP = 256, 258, 262, 277, 320, 338, 700


def patch_tiff(filled: Filled, destination: Path) -> bool:
    """Copy the photo's file and change the pixels of the hole in it.

    All tags stay, private ones too, and the bytes of every strip or tile that the hole does not touch.

    Returns:
        False if the pixels are packed in another way (JPEG, fax, less than 8 bits), and nothing was written.
    """
    photo = filled.photo
    if photo.format != "TIFF" or photo.bits not in (8, 16):
        return False
    with open_tiff(io.BytesIO(photo.content)) as tiff:
        page = tiff.pages.first
        if not is_understood(page) or page.bitspersample != photo.bits:
            return False
    destination.write_bytes(photo.content)
    with open_tiff(destination, "r+") as tiff:
        page = tiff.pages.first
        offsets, sizes = list(page.dataoffsets), list(page.databytecounts)
        for index, region in places(page):
            if filled.hole[region].any():
                _patch_segment(filled, tiff, page, (index, region), offsets, sizes)
        names = ("TileOffsets", "TileByteCounts") if page.is_tiled else ("StripOffsets", "StripByteCounts")
        for name, old, new in zip(names, (page.dataoffsets, page.databytecounts), (offsets, sizes), strict=True):
            if tuple(new) != tuple(old):
                page.tags[name].overwrite(new, dtype="I" if not tiff.is_bigtiff else "Q")
        if photo.mode == "P" and photo.palette is not None and filled.palette is not None:
            changed = (filled.palette != photo.palette[: len(filled.palette)]).any(axis=1)
            colours = np.array(page.tags[COLOUR_MAP].value, np.uint16).reshape(3, -1)
            if changed.any():
                colours[:, : len(changed)][:, changed] = filled.palette[changed, :3].T.astype(np.uint16) * 257
                page.tags[COLOUR_MAP].overwrite(colours.ravel().tolist())
    return True


def _patch_segment(
    filled: Filled,
    tiff: "TiffFile",
    page: "TiffPage",
    segment: tuple[int, Place],
    offsets: list[int],
    sizes: list[int],
) -> None:
    index, (down, across) = segment
    tiff.filehandle.seek(offsets[index])
    values = unpacked(page, tiff.filehandle.read(sizes[index]), (down, across), tiff.byteorder)
    hole = filled.hole[down, across]
    new = filled.rows(down.start, down.stop)[:, across]
    new = new.reshape(*new.shape[:2], -1)[hole]
    inside = values[: hole.shape[0], : hole.shape[1]]
    inside[hole] = _stored(new, inside[hole], page, plane_of(page, index))
    data = packed(page, values, tiff.byteorder)
    end = tiff.filehandle.seek(0, 2)
    if len(data) > sizes[index]:
        if end % 2:
            end += tiff.filehandle.write(b"\0")
        offsets[index] = end
    tiff.filehandle.seek(offsets[index])
    tiff.filehandle.write(data)
    sizes[index] = len(data)


def _stored(new: NDArray[Any], old: NDArray[Any], page: "TiffPage", plane: int | None) -> NDArray[Any]:
    """Samples as the file has them: turned around where white is 0, times alpha where the file wants that."""
    colours = COLOURS.get(int(page.photometric), 1)
    values, alpha = new[:, :colours], new[:, colours : colours + 1]
    if page.photometric == WHITE_IS_ZERO and page.bitspersample == 8:
        values = 255 - values
    if alpha.shape[1] and page.extrasamples[:1] == (PREMULTIPLIED,):
        top = 2**page.bitspersample - 1
        values = ((values.astype(np.uint32) * alpha + top // 2) // top).astype(new.dtype)
    changed = np.concatenate([values, alpha], axis=1)
    if plane is not None:
        return changed[:, plane : plane + 1] if plane < changed.shape[1] else old
    return np.concatenate([changed, old[:, changed.shape[1] :]], axis=1)


def write_deep_tiff(filled: Filled, destination: Path, options: dict[str, Any]) -> None:
    """Write 16 bits a channel: Pillow writes the bytes as a wide grey picture, then the tags say what they are."""
    height, width = filled.photo.size
    samples = filled.rows(0, height).astype("<u2")
    channels = samples.reshape(height, width, -1).shape[2]
    options["exif"][SAMPLES] = 1
    if channels == 4:
        options["exif"][EXTRA] = 2  # alpha
    wide = Image.fromarray(samples.reshape(height, -1).view(np.uint8))
    wide.save(destination, "TIFF", compression="tiff_adobe_deflate", **options)
    with open_tiff(destination, "r+") as tiff:
        written = tiff.pages.first.tags
        for tag, value in ((WIDTH, width), (BITS, (16,) * channels), (PHOTOMETRIC, 2), (SAMPLES, channels)):
            written[tag].overwrite(value)
