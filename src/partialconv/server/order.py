"""What goes to the process that works, and what comes back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
}
COLOURS = ("white", "black")
Report = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a request may choose; see `schema`."""

    model: str = ""
    hole_color: Literal["white", "black"] = "white"
    grow_px: int = 0
    strict: bool = False
    grain: bool = True


@dataclass(frozen=True)
class Order:
    """One piece of work.

    Args:
        work: "fill", "plan", "doctor" or "show": a method of `engine.Engine`.
        folder: Holds the files of the request; the answer is written there.
        files: Fields of the request, and names of the files.
        options: Of the request.
    """

    work: str
    folder: Path
    files: tuple[str, ...]
    options: Options


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Args:
        file: Lies in the folder of the request.
        media_type: Of the file.
        report: What was found in the hole, and done about it.
        timings_s: Of the steps.
    """

    file: Path
    media_type: str
    report: Report = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)
