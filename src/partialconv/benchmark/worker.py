"""A process for each method: nothing else runs in it, so that time and memory are the method's own."""

import sys
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from partialconv.benchmark.baselines import Pixels
from partialconv.benchmark.methods import open_method
from partialconv.conventions import Hole


class MethodError(Exception):
    """A method cannot go on; the message says why, in one line."""


@dataclass(frozen=True)
class MethodFill:
    """What a method made of a photo.

    Args:
        picture: RGB, uint8 (H, W, 3).
        seconds: Of the call, from array to array.
        peak_mb: Most resident memory so far, less that before the method was opened, in MB of 10^6 bytes.
    """

    picture: Pixels
    seconds: float
    peak_mb: float


class MethodProcess:
    """A method in a process of its own; enter to start it, leave to end it.

    Args:
        name: Of the method.
        source: See `open_method`.
        size: (height, width) of the photos, for a first call that is not counted.

    Raises:
        MethodError: the method cannot be opened (on entering), or fails.
    """

    def __init__(self, name: str, source: str, size: tuple[int, int]) -> None:
        context = get_context("spawn")
        self.name = name
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, name, source, size), daemon=True)
        self.theirs = theirs
        self.identity = ""

    def __enter__(self) -> Self:
        self.process.start()
        self.theirs.close()
        try:
            self.identity = str(self._receive())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def fill(self, photo: Pixels, hole: Hole) -> MethodFill:
        """Let the method fill the hole of a photo; pixels under the hole are not shown to it."""
        self.connection.send((np.where(hole[..., None], np.uint8(0), photo), hole))
        filled = self._receive()
        assert isinstance(filled, MethodFill)
        if filled.picture.dtype != np.uint8 or filled.picture.shape != photo.shape:
            came = f"{filled.picture.dtype} {filled.picture.shape}"
            raise MethodError(f"{self.name} gave {came}, expected uint8 {photo.shape}")
        return filled

    def _receive(self) -> object:
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            self.process.join()
            raise MethodError(f"the process of {self.name} ended with code {self.process.exitcode}") from error
        if isinstance(answer, MethodError):
            raise answer
        return answer

    def _end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


def _serve(connection: Connection, name: str, source: str, size: tuple[int, int]) -> None:
    before = _peak_mb()
    try:
        method = open_method(name, source)
        # the first call sets up threads and buffers, and is not counted
        hole = np.zeros(size, bool)
        hole[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = True
        method.fill(np.where(hole[..., None], np.uint8(0), np.full((*size, 3), 128, np.uint8)), hole)
        connection.send(method.identity)
        while True:
            photo, hole = connection.recv()
            began = time.perf_counter()
            picture = method.fill(photo, hole)
            seconds = time.perf_counter() - began
            connection.send(MethodFill(np.asarray(picture), seconds, _peak_mb() - before))
    except EOFError:
        return
    except KeyboardInterrupt:
        return
    except Exception as error:  # every library has errors of its own
        reason = str(error).strip().splitlines() or [type(error).__name__]
        connection.send(MethodError(f"{name}: {reason[0]}"))


def _peak_mb() -> float:
    """Most resident memory of this process and, if they took more, of the programs it ran."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with the memory of the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        own = int(line.split()[1]) * 1024
    else:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, children) / 1e6
