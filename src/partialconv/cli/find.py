"""The commands that look for damage, `find` and `repair`; what they need is imported inside them."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.cli.flags import takes_options
from partialconv.cli.terminal import Overwrite, progress_after
from partialconv.errors import InputError
from partialconv.filling import FillOptions

if TYPE_CHECKING:
    from PIL import Image

    from partialconv.finding import Found

MOST_SHARE = 0.15  # of a photo that may look damaged before `repair` asks for --yes

Kinds = Annotated[
    str, typer.Option("--kind", help="What to look for, by commas: dust, scratches, cracks, stamp, text.")
]
Sensitivity = Annotated[
    float, typer.Option(min=0, max=1, help="More finds more, and more that is no damage; 0.5 = as measured.")
]
Largest = Annotated[
    int | None, typer.Option("--largest", min=1, help="Leave out finds that are longer than this, in pixels.")
]
ALL = "dust,scratches,cracks,stamp,text"


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
    overlay: Annotated[
        Path | None, typer.Option(help="Also write the photo with the finds in red: a .png file; for one photo.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all finds as JSON, one line for each photo.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Find damage in photos, and write it as holes to look at, to correct and to fill.

    The exit code is 1 if nothing was found in a photo; no file is then written for it.
    """
    from partialconv.finding import find as find_in
    from partialconv.imageio import check_destination
    from partialconv.imageio.atomic import write_picture, write_whole
    from partialconv.imageio.bilevel import encode_png

    paths = _photos(photos)
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
        found = find_in(path, kinds=_split(kind), sensitivity=sensitivity, largest_px=largest)
        if found.parts:
            write_whole(target, encode_png(found.hole))
            if overlay is not None:
                write_picture(overlay, _overlaid(path, found), overwrite)
        nothing = nothing or not found.parts
        if as_json:
            parts = [
                {"kind": part.kind, "box": part.box, "area": part.area, "score": round(part.score, 3)}
                for part in found.parts
            ]
            print(json.dumps({"photo": str(path), "holes": str(target) if parts else None, "parts": parts}))
        else:
            print(f"{path}: {_told(found)}" + (f": {target}" if found.parts else ""))
    if nothing:
        sys.exit(1)


@takes_options("model", "grain", "ringing", "copy", "runtime", "device", "precision")
def repair(
    photo: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file or folder to write to.", show_default="photo-filled.jpg"),
    ] = None,
    kind: Kinds = ALL,
    sensitivity: Sensitivity = 0.5,
    largest: Largest = None,
    before_after: Annotated[
        Path | None, typer.Option(help="Also write the photo and the result side by side: a .png file.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Fill what was found even if it is much of the photo.")] = False,
    overwrite: Overwrite = False,
    *,
    options: FillOptions,
) -> None:
    """Find damage in a photo and fill it. What is found is not always damage: look at the result.

    The exit code is 1 if nothing was found; no file is then written.
    """
    import tempfile

    from partialconv.filling.job import FillJob, fill_file
    from partialconv.filling.naming import output_for
    from partialconv.filling.watching import Watcher
    from partialconv.finding import find as find_in
    from partialconv.imageio import check_destination
    from partialconv.imageio.atomic import write_picture
    from partialconv.imageio.bilevel import encode_png

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

        show.begin("find")
        found = find_in(photo, kinds=_split(kind), sensitivity=sensitivity, largest_px=largest)
        if not found.parts:
            show.end()
            print(f"{photo}: {_told(found)}; nothing was written.")
            sys.exit(1)
        if found.share > MOST_SHARE and not yes:
            raise InputError(
                f"{photo}: {_told(found)}, which is more than is likely: look at it with `partialconv find --overlay`, "
                "lower --sensitivity, or fill it with --yes."
            )
        with tempfile.TemporaryDirectory() as folder:
            holes = Path(folder) / "holes.png"
            holes.write_bytes(encode_png(found.hole))
            job = FillJob(photo, target, holes, replace(options, hole_color="white"), overwrite)
            filling = fill_file(job, watcher=Teller())
        show.end()
    if before_after is not None:
        write_picture(before_after, _side_by_side(photo, target), overwrite)
    print(f"{photo}: {_told(found)}; filled in {filling.seconds:.1f} s: {target}")


def _photos(given: Sequence[Path]) -> list[Path]:
    """The photos that were named, and those of the folders that were named."""
    from partialconv.imageio.formats import FORMAT_OF_SUFFIX

    found = []
    for path in given:
        if path.is_dir():
            inside = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in FORMAT_OF_SUFFIX)
            if not inside:
                raise InputError(f"no photos in {path}: name a folder that holds some.")
            found += inside
        else:
            found.append(path)
    return found


def _holes_of(photo: Path, output: Path | None) -> Path:
    if output is not None and not output.is_dir():
        return output
    return (output or photo.parent) / f"{photo.stem}-holes.png"


def _split(kinds: str) -> list[str]:
    return [kind.strip() for kind in kinds.split(",") if kind.strip()]


def _told(found: "Found") -> str:
    """What was found, in one line."""
    height, width = found.hole.shape
    if not found.parts:
        return f"nothing was found in {width}x{height} pixels"
    kinds = Counter(part.kind for part in found.parts)
    each = ", ".join(f"{count} {name}" for name, count in kinds.most_common())
    return f"found {each}: {found.share:.2%} of {width}x{height} pixels"


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
