"""JPEG files that end early: what is missing is measured, and little of it is tolerated."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partialconv.errors import InputError
from partialconv.imageio.markers import Jpeg, parse_jpeg
from partialconv.imageio.memory import check_memory
from partialconv.imageio.opening import decode, explained, open_header

END = b"\xff\xd9"
MOST_MISSING = 0.1  # of the rows
MOST_ZEROS = 16  # at the end of a file; more of them are what a disk or a download left empty
GUESS = b"\x55" * 64  # decodes to something else than the zeros that a decoder adds where data are missing


def mended(content: bytes, path: Path) -> tuple[bytes, str]:
    """Give a JPEG file the end-of-image marker that it lacks, if nearly all of its picture is there.

    What is missing is found by decoding the file with two different continuations: its pixels differ from the first
    block on that the file does not determine.

    Args:
        content: Of a file of any format.
        path: Its name, to speak of in messages.

    Returns:
        The content, with an end if it had none; and a remark on what was missing, empty for a whole file.

    Raises:
        InputError: more than `MOST_MISSING` of the rows are missing.

    Source: ours; that decoders continue with zeros is a rule of libjpeg.
    """
    if content[:2] != b"\xff\xd8":
        return content, ""
    with explained(path):
        jpeg = parse_jpeg(content)
    if jpeg.ended:
        return content, ""
    kept = content.rstrip(b"\0")
    if len(content) - len(kept) < MOST_ZEROS:
        kept = content
    kept = kept.rstrip(b"\xff")  # of the marker that was cut, or of a byte that is not whole
    height, num_missing = _missing_rows(kept, path, parse_jpeg(kept))
    if num_missing > MOST_MISSING * height:
        raise InputError(
            f"{path} is broken: the file ends early, and {num_missing} of its {height} rows are incomplete: "
            "get a whole copy of it."
        )
    if num_missing == 0:
        return kept + END, f"{path} lacks its end marker, but its picture is whole"
    return kept + END, (
        f"{path} ends early: its last {num_missing} rows are incomplete and stay so, unless the hole covers them"
    )


def _missing_rows(content: bytes, path: Path, jpeg: Jpeg) -> tuple[int, int]:
    """The height of a JPEG as stored, and how many rows at its end are not determined by its data."""
    pictures = [_decoded(content + tail + END, path) for tail in (b"", GUESS)]
    height = len(pictures[0])
    if not jpeg.refined:  # whole scans are missing, which concern every row
        return height, height
    rows = np.flatnonzero((pictures[0] != pictures[1]).reshape(height, -1).any(axis=1))
    return height, height - int(rows[0]) if len(rows) else 0


def _decoded(content: bytes, path: Path) -> NDArray[np.uint8]:
    with open_header(content, path) as (image, header), explained(path):
        check_memory(3 * header.read_bytes, str(path))
        decode(image)
        return np.asarray(image)
