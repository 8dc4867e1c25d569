"""Filling many photos: a list of work, done here or on a Ray cluster, one line of a report for each photo."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from partialconv.api import fill_photo
from partialconv.errors import InputError
from partialconv.imageio import Memory, Photo, check_destination, read_header, read_photo, write_photo
from partialconv.imageio.destination import FORMAT_OF_SUFFIX
from partialconv.inference import Inpainter, Runtime, open_runtime
from partialconv.inference.runtime import FloatArray
from partialconv.masks import read_hole
from partialconv.masks.levels import HoleColor
from partialconv.zoo import model_path

STOPPED = "stopped before it was done."
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class Job:
    """One photo to fill.

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
    """What holds for all photos of a batch; see `partialconv batch --help`."""

    model: Path | None = None
    hole_color: HoleColor = "white"
    grow_px: int = 0
    strict: bool = False
    grain: bool = True
    overwrite: bool = False
    resume: bool = False
    runtime: str = "onnxruntime"
    device: str | None = None
    precision: str = "fp32"


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


def list_work(photos: Path, holes: Path | None, output: Path) -> list[Job]:
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
    jobs = []
    for path in files:
        name = path.relative_to(root)
        if holes is None or holes.is_file():
            jobs.append(Job(path, output / name, holes))
        else:
            hole = _hole_of(holes / name, path)
            problem = "" if hole else f"no hole for {path}: expected {(holes / name).with_suffix('.png')}."
            jobs.append(Job(path, output / name, hole, problem))
    return jobs


def _hole_of(path: Path, photo: Path) -> Path | None:
    stems = (path.with_suffix(".holes"), path.with_suffix(""))
    candidates = [stem.with_name(stem.name + suffix) for stem in stems for suffix in (".png", *PHOTO_SUFFIXES)]
    return next((c for c in candidates if c.is_file() and not c.samefile(photo)), None)


class Worker:
    """Does jobs, with one network for all; safe to share between threads, which wait for memory that others hold.

    Attributes:
        stopped: Set to end all jobs at their next run of the network; they fail.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, model = settings, model_path(settings.model)
        self.stopped, self._memory = threading.Event(), Memory()
        runtime = open_runtime(settings.runtime, model, settings.device, settings.precision)
        self.inpainter = Inpainter(model, _Stoppable(runtime, self.stopped))

    def do(self, job: Job) -> Result:
        """Fill one photo; whatever goes wrong with it is in the result, nothing is raised."""
        began = time.perf_counter()
        photo, output = str(job.photo), str(job.output)
        try:
            if job.problem:
                raise InputError(job.problem)
            if self.settings.resume and job.output.exists():
                return Result(photo, output, "skipped")
            findings = self._fill(job)
        except (InputError, OSError, ArithmeticError) as error:
            return Result(photo, output, "failed", [], str(error), _since(began))
        except Exception as error:  # one photo never stops the rest
            return Result(photo, output, "failed", [], f"{type(error).__name__}: {error}", _since(began))
        return Result(photo, output, "filled", findings, "", _since(began))

    def _fill(self, job: Job) -> list[str]:
        settings = self.settings
        job.output.parent.mkdir(parents=True, exist_ok=True)
        check_destination(job.output, settings.overwrite)
        needed = read_header(job.photo).fill_bytes(FORMAT_OF_SUFFIX[job.output.suffix.lower()])
        if job.hole is not None:
            needed += read_header(job.hole).read_bytes
        with self._memory.reserved(needed, str(job.photo)):
            return self._filled(job)

    def _filled(self, job: Job) -> list[str]:
        settings = self.settings
        source = read_photo(job.photo, job.output)
        findings: list[str] = []
        if job.hole is None:
            hole = transparent(source)
        else:
            found = read_hole(job.hole, source, settings.hole_color, settings.grow_px)
            hole = found.accept(settings.strict)
            findings = [str(finding) for finding in found.findings]
        filled = fill_photo(self.inpainter, source, hole, settings.grain)
        if self.stopped.is_set():
            raise InputError(STOPPED)
        loss = write_photo(source, filled, hole, job.output, settings.overwrite, opaque=job.hole is None)
        return [*findings, *filter(None, [loss])]


class _Stoppable:
    """A network that looks, before it runs, whether its result is still wanted."""

    def __init__(self, runtime: Runtime, stopped: threading.Event) -> None:
        self.runtime, self.stopped, self.feathered = runtime, stopped, runtime.feathered

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        if self.stopped.is_set():
            raise InputError(STOPPED)
        return self.runtime(image, valid)


def transparent(photo: Photo) -> NDArray[np.bool_]:
    """The pixels of a photo that are less than half opaque, (H, W).

    Raises:
        InputError: there are none.
    """
    hole = photo.transparent()
    if not hole.any():
        raise InputError(f"{photo.path} has no transparent pixels to fill: its mode is {photo.mode}.")
    return hole


def work(jobs: list[Job], worker: Worker, num_workers: int) -> Iterator[Result]:
    """Do jobs in threads: results come as they are ready.

    The network uses all cores for each photo; more workers read and write files meanwhile. Closed early, as by Ctrl-C,
    it begins no more jobs, stops those that run at their next run of the network, and does not wait for that.
    """
    pool = ThreadPoolExecutor(num_workers)
    waiting = iter(jobs)
    running: set[Future[Result]] = {pool.submit(worker.do, job) for job in islice(waiting, 2 * num_workers)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            running |= {pool.submit(worker.do, job) for job in islice(waiting, len(done))}
    finally:
        if running:
            worker.stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


def work_on_ray(jobs: list[Job], settings: Settings, address: str) -> Iterator[Result]:
    """Do jobs through Ray Data, one worker for each core of a cluster that sees the same files.

    Args:
        jobs: What to do.
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
        num = max(1, min(len(jobs), int(resources.get("CPU", 1))))
        rows = [{"job": json.dumps({k: None if v is None else str(v) for k, v in asdict(job).items()})} for job in jobs]
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
    """`Worker` on rows of a Ray data set."""

    def __init__(self, settings: Settings) -> None:
        self.worker = Worker(settings)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        job: dict[str, Any] = json.loads(row["job"])
        hole = None if job["hole"] is None else Path(job["hole"])
        return {"result": self.worker.do(Job(Path(job["photo"]), Path(job["output"]), hole, job["problem"])).line()}


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)
