"""The process that decodes, fills and encodes: whatever a file does to it, it can be ended and started anew."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from partialconv.errors import InputError
from partialconv.server.limits import Limits
from partialconv.server.order import MEDIA_TYPES, Answer, Order
from partialconv.server.problem import Gone, Problem

LOG = logging.getLogger("partialconv.server")
PROGRAM = "from partialconv.server.working import main; main()"
FIRST = "import json, sys; setup = json.loads(sys.argv[1]); sys.path[:] = setup['path']; "
START_S = 60.0
LONGEST_REPLY = 1 << 20  # bytes
ANSWER = "answer"


class Process:
    """Does one order at a time in a process of its own, which starts when it is needed and whenever the last one ended.

    Args:
        models: Name to file; None is the shipped model. The first one is the default.
        limits: Of memory and time, among others.
        program: Python that the process runs; tests put faults into it.
    """

    def __init__(self, models: Mapping[str, Path | None], limits: Limits, program: str = PROGRAM) -> None:
        self.models, self.limits, self.program = dict(models), limits, program
        self._process: subprocess.Popen[bytes] | None = None
        self._order: Order | None = None
        self._left: Order | None = None
        self._changing = threading.Lock()
        self._closed = False

    enforced = sys.platform == "linux"  # whether the ceiling of memory is

    def start(self) -> None:
        """Start the process if there is none, and wait until it has loaded its models.

        Raises:
            InputError: a model cannot be read.
            Problem: 500, it does not start.
            Gone: the server is being stopped.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        setup = {
            "path": sys.path,
            "parent": os.getpid(),
            "models": {name: None if path is None else str(path) for name, path in self.models.items()},
            "limits": asdict(self.limits),
        }
        with self._changing:
            if self._closed:
                raise Gone
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", FIRST + self.program, json.dumps(setup)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the server, which ends this one
            )
        with self._limited(START_S) as late:
            reply = self._receive()
        if reply is None:
            code = self._end()
            if self._closed:
                raise Gone
            reason = f"it took more than {START_S:g} s" if late.is_set() else f"it ended with code {code}"
            LOG.error("the process that fills photos did not start: %s", reason)
            raise Problem(500, "ended", "the process that fills photos does not start; the server's log says more.")
        if "input" in reply:
            self._end()
            raise InputError(reply["input"])

    def ask(self, order: Order, again: bool = True, tell: Callable[[float], None] = lambda _: None) -> Answer:
        """Have something done.

        Args:
            order: What to do.
            again: Whether to try once more if the process had ended before it took the order.
            tell: Is called with the share of the work that is done, 0 to 1.

        Raises:
            Problem: what the work met; 503 if it took too long, 500 if the process ended.
            Gone: it was stopped.
        """
        self.start()
        with self._changing:
            self._order = order
        with self._limited(self.limits.work_s) as late:
            self._send(order)
            taken = self._receive()
            if taken is not None:
                tell(0.0)
            reply = None if taken is None else self._receive()
            while reply is not None and "share" in reply:
                tell(float(reply["share"]))
                reply = self._receive()
        with self._changing:
            self._order = None
        if reply is None:
            code = self._end()
            if self._left is order or self._closed:
                raise Gone
            if taken is None and again and not late.is_set():
                return self.ask(order, again=False, tell=tell)
            if late.is_set():
                message = f"the work took longer than {self.limits.work_s:g} s: scale the photo down, or mark less."
                raise Problem(503, "time", message)
            LOG.error("the process that fills photos ended with code %s in %s", code, order.work)
            message = (
                "the process that fills photos was ended by this file or by the system: check the file, or try again."
            )
            raise Problem(500, "ended", message)
        if "problem" in reply:
            raise Problem(*reply["problem"])
        if "fault" in reply:
            LOG.error("error in %s: %s", order.work, reply["fault"])
            raise Problem(500, "internal", "the server met an error that it does not know; its log says more.")
        media_type = reply["media_type"] if reply["media_type"] in MEDIA_TYPES.values() else "application/octet-stream"
        return Answer(order.folder / ANSWER, media_type, reply["report"], reply["timings_s"])

    def stop(self, order: Order) -> None:
        """End the process if it is at work on an order; from any thread."""
        with self._changing:
            if self._order is order and self._process is not None:
                self._left = order
                self._process.kill()

    def refuse(self) -> None:
        """End the process, and start no other; from any thread."""
        with self._changing:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process for good, once no other thread is in `ask` or `start`."""
        self.refuse()
        self._end()

    def _send(self, order: Order) -> None:
        assert self._process is not None and self._process.stdin is not None
        line = json.dumps(asdict(order) | {"folder": str(order.folder)}).encode() + b"\n"
        with suppress(OSError):  # it has ended; reading will say so
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _receive(self) -> dict[str, Any] | None:
        """A line of the process; None once it has ended."""
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline(LONGEST_REPLY)
        try:
            reply = json.loads(line)
        except ValueError:
            return None
        return reply if isinstance(reply, dict) else None

    @contextmanager
    def _limited(self, seconds: float) -> Iterator[threading.Event]:
        """Kill the process if the block takes longer; the event says that it was so."""
        late, process = threading.Event(), self._process
        assert process is not None

        def kill() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _end(self) -> int | None:
        """Kill what is left of the process; its exit code."""
        with self._changing:
            process, self._process = self._process, None
        if process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)  # one that ends by itself says why
        process.kill()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with suppress(OSError):  # what was not sent
                stream.close()
        return process.wait()
