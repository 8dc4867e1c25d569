"""The commands that fill photos, `fill` and `batch`; what they need is imported inside them."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.cli_masks import Grow, HoleColorOption, Strict, tell
from partialconv.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from partialconv.inference import Inpainter

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
Model = Annotated[
    Path | None,
    typer.Option(help="A file of `partialconv export`, or a name: see `models`.", show_default="shipped"),
]
RuntimeOption = Annotated[str, typer.Option("--runtime", help="onnxruntime, torch or openvino.")]
Device = Annotated[str | None, typer.Option(help="Of torch: cpu, cuda, mps.", show_default="CPU")]
Precision = Annotated[str, typer.Option(help="fp32, or bf16 with torch and openvino.")]
Grain = Annotated[bool, typer.Option("--grain/--no-grain", help="Continue the photo's grain into the fill.")]
REPORT = "report.jsonl"


def fill(
    photo: Annotated[Path, typer.Argument(help="The photo: JPEG, PNG, WebP, TIFF or BMP.", show_default=False)],
    holes: Annotated[Path, typer.Argument(help="A picture drawn over it; white = fill.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the result.", show_default=False)],
    model: Model = None,
    confidence: Annotated[
        Path | None, typer.Option(help="Also write how near to known pixels each pixel was: a grey .png.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan with time and memory, and stop.")] = False,
    overwrite: Overwrite = False,
    hole_color: HoleColorOption = "white",
    grow: Grow = 0,
    strict: Strict = False,
    grain: Grain = True,
    runtime: RuntimeOption = "onnxruntime",
    device: Device = None,
    precision: Precision = "fp32",
) -> None:
    """Fill the holes of a photo, and keep the rest."""
    from partialconv.api import fill_photo
    from partialconv.imageio import check_destination, read_photo, write_photo
    from partialconv.inference import Inpainter, open_runtime
    from partialconv.masks import read_hole
    from partialconv.zoo import model_path

    check_destination(output, overwrite)
    if confidence is not None:
        check_destination(confidence, overwrite)
        if confidence.suffix.lower() != ".png":
            raise InputError(f"cannot write {confidence}: confidence is a .png file.")
    source = read_photo(photo, output)
    found = read_hole(holes, source, hole_color, grow)
    hole = found.accept(strict)
    tell(found.findings)
    network = model_path(model)
    inpainter = Inpainter(network, open_runtime(runtime, network, device, precision))
    if dry_run:
        _tell_plan(inpainter, hole)
        return
    filled = fill_photo(inpainter, source, hole, grain)
    del inpainter  # its memory is worth more to the writer of a large photo
    if loss := write_photo(source, filled, hole, output, overwrite):
        tell([loss])
    if confidence is not None:
        _write_confidence(hole, source.orientation, confidence, overwrite)


def _tell_plan(inpainter: "Inpainter", hole: "NDArray[np.bool_]") -> None:
    steps = inpainter.plan(hole)
    print(f"hole: {hole.mean():.2%} of {hole.shape[1]}x{hole.shape[0]} pixels")
    for stage in steps.stages:
        crops = [crop.window for batch in stage.batches for crop in batch]
        if crops:
            megapixels = sum(window.num_pixels for window in crops) / 1e6
            height, width = max((window.shape for window in crops), key=lambda shape: shape[0] * shape[1])
            at = "full size" if stage.scale == 1 else f"1/{stage.scale} of the size"
            print(f"at {at}: {len(crops)} crops, the largest {width}x{height}, {megapixels:.2f} megapixels")
    seconds, memory_mb = inpainter.estimate(steps)
    print(f"about {seconds:.2g} s and {max(1, memory_mb):.0f} MB on this machine, beside reading and writing the photo")


def _write_confidence(hole: "NDArray[np.bool_]", orientation: int, path: Path, overwrite: bool) -> None:
    """Write it as the photo is shown, white = known."""
    from PIL import ExifTags, Image, ImageOps

    from partialconv.imageio import unfinished
    from partialconv.inference import confidence

    picture = Image.fromarray((confidence(hole) * 255).round().astype("uint8"))
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    with unfinished(path, overwrite) as temporary:
        ImageOps.exif_transpose(picture).save(temporary, "PNG")


def batch(
    photos: Annotated[Path, typer.Argument(help="A folder of photos, and of folders.", show_default=False)],
    holes: Annotated[
        Path | None, typer.Argument(help="A folder of the same names, or one picture for all.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to.", show_default=False)
    ] = None,
    holes_from_alpha: Annotated[
        bool, typer.Option("--holes-from-alpha", help="Fill what is transparent; it becomes opaque.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Photos at a time.")] = 2,
    ray: Annotated[str | None, typer.Option(help="A Ray cluster that sees the same files, e.g. auto.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip the photos whose result exists.")] = False,
    model: Model = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")] = False,
    hole_color: HoleColorOption = "white",
    grow: Grow = 0,
    strict: Strict = False,
    grain: Grain = True,
    runtime: RuntimeOption = "onnxruntime",
    device: Device = None,
    precision: Precision = "fp32",
) -> None:
    """Fill a folder of photos; one that fails stops none, and makes the exit code 1."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from partialconv.batch import Settings, Worker, list_work, work, work_on_ray
    from partialconv.imageio import discard_unfinished

    if output is None:
        raise InputError("batch needs a folder for its results: -o OUT.")
    if (holes is None) != holes_from_alpha:
        raise InputError("batch needs holes: a folder or a picture of them, or --holes-from-alpha, and not both.")
    if resume and overwrite:
        raise InputError("--resume keeps existing results and --overwrite replaces them: choose one.")
    jobs = list_work(photos, holes, output)
    settings = Settings(model, hole_color, grow, strict, grain, overwrite, resume, runtime, device, precision)
    results = work(jobs, Worker(settings), workers) if ray is None else work_on_ray(jobs, settings, ray)
    output.mkdir(parents=True, exist_ok=True)
    counts = {"filled": 0, "skipped": 0, "failed": 0}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        with (
            (output / REPORT).open("a" if resume else "w", encoding="utf-8") as report,
            Progress(*columns, console=Console(stderr=True)) as progress,
        ):
            task = progress.add_task("filling", total=len(jobs))
            for result in results:
                counts[result.status] += 1
                report.write(result.line() + "\n")
                report.flush()
                for line in [*(f"warning: {finding}" for finding in result.findings), *filter(None, [result.error])]:
                    told = line if result.photo in line else f"{result.photo}: {line}"
                    progress.console.print(told, markup=False, highlight=False, soft_wrap=True)
                progress.advance(task)
    except KeyboardInterrupt:
        done = ", ".join(f"{number} {status}" for status, number in counts.items())
        print(f"partialconv: stopped with {done} of {len(jobs)} photos: go on with --resume.", file=sys.stderr)
        sys.stderr.flush()
        discard_unfinished()
        os._exit(130)  # photos that are being filled would be waited for
    print(", ".join(f"{number} {status}" for status, number in counts.items()) + f"; {output / REPORT}")
    if counts["failed"] > 0:
        sys.exit(1)
