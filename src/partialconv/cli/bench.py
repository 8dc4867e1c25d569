"""The command `partialconv bench`; what it needs is imported inside it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from partialconv.cli.terminal import bars
from partialconv.errors import InputError, require_benchmark

if TYPE_CHECKING:
    from partialconv.benchmark.metrics import Judge

METHODS = "ours,telea,ns,biharmonic,patchmatch,fsr,mean"


def bench(
    photos: Annotated[Path | None, typer.Option(help="Folder of photos.", show_default=False)] = None,
    masks: Annotated[Path | None, typer.Option(help="manifest.csv of a set of masks.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the report; goes on in it.", show_default=False)
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Also bare, plain, patchmatch5, fsr-best, shiftmap, none. The first is compared with the others."
        ),
    ] = METHODS,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE",
            help="FILE.onnx, valid:FILE.onnx, bare:FILE.onnx, py:FILE.py:FUNCTION, or 'cmd:run {photo} {hole} {out}'; "
            "repeatable.",
        ),
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(min=1, help="Pairs of each bin and border.", show_default="one for each photo")
    ] = None,
    builtin: Annotated[bool, typer.Option("--builtin", help="Photos of scikit-image, masks by seed.")] = False,
    lpips: Annotated[
        Path | None, typer.Option(help="AlexNet's weights, for LPIPS.", show_default="cache of torch.hub")
    ] = None,
    features: Annotated[Path | None, typer.Option(help="ONNX network, for FID, IS, KL.", show_default=False)] = None,
    part: Annotated[str, typer.Option(help="k/n: do the k-th part, in one of n processes.")] = "1/1",
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="A.json B.json", help="Show what changed between two reports.")
    ] = None,
) -> None:
    """Score inpainting methods side by side, and write a report: JSON, Markdown and one HTML page."""
    require_benchmark("partialconv bench")
    if compare:
        from partialconv.benchmark.compare import compare as compare_reports
        from partialconv.benchmark.report import read_report

        print(compare_reports(*map(read_report, compare)), end="")
        return
    named = sources_of(methods, method or [])
    index, count = part_of(part)
    if out is None or builtin == (photos is not None or masks is not None) or (photos is None) != (masks is None):
        raise InputError(
            "bench needs --photos DIR, --masks manifest.csv and -o REPORT, or --builtin and -o REPORT, "
            "or --compare A.json B.json."
        )
    from partialconv.benchmark.builtin import built_in_pairing
    from partialconv.benchmark.pairing import pair_up
    from partialconv.benchmark.runner import run

    judge, notes = _judge(lpips, features)
    if photos is not None and masks is not None:
        pairing = pair_up(photos, masks, pairs)
    if not out.absolute().parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.absolute().parent}.")
    out.mkdir(exist_ok=True)
    if builtin:
        pairing = built_in_pairing(out)
    for note in (*pairing.notes, *notes):
        print(note, file=sys.stderr)
    with bars() as advance:
        results = run(pairing, named, judge, out, (index, count), advance)
        for problem in results.problems:
            print(f"partialconv: {problem}", file=sys.stderr)
        if results.num_missing:
            print(f"part {part} is done, {results.num_missing} fills are left; when all are done, run without --part.")
            return
        from partialconv.benchmark.write import write_report

        data = write_report(pairing, named, results, judge, out, notes, advance)
    from partialconv.benchmark.tables import cost_table, difference_table

    print("\n".join([*difference_table(data), "", *cost_table(data)]))
    print(f"\n{out}: report.json, report.md, report.html")


def sources_of(methods: str, own: list[str]) -> dict[str, str]:
    """Names of methods to their sources; own ones take the place of built-in ones, or come after them."""
    named = {name.strip(): "" for name in methods.split(",") if name.strip() and name.strip() != "none"}
    for text in own:
        name, equals, source = text.partition("=")
        if not (name and equals and source):
            raise InputError(
                f"--method is {text!r}, expected NAME=FILE.onnx, NAME=py:FILE.py:FUNCTION or NAME=cmd:COMMAND."
            )
        named[name] = source
    if not named:
        raise InputError(f"no method to run: expected e.g. --methods {METHODS}.")
    from partialconv.benchmark.baselines import BUILT_IN

    for name, source in named.items():
        if not source and name not in BUILT_IN:
            raise InputError(f"no method {name!r}: choose of {', '.join(BUILT_IN)}, or bring your own by --method.")
    return named


def part_of(part: str) -> tuple[int, int]:
    """The two numbers of "k/n"."""
    index, slash, count = part.partition("/")
    if not (slash and index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise InputError(f"--part is {part!r}, expected k/n, e.g. 2/3.")
    return int(index), int(count)


def _judge(lpips: Path | None, features: Path | None) -> "tuple[Judge, list[str]]":
    from partialconv.benchmark.inception import NO_NETWORK, FeatureNetwork
    from partialconv.benchmark.lpips import find_lpips
    from partialconv.benchmark.metrics import Judge

    found = find_lpips(lpips)
    network = FeatureNetwork(features) if features else None
    notes = [found] if isinstance(found, str) else []
    return Judge(None if isinstance(found, str) else found, network), notes + ([] if network else [NO_NETWORK])
