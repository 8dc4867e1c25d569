"""The commands that look for damage, `find` and `repair`; what they need is imported inside them."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.cli.flags import takes_options
from partialconv.cli.search import ALL, InfraredFile, Kinds, Largest, NoInfrared, Sensitivity, Yes, search_of
from partialconv.cli.terminal import Overwrite, progress_after
from partialconv.errors import InputError
from partialconv.filling import FillOptions

if TYPE_CHECKING:
    from PIL import Image

    from partialconv.finding import Found


def find(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The .png file for the holes, or a folder for several.",
            show_default="photo-holes.png beside photo.jpg",
        ),
    ] = None,
    kind: Kinds = ALL,
    sensitivity: Sensitivity = 0.5,
    largest: Largest = None,
    infrared: InfraredFile = None,
    no_infrared: NoInfrared = False,
    overlay: Annotated[
        Path | None, typer.Option(help="Also write the photo with the finds in red: a .png file; for one photo.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all finds as JSON, one line for each photo.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Find damage in photos, and write it as holes to look at, to correct and to fill.

    The exit code is 1 if nothing was found in a photo; no file is then written for it.
    """
    from partialconv.filling.found import finds_of
    from partialconv.imageio import check_destination, read_photo
    from partialconv.imageio.atomic import write_picture, write_whole
    from partialconv.imageio.bilevel import encode_png

    search = search_of(kind, sensitivity, largest, infrared, no_infrared)
    paths = _photos(photos, search.infrared is True)
    if len(paths) > 1 and infrared is not None:
        raise InputError(f"--infrared is the image of one photo, and {len(paths)} were named.")
    if len(paths) > 1 and overlay is not None:
        raise InputError(f"--overlay is for one photo, and {len(paths)} were named.")
    if len(paths) > 1 and output is not None and not output.is_dir():
        raise InputError(f"{output} is no folder, and holes of {len(paths)} photos go into one: make it first.")
    targets = [_holes_of(path, output) for path in paths]
    twice = [name for name, count in Counter(targets).items() if count > 1]
    if twice:
        raise InputError(f"two photos would both write {twice[0]}: name them apart, or run them one by one.")
    for target in [*targets, *filter(None, [overlay])]:
        check_destination(target, overwrite)
        if target.suffix.lower() != ".png":
            raise InputError(f"cannot write {target}: it is a .png file.")
    nothing = False
    for path, target in zip(paths, targets, strict=True):
        with progress_after() as show:
            show.begin("find")
            found = search.of(read_photo(path), lambda _, done, total, show=show: show.progress(done / total))  # type: ignore[misc]
        if found.parts:
            write_whole(target, encode_png(found.hole))
            if overlay is not None:
                write_picture(overlay, _overlaid(path, found), overwrite)
        nothing = nothing or not found.parts
        if as_json:
            parts = [part.as_dict() for part in found.parts]
            print(json.dumps({"photo": str(path), "holes": str(target) if parts else None, "parts": parts}))
        else:
            print(f"{path}: {finds_of(found)}" + (f": {target}" if found.parts else ""))
    if nothing:
        sys.exit(1)


@takes_options("model", "grow_px", "grain", "ringing", "copy", "runtime", "device", "precision")
def repair(
    photo: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file or folder to write to.", show_default="photo-filled.jpg"),
    ] = None,
    kind: Kinds = ALL,
    sensitivity: Sensitivity = 0.5,
    largest: Largest = None,
    infrared: InfraredFile = None,
    no_infrared: NoInfrared = False,
    before_after: Annotated[
        Path | None, typer.Option(help="Also write the photo and the result side by side: a .png file.")
    ] = None,
    yes: Yes = False,
    overwrite: Overwrite = False,
    *,
    options: FillOptions,
) -> None:
    """Find damage in a photo and fill it. What is found is not always damage: look at the result.

    The exit code is 1 if nothing was found; no file is then written.
    """
    from partialconv.filling.found import FindsError
    from partialconv.filling.job import FillJob, fill_file
    from partialconv.filling.naming import output_for
    from partialconv.filling.watching import Watcher
    from partialconv.imageio import check_destination
    from partialconv.imageio.atomic import write_picture

    search = search_of(kind, sensitivity, largest, infrared, no_infrared)
    target = output_for(photo, output)
    check_destination(target, overwrite)
    if before_after is not None:
        check_destination(before_after, overwrite)
        if before_after.suffix.lower() != ".png":
            raise InputError(f"cannot write {before_after}: it is a .png file.")
    with progress_after() as show:

        class Teller(Watcher):
            def begin(self, step: str) -> None:
                show.begin(step)

            def progress(self, share: float) -> None:
                show.progress(share)

            def remarked(self, remark: str) -> None:
                show.print(f"partialconv: warning: {remark}.")

        job = FillJob(photo, target, None, options, overwrite, search=search, anything=yes)
        try:
            filling = fill_file(job, watcher=Teller())
        except FindsError as error:
            if error.finds.parts:
                raise
            show.end()
            print(error)
            sys.exit(1)
        show.end()
    if before_after is not None:
        write_picture(before_after, _side_by_side(photo, target), overwrite)
    print(f"{photo}: {filling.report.finds}; filled in {filling.timings_s['fill']:.1f} s: {target}")


def _photos(given: Sequence[Path], infrared: bool) -> list[Path]:
    """The photos that were named, and those of the folders that were named, without their infrared images."""
    from partialconv.imageio.formats import FORMAT_OF_SUFFIX
    from partialconv.imageio.infrared import without_infrared

    found = []
    for path in given:
        if path.is_dir():
            inside = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in FORMAT_OF_SUFFIX)
            if not inside:
                raise InputError(f"no photos in {path}: name a folder that holds some.")
            found += without_infrared(inside) if infrared else inside
        else:
            found.append(path)
    return found


def _holes_of(photo: Path, output: Path | None) -> Path:
    if output is not None and not output.is_dir():
        return output
    return (output or photo.parent) / f"{photo.stem}-holes.png"


def _overlaid(photo: Path, found: "Found") -> "Image.Image":
    import numpy as np
    from PIL import Image

    from partialconv.imageio import read_photo

    picture = np.array(read_photo(photo).shown.image.convert("RGB"))
    picture[found.hole] = (255, 0, 0)
    return Image.fromarray(picture)


def _side_by_side(before: Path, after: Path) -> "Image.Image":
    from PIL import Image

    from partialconv.imageio import read_photo

    first, second = (read_photo(path).shown.image.convert("RGB") for path in (before, after))
    picture = Image.new("RGB", (first.width + second.width, first.height))
    picture.paste(first, (0, 0))
    picture.paste(second, (first.width, 0))
    return picture
