"""The commands, put together; each imports what it needs inside itself, so that `--help` is quick."""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import Annotated

import typer

from partialconv import __version__
from partialconv.cli.bench import bench
from partialconv.cli.fill import batch, fill
from partialconv.cli.find import find, repair
from partialconv.cli.masks import doctor, masks_app
from partialconv.cli.plain import PlainCommand
from partialconv.cli.serve import serve
from partialconv.cli.train import average, convert, export, models, pack, slim, train, train_finder
from partialconv.cli.video import video
from partialconv.errors import InputError
from partialconv.privacy import keep_fonts_apart

COMPLETION = "_PARTIALCONV_COMPLETE"  # set while a shell completes a line
HELP = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    help="Fill irregular holes in photos with partial convolutions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
# the command that has to be quick, without the others: to build them, and to read a line of theirs, takes as long
# as to import NumPy
alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=HELP)
# lines at the end of a command's help; Typer takes what an empty line parts as lines
EXAMPLES = {
    fill: (
        "partialconv fill photo.jpg holes.png",
        "partialconv fill photo.jpg holes.png -o results/ --grow=2",
        "partialconv fill photo.jpg holes.png --dry-run",
        "cat photo.jpg | partialconv fill - holes.png > filled.jpg",
    ),
    batch: (
        "partialconv batch photos/ holes/ -o results/",
        "partialconv batch photos/ stamp.png --anchor=bottom-right -o results/",
        "partialconv batch photos/ holes/ -o results/ --resume",
        "partialconv batch scans/ --find --kind=dust,scratches -o results/",
    ),
    video: (
        "partialconv video clip.mp4 --frame frame.png",
        "partialconv video clip.mp4 holes.png -o filled.mp4",
    ),
    find: (
        "partialconv find photo.jpg --overlay look.png",
        "partialconv find scans/ -o holes/ --kind=dust,scratches",
    ),
    repair: ("partialconv repair photo.jpg --before-after look.png",),
    serve: (
        "partialconv serve --open",
        "partialconv serve --host 0.0.0.0",
    ),
    doctor: ("partialconv doctor holes.png photo.jpg",),
    train: (
        "partialconv train recipe.toml --data photos/ --out run/",
        "partialconv train recipe.toml --data photos/ --out run/ --resume",
    ),
    export: ("partialconv export run/ -o model.onnx",),
}

app.add_typer(masks_app, name="masks")


def main() -> None:
    """Run the command line; wrong input is one line on standard error and exit code 2."""
    keep_fonts_apart()
    # a second thread of NumPy's BLAS would spin while the network works; what is multiplied here is small
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        if sys.argv[1:2] == ["fill"] and COMPLETION not in os.environ:
            alone(sys.argv[2:], prog_name="partialconv fill")
        app(prog_name="partialconv")
    except (InputError, ImportError, OSError) as error:
        print(f"partialconv: {error}", file=sys.stderr)
        sys.exit(2)
    except (ArithmeticError, MemoryError) as error:
        print(f"partialconv: {error or 'out of memory'}", file=sys.stderr)
        sys.exit(1)


def run() -> None:
    """`main` as a process of its own, which ends at once: to take all modules apart takes a tenth of a small fill."""
    try:
        main()
    except SystemExit as end:
        others = [thread for thread in threading.enumerate() if not thread.daemon]
        if isinstance(end.code, int | None) and others == [threading.main_thread()]:
            with suppress(AttributeError, OSError, ValueError):  # of outputs that are closed: Python speaks of them
                atexit._run_exitfuncs()
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code or 0)
        raise


def _version(asked: bool) -> None:
    if asked:
        print(f"partialconv {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Fill irregular holes in photos with partial convolutions."""


for command in (
    fill,
    batch,
    video,
    find,
    repair,
    serve,
    doctor,
    bench,
    train,
    train_finder,
    pack,
    slim,
    average,
    export,
    models,
    convert,
):
    epilog = "\n\n".join(["Examples:", *EXAMPLES[command]]) if command in EXAMPLES else None
    app.command(epilog=epilog)(command)
    if command is fill:
        alone.command(epilog=epilog, cls=PlainCommand)(command)
