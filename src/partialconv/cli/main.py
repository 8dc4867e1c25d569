"""The commands, put together; each imports what it needs inside itself, so that `--help` is quick."""

import sys
from typing import Annotated

import typer

from partialconv import __version__
from partialconv.cli.bench import bench
from partialconv.cli.fill import batch, fill
from partialconv.cli.masks import doctor, masks_app
from partialconv.cli.serve import serve
from partialconv.cli.train import average, convert, export, models, pack, slim, train
from partialconv.errors import InputError
from partialconv.privacy import keep_fonts_apart

app = typer.Typer(
    help="Fill irregular holes in photos with partial convolutions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(masks_app, name="masks")


def main() -> None:
    """Run the command line; wrong input is one line on standard error and exit code 2."""
    keep_fonts_apart()
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


for command in (fill, batch, serve, doctor, bench, train, pack, slim, average, export, models, convert):
    app.command()(command)
