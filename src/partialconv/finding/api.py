"""`partialconv.find`."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.finding.finder import KINDS, Found
from partialconv.finding.search import Search, looked_at
from partialconv.imageio import Photo, photo_of_array, photo_of_image, read_photo
from partialconv.imageio.infrared import Infrared, infrared_of, read_infrared


def find(
    image: str | Path | Image.Image | NDArray[Any],
    *,
    kinds: Collection[str] = KINDS,
    sensitivity: float = 0.5,
    largest_px: int | None = None,
    hole: Hole | None = None,
    infrared: bool | str | Path | NDArray[Any] = True,
    model: str | Path | None = None,
) -> Found:
    """Find the damage of a photo: a proposal of what to fill.

    Args:
        image: A file, which is looked at as it is shown; a PIL image; or an array as `partialconv.fill` takes it.
            Pixels that are less opaque than the most opaque ones are unknown, and floats that are not finite.
        kinds: Of damage, some of `KINDS`.
        sensitivity: In [0, 1]; more finds more, and more that is no damage.
        largest_px: Finds whose box has a longer side than this are dropped.
        hole: (H, W), True = unknown already: nothing is found in it.
        infrared: The infrared image of a film scanner: a file, or an array of uint8 or uint16, (H, W); or True = the
            one in the photo's TIFF or beside its file, if there is one; or False = none. With it, dust, scratches
            and cracks are what blocks infrared.
        model: A file of the network; None for the one of this installation.

    Raises:
        InputError: a file is missing or broken, an argument is out of its range, the film blocks infrared itself, or
            this installation has no finder.
    """
    search = Search(kinds, sensitivity, largest_px, model=None if model is None else Path(model))
    photo = _opened(image)
    shown = photo.shown
    if hole is not None and (hole.shape != shown.size or hole.dtype != np.bool_):
        raise InputError(f"the hole is {hole.dtype} of shape {hole.shape}, expected bool of {shown.size}.")
    found = looked_at(shown, search.model, hole, _infrared(infrared, photo))
    return found.found(kinds, sensitivity, largest_px)


def _opened(image: str | Path | Image.Image | NDArray[Any]) -> Photo:
    if isinstance(image, str | Path):
        return read_photo(Path(image))
    if isinstance(image, Image.Image):
        return photo_of_image(image)
    photo = photo_of_array(np.asarray(image))
    known = photo.samples[np.isfinite(photo.samples)] if photo.samples.dtype.kind == "f" else np.zeros(0)
    if known.size and not (known.min() >= 0 and known.max() <= 1):
        raise InputError(f"the image has values from {known.min():g} to {known.max():g}, expected floats from 0 to 1.")
    return photo


def _infrared(given: bool | str | Path | NDArray[Any], photo: Photo) -> Infrared | None:
    """The infrared image, as the photo is shown."""
    if isinstance(given, bool):
        return infrared_of(photo) if given else None
    if isinstance(given, str | Path):
        return read_infrared(Path(given), photo.shown.size, photo.path)
    if given.shape != photo.shown.size or given.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"the infrared image is {given.dtype} of shape {given.shape}, expected uint8 or uint16 of "
            f"{photo.shown.size}."
        )
    return given
