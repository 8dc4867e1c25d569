"""The commands around training: `train`, `train-finder`, `pack`, `slim`, `average`, `export`, `models`, `convert`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from partialconv.cli.terminal import Overwrite
from partialconv.errors import InputError


def train(
    recipe: Annotated[Path | None, typer.Argument(help="A TOML file, e.g. recipes/paper.toml.")] = None,
    data: Annotated[str | None, typer.Option(help="Folder of photos, or shards: a .tar path or URL.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoint, log, pictures.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    start: Annotated[Path | None, typer.Option(help="A run, file or model to take the first weights from.")] = None,
    val: Annotated[str | None, typer.Option(help="Photos to score on while training.")] = None,
    vgg: Annotated[Path | None, typer.Option(help="VGG16's weights.", show_default="cache of torch.hub")] = None,
    time_limit: Annotated[float | None, typer.Option(help="End the schedule within so many minutes.")] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Show the whole recipe and stop.")] = False,
) -> None:
    """Train a network on photos; under torchrun, on many devices."""
    from partialconv.errors import require_training
    from partialconv.training.allocator import keep_memory

    require_training("partialconv train")
    keep_memory()
    from partialconv.training.recipe import Recipe, load_recipe, recipe_toml

    loaded = load_recipe(recipe) if recipe else Recipe()
    if print_config:
        print(recipe_toml(loaded), end="")
        return
    if recipe is None or data is None or out is None:
        raise InputError(
            "train needs a recipe, --data and --out, e.g. partialconv train my.toml --data DIR --out runs/a"
        )
    if time_limit is not None and time_limit <= 0:
        raise InputError(f"--time-limit is {time_limit:g}, expected minutes, more than 0.")
    from partialconv.training.distributed import World
    from partialconv.training.trainer import train as run_training

    limit_s = None if time_limit is None else 60 * time_limit
    steps, finished = run_training(loaded, data, out, resume, val, vgg, limit_s, start)
    if not World.of_environment().is_first:
        return
    if finished:
        print(f"{steps} steps done; next: partialconv export {out} -o model.onnx")
    else:
        print(f"stopped after step {steps} of {loaded.num_steps}; go on with --resume")


def train_finder(
    recipe: Annotated[Path, typer.Argument(help="A TOML file, e.g. recipes/find.toml.", show_default=False)],
    data: Annotated[list[Path], typer.Option(help="Folder of photos; may be given twice.", show_default=False)],
    damage: Annotated[Path, typer.Option(help="Folder of cut-out damage.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the run; one in it goes on.", show_default=False)],
    time_limit: Annotated[float, typer.Option(help="Minutes of training in all.")] = 60,
) -> None:
    """Train the network that finds damage."""
    import importlib.util

    from partialconv.errors import require_training

    require_training("partialconv train-finder")
    if importlib.util.find_spec("cv2") is None:
        raise ImportError('partialconv train-finder needs OpenCV: pip install "partialconv[bench]".')
    if time_limit <= 0:
        raise InputError(f"--time-limit is {time_limit:g}, expected minutes, more than 0.")
    from partialconv.training.finding import FinderTraining, load_finder_recipe

    training = FinderTraining(load_finder_recipe(recipe), data, damage, out, 60 * time_limit)
    training.run()
    print(
        f"step {training.step} after {training.spent_s / 60:.0f} minutes; next: python benchmarks/find.py export {out}"
    )


def pack(
    data: Annotated[str, typer.Argument(help="Folder of photos, or shards.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .tar file.", show_default=False)],
    max_mb: Annotated[
        float | None, typer.Option(help="Largest size of the file, in MB of 10^6 bytes.", show_default="no limit")
    ] = None,
    px: Annotated[int, typer.Option(help="Shorter side of the packed photos, in pixels.")] = 256,
    part: Annotated[str, typer.Option(help="Which part of how many, e.g. 2/3.")] = "1/1",
    seed: Annotated[int, typer.Option(help="Of the order; the same for all parts.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Pack photos into one small file that `train --data` reads."""
    from collections.abc import Iterator

    from partialconv.errors import require_torch

    require_torch("partialconv pack")
    from rich.console import Console
    from rich.progress import track

    from partialconv.data import open_photos
    from partialconv.data.pack import pack as run_pack

    index, slash, number = part.partition("/")
    if not (slash and index.isdigit() and number.isdigit()):
        raise InputError(f"--part is {part!r}, expected k/n, e.g. 2/3.")

    def progress(results: Iterator[bytes | None], total: int) -> Iterator[bytes | None]:
        yield from track(results, total=total, console=Console(stderr=True))

    photos = open_photos(data, 0)
    packed = run_pack(photos, output, max_mb, px, (int(index), int(number)), seed, overwrite, progress)
    for line in [*photos.notes, *(f"skipped, not readable: {name}" for name in packed.skipped)]:
        print(line, file=sys.stderr)
    size = packed.num_bytes / 1e6
    print(f"{output}: {packed.num} of {packed.num_wanted} photos, {size:.1f} MB")
    if packed.num < packed.num_wanted - len(packed.skipped):
        parts = -(-packed.num_wanted * int(number) // packed.num)
        print(f"they do not all fit: about {parts} parts would, --part 1/{parts} to {parts}/{parts}")


def slim(
    run: Annotated[Path, typer.Argument(help="The --out folder of a training run.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder.", show_default=False)],
    max_mb: Annotated[
        float | None,
        typer.Option(help="Largest size of a file, in MB of 10^6 bytes: more files then.", show_default="one file"),
    ] = None,
) -> None:
    """Write a run's best weights in half precision, to carry, export or go on from."""
    from partialconv.errors import require_torch

    require_torch("partialconv slim")
    from partialconv.imageio import unfinished_folder
    from partialconv.training.checkpoint import load_checkpoint, save_checkpoint

    light = load_checkpoint(run).light()
    with unfinished_folder(output) as folder:
        names = [path.name for path in save_checkpoint(light, folder, max_mb)]
    for path in (output / name for name in names):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def average(
    first: Annotated[Path, typer.Argument(help="The --out folder of a run.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="A run that started from the first one.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder.", show_default=False)],
    share: Annotated[float, typer.Option(help="Of the second run, 0 to 1.")] = 0.5,
) -> None:
    """Mix the weights of two runs: often better than either."""
    from partialconv.errors import require_torch

    require_torch("partialconv average")
    from partialconv.imageio import unfinished_folder
    from partialconv.training.average import average as run_average
    from partialconv.training.checkpoint import load_checkpoint, save_checkpoint

    mixed = run_average(load_checkpoint(first), load_checkpoint(second), share)
    with unfinished_folder(output) as folder:
        save_checkpoint(mixed, folder)
    print(f"{output}: next, partialconv export {output} -o model.onnx")


def export(
    run: Annotated[
        Path,
        typer.Argument(help="The --out folder of a run, a file of `convert`, or an older .onnx.", show_default=False),
    ],
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


def models() -> None:
    """List the installed models, and check their files."""
    from partialconv.zoo import DEFAULT, installed

    for name, model in installed().items():
        size = f"{model.path.stat().st_size / 1e6:.1f} MB" if model.path.is_file() else "missing"
        default = ", default" if name == DEFAULT else ""
        print(f"{name}{default}: {size}, {model.num_parameters:,} parameters; {model.summary}")
        state = "intact" if model.is_intact() else "DAMAGED: install partialconv again"
        print(f"  sha256 {model.sha256}, {state}; card: docs/models/{name}.md")
    if not all(model.is_intact() for model in installed().values()):
        raise typer.Exit(1)


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A file of torch.save, or safetensors.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file.", show_default=False)],
    layout: Annotated[
        str | None,
        typer.Option(help="nvidia, naoto, mmagic or torch-pconv.", show_default="told by the names"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert a checkpoint of another implementation, without running code from it."""
    from partialconv.errors import require_torch

    require_torch("partialconv convert")
    from partialconv.convert import convert as run_conversion
    from partialconv.convert import layout_from

    conversion = run_conversion(checkpoint, output, layout_from(layout), overwrite)
    kept, dropped, network = len(conversion.state), len(conversion.dropped), conversion.network
    print(f"{output}: {kept} tensors of the layout {conversion.layout}; {dropped} dropped")
    if network is None:
        print("next: load them with safetensors.torch.load_file, into PartialConv layers in modules of the same names")
    else:
        print(f"the paper's network, {network['num_levels']} levels, width {network['width']}; next: ", end="")
        print(f"partialconv fill --model {output}, export {output}, or train --start {output}")
