"""What to look for, as flags of `find`, `repair` and `batch`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.errors import InputError
from partialconv.filling.find_options import HELP, KINDS

if TYPE_CHECKING:
    from partialconv.finding import Search

Kinds = Annotated[str, typer.Option("--kind", help=HELP["kinds"])]
Sensitivity = Annotated[float, typer.Option(min=0, max=1, help=HELP["sensitivity"])]
Largest = Annotated[int | None, typer.Option("--largest", min=1, help=HELP["largest_px"])]
InfraredFile = Annotated[
    Path | None,
    typer.Option(
        "--infrared",
        help="The infrared image of the film scanner, a file.",
        show_default="what is in the TIFF, or photo_ir.tif beside it",
    ),
]
NoInfrared = Annotated[bool, typer.Option("--no-infrared", help="Look at the photo alone.")]
Yes = Annotated[bool, typer.Option("--yes", help="Fill what was found even if it is much of the photo.")]
ALL = ",".join(KINDS)


def search_of(kind: str, sensitivity: float, largest: int | None, infrared: Path | None, no_infrared: bool) -> "Search":
    """What the flags ask for.

    Raises:
        InputError: they contradict each other, or a value is out of its range.
    """
    from partialconv.finding import Search

    if infrared is not None and no_infrared:
        raise InputError("--infrared names an infrared image and --no-infrared leaves it out: choose one.")
    kinds = tuple(name.strip() for name in kind.split(",") if name.strip())
    return Search(kinds, sensitivity, largest, not no_infrared if infrared is None else infrared)
