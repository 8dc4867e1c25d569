"""What to look for in a photo, and the search: the same for `partialconv.find`, `repair` and batches."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from partialconv.conventions import Hole, Progress
from partialconv.finding import finder
from partialconv.finding.finder import KINDS, DamageFinder, DamageMap, Found, check_choice
from partialconv.finding.infrared import blocked_by_dust
from partialconv.imageio import Photo, rgb_of
from partialconv.imageio.infrared import Infrared, infrared_of, read_infrared


@dataclass(frozen=True)
class Search:
    """What to look for.

    Args:
        kinds: Of damage, some of `KINDS`.
        sensitivity: In [0, 1]; more finds more, and more that is no damage.
        largest_px: Finds whose box has a longer side than this are dropped; None keeps all.
        infrared: The infrared image of the scanner: a file; or True = the one that belongs to the photo, if there is
            one; or False = none.
        model: A file of the network; None for the one of this installation.

    Raises:
        InputError: an argument is out of its range.
    """

    kinds: Collection[str] = KINDS
    sensitivity: float = 0.5
    largest_px: int | None = None
    infrared: bool | Path = True
    model: Path | None = None

    def __post_init__(self) -> None:
        check_choice(self.kinds, self.sensitivity, self.largest_px)

    def of(self, photo: Photo, progress: Progress | None = None) -> Found:
        """Look at a photo of `read_photo`; what is found is as the photo is shown.

        Raises:
            InputError: there is no finder, too little memory, or an infrared image that cannot be used.
            ArithmeticError: the network cannot be run.
        """
        shown = photo.shown
        infrared = infrared_of(photo) if self.infrared is True else None
        if isinstance(self.infrared, Path):
            infrared = read_infrared(self.infrared, shown.size, photo.path)
        found = looked_at(shown, self.model, infrared=infrared, progress=progress)
        return found.found(self.kinds, self.sensitivity, self.largest_px)


def looked_at(
    photo: Photo,
    model: Path | None = None,
    unknown: Hole | None = None,
    infrared: Infrared | None = None,
    progress: Progress | None = None,
) -> DamageMap:
    """Run the network over a photo.

    Args:
        photo: As it is shown. What is less opaque than its most opaque pixels is unknown, and what is not finite.
        model: See `Search`.
        unknown: (H, W), True = unknown, too.
        infrared: (H, W); where it is given, dust, scratches and cracks are what blocks infrared.
        progress: Told of tiles.

    Raises:
        InputError: as in `Search.of`.
        ArithmeticError: the network cannot be run.
    """
    rgb, hidden = rgb_of(photo), photo.erased
    if rgb.dtype.kind == "f":
        hidden |= ~np.isfinite(rgb).all(axis=2)
    if unknown is not None:
        hidden |= unknown
    valid = ~hidden if hidden.any() else None
    del hidden
    network = open_finder(model)
    blocked = None if infrared is None else blocked_by_dust(infrared, rgb, valid, network.threshold, str(photo.path))
    return network.scan(rgb, valid, progress, blocked)


def open_finder(model: Path | None = None) -> DamageFinder:
    """The network, opened once in this process; safe to share between threads.

    Raises:
        InputError: see `DamageFinder`.
    """
    path = finder.finder_path() if model is None else model
    return _opened(path, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=2)
def _opened(path: Path, _changed_ns: int) -> DamageFinder:
    return DamageFinder(path)
