"""Wide holes: object-shaped ones and lettering over photos, and pictures that are no photos.

    python benchmarks/wide.py fill objects --photos DIR --methods ours,patchmatch,patchmatch5,telea,fsr --lpips FILE
    python benchmarks/wide.py fill drawn --methods ours,patchmatch --method mine=py:FILE.py:FUNCTION --lpips FILE
    python benchmarks/wide.py table drawn                     # of all that was filled; --rows NAMES for some of it
    python benchmarks/wide.py sheets drawn                    # contact sheets at full size
    python benchmarks/wide.py pairs objects --photos DIR --rows mine,patchmatch -o BLIND     # and BLIND-key.json
    python benchmarks/wide.py document                        # the tables of `report` splits into docs/benchmark.md
    python benchmarks/wide.py votes BLIND-key.json VOTES.txt  # lines such as "007 A", "008 B", "009 =" (level)

`--split choice` (the default) is for tuning, `--split report` for numbers that are told. Fills and scores are kept
below --out, and what is there is not filled again unless the method has changed.
"""

import argparse
import csv
import json
import sys
from functools import partial
from pathlib import Path

import partialconv.inference
from partialconv.benchmark.baselines import Pixels
from partialconv.benchmark.blind import LARGEST_PX, count_votes, key_path, write_pairs
from partialconv.benchmark.contact import write_sheets
from partialconv.benchmark.lpips import find_lpips
from partialconv.benchmark.scenes import SETS, SPLITS, Scene, open_scenes
from partialconv.benchmark.wide import Folder, code_digest, measure
from partialconv.benchmark.wide_tables import markdown, summary
from partialconv.benchmark.worker import MethodError, MethodProcess
from partialconv.cli.bench import part_of, sources_of
from partialconv.cli.terminal import bars
from partialconv.conventions import Hole
from partialconv.errors import InputError

WARM_UP = (64, 64)
PAGE = Path("docs/benchmark.md")
PHOTOS = Path(__file__).with_name("wide_photos.csv")
OWN = ("ours", "bare")  # what they fill depends on the code of partialconv.inference, too


