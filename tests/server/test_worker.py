"""The queue: full, left by clients, and ended."""

import asyncio
import threading
import time
from typing import Any

import httpx
import pytest
from numpy.typing import NDArray

from partialconv import api
from partialconv.server.limits import Limits
from partialconv.server.problem import Gone, Problem
from partialconv.server.worker import Worker
from tests.server.serving import encoded, hole_array, make_app, picture, serving

FILES = {"photo": encoded(picture()), "hole": encoded(hole_array())}


async def stay() -> None:
    await asyncio.Event().wait()


def test_one_at_a_time_and_no_more_than_may_wait() -> None:
    worker, go, running = Worker(2), threading.Event(), []

    def work() -> int:
        running.append(1)
        assert len(running) == 1
        go.wait(10)
        running.pop()
        return 7

    async def main() -> None:
        tasks = [asyncio.create_task(worker.run(work, stay)) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await worker.run(work, stay)
        assert (refused.value.status, refused.value.code) == (503, "busy")
        assert int(refused.value.headers["Retry-After"]) >= 1
        go.set()
        assert await asyncio.gather(*tasks) == [7, 7, 7]
        assert worker.num_in == 0

    asyncio.run(main())
    worker.close()


def test_who_leaves_is_dropped_from_the_queue_and_stops_what_runs() -> None:
    worker, started, done = Worker(4), threading.Event(), []

    def endless() -> None:
        started.set()
        while True:
            worker.check()
            time.sleep(0.005)

    async def main() -> None:
        leave = asyncio.Event()

        async def until_left() -> None:
            await leave.wait()

        first = asyncio.create_task(worker.run(endless, until_left))
        waiting = asyncio.create_task(worker.run(lambda: done.append("waiting"), until_left))
        last = asyncio.create_task(worker.run(lambda: done.append("last"), stay))
        await asyncio.to_thread(started.wait, 10)
        leave.set()
        for task in (first, waiting):
            with pytest.raises(Gone):
                await task
        await last
        assert done == ["last"]

    asyncio.run(main())
    worker.close()


def test_errors_of_the_work_are_those_of_the_request() -> None:
    worker = Worker(1)

    def fail() -> None:
        raise Problem(422, "input", "no")

    async def main() -> None:
        for _ in range(5):  # each gives its place back
            with pytest.raises(Problem, match="no"):
                await worker.run(fail, stay)

    asyncio.run(main())
    worker.close()


def test_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue answers at once; a client that leaves frees its place; what runs is finished at the end."""
    entered, go = threading.Semaphore(0), threading.Event()
    true_fill, runs = api.fill_photo, []

    def slow(*arguments: Any) -> NDArray[Any]:
        runs.append(1)
        entered.release()
        go.wait(20)
        return true_fill(*arguments)

    monkeypatch.setattr("partialconv.server.engine.fill_photo", slow)
    answers: list[int] = []

    def ask(timeout: float) -> None:
        try:
            answers.append(httpx.post(f"{address}/api/fill", files=FILES, timeout=timeout).status_code)
        except httpx.TimeoutException:
            answers.append(0)

    def in_queue() -> int:
        return int(httpx.get(f"{address}/healthz").json()["waiting"])

    with serving(make_app(Limits(max_waiting=1))) as address:
        first = threading.Thread(target=ask, args=(30,))
        first.start()
        assert entered.acquire(timeout=10)
        second = threading.Thread(target=ask, args=(1.0,))  # leaves after a second
        second.start()
        while in_queue() < 2:
            time.sleep(0.01)
        busy = httpx.post(f"{address}/api/fill", files=FILES)
        assert (busy.status_code, busy.json()["error"]["code"]) == (503, "busy")
        assert int(busy.headers["retry-after"]) >= 1
        second.join()
        while in_queue() > 1:
            time.sleep(0.01)
        threading.Timer(0.5, go.set).start()
    first.join()  # the server was told to stop while this was filled
    assert sorted(answers) == [0, 200]
    assert len(runs) == 1
