"""Wide holes: object-shaped ones and lettering over photos, and pictures that are no photos.

    python benchmarks/wide.py fill objects --photos DIR --methods ours,patchmatch,patchmatch5,telea,fsr --lpips FILE
    python benchmarks/wide.py fill drawn --methods ours,patchmatch --method mine=py:FILE.py:FUNCTION --lpips FILE
    python benchmarks/wide.py table drawn                     # of all that was filled; --rows NAMES for some of it
    python benchmarks/wide.py sheets drawn                    # contact sheets at full size
    python benchmarks/wide.py pairs objects --photos DIR --of mine,patchmatch -o BLIND
    python benchmarks/wide.py votes BLIND                     # counts BLIND/votes.txt by BLIND/key.json

`--split choice` (the default) is for tuning, `--split report` for numbers that are told. Fills and scores are kept
below --out, and what is there is not filled again unless the method has changed.
"""

import argparse
import json
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

import partialconv.inference
from partialconv.benchmark.baselines import Hole, Pixels
from partialconv.benchmark.contact import write_sheets
from partialconv.benchmark.lpips import Lpips
from partialconv.benchmark.scenes import SETS, SPLITS, Scene, open_scenes
from partialconv.benchmark.wide import Folder, code_digest, measure
from partialconv.benchmark.wide_tables import markdown, summary
from partialconv.benchmark.worker import Worker
from partialconv.errors import InputError

WARM_UP = (64, 64)


def main() -> None:
    """Run one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, metavar="STEP")
    for name, run, text in (
        ("fill", fill, "fill scenes and score them"),
        ("table", table, "write report.json and report.md"),
        ("sheets", sheets, "write contact sheets"),
    ):
        step = steps.add_parser(name, help=text)
        step.add_argument("set", choices=SETS)
        step.add_argument("--photos", type=Path, help="folder, for objects and lettering")
        step.add_argument("--split", choices=SPLITS, default="choice")
        step.add_argument("--out", type=Path, help="folder of the set (runs/wide/SET-SPLIT)")
        step.add_argument("--limit", type=int, help="only so many scenes")
        step.set_defaults(run=run)
        if name == "fill":
            step.add_argument("--methods", default="", help="built-in ones, by commas")
            step.add_argument("--method", action="append", default=[], metavar="NAME=SOURCE")
            step.add_argument("--lpips", type=Path, help="AlexNet's weights")
            step.add_argument("--part", default="1/1", help="k/n: every n-th scene from the k-th on")
        else:
            step.add_argument("--rows", help="methods, by commas; all that were filled if left out")
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except InputError as error:
        raise SystemExit(str(error)) from error


def chosen(arguments: argparse.Namespace) -> tuple[list[Scene], Path]:
    """The scenes that a command is about, and their folder."""
    scenes = open_scenes(arguments.set, arguments.split, arguments.photos)[: arguments.limit]
    return scenes, arguments.out or Path("runs/wide") / f"{arguments.set}-{arguments.split}"


def fill(arguments: argparse.Namespace) -> None:
    """Fill the scenes with each method, in a process of its own."""
    scenes, folder = chosen(arguments)
    first, count = map(int, arguments.part.split("/"))
    sources = {name: "" for name in arguments.methods.split(",") if name}
    sources |= dict(text.split("=", 1) for text in arguments.method)
    lpips = Lpips(arguments.lpips) if arguments.lpips else None
    code = code_digest([*Path(partialconv.inference.__file__).parent.glob("*.py")])
    for name, source in sources.items():
        with Worker(name, source, WARM_UP) as worker, Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(name, total=len(scenes[first - 1 :: count]))
            ours = name in ("ours", "bare") or bool(source)
            identity = f"{worker.identity}, inference code {code}" if ours else worker.identity
            measure(
                name,
                partial(timed_fill, worker),
                scenes[first - 1 :: count],
                lpips,
                folder,
                identity,
                timed=True,
                report=partial(advance, bar, task),
            )
    print(folder)


def advance(bar: Progress, task: TaskID, _: str, done: int, total: int) -> None:
    """Move the bar on."""
    bar.update(task, completed=done + 1, total=total)


def timed_fill(worker: Worker, photo: Pixels, hole: Hole) -> tuple[Pixels, float]:
    """The picture, and the seconds that the method took in its own process."""
    filled = worker.fill(photo, hole)
    return filled.picture, filled.seconds


def rows_of(arguments: argparse.Namespace, scenes: list[Scene], folder: Path) -> list[str]:
    """Methods that filled all scenes."""
    kept = Folder(folder)
    names = arguments.rows.split(",") if arguments.rows else kept.methods()
    whole = [name for name in names if all(kept.record(name, scene) for scene in scenes)]
    for name in names:
        if name not in whole:
            print(f"{name} has not filled all {len(scenes)} scenes and is left out.")
    if not whole:
        raise InputError(f"no method has filled all {len(scenes)} scenes of {folder}: run the step fill.")
    return whole


def table(arguments: argparse.Namespace) -> None:
    """Write report.json and report.md, and print the latter."""
    scenes, folder = chosen(arguments)
    kept = Folder(folder)
    rows = {n: [r for s in scenes if (r := kept.record(n, s))] for n in rows_of(arguments, scenes, folder)}
    data = summary(arguments.set, arguments.split, rows)
    (folder / "report.json").write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    (folder / "report.md").write_text(markdown(data), "utf-8")
    print(markdown(data))


def sheets(arguments: argparse.Namespace) -> None:
    """Write a contact sheet of every few scenes."""
    scenes, folder = chosen(arguments)
    for path in write_sheets(scenes, rows_of(arguments, scenes, folder), Folder(folder), folder / "sheets"):
        print(path)


if __name__ == "__main__":
    main()