def main() -> None:
    """Run one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, metavar="STEP")
    for name, run, text in (
        ("fill", fill, "fill scenes and score them"),
        ("table", table, "write report.json and report.md"),
        ("sheets", sheets, "write contact sheets"),
        ("pairs", pairs, "write pairs for a blind viewer"),
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
        if name == "table":
            step.add_argument(
                "--unseen", action="store_true", help="without photos that `half` was trained on; only print"
            )
        if name == "pairs":
            step.add_argument("-o", dest="pairs", type=Path, required=True, help="new folder for the pairs")
            step.add_argument("--seed", type=int, default=0, help="of the order of pairs and sides")
            step.add_argument("--largest", type=int, default=LARGEST_PX, help="pixels of the longer side of a picture")
    step = steps.add_parser("document", help="put tables into docs/benchmark.md")
    step.add_argument("folders", type=Path, nargs="*", help="of sets (runs/wide/*-report if left out)")
    step.set_defaults(run=document)
    step = steps.add_parser("votes", help="count a viewer's votes")
    step.add_argument("key", type=Path)
    step.add_argument("votes", type=Path)
    step.set_defaults(run=votes)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except (InputError, MethodError) as error:
        raise SystemExit(str(error)) from error


def chosen(arguments: argparse.Namespace) -> tuple[list[Scene], Path]:
    """The scenes that a command is about, and their folder."""
    scenes = open_scenes(arguments.set, arguments.split, arguments.photos)[: arguments.limit]
    return scenes, arguments.out or Path("runs/wide") / f"{arguments.set}-{arguments.split}"


def fill(arguments: argparse.Namespace) -> None:
    """Fill the scenes with each method, in a process of its own."""
    index, count = part_of(arguments.part)
    sources = sources_of(arguments.methods, arguments.method)
    scenes, folder = chosen(arguments)
    lpips = find_lpips(arguments.lpips)
    if isinstance(lpips, str):
        print(lpips, file=sys.stderr)
    code = code_digest([*Path(partialconv.inference.__file__).parent.glob("*.py")])
    with bars() as advance:
        for name, source in sources.items():
            with MethodProcess(name, source, WARM_UP) as worker:
                ours = name in OWN or bool(source)
                measure(
                    name,
                    partial(timed_fill, worker),
                    scenes[index - 1 :: count],
                    None if isinstance(lpips, str) else lpips,
                    folder,
                    f"{worker.identity}, inference code {code}" if ours else worker.identity,
                    timed=True,
                    report=advance,
                )
    print(folder)


def timed_fill(worker: MethodProcess, photo: Pixels, hole: Hole) -> tuple[Pixels, float]:
    """The picture, and the seconds that the method took in its own process."""
    filled = worker.fill(photo, hole)
    return filled.picture, filled.seconds


def rows_of(arguments: argparse.Namespace, scenes: list[Scene], folder: Path) -> list[str]:
    """Methods that filled all scenes."""
    kept = Folder(folder)
    names = arguments.rows.split(",") if arguments.rows else kept.methods()
    truths = [scene.load().sha256 for scene in scenes]
    whole = []
    for name in names:
        found = [kept.record(name, scene) for scene in scenes]
        count = sum(r is not None and r["truth"] == truth for r, truth in zip(found, truths, strict=True))
        if count == len(scenes):
            whole.append(name)
        else:
            print(f"{name} has filled {count} of {len(scenes)} scenes and is left out.")
    if not whole:
        raise InputError(f"no method has filled all {len(scenes)} scenes of {folder}: run the step fill.")
    return whole


def table(arguments: argparse.Namespace) -> None:
    """Write report.json and report.md, and print the latter."""
    scenes, folder = chosen(arguments)
    kept = Folder(folder)
    if arguments.unseen:
        with PHOTOS.open(newline="", encoding="utf-8") as listed:
            learned = {row["sha256"] for row in csv.DictReader(listed) if row["learned"]}
        scenes = [scene for scene in scenes if scene.photo not in learned]
    rows = {n: [r for s in scenes if (r := kept.record(n, s))] for n in rows_of(arguments, scenes, folder)}
    data = summary(arguments.set, arguments.split, rows)
    if not arguments.unseen:
        (folder / "report.json").write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        (folder / "report.md").write_text(markdown(data), "utf-8")
    print(markdown(data))


def sheets(arguments: argparse.Namespace) -> None:
    """Write a contact sheet of every few scenes."""
    scenes, folder = chosen(arguments)
    for path in write_sheets(scenes, rows_of(arguments, scenes, folder), Folder(folder), folder / "sheets"):
        print(path)


def pairs(arguments: argparse.Namespace) -> None:
    """Write pairs of two methods, and their key."""
    scenes, folder = chosen(arguments)
    methods = rows_of(arguments, scenes, folder)
    if len(methods) != 2:
        raise InputError(f"pairs are of two methods, not of {len(methods)}: name them with --rows FIRST,SECOND.")
    out: Path = arguments.pairs
    kept, both = Folder(folder), (methods[0], methods[1])
    count = sum(1 for _ in write_pairs(scenes, both, kept, out, arguments.seed, arguments.largest))
    print(f"{out}: {count} pairs; their key is {key_path(out)}.")


def votes(arguments: argparse.Namespace) -> None:
    """Count votes."""
    print(", ".join(f"{name} {count}" for name, count in count_votes(arguments.key, arguments.votes).items()))


def document(arguments: argparse.Namespace) -> None:
    """Put the tables of sets between the marks that docs/benchmark.md has for them."""
    text = PAGE.read_text("utf-8")
    for folder in arguments.folders or sorted(Path("runs/wide").glob("*-report")):
        begin, end = f"<!-- wide {folder.name} -->\n", "<!-- end -->"
        before, mark, rest = text.partition(begin)
        _, closing, after = rest.partition(end)
        if not mark or not closing:
            raise InputError(f"{PAGE} has no marks {begin.strip()} ... {end}: add them where the tables go.")
        data = json.loads((folder / "report.json").read_text("utf-8"))
        text = f"{before}{mark}\n{markdown(data, heading=False)}\n{end}{after}"
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
