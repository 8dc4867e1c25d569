"""One thread that works, and a bounded queue before it."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from partialconv.server.problem import Gone, Problem

Result = TypeVar("Result")
FIRST_GUESS_S = 0.5  # of the time that a request takes


class Worker:
    """Runs one piece of work at a time, off the event loop, and drops what nobody waits for any more.

    Args:
        max_waiting: Pieces that wait while one runs.
    """

    def __init__(self, max_waiting: int) -> None:
        self.max_waiting = max_waiting
        self.num_in = 0
        self._mean_s = FIRST_GUESS_S
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "partialconv-worker")

    def admit(self) -> None:
        """Refuse early what could not wait.

        Raises:
            Problem: 503, with Retry-After in seconds.
        """
        if self.num_in > self.max_waiting:
            wait_s = max(1, round(self._mean_s * self.num_in))
            message = f"{self.num_in} requests are being worked on: try again in {wait_s} s."
            raise Problem(503, "busy", message, {"Retry-After": str(wait_s)})

    async def run(self, work: Callable[[], Result], disconnect: Callable[[], Coroutine[Any, Any, None]]) -> Result:
        """Wait for a turn, and run `work` in the thread.

        Args:
            work: Plain code; calls `check` where it can stop.
            disconnect: Returns when the client leaves.

        Raises:
            Problem: 503 as in `admit`.
            Gone: the client left; work that waited is dropped, work that ran stops at its next `check`.
        """
        self.admit()
        self._count(+1)
        left = threading.Event()
        future = self._thread.submit(self._work, work, left)
        future.add_done_callback(lambda _: self._count(-1))
        answer, watch = asyncio.wrap_future(future), asyncio.create_task(disconnect())
        try:
            both: list[asyncio.Future[Any]] = [answer, watch]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise Gone
        finally:
            left.set()
            watch.cancel()
            answer.cancel()

    def check(self) -> None:
        """Called by work: stop if nobody waits for it.

        Raises:
            Gone: the client left.
        """
        if self._left.is_set():
            raise Gone

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _work(self, work: Callable[[], Result], left: threading.Event) -> Result:
        self._left = left
        self.check()
        started = time.perf_counter()
        result = work()
        self._mean_s += 0.2 * (time.perf_counter() - started - self._mean_s)
        return result

    def _count(self, change: int) -> None:
        with self._lock:
            self.num_in += change
