"""What the process of `process.Process` runs: it takes orders, one line of JSON each, and answers each with another."""

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from partialconv.errors import InputError
from partialconv.filling import FillOptions
from partialconv.filling.find_options import FindOptions
from partialconv.imageio import available_bytes
from partialconv.server.engine import Engine
from partialconv.server.limits import Limits, no_space
from partialconv.server.problem import Problem
from partialconv.server.process import ANSWER

PR_SET_PDEATHSIG = 1
LITTLE_BYTES = 1 << 20  # free on a disk that is full


def main() -> None:
    """Work until the server closes its end."""
    setup = json.loads(sys.argv[1])
    replies = _own_output()
    end_with(setup["parent"])
    limits = Limits(**setup["limits"])
    models = {name: None if path is None else Path(path) for name, path in setup["models"].items()}
    try:
        engine = Engine(models, limits)
    except InputError as error:
        _tell(replies, {"input": str(error)})
        return
    _tell(replies, {"ready": True})
    for line in sys.stdin.buffer:
        _tell(replies, {"taken": True})  # so that the server knows whether it was this order that ended the process
        _tell(replies, _done(engine, json.loads(line), limits, lambda share: _tell(replies, {"share": share})))


def end_with(parent: int) -> None:
    """Have this process end when its parent does, whatever it is doing then."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@contextmanager
def ceiling(max_bytes: int) -> Iterator[int]:
    """Let the block take no more memory than that, or than the machine has free; gives the smaller one, in bytes.

    Only Linux enforces it: beyond, allocations fail.
    """
    free = available_bytes()
    most = max_bytes if free is None else min(max_bytes, free)
    if sys.platform == "linux":
        import resource

        before, hard = resource.getrlimit(resource.RLIMIT_DATA)
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        limit = held + most if hard == resource.RLIM_INFINITY else min(held + most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
        try:
            yield most
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (before, hard))
    else:
        yield most


def _done(engine: Engine, order: dict[str, Any], limits: Limits, progress: Callable[[float], None]) -> dict[str, Any]:
    """Follow an order; the line that goes back."""
    folder = Path(order["folder"])
    tempfile.tempdir = str(folder)  # what is left there if this process is killed goes with the request
    try:
        with ceiling(limits.max_memory) as most:
            files = {name: folder / name for name in order["files"]}
            chosen = FindOptions if order["work"] == "find" else FillOptions
            names = order["kept"], order["keep"]
            answer = engine.do(order["work"], folder, files, chosen(**order["options"]), most, progress, names)
        answer.file.replace(folder / ANSWER)
    except Problem as problem:
        full = problem.code == "input" and _is_full(folder)
        told = no_space() if full else problem
        return {"problem": [told.status, told.code, told.message, told.headers]}
    except Exception:
        if _is_full(folder):
            told = no_space()
            return {"problem": [told.status, told.code, told.message]}
        return {"fault": traceback.format_exc()}
    return {"media_type": answer.media_type, "report": answer.report, "timings_s": answer.timings_s}


def _is_full(folder: Path) -> bool:
    """Whether the disk is: C libraries do not say what went wrong."""
    try:
        return shutil.disk_usage(folder).free < LITTLE_BYTES
    except OSError:
        return True


def _own_output() -> BinaryIO:
    """Standard output for replies alone: what libraries print goes to standard error."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _tell(replies: BinaryIO, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.flush()
