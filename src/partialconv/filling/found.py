"""What is found in a photo becomes the hole of a job: for `repair` and for batches."""

from collections import Counter

from partialconv.conventions import Progress
from partialconv.errors import InputError
from partialconv.filling.report import Finds
from partialconv.finding import Found, Search
from partialconv.imageio import Photo
from partialconv.masks import Diagnosis
from partialconv.masks.morphology import dilate
from partialconv.masks.placing import as_stored

MOST_SHARE = 0.15  # of a photo that may look damaged


class FindsError(InputError):
    """A photo that is not repaired: nothing was found in it, or more than is likely.

    Args:
        message: Says which.
        finds: What was found.
    """

    def __init__(self, message: str, finds: Finds) -> None:
        super().__init__(message)
        self.finds = finds


def found_hole(
    photo: Photo, search: Search, anything: bool = False, grow_px: int = 0, progress: Progress | None = None
) -> tuple[Diagnosis, Finds]:
    """Look for damage in a photo.

    Args:
        photo: As it is stored.
        search: What to look for.
        anything: Whether to take even what is implausible.
        grow_px: By how much the hole grows in all directions.
        progress: Told of tiles.

    Returns:
        The hole, as the photo is stored, and what was found.

    Raises:
        FindsError: nothing was found, or more than `MOST_SHARE` of the photo.
        InputError: as in `Search.of`.
    """
    found = search.of(photo, progress)
    finds = finds_of(found)
    if not found.parts:
        raise FindsError(f"{photo.path}: {finds}; nothing was written.", finds)
    if not anything and finds.share > MOST_SHARE:
        raise FindsError(
            f"{photo.path}: {finds}, which is more than is likely: look at it with "
            "`partialconv find --overlay`, lower --sensitivity, or fill it with --yes.",
            finds,
        )
    return Diagnosis(as_stored(dilate(found.hole, grow_px), photo.orientation)), finds


def finds_of(found: Found) -> Finds:
    """Sum up what was found."""
    height, width = found.hole.shape
    return Finds(dict(Counter(part.kind for part in found.parts).most_common()), round(found.share, 6), width, height)
