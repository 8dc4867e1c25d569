"""The infrared image of a film scanner: in the photo's TIFF, or in a file beside it."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from partialconv.errors import InputError
from partialconv.imageio.colours import rgb_of
from partialconv.imageio.opening import explained
from partialconv.imageio.photo import TURNS, Photo, assembled, read_photo
from partialconv.imageio.strips import ALPHAS, RGB, is_understood, open_tiff, read_rows

if TYPE_CHECKING:
    from tifffile import TiffPage

# scan_ir.tif, scan-infrared.png beside scan.tif
ENDING = re.compile(r"[._ -](?:ir|infrared)$", re.IGNORECASE)
SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")

Infrared = NDArray[Any]  # (H, W), uint8 or uint16; dark = blocked


def infrared_of(photo: Photo) -> Infrared | None:
    """The infrared image that belongs to a photo, turned as the photo is shown; None if there is none.

    Args:
        photo: As `read_photo` gives it. In a TIFF the image is a further sample of each pixel that is no alpha, as
            VueScan stores it (64 bit RGBI), or a grey page of the same size, as SilverFast does (HDRi); else it is a
            file beside the photo, see `infrared_beside`.

    Raises:
        InputError: its file cannot be read, or it has another size than the photo.
    """
    stored = _in_tiff(photo) if photo.format == "TIFF" and photo.content else None
    if stored is not None:
        return TURNS[photo.orientation](stored) if photo.orientation != 1 else stored
    beside = infrared_beside(photo.path)
    return None if beside is None else read_infrared(beside, photo.shown.size, photo.path)


def read_infrared(path: Path, size: tuple[int, int], name: Path | str) -> Infrared:
    """The infrared image in a file of its own.

    Args:
        path: Its file; of one in colours green is taken.
        size: (height, width) of its photo as it is shown.
        name: Of the photo, to speak of in errors.

    Raises:
        InputError: the file cannot be read, or has another size.
    """
    photo = read_photo(path).shown
    if photo.size != size:
        found, wanted = ("x".join(map(str, reversed(pair))) for pair in (photo.size, size))
        raise InputError(
            f"the infrared image {path} has {found} pixels, expected {wanted} as {name}: scan and crop both alike."
        )
    return rgb_of(photo)[..., 1]


def infrared_beside(photo: Path) -> Path | None:
    """The file of the infrared image that lies beside a photo: scan_ir.tif beside scan.tif."""
    try:
        beside = sorted(photo.parent.iterdir())
    except OSError:
        return None
    return next((path for path in beside if belongs_to(path) == photo.stem), None)


def belongs_to(path: Path) -> str | None:
    """The name without suffix of the photo that a file would be the infrared image of; None by its own name."""
    ending = ENDING.search(path.stem)
    return path.stem[: ending.start()] if ending and path.suffix.lower() in SUFFIXES else None


def without_infrared(paths: Sequence[Path]) -> list[Path]:
    """Photos without the files that are infrared images of others of them."""
    names = {(path.parent, path.stem) for path in paths}
    return [path for path in paths if (path.parent, belongs_to(path)) not in names]


def _in_tiff(photo: Photo) -> Infrared | None:
    with explained(photo.path), open_tiff(io.BytesIO(photo.content)) as tiff:
        first = tiff.pages.first
        channel = _further_channel(first)
        if channel is not None and is_understood(first):
            rows = read_rows(photo.content, first, tiff.byteorder, channel + 1)
            return assembled(photo.size, (band[..., channel] for band in rows))
        for number in range(1, len(tiff.pages)):
            page: Any = tiff.pages[number]
            if _is_grey(page) and (page.imagelength, page.imagewidth) == (first.imagelength, first.imagewidth):
                rows = read_rows(photo.content, page, tiff.byteorder, 1)
                return assembled(photo.size, (band[..., 0] for band in rows))
    return None


def _further_channel(page: "TiffPage") -> int | None:
    """The number of the sample that is neither a colour nor alpha."""
    if page.photometric != RGB:
        return None
    channel = 4 if page.extrasamples[:1] and page.extrasamples[0] in ALPHAS else 3
    return channel if page.samplesperpixel > channel else None


def _is_grey(page: Any) -> bool:
    """Whether a further page may be infrared: no smaller copy, no mask."""
    return not page.is_reduced and page.samplesperpixel == 1 and is_understood(page)
