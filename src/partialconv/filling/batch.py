"""Filling many photos: a list of work, done here or on a Ray cluster, one line of a report for each photo."""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from partialconv.errors import InputError
from partialconv.filling.found import FindsError
from partialconv.filling.job import FillJob, fill_file, open_inpainter
from partialconv.filling.listing import Item
from partialconv.filling.options import FillOptions
from partialconv.filling.report import Report
from partialconv.filling.watching import Watcher
from partialconv.finding import Search
from partialconv.imageio import Memory

STOPPED = "stopped before it was done."


@dataclass(frozen=True)
class Settings:
    """What holds for all photos of a batch.

    Args:
        options: How to fill them.
        overwrite: Replace existing results.
        resume: Skip the photos whose result exists.
        search: The holes are what this finds.
        anything: See `FillJob`.
    """

    options: FillOptions = field(default_factory=FillOptions)
    overwrite: bool = False
    resume: bool = False
    search: Search | None = None
    anything: bool = False


@dataclass(frozen=True)
class Result:
    """A line of the report: what became of a file, the doctor's findings or the error, seconds and its hole.

    "clean" is a photo in which no damage was found, so that none was written; "left" is what is no photo, and "ignored"
    a file of the operating system. `finds` is there if damage was looked for, see `Finds.as_dict`.
    """

    photo: str
    output: str
    status: Literal["filled", "skipped", "failed", "clean", "left", "ignored"]
    findings: list[str] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0
    hole: str = ""
    finds: dict[str, Any] | None = None

    def line(self) -> str:
        """As JSON."""
        content = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(content, ensure_ascii=False)


class Filler(Watcher):
    """Fills photos, with one network for all; safe to share between threads, which wait for memory that others hold.

    Attributes:
        stopped: Set to end all jobs at their next run of the network; they fail.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopped, self._memory = threading.Event(), Memory()
        self.inpainter = open_inpainter(settings.options)

    def do(self, item: Item) -> Result:
        """Fill one photo; whatever goes wrong with it is in the result, nothing is raised."""
        began = time.perf_counter()
        photo, output, hole = str(item.photo), str(item.output), str(item.hole or "")
        if item.problem:
            return Result(photo, output, item.verdict, [], item.problem)
        try:
            if self.settings.resume and item.output.exists():
                return Result(photo, output, "skipped", hole=hole)
            report = self._fill(item)
        except FindsError as error:
            status: Literal["failed", "clean"] = "failed" if error.finds.parts else "clean"
            return Result(photo, output, status, [], str(error), _since(began), finds=error.finds.as_dict())
        except (InputError, OSError, ArithmeticError) as error:
            return Result(photo, output, "failed", [], str(error), _since(began), hole)
        except Exception as error:  # one photo never stops the rest
            return Result(photo, output, "failed", [], f"{type(error).__name__}: {error}", _since(began), hole)
        findings = [*map(str, report.findings), *(f"{remark}." for remark in report.remarks)]
        finds = None if report.finds is None else report.finds.as_dict()
        return Result(photo, output, "filled", findings, "", _since(began), hole, finds)

    def _fill(self, item: Item) -> Report:
        settings, search = self.settings, self.settings.search
        options = replace(settings.options, hole_from_alpha=item.hole is None and search is None)
        job = FillJob(item.photo, item.output, item.hole, options, settings.overwrite, None, search, settings.anything)
        item.output.parent.mkdir(parents=True, exist_ok=True)
        job.check()
        with self._memory.reserved(job.needed_bytes(), str(item.photo)):
            return fill_file(job, self.inpainter, self).report

    def begin(self, step: str) -> None:  # noqa: ARG002
        """End a job that nobody waits for any more."""
        if self.stopped.is_set():
            raise InputError(STOPPED)

    def progress(self, share: float) -> None:  # noqa: ARG002
        """The same, between two runs of a network."""
        self.begin("fill")


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
        os.environ["OMP_NUM_THREADS"] = "1"  # there is a worker for each core
        self.filler = Filler(settings)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        item: dict[str, Any] = json.loads(row["item"])
        paths = {name: item[name] and Path(item[name]) for name in ("photo", "output", "hole")}
        return {"result": self.filler.do(Item(**(item | paths))).line()}


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)
