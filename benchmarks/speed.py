"""How long fills take, warm and as new processes, and against another checkout of the project.

    git worktree add /tmp/before SOME_COMMIT
    python benchmarks/speed.py --before /tmp/before [--rounds 9] [--batch 100]

Printed are medians of seconds and of processor seconds, and the medians of the ratios to the other checkout, whose
turns alternate with ours: on a busy machine the ratios of processor seconds are what can be trusted. Each checkout has
a process of its own that stays, for what is warm; new processes are `partialconv fill`. Then the most memory that the
processes had. At last `partialconv batch` on many photos, beside other methods that read, fill and write them one after
the other, each in a process of its own. The page is measured by benchmarks/page.py.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
Hole = NDArray[np.bool_]
Times = tuple[float, float]  # seconds, processor seconds
PHOTOS = {"cross": (3000, 4000), "scratch": (3000, 4000), "specks": (1000, 1500)}
PHOTOS |= dict.fromkeys(("square", "small"), (256, 256))
NAMES = {
    "array": "array to array",
    "file": "file to file, JPEG",
    "new": "new process",
}
BATCH, ABOUT_BATCH = "specks", "40 specks in 1.5 MP"  # the photo of which the batch has copies
CASES = (
    ("array", "cross", "400 px cross in 12 MP"),
    ("array", "scratch", "600 px scratch in 12 MP"),
    ("array", "square", "256x256, hole of 40 %"),
    ("file", "cross", "400 px cross in 12 MP"),
    ("file", BATCH, ABOUT_BATCH),
    ("new", "cross", "400 px cross in 12 MP, JPEG"),
    ("new", "small", "scratch of 6 px in 256x256, PNG"),
)
METHODS = {"ours": "partialconv batch", "telea": "OpenCV, Telea", "patchmatch": "PatchMatch"}


def hole_of(name: str) -> Hole:
    """What is to be filled in a photo."""
    height, width = PHOTOS[name]
    y, x = np.mgrid[:height, :width]
    down, right = y - height // 2, x - width // 2
    if name == "cross":
        near = (np.abs(down) < 200) & (np.abs(right) < 200)
        return np.asarray(near & ((np.abs(down) < 6) | (np.abs(right) < 6)))
    if name == "scratch":
        return np.asarray((np.abs(right) < 300) & (np.abs(down - right // 2) < 2))
    if name == "small":  # wide enough for grain, too thin for PatchMatch
        return np.asarray((np.abs(down) < 20) & (np.abs(2 * right + 1) < 6))
    if name == "square":
        return np.asarray((np.abs(down) < 81) & (np.abs(right) < 81))
    hole, rng = np.zeros((height, width), bool), np.random.default_rng(0)
    for top, left in zip(rng.integers(10, height - 10, 40), rng.integers(10, width - 10, 40), strict=True):
        hole[top - 9 : top + 10, left - 9 : left + 10] |= (np.mgrid[-9:10, -9:10] ** 2).sum(axis=0) < 30
    return hole


def prepare(folder: Path) -> None:
    """Write photos of waves and noise, with marks where they are to be filled."""
    for name, (height, width) in PHOTOS.items():
        y, x = np.mgrid[:500, :500].astype(np.float32)  # one tile, repeated
        noise = np.random.default_rng(1).normal(0, 4, (500, 500)).astype(np.float32)
        waves = [128 + 70 * np.sin(x / 90 + y / 150 + phase) + noise for phase in range(3)]
        tile = np.stack(waves, axis=-1).clip(0, 255).astype(np.uint8)
        pixels = np.tile(tile, (height // 500 + 1, width // 500 + 1, 1))[:height, :width]
        hole = hole_of(name)
        pixels[hole] = 20
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=88)
        if name == "small":
            Image.fromarray(pixels).save(folder / f"{name}.png")
        Image.fromarray(hole).save(folder / f"{name}.holes.png")


def work(folder: Path) -> None:
    """In a process of its own: run what standard input asks for, and say how long it took."""
    from partialconv.filling.job import FillJob, fill_file, open_inpainter

    job = FillJob(folder / "a.jpg", folder / f"{os.getpid()}.jpg", overwrite=True)
    inpainter = open_inpainter(job.options)
    for line in sys.stdin:
        kind, name = line.split()
        photo, holes = folder / f"{name}.jpg", folder / f"{name}.holes.png"
        call: Callable[[], object]
        if kind == "array":
            pixels, hole = np.asarray(Image.open(photo)), np.asarray(Image.open(holes)) > 0

            def call(pixels: NDArray[np.uint8] = pixels, hole: Hole = hole) -> object:
                return inpainter.fill(pixels, hole, copy=False)
        else:
            one = FillJob(photo, job.output, holes, overwrite=True)

            def call(one: FillJob = one) -> object:
                return fill_file(one, inpainter)

        began, began_cpu = time.perf_counter(), time.process_time()
        call()
        print(json.dumps([time.perf_counter() - began, time.process_time() - began_cpu]), flush=True)


def fill_all(method: str, folder: Path) -> None:
    """In a process of its own: fill a folder of photos, and print the most memory that it took."""
    photos, output, holes = folder / "photos", folder / method, folder / f"{BATCH}.holes.png"
    if method == "ours":
        from partialconv.cli.main import app

        app(["batch", str(photos), str(holes), "-o", str(output)], standalone_mode=False)
    else:
        from partialconv.benchmark.methods import open_method

        fill, hole = open_method(method).fill, np.asarray(Image.open(holes)) > 0
        output.mkdir()
        for photo in photos.iterdir():
            pixels = np.asarray(Image.open(photo))
            filled = fill(np.where(hole[..., None], np.uint8(0), pixels), hole)
            Image.fromarray(np.where(hole[..., None], filled, pixels)).save(output / photo.name, quality=88)
    print(peak_mib("self"))


def peak_mib(process: int | str) -> float:
    """The most memory that a process had."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def new_process(command: Sequence[str], environment: dict[str, str]) -> tuple[Times, str]:
    """Seconds of a command, and the last line that it printed."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (time.perf_counter() - began, processor), done.stdout.splitlines()[-1]


def race(folder: Path, num: int) -> None:
    """Print how many photos a minute each method fills."""
    (folder / "photos").mkdir()
    for number in range(num):
        shutil.copy(folder / f"{BATCH}.jpg", folder / "photos" / f"{number}.jpg")
    print(f"\n| {num} photos, {ABOUT_BATCH} | photos a minute ", end="")
    print("| processor s a photo | memory at the peak, MiB |\n|---|---:|---:|---:|")
    for method, name in METHODS.items():
        command = [sys.executable, __file__, "--fill-all", method, str(folder)]
        (seconds, processor), peak = new_process(command, os.environ | {"PYTHONPATH": str(ROOT / "src")})
        print(f"| {name} | {60 * num / seconds:.1f} | {processor / num:.2f} | {float(peak):.0f} |", flush=True)


class Checkout:
    """A checkout of the project, and its process."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder, self.environment = folder, os.environ | {"PYTHONPATH": str(root / "src")}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled, too
        self.output = folder / f"{abs(hash(root))}.out"
        command = [sys.executable, __file__, "--work", str(folder)]
        self.process = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, kind: str, name: str) -> Times:
        """Seconds of a case."""
        if kind == "new":
            return self.start(name)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{kind} {name}\n")
        self.process.stdin.flush()
        seconds, processor = json.loads(self.process.stdout.readline())
        return seconds, processor

    def start(self, name: str) -> Times:
        """Seconds of a new process, which fills a small PNG or a large JPEG."""
        suffix = ".png" if name == "small" else ".jpg"
        command = [sys.executable, "-m", "partialconv", "fill", str(self.folder / f"{name}{suffix}")]
        command += [str(self.folder / f"{name}.holes.png"), "-o", str(self.output.with_suffix(suffix)), "--overwrite"]
        return new_process(command, self.environment)[0]


