"""The command line: one short function for each command; what they need is imported inside them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from partialconv import __version__
from partialconv.cli_masks import Grow, HoleColorOption, Strict, doctor, masks_app, tell
from partialconv.errors import InputError

app = typer.Typer(
    help="Fill irregular holes in photos with partial convolutions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(masks_app, name="masks")

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


def main() -> None:
    """Run the command line; wrong input is one line on standard error and exit code 2."""
    try:
        app()
    except (InputError, ImportError, OSError) as error:
        print(f"partialconv: {error}", file=sys.stderr)
        sys.exit(2)
    except (ArithmeticError, MemoryError) as error:
        print(f"partialconv: {error or 'out of memory'}", file=sys.stderr)
        sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        print(f"partialconv {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Fill irregular holes in photos with partial convolutions."""


@app.command()
def fill(
    photo: Annotated[Path, typer.Argument(help="The photo: JPEG, PNG, WebP, TIFF or BMP, 8 bits.", show_default=False)],
    holes: Annotated[Path, typer.Argument(help="A picture drawn over it; white = fill.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the result.", show_default=False)],
    model: Annotated[Path | None, typer.Option(help="A file of `partialconv export`.", show_default="shipped")] = None,
    overwrite: Overwrite = False,
    hole_color: HoleColorOption = "white",
    grow: Grow = 0,
    strict: Strict = False,
) -> None:
    """Fill the holes of a photo, and keep the rest."""
    from partialconv.api import fill_image
    from partialconv.imageio import check_destination, read_photo, write_photo
    from partialconv.inference import Inpainter
    from partialconv.masks import read_hole

    check_destination(output, overwrite)
    source = read_photo(photo)
    found = read_hole(holes, source, hole_color, grow)
    hole = found.accept(strict)
    tell(found.findings)
    filled = fill_image(Inpainter(model), source.image, hole)
    write_photo(source, filled, hole, output, overwrite)


app.command()(doctor)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML file, e.g. recipes/first.toml.", show_default=False)],
    data: Annotated[Path, typer.Option(help="Folder of photos, searched recursively.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and samples.", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
) -> None:
    """Train a network on a folder of photos."""
    from partialconv.errors import require_torch
    from partialconv.training.allocator import keep_memory

    require_torch("partialconv train")
    keep_memory()
    from partialconv.training.recipe import load_recipe
    from partialconv.training.trainer import train as run_training

    loaded = load_recipe(recipe)
    steps = run_training(loaded, data, out, resume)
    if steps < loaded.training.num_steps:
        print(f"stopped after step {steps} of {loaded.training.num_steps}; go on with --resume")
    else:
        print(f"{steps} steps done; next: partialconv export {out} -o model.onnx")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The --out folder of a training run.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file.", show_default=False)],
    overwrite: Overwrite = False,
) -> None:
    """Write a trained network as an ONNX file for `partialconv fill --model`."""
    from partialconv.errors import require_torch

    require_torch("partialconv export")
    from partialconv.export import export as run_export

    difference = run_export(run, output, overwrite)
    size = output.stat().st_size / 1e6
    print(f"{output}: {size:.1f} MB; weights in half precision change values by at most {difference:.2g}")
