"""From an uploaded photo to its damage, in the process of `working` alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole, Progress
from partialconv.errors import InputError, TooLargeError
from partialconv.filling.find_options import FindOptions
from partialconv.filling.watching import Stopwatch
from partialconv.finding import DamageMap, Found, looked_at, open_finder
from partialconv.finding.finder import threshold_at
from partialconv.imageio import Photo, encode_png, read_photo
from partialconv.imageio.infrared import infrared_of
from partialconv.masks import Diagnosis, HoleError, read_hole
from partialconv.server.order import MEDIA_TYPES, Answer
from partialconv.server.problem import Problem

STEPS = 200  # a map is exact at sensitivities of 0, 1 / STEPS, 2 / STEPS, ... 1
KIND_STEP = 50  # between the numbers of two kinds in a map: browsers may add a little noise to what pages read


def find(photo: Path, hole: Path | None, options: FindOptions, tell: Callable[[float], None]) -> Answer:
    """Find the damage of a photo, with the finder of this installation.

    Args:
        photo: It is looked at as it is shown. The infrared image in a TIFF of a film scanner is used, if it can be.
        hole: A picture of what is known to be damaged, in which nothing is found; None = nothing is known.
        options: Of the request.
        tell: Is called with the share that is done, 0 to 1.

    Returns:
        What was asked for: the parts as JSON, or the hole or the map of `map_of` as PNG.

    Raises:
        InputError: the photo or the hole cannot be used.
        Problem: 501, there is no finder.
    """
    clock = Stopwatch()
    clock.begin("read")
    _check_finder()
    stored = read_photo(photo)
    unknown = None if hole is None else _marked(read_hole(hole, stored.shown, options.hole_color))
    clock.begin("find")
    damage, by_infrared = _scanned(stored, unknown, lambda _, done, count: tell(done / count))
    found = damage.found(options.kinds, options.sensitivity, options.largest_px)
    clock.begin("write")
    height, width = found.hole.shape
    report = {
        "width": width,
        "height": height,
        "share": found.share,
        "num_parts": len(found.parts),
        "threshold": threshold_at(damage.threshold, options.sensitivity),
        "infrared": by_infrared,
    }
    result = _written(photo, options.answer, damage, found, report)
    clock.end()
    return Answer(result, MEDIA_TYPES[result.suffix], report, clock.timings_s)


def _scanned(photo: Photo, unknown: Hole | None, progress: Progress) -> tuple[DamageMap, bool]:
    """Look at a photo, and say whether by infrared: what of it cannot be used is left out, as nobody can be asked."""
    shown = photo.shown
    try:
        infrared = infrared_of(photo)
        return looked_at(shown, None, unknown, infrared, progress), infrared is not None
    except TooLargeError:
        raise
    except InputError:  # of the infrared image, such as that the film blocks infrared itself; if not, it comes again
        return looked_at(shown, None, unknown, None, progress), False


def _check_finder() -> None:
    """Open the finder, which stays open.

    Raises:
        Problem: 501, there is none.
    """
    try:
        open_finder()
    except InputError as error:  # its message names a path of this machine
        message = "this server has no network that finds damage: install partialconv anew, or mark damage by hand."
        raise Problem(501, "finder", message) from error


def map_of(damage: DamageMap) -> NDArray[np.uint8]:
    """Draw from which sensitivity on each pixel is found, so that a client need not ask for another one.

    Args:
        damage: What the network says of a photo.

    Returns:
        (H, W, 3). Red: at how many of the `STEPS` + 1 sensitivities the pixel is found; those are the highest ones.
        Green: `KIND_STEP` times the number of its likeliest kind, from 1 on; 0 where red is 0. Blue: 0.
    """
    drawn = np.zeros((*damage.probability.shape, 3), np.uint8)
    steps = range(STEPS, -1, -1)
    rising = np.asarray([threshold_at(damage.threshold, step / STEPS) for step in steps], damage.probability.dtype)
    seen = damage.probability >= rising[0]
    drawn[seen, 0] = np.searchsorted(rising, damage.probability[seen], side="right")
    drawn[seen, 1] = KIND_STEP * (1 + damage.kinds[seen])
    return drawn


def _marked(found: Diagnosis) -> Hole:
    """The pixels of a hole, which may be none or all.

    Raises:
        HoleError: it cannot be used for another reason.
    """
    for finding in found.findings:
        if finding.fatal and finding.code not in ("empty", "full"):
            raise HoleError(finding)
    return found.hole


def _written(photo: Path, answer: str, damage: DamageMap, found: Found, report: dict[str, Any]) -> Path:
    """The file that goes back, beside the photo: `FindOptions.answer`."""
    result = photo.with_name("found.json" if answer == "parts" else "found.png")
    if answer == "parts":
        parts = [part.as_dict() for part in found.parts]
        result.write_text(json.dumps(report | {"parts": parts}), encoding="ascii")
    elif answer == "hole":
        result.write_bytes(encode_png(found.hole))
    else:
        Image.fromarray(map_of(damage)).save(result, "PNG", compress_level=1)
    return result
