"""The commands around masks, `partialconv masks ...` and `doctor`; what they need is imported inside them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from partialconv.cli.flags import takes_options
from partialconv.cli.terminal import Overwrite, bar
from partialconv.errors import InputError
from partialconv.filling import FillOptions

if TYPE_CHECKING:
    from partialconv.masks.sets import MaskOrder, MaskRow

masks_app = typer.Typer(help="Make, import and look at masks.", no_args_is_help=True)

OutFolder = Annotated[Path, typer.Option("--output", "-o", help="A new folder.", show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same masks.")]
Kinds = Annotated[
    str,
    typer.Option(
        help="E.g. strokes=0.5,brush=0.5; of strokes, thin, flow, lama-thin, lama-medium, lama-thick, brush, boxes.",
        show_default="strokes, or flow with --raw",
    ),
]
Raw = Annotated[Path | None, typer.Option(help="Folder of `masks flow`, for the kind flow.", show_default=False)]
Size = Annotated[int, typer.Option(min=32, help="Side in pixels.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes.", show_default="one for each core")]
NUM_COUNTED = 300  # holes that the histogram of a recipe counts
NUM_CORES = os.cpu_count() or 1


@takes_options("hole_color", "grow_px", "strict")
def doctor(
    holes: Annotated[Path, typer.Argument(help="A picture that marks a hole.", show_default=False)],
    photo: Annotated[Path | None, typer.Argument(help="The photo whose hole it is.", show_default=False)] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write the clean hole to --output.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .png file.", show_default=False)] = None,
    overwrite: Overwrite = False,
    *,
    options: FillOptions,
) -> None:
    """Say what is wrong with the picture of a hole, and write a clean one."""
    from partialconv.imageio import check_destination, encode_png, read_photo, write_whole
    from partialconv.masks import read_hole

    if fix != (output is not None):
        raise InputError("--fix and --output FILE.png go together: give both, or neither.")
    if output is not None:
        check_destination(output, overwrite)
        if output.suffix.lower() != ".png":
            raise InputError(f"cannot write {output}: a clean hole is a .png file.")
    found = read_hole(holes, None if photo is None else read_photo(photo), options.hole_color, options.grow_px)
    for finding in found.findings:
        print(f"{finding.code}: {finding}")
    if options.strict or fix:
        hole = found.accept(options.strict)
    if output is not None:
        write_whole(output, encode_png(hole))
        print(f"{output}: {hole.mean():.1%} of {hole.shape[1]}x{hole.shape[0]} pixels are hole")
    elif not found.findings:
        print(f"{holes} is clean: {found.hole.mean():.1%} of it is hole")


@masks_app.command()
def flow(
    sources: Annotated[
        list[Path], typer.Argument(help="Videos; or flows, FORWARD.flo BACKWARD.flo.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder; goes on in it.", show_default=False)],
    method: Annotated[
        Literal["dis", "deepflow"], typer.Option("--flow", help="How motion is estimated; deepflow is slow.")
    ] = "dis",
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Take each N-th pair of frames.")] = 1,
    count: Annotated[
        int | None, typer.Option(min=0, help="Finished masks to make.", show_default="one for each raw mask")
    ] = None,
    size: Size = 512,
    seed: Seed = 0,
    workers: Workers = NUM_CORES,
) -> None:
    """Make masks of the occlusions and motion boundaries in videos, as the paper's were made.

    OUTPUT/raw holds them as found, for --raw of other commands; OUTPUT/masks dilated, turned and cropped.
    """
    from partialconv.masks.augment import raw_files
    from partialconv.masks.sets import free_orders
    from partialconv.masks.video import extract_raw

    if (out / "masks").exists() and count != 0:
        raise InputError(f"{out / 'masks'} exists: remove it, or add --count 0 for raw masks alone.")
    with bar("frame pairs") as advance:
        result = extract_raw(sources, out, method, every, lambda name, done, total: advance(done, total or None, name))
    print(f"{result.folder}: {result.num_new} new raw masks, {result.num_kept} were there")
    raw_files.cache_clear()
    number = len(raw_files(out)) if count is None else count
    if number:
        _make(free_orders(number, seed), out / "masks", {"flow": 1.0}, out, size, workers)


@masks_app.command()
def benchmark(
    out: OutFolder,
    count: Annotated[int, typer.Option(min=1, help="Masks of each of the 12 groups.")] = 1000,
    seed: Seed = 0,
    raw: Raw = None,
    kinds: Kinds = "",
    size: Size = 512,
    workers: Workers = NUM_CORES,
) -> None:
    """Make the paper's test set: six bins of hole ratio, each away from the border and anywhere."""
    from partialconv.masks.sets import benchmark_orders

    _make(benchmark_orders(count, seed, size), out, _mixture(kinds, raw), raw, size, workers)


