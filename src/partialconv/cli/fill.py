"""The commands that fill photos, `fill` and `batch`; what they need is imported inside them."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.cli.flags import takes_options
from partialconv.cli.search import ALL, Kinds, Largest, NoInfrared, Sensitivity, Yes, search_of
from partialconv.cli.streams import STREAM, Streams
from partialconv.cli.terminal import Overwrite, progress_after
from partialconv.errors import InputError
from partialconv.filling import FillOptions

if TYPE_CHECKING:
    from partialconv.masks import Diagnosis

REPORT = "report.jsonl"


@takes_options()
def fill(
    photo: Annotated[
        Path,
        typer.Argument(
            help="The photo: JPEG, PNG, WebP, TIFF, BMP, AVIF, GIF or HEIC; - = standard input.", show_default=False
        ),
    ],
    holes: Annotated[
        Path | None,
        typer.Argument(help="A picture drawn over it; white = fill; - = standard input.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file or folder to write to; - = standard output.",
            show_default="photo-filled.jpg beside photo.jpg",
        ),
    ] = None,
    confidence: Annotated[
        Path | None, typer.Option(help="Also write how near to known pixels each pixel was: a grey .png.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan with time and memory, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    overwrite: Overwrite = False,
    *,
    options: FillOptions,
) -> None:
    """Fill the holes of a photo, and keep the rest."""
    from partialconv.filling.opening import Opening

    opening = None if dry_run else Opening(options)  # beside the imports that follow
    from partialconv.filling.job import FillJob, fill_file
    from partialconv.filling.naming import output_for, suffix_for
    from partialconv.filling.watching import Watcher

    streamed = output == STREAM or (output is None and photo == STREAM)
    if streamed and as_json:
        raise InputError("--json and the photo would both go to standard output: add -o FILE.")
    with Streams() as streams, progress_after() as show:

        class Teller(Watcher):
            def begin(self, step: str) -> None:
                show.begin(step)

            def progress(self, share: float) -> None:
                show.progress(share)

            def found(self, diagnosis: "Diagnosis") -> None:
                if not as_json:
                    show.print(*(streams.named(f"partialconv: warning: {finding}") for finding in diagnosis.findings))

            def remarked(self, remark: str) -> None:
                if not as_json:
                    show.print(streams.named(f"partialconv: warning: {remark}."))

        source, marks = streams.read(photo, holes)
        assert source is not None
        if dry_run and output is None:
            target = source.with_suffix(suffix_for(source))
        else:
            target = streams.write(suffix_for(source)) if streamed else output_for(source, output)
        job = FillJob(source, target, marks, options, overwrite, confidence)
        if dry_run:
            if output is not None:
                job.check()
            from partialconv.filling.estimate import estimate_file

            told = estimate_file(job, Teller())
            show.end()
            print(json.dumps(told.as_dict()) if as_json else "\n".join(told.lines()))
            return
        filling = fill_file(job, watcher=Teller(), opening=opening)
        show.end()
        report = filling.report
        line = (
            f"{photo}: filled {report.hole_ratio:.2%} of {report.width}x{report.height} pixels "
            f"in {filling.seconds:.1f} s: {'standard output' if streamed else target}"
        )
        if as_json:
            line = json.dumps({"photo": str(photo)} | filling.as_dict())
        print(line, file=sys.stderr if streamed else sys.stdout)


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
    find: Annotated[bool, typer.Option("--find", help="Look for damage in each photo, and fill it.")] = False,
    kind: Kinds = ALL,
    sensitivity: Sensitivity = 0.5,
    largest: Largest = None,
    no_infrared: NoInfrared = False,
    yes: Yes = False,
    *,
    options: FillOptions,
) -> None:
    """Fill a folder of photos; one that fails stops none, and makes the exit code 1.

    With --find, damage is looked for; a photo without any is not written, and is no failure.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from partialconv.filling.batch import Filler, Settings, work, work_on_ray
    from partialconv.filling.listing import list_work
    from partialconv.imageio import discard_unfinished

    if output is None:
        raise InputError("batch needs a folder for its results: -o OUT.")
    if [holes is not None, options.hole_from_alpha, find].count(True) != 1:
        raise InputError(
            "batch needs holes: a folder or a picture of them, or --holes-from-alpha, or --find, and only one of these."
        )
    chosen = (kind, sensitivity, largest, no_infrared, yes)
    if not find and chosen != (ALL, 0.5, None, False, False):
        raise InputError("--kind, --sensitivity, --largest, --no-infrared and --yes are for --find: add it.")
    search = search_of(kind, sensitivity, largest, None, no_infrared) if find else None
    if resume and overwrite:
        raise InputError("--resume keeps existing results and --overwrite replaces them: choose one.")
    items = list_work(photos, holes, output, infrared=find and not no_infrared)
    settings = Settings(options, overwrite, resume, search, yes)
    results = work(items, Filler(settings), workers) if ray is None else work_on_ray(items, settings, ray)
    output.mkdir(parents=True, exist_ok=True)
    counts = {"filled": 0, "skipped": 0, "failed": 0, "clean": 0, "left": 0, "ignored": 0}
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
                error = result.error if result.status != "ignored" else ""
                for line in [*(f"warning: {finding}" for finding in result.findings), *filter(None, [error])]:
                    told = line if result.photo in line else f"{result.photo}: {line}"
                    progress.console.print(told, markup=False, highlight=False, soft_wrap=True)
                progress.advance(task)
    except KeyboardInterrupt:
        print(f"partialconv: stopped with {_told(counts)} of {len(items)} files: go on with --resume.", file=sys.stderr)
        sys.stderr.flush()
        discard_unfinished()
        os._exit(130)  # photos that are being filled would be waited for
    print(f"{_told(counts)}; {output / REPORT}")
    if counts["failed"] or counts["left"]:
        sys.exit(1)


def _told(counts: dict[str, int]) -> str:
    """Counts in words; those that are rarely more than zero only if they are."""
    return ", ".join(f"{n} {status}" for status, n in counts.items() if n or status not in ("clean", "left", "ignored"))
