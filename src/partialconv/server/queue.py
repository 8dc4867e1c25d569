"""A bounded queue before the one process that works."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from partialconv.server.problem import Gone, Problem

Result = TypeVar("Result")
FIRST_GUESS_S = 0.5  # of the time that a request takes
LEAVE_S = 1.0  # for work that nobody waits for any more: most is done by then, and starting anew takes about as long


class Queue:
    """Does one piece of work at a time, off the event loop, and drops what nobody waits for any more.

    Args:
        max_waiting: Pieces that wait while one runs.
    """

    def __init__(self, max_waiting: int) -> None:
        self.max_waiting = max_waiting
        self.num_in = 0
        self._mean_s = FIRST_GUESS_S
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "partialconv-queue")

    def admit(self) -> None:
        """Refuse early what could not wait.

        Raises:
            Problem: 503, with Retry-After in seconds.
        """
        if self.num_in > self.max_waiting:
            wait_s = max(1, round(self._mean_s * self.num_in))
            message = f"{self.num_in} requests are being worked on: try again in {wait_s} s."
            raise Problem(503, "busy", message, {"Retry-After": str(wait_s)})

    async def run(
        self,
        work: Callable[[], Result],
        disconnect: Callable[[], Coroutine[Any, Any, None]],
        stop: Callable[[], None],
    ) -> Result:
        """Wait for a turn, and run `work` in the thread.

        Args:
            work: Plain code.
            disconnect: Returns when the client leaves.
            stop: Makes `work` that runs return soon, whatever it is doing.

        Raises:
            Problem: 503 as in `admit`.
            Gone: the client left; work that waited was dropped, work that ran was stopped and has ended.
        """
        self.admit()
        self._count(+1)
        future = self._thread.submit(self._work, work)
        future.add_done_callback(lambda _: self._count(-1))
        answer, watch = asyncio.wrap_future(future), asyncio.create_task(disconnect())
        try:
            both: list[asyncio.Future[Any]] = [answer, watch]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if not future.cancel():
                await asyncio.wait([answer], timeout=LEAVE_S)
            raise Gone
        finally:
            watch.cancel()
            if not answer.done() and not future.cancel():
                stop()
                await asyncio.wait([answer])
            if answer.done() and not answer.cancelled():
                answer.exception()  # nobody else looks at it

    def spare(self, work: Callable[[], object]) -> None:
        """Run something when there is time, and drop what comes of it."""
        self._thread.submit(work)

    def close(self) -> None:
        """Wait for what runs, drop what waits."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _work(self, work: Callable[[], Result]) -> Result:
        started = time.perf_counter()
        result = work()
        self._mean_s += 0.2 * (time.perf_counter() - started - self._mean_s)
        return result

    def _count(self, change: int) -> None:
        with self._lock:
            self.num_in += change
