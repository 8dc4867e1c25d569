"""The queue: full, left by clients, and ended."""

import asyncio
import threading
import time

import pytest

from partialconv.server.problem import Gone, Problem
from partialconv.server.queue import Queue


async def stay() -> None:
    await asyncio.Event().wait()


def never() -> None:
    raise AssertionError("stopped although the client is there")


def test_one_at_a_time_and_no_more_than_may_wait() -> None:
    queue, go, running = Queue(2), threading.Event(), []

    def work() -> int:
        running.append(1)
        assert len(running) == 1
        go.wait(10)
        running.pop()
        return 7

    async def main() -> None:
        tasks = [asyncio.create_task(queue.run(work, stay, never)) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await queue.run(work, stay, never)
        assert (refused.value.status, refused.value.code) == (503, "busy")
        assert int(refused.value.headers["Retry-After"]) >= 1
        go.set()
        assert await asyncio.gather(*tasks) == [7, 7, 7]
        assert queue.num_in == 0

    asyncio.run(main())
    queue.close()


def test_who_leaves_is_dropped_from_the_queue_and_stops_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partialconv.server.queue.LEAVE_S", 0.05)
    queue, started, stopped, done = Queue(4), threading.Event(), threading.Event(), []

    def endless() -> None:
        started.set()
        stopped.wait(10)

    async def main() -> None:
        leave = asyncio.Event()

        async def until_left() -> None:
            await leave.wait()

        first = asyncio.create_task(queue.run(endless, until_left, stopped.set))
        waiting = asyncio.create_task(queue.run(lambda: done.append("waiting"), until_left, never))
        last = asyncio.create_task(queue.run(lambda: done.append("last"), stay, never))
        await asyncio.to_thread(started.wait, 10)
        leave.set()
        for task in (first, waiting):
            with pytest.raises(Gone):
                await task
        await last
        assert done == ["last"]

    asyncio.run(main())
    queue.close()


def test_work_that_is_nearly_done_is_not_stopped_for_a_client_that_leaves() -> None:
    queue = Queue(1)

    async def main() -> None:
        with pytest.raises(Gone):
            await queue.run(lambda: time.sleep(0.05), lambda: asyncio.sleep(0.01), never)

    asyncio.run(main())
    queue.close()


def test_a_request_that_is_cancelled_ends_its_work() -> None:
    """As those are that outlive the time which is left when the server is told to stop."""
    queue, started, stopped = Queue(1), threading.Event(), threading.Event()

    def endless() -> None:
        started.set()
        stopped.wait(10)

    async def main() -> None:
        task = asyncio.create_task(queue.run(endless, stay, stopped.set))
        await asyncio.to_thread(started.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stopped.is_set() and queue.num_in == 0

    asyncio.run(main())
    queue.close()


def test_errors_of_the_work_are_those_of_the_request() -> None:
    queue = Queue(1)

    def fail() -> None:
        raise Problem(422, "input", "no")

    async def main() -> None:
        for _ in range(5):  # each gives its place back
            with pytest.raises(Problem, match="no"):
                await queue.run(fail, stay, never)

    asyncio.run(main())
    queue.close()
