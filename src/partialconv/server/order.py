"""What goes to the process that works, and what comes back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partialconv.filling import FillOptions
from partialconv.filling.find_options import FindOptions

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
    ".json": "application/json",
}


@dataclass(frozen=True)
class Order:
    """One piece of work.

    Args:
        work: "fill", "find", "plan", "doctor", "look", "show", "change" or "result": a method of `engine.Engine`.
        folder: Holds the files of the request; the answer is written there.
        files: Fields of the request, and names of the files.
        options: Of the request.
        kept: The name of a photo that the process keeps; "" if none is meant.
        keep: The name under which it is to keep one; "" if it is not to.
    """

    work: str
    folder: Path
    files: tuple[str, ...]
    options: FillOptions | FindOptions
    kept: str = ""
    keep: str = ""


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Args:
        file: Lies in the folder of the request.
        media_type: Of the file.
        report: `filling.report.Report` as a dictionary, or what is said of a find; empty if there is none.
        timings_s: Of the steps.
    """

    file: Path
    media_type: str
    report: dict[str, Any] = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)
