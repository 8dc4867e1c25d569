"""Looking at a written file before it gets its name: outside the hole it has to show what the photo shows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from partialconv.conventions import some_blocks
from partialconv.errors import InputError
from partialconv.imageio.colours import Filled
from partialconv.imageio.ink import Samples
from partialconv.imageio.opening import explained, open_header, read_content
from partialconv.imageio.photo import Photo, stored

BLOCK_PX = 8
SMOOTHED_PX = 2  # that a decoder of subsampled colours looks beyond a block
Bools = NDArray[np.bool_]


def check_written(filled: Filled, written: Path, path: Path, exact: bool = True, keep: bool = False) -> Photo | None:
    """Decode a written file and compare it with the photo outside of the hole, some rows at a time.

    A JPEG in which everything was compressed anew, from another format or without jpeglib, is not compared; it has to
    decode, and to be of the same size.

    Args:
        filled: What was written.
        written: The file.
        path: Its name to be.
        exact: Whether a JPEG that came from a JPEG kept its blocks.
        keep: Whether all samples are wanted.

    Returns:
        The written photo, if its samples are wanted.

    Raises:
        InputError: it shows something else, or cannot be decoded.
    """
    photo = filled.photo
    content = read_content(written)
    with open_header(content, path) as (image, header), explained(path):
        result, rows = stored(content, path, image, header)
        lossy = header.format == "JPEG" and (photo.format != "JPEG" or not exact)
        touched = _touched(filled.hole, image) if header.format == "JPEG" else None
        changed = 0 if result.size == photo.size else photo.size[0] * photo.size[1]
        start, samples = 0, np.empty(0)
        for band in rows:
            stop = start + len(band)
            if keep:
                samples = samples if start else np.empty((result.size[0], *band.shape[1:]), band.dtype)
                samples[start:stop] = band
            old = photo.samples[start:stop]
            if not (lossy or changed == photo.size[0] * photo.size[1] or _same(photo, old, result, band)):
                different = _differ(photo, old, result, band)
                rows_of_them = np.flatnonzero(different.any(axis=1))
                if len(rows_of_them):
                    filling = filled.hole[start:stop] if touched is None else _rows(touched, start, stop, photo.size)
                    changed += int(np.count_nonzero(different[rows_of_them] & ~filling[rows_of_them]))
            start = stop
    if changed:
        raise InputError(
            f"{path} was not written: {changed} pixels outside of the hole would not be those of {photo.path}, which "
            "is damaged, or stored in a way that decoders read differently: write another format, as .png."
        )
    return replace(result, samples=samples) if keep else None


def _same(photo: Photo, old: Samples, result: Photo, new: Samples) -> bool:
    """Whether two bands of rows have the same samples, which mean the same; most have."""
    return _alike(photo, result) and photo.mode != "P" and np.array_equal(old, new)


def _alike(photo: Photo, result: Photo) -> bool:
    return (photo.mode, photo.bits == 16, photo.key) == (result.mode, result.bits == 16, result.key)


def _differ(photo: Photo, old: Samples, result: Photo, new: Samples) -> Bools:
    """Where two bands of rows show different colours, (h, W)."""
    if not _alike(photo, result) or photo.mode == "P":
        old, new = _shown(photo, old), _shown(result, new)
    different = np.asarray(old != new)
    if different.ndim == 2:
        return different
    pixels: Bools = different[..., 0]
    for channel in range(1, different.shape[2]):  # several times as fast as any(axis=2)
        pixels = pixels | different[..., channel]
    return pixels


def _shown(photo: Photo, samples: Samples) -> Samples:
    """RGBA of some rows of a photo, (h, W, 4)."""
    if photo.palette is not None:
        return photo.palette[samples]
    wide = samples.reshape(*samples.shape[:2], -1)
    opaque = np.ones((*samples.shape[:2], 1), bool)
    if photo.key is not None:
        opaque = (wide != np.array(photo.key)).any(axis=2, keepdims=True)
    if photo.mode == "1":
        wide = np.uint8(255) * wide
    top = np.iinfo(wide.dtype).max
    if photo.mode in ("LA", "RGBA"):
        colours, alpha = wide[..., :-1], wide[..., -1:]
    else:
        colours, alpha = wide, (opaque * top).astype(wide.dtype)
    if colours.shape[2] == 1:
        colours = np.repeat(colours, 3, axis=2)
    return np.concatenate([colours, alpha], axis=2)


def _touched(hole: Bools, image: ImageFile) -> tuple[Bools, int, int]:
    """Which of the units of a JPEG the hole touches, and how tall and wide they are."""
    layers = getattr(image, "layer", [])
    wide, tall = (BLOCK_PX * max((layer[i] for layer in layers), default=1) for i in (1, 2))
    return some_blocks(hole, tall, wide), tall, wide


def _rows(touched: tuple[Bools, int, int], start: int, stop: int, size: tuple[int, int]) -> Bools:
    """The pixels of some rows that lie in touched units, or `SMOOTHED_PX` beside them."""
    units, tall, wide = touched

    def near(begin: int, end: int, extent: int, unit: int) -> Iterator[NDArray[np.intp]]:
        for offset in (-SMOOTHED_PX, 0, SMOOTHED_PX):
            yield (np.arange(begin, end) + offset).clip(0, extent - 1) // unit

    beside = np.logical_or.reduce([units[rows] for rows in near(start, stop, size[0], tall)])
    return np.asarray(np.logical_or.reduce([beside[:, columns] for columns in near(0, size[1], size[1], wide)]))
