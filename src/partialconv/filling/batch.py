"""Filling many photos: a list of work, done here or on a Ray cluster, one line of a report for each photo."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from partialconv.conventions import FloatArray
from partialconv.errors import InputError
from partialconv.filling.job import FillJob, fill_file, open_inpainter
from partialconv.filling.options import FillOptions
from partialconv.filling.watching import Watcher
from partialconv.imageio import Memory
from partialconv.imageio.formats import PHOTO_SUFFIXES
from partialconv.inference import Inpainter, Runtime

STOPPED = "stopped before it was done."


@dataclass(frozen=True)
class Item:
    """One photo of a batch.

    Args:
        photo: The file.
        output: The file to write.
        hole: The picture of its hole; None = where the photo is transparent.
        problem: Why it cannot be done; "" if nothing is known yet.
    """

    photo: Path
    output: Path
    hole: Path | None = None
    problem: str = ""


@dataclass(frozen=True)
class Settings:
    """What holds for all photos of a batch.

    Args:
        options: How to fill them.
        overwrite: Replace existing results.
        resume: Skip the photos whose result exists.
    """

    options: FillOptions = field(default_factory=FillOptions)
    overwrite: bool = False
    resume: bool = False


@dataclass(frozen=True)
class Result:
    """A line of the report: what became of a photo, the doctor's findings or the error, seconds of work."""

    photo: str
    output: str
    status: Literal["filled", "skipped", "failed"]
    findings: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0

    def line(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def list_work(photos: Path, holes: Path | None, output: Path) -> list[Item]:
    """Find the photos of a folder and of all folders in it, and the hole of each.

    Args:
        photos: The folder, or one photo.
        holes: One picture for all; or a folder in which the hole of a/b.jpg is a/b.holes.png or a/b.png (or of
            another of `PHOTO_SUFFIXES`); None = the transparent pixels of each photo.
        output: The folder to write to, under the same names.

    Raises:
        InputError: a folder is missing or holds no photos, or `output` is in `photos`, or one of the two.
    """
    if not photos.exists():
        raise InputError(f"no folder {photos}: check the name.")
    if holes is not None and not holes.exists():
        raise InputError(f"no file or folder {holes}: check the name.")
    root = photos if photos.is_dir() else photos.parent
    inside = [folder for folder in (photos, holes) if folder is not None and folder.is_dir()]
    if any(output.resolve() == folder.resolve() for folder in inside):
        raise InputError(f"{output} is a folder of what is to be read: name another one for the results.")
    skipped = {output.resolve()} | ({holes.resolve()} if holes is not None and holes != photos else set())
    found = sorted(photos.rglob("*")) if photos.is_dir() else [photos]
    files = [
        path
        for path in found
        if path.suffix.lower() in PHOTO_SUFFIXES
        and not path.name.startswith(".")
        and not path.stem.endswith(".holes")
        and path.is_file()
        and skipped.isdisjoint([path.resolve(), *path.resolve().parents])
    ]
    if not files:
        raise InputError(f"{photos} holds no photos: expected files ending in {', '.join(PHOTO_SUFFIXES)}.")
    items = []
    for path in files:
        name = path.relative_to(root)
        if holes is None or holes.is_file():
            items.append(Item(path, output / name, holes))
        else:
            hole = _hole_of(holes / name, path)
            problem = "" if hole else f"no hole for {path}: expected {(holes / name).with_suffix('.png')}."
            items.append(Item(path, output / name, hole, problem))
    return items


def _hole_of(path: Path, photo: Path) -> Path | None:
    stems = (path.with_suffix(".holes"), path.with_suffix(""))
    candidates = [stem.with_name(stem.name + suffix) for stem in stems for suffix in (".png", *PHOTO_SUFFIXES)]
    return next((c for c in candidates if c.is_file() and not c.samefile(photo)), None)


class Filler(Watcher):
    """Fills photos, with one network for all; safe to share between threads, which wait for memory that others hold.

    Attributes:
        stopped: Set to end all jobs at their next run of the network; they fail.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopped, self._memory = threading.Event(), Memory()
        runtime = open_inpainter(settings.options).runtime
        self.inpainter = Inpainter(runtime=_Stoppable(runtime, self.stopped))

    def do(self, item: Item) -> Result:
        """Fill one photo; whatever goes wrong with it is in the result, nothing is raised."""
        began = time.perf_counter()
        photo, output = str(item.photo), str(item.output)
        try:
            if item.problem:
                raise InputError(item.problem)
            if self.settings.resume and item.output.exists():
                return Result(photo, output, "skipped")
            findings = self._fill(item)
        except (InputError, OSError, ArithmeticError) as error:
            return Result(photo, output, "failed", [], str(error), _since(began))
        except Exception as error:  # one photo never stops the rest
            return Result(photo, output, "failed", [], f"{type(error).__name__}: {error}", _since(began))
        return Result(photo, output, "filled", findings, "", _since(began))

    def _fill(self, item: Item) -> list[str]:
        options = replace(self.settings.options, hole_from_alpha=item.hole is None)
        job = FillJob(item.photo, item.output, item.hole, options, self.settings.overwrite)
        item.output.parent.mkdir(parents=True, exist_ok=True)
        job.check()
        with self._memory.reserved(job.needed_bytes(), str(item.photo)):
            filling = fill_file(job, self.inpainter, self)
        return [str(finding) for finding in filter(None, [*filling.report.findings, filling.report.loss])]

    def begin(self, step: str) -> None:  # noqa: ARG002
        """End a job that nobody waits for any more."""
        if self.stopped.is_set():
            raise InputError(STOPPED)


class _Stoppable:
    """A network that looks, before it runs, whether its result is still wanted."""

    def __init__(self, runtime: Runtime, stopped: threading.Event) -> None:
        self.runtime, self.stopped, self.feathered = runtime, stopped, runtime.feathered

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        if self.stopped.is_set():
            raise InputError(STOPPED)
        return self.runtime(image, valid)


def work(items: list[Item], filler: Filler, num_workers: int) -> Iterator[Result]:
    """Do jobs in threads: results come as they are ready.

    The network uses all cores for each photo; more workers read and write files meanwhile. Closed early, as by Ctrl-C,
    it begins no more jobs, stops those that run at their next run of the network, and does not wait for that.
    """
    pool = ThreadPoolExecutor(num_workers)
    waiting = iter(items)
    running: set[Future[Result]] = {pool.submit(filler.do, item) for item in islice(waiting, 2 * num_workers)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            running |= {pool.submit(filler.do, item) for item in islice(waiting, len(done))}
    finally:
        if running:
            filler.stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


def work_on_ray(items: list[Item], settings: Settings, address: str) -> Iterator[Result]:
    """Do jobs through Ray Data, one worker for each core of a cluster that sees the same files.

    Args:
        items: What to do.
        settings: For all of them.
        address: Of the cluster, e.g. "auto" or ray://host:10001; "local" starts one of this machine's cores.

    Raises:
        InputError: Ray is not installed, or there is no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise InputError("--ray needs Ray: pip install 'partialconv[ray]'.") from error
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"no Ray cluster at {address}: {str(error).splitlines()[0]}") from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        num = max(1, min(len(items), int(resources.get("CPU", 1))))
        rows = [{"item": json.dumps(asdict(item), default=str)} for item in items]
        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _RayWorker,  # type: ignore[arg-type]
            fn_constructor_args=(settings,),
            concurrency=(1, num),
            num_cpus=1,
        )
        for row in results.iter_rows():
            yield Result(**json.loads(row["result"]))
    finally:
        ray.shutdown()


class _RayWorker:
    """`Filler` on rows of a Ray data set."""

    def __init__(self, settings: Settings) -> None:
        self.filler = Filler(settings)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        item: dict[str, Any] = json.loads(row["item"])
        paths = {name: item[name] and Path(item[name]) for name in ("photo", "output", "hole")}
        return {"result": self.filler.do(Item(**(item | paths))).line()}


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)