@masks_app.command()
def training(
    out: OutFolder,
    count: Annotated[int, typer.Option(min=1, help="Number of masks.")] = 55_116,
    seed: Seed = 0,
    raw: Raw = None,
    kinds: Kinds = "",
    size: Size = 512,
    workers: Workers = NUM_CORES,
) -> None:
    """Make a training set: the six bins of hole ratio in turn."""
    from partialconv.masks.sets import training_orders

    _make(training_orders(count, seed), out, _mixture(kinds, raw), raw, size, workers)


@masks_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A folder, zip or tar file.", show_default=False)],
    out: OutFolder,
    kind: Annotated[
        Literal["nvidia-test", "nvidia-training", "qd-imd", "white", "black"],
        typer.Option(help="Whose masks they are, or the colour of their holes.", show_default=False),
    ],
) -> None:
    """Bring published masks into the form of this project, with a manifest."""
    from partialconv.masks.published import import_masks

    with bar("masks") as advance:
        rows = import_masks(source, out, kind, lambda done: advance(done, None, source.name))
    _summary(out, rows)


@masks_app.command()
def show(
    source: Annotated[Path, typer.Argument(help="A recipe (.toml) or a folder of masks.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png file.", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="Masks on the sheet.")] = 48,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Show what training sees: a contact sheet of holes, and a histogram of their ratios."""
    from partialconv.imageio import check_destination, write_picture
    from partialconv.masks.mixture import sample_hole
    from partialconv.masks.sheet import contact_sheet, holes_of_folder

    check_destination(output, overwrite)
    if source.is_dir():
        holes, ratios = holes_of_folder(source, count)
    else:
        from partialconv.errors import require_torch

        require_torch("partialconv masks show RECIPE")
        from partialconv.training.recipe import load_recipe

        data = load_recipe(source).data
        size, numbers = (data.crop_px, data.crop_px), range(max(count, NUM_COUNTED))
        holes = [sample_hole(size, (seed, n), data.holes, data.hole_ratio, data.flow_folder) for n in numbers]
        ratios = [float(hole.mean()) for hole in holes]
    write_picture(output, contact_sheet(holes[:count], ratios), overwrite)
    print(f"{output}: {min(count, len(holes))} holes")
    _histogram(ratios)


def _mixture(kinds: str, raw: Path | None) -> dict[str, float]:
    """Read "strokes=0.5,flow=0.5", or "boxes" for boxes alone."""
    mixture = {}
    for part in (kinds or ("flow" if raw else "strokes")).split(","):
        name, _, weight = part.partition("=")
        try:
            mixture[name.strip()] = float(weight or 1)
        except ValueError as error:
            raise InputError(f"{part!r} is not a weight, expected e.g. --kinds strokes=0.5,flow=0.5.") from error
    return mixture


def _make(
    orders: "list[MaskOrder]", out: Path, mixture: dict[str, float], raw: Path | None, size: int, workers: int
) -> None:
    from partialconv.masks.sets import write_set

    with bar("masks") as advance:
        rows = write_set(orders, out, mixture, raw, size, workers, lambda done: advance(done, len(orders), out.name))
    _summary(out, rows)


def _summary(out: Path, rows: "list[MaskRow]") -> None:
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: {len(rows)} masks and manifest.csv, {size / 1e6:.1f} MB")
    _histogram([float(row.ratio) for row in rows])


def _histogram(ratios: list[float]) -> None:
    from rich.console import Console
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table("hole ratio", "masks", "", box=None)
    counts = [sum(low / 10 < ratio <= (low + 1) / 10 for ratio in ratios) for low in range(10)]
    for low, number in enumerate(counts):
        table.add_row(f"{low / 10:g}-{(low + 1) / 10:g}", str(number), ProgressBar(max(counts) or 1, number, width=40))
    Console().print(table)