def medians(times: Sequence[Times]) -> str:
    """Two cells of a table."""
    return " | ".join(f"{statistics.median(values):.3f}" for values in zip(*times, strict=True))


def ratios(times: Sequence[Times], others: Sequence[Times]) -> str:
    """Two cells of a table: of what the other checkout took in the same turns."""
    pairs = zip(zip(*times, strict=True), zip(*others, strict=True), strict=True)
    return " | ".join(f"{statistics.median(a / b for a, b in zip(*pair, strict=True)):.2f}" for pair in pairs)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=100, help="its number of photos; 0 leaves it out")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fill-all", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        work(options.work)
        return
    if options.fill_all is not None:
        fill_all(options.fill_all[0], Path(options.fill_all[1]))
        return
    roots = [ROOT, *([options.before.resolve()] if options.before else [])]
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, median of {options.rounds} turns\n")
    print("| fill | | s | processor s |" + (" of before: s | processor s |" if options.before else ""))
    print("|---|---|---:|---:|" + ("---:|---:|" if options.before else ""))
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        checkouts = [Checkout(root, Path(name)) for root in roots]
        for kind, photo, about in CASES:
            turns = [[one.measure(kind, photo) for one in checkouts] for _ in range(options.rounds + 1)][1:]
            ours, *others = zip(*turns, strict=True)
            cells = [NAMES[kind], about, medians(ours), *(ratios(ours, other) for other in others)]
            print(f"| {' | '.join(cells)} |", flush=True)
        peaks = [f"{peak_mib(one.process.pid):.0f}" for one in checkouts]
        print("\nmemory at the peak, MiB: " + ", before: ".join(peaks))
        for one in checkouts:
            assert one.process.stdin is not None
            one.process.stdin.close()
            one.process.wait()
        if options.batch:
            race(Path(name), options.batch)


if __name__ == "__main__":
    main()
