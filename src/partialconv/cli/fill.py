"""The commands that fill photos, `fill` and `batch`; what they need is imported inside them."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.cli.flags import takes_options
from partialconv.cli.terminal import Overwrite, tell
from partialconv.errors import InputError
from partialconv.filling import FillOptions

if TYPE_CHECKING:
    from partialconv.conventions import Hole
    from partialconv.inference import Inpainter
    from partialconv.masks import Diagnosis

REPORT = "report.jsonl"


@takes_options()
def fill(
    photo: Annotated[Path, typer.Argument(help="The photo: JPEG, PNG, WebP, TIFF or BMP.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the result.", show_default=False)],
    holes: Annotated[
        Path | None, typer.Argument(help="A picture drawn over it; white = fill.", show_default=False)
    ] = None,
    confidence: Annotated[
        Path | None, typer.Option(help="Also write how near to known pixels each pixel was: a grey .png.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan with time and memory, and stop.")] = False,
    overwrite: Overwrite = False,
    *,
    options: FillOptions,
) -> None:
    """Fill the holes of a photo, and keep the rest."""
    from partialconv.filling.job import FillJob, fill_file, open_inpainter, read_job
    from partialconv.filling.watching import Watcher

    class Teller(Watcher):
        def found(self, diagnosis: "Diagnosis") -> None:
            tell(diagnosis.findings)

    job = FillJob(photo, output, holes, options, overwrite, confidence)
    if dry_run:
        job.check()
        _, found = read_job(job)
        hole = found.accept(options.strict)
        tell(found.findings)
        _tell_plan(open_inpainter(options), hole)
    else:
        filling = fill_file(job, watcher=Teller())
        tell(filter(None, [filling.report.loss]))


def _tell_plan(inpainter: "Inpainter", hole: "Hole") -> None:
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


@takes_options()
def batch(
    photos: Annotated[Path, typer.Argument(help="A folder of photos, and of folders.", show_default=False)],
    holes: Annotated[
        Path | None, typer.Argument(help="A folder of the same names, or one picture for all.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Photos at a time.")] = 2,
    ray: Annotated[str | None, typer.Option(help="A Ray cluster that sees the same files, e.g. auto.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip the photos whose result exists.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")] = False,
    *,
    options: FillOptions,
) -> None:
    """Fill a folder of photos; one that fails stops none, and makes the exit code 1."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from partialconv.filling.batch import Filler, Settings, list_work, work, work_on_ray
    from partialconv.imageio import discard_unfinished

    if output is None:
        raise InputError("batch needs a folder for its results: -o OUT.")
    if (holes is None) != options.hole_from_alpha:
        raise InputError("batch needs holes: a folder or a picture of them, or --holes-from-alpha, and not both.")
    if resume and overwrite:
        raise InputError("--resume keeps existing results and --overwrite replaces them: choose one.")
    items = list_work(photos, holes, output)
    settings = Settings(options, overwrite, resume)
    results = work(items, Filler(settings), workers) if ray is None else work_on_ray(items, settings, ray)
    output.mkdir(parents=True, exist_ok=True)
    counts = {"filled": 0, "skipped": 0, "failed": 0}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        with (
            (output / REPORT).open("a" if resume else "w", encoding="utf-8") as report,
            Progress(*columns, console=Console(stderr=True)) as progress,
        ):
            task = progress.add_task("filling", total=len(items))
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
        print(f"partialconv: stopped with {done} of {len(items)} photos: go on with --resume.", file=sys.stderr)
        sys.stderr.flush()
        discard_unfinished()
        os._exit(130)  # photos that are being filled would be waited for
    print(", ".join(f"{number} {status}" for status, number in counts.items()) + f"; {output / REPORT}")
    if counts["failed"] > 0:
        sys.exit(1)
