"""Files that hang, crash or bloat the process that reads them: it ends, and the server serves the next one."""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from partialconv.server.limits import Limits
from partialconv.server.process import PROGRAM
from tests.server.serving import encoded, hole_array, make_app, picture, serving

FILES = {"photo": encoded(picture()), "hole": encoded(hole_array())}
FAULTS = {
    "hang": "import time\nwhile True: time.sleep(1)",
    "hang in native code": "import re\nre.match('(a*)*b', 'a' * 200)",  # does not let any other thread run
    "crash": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "bloat": "import numpy as np\nnp.ones(10**9)",
    "error": "raise RuntimeError('a secret of the server')",
}
STRIKES = """\
import partialconv.filling.job as job
true_read = job.read_photo
def read_photo(path, *more):
    photo = true_read(path, *more)
    if photo.size == (44, 55):
        exec(FAULT)
    return photo
job.read_photo = read_photo
"""
BAD = {"photo": encoded(picture(44, 55)), "hole": encoded(hole_array(44, 55))}


def program(fault: str) -> str:
    """What runs as usual but for a photo of 55x44 pixels."""
    return f"FAULT = {fault!r}\nexec({STRIKES!r})\n{PROGRAM}"


@contextmanager
def faulty(fault: str, **limits: float) -> Iterator[httpx.Client]:
    given = Limits(**limits)  # type: ignore[arg-type]
    app = make_app(given, program=program(FAULTS[fault]))
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def post(client: httpx.Client, files: dict[str, bytes] = FILES) -> tuple[int, str]:
    answer = client.post("/api/fill", files=files)
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["error"]["code"]


def post_once(address: str) -> tuple[int, str]:
    with httpx.Client(base_url=address, timeout=60) as client:
        return post(client)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("hang", (503, "time")),
        ("hang in native code", (503, "time")),
        ("crash", (500, "ended")),
        ("bloat", (413, "memory")),
        ("error", (500, "internal")),
    ],
)
def test_a_fault_is_one_answer_and_the_next_client_is_served(
    fault: str, answer: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    with faulty(fault, work_s=1.5, max_memory=4 * 10**9) as client:
        assert post(client) == (200, "")
        for _ in range(2):
            assert post(client, BAD) == answer
            assert post(client) == (200, "")
    if fault == "error":
        assert caplog.text.count("a secret of the server") == 2


def test_who_asks_after_the_idle_process_was_killed_notices_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    true_popen = subprocess.Popen

    def popen(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(true_popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("partialconv.server.process.subprocess.Popen", popen)
    with serving(make_app()) as address, httpx.Client(base_url=address, timeout=60) as client:
        for number in (1, 2):
            assert post(client) == (200, "")
            assert len(started) == number
            started[-1].kill()


def test_a_client_that_leaves_ends_what_hangs() -> None:
    with faulty("hang in native code", work_s=1000) as client:
        assert post(client) == (200, "")
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/fill", files=BAD, timeout=1)
        assert post(client) == (200, "")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and only Linux ends a process with its parent")
class TestEndings:
    """The server as a process, killed and told to stop while a decoder hangs."""

    @pytest.fixture
    def tmp(self, tmp_path: Path) -> Path:
        (tmp_path / "tmp").mkdir()
        return tmp_path / "tmp"

    @contextmanager
    def hanging(self, tmp: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
        """The server, its working process and its address, while a photo makes the latter hang."""
        code = (
            "import sys\nimport partialconv.server.process as p\n"
            f"p.Process.__init__.__defaults__ = ({program(FAULTS['hang in native code'])!r},)\n"
            "from partialconv.cli import main\nsys.argv = ['partialconv', 'serve', '--port', '0']\nmain()"
        )
        environment = os.environ | {"TMPDIR": str(tmp)}
        server = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        with server:
            try:
                assert server.stdout
                address = server.stdout.readline().split()[-1]
                (child,) = map(int, Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split())
                asking = threading.Thread(target=_ask, args=(address,))
                asking.start()
                while not list(tmp.glob("partialconv-serve-*/*/photo.png")):
                    time.sleep(0.01)
                yield server, child, address
                asking.join(30)
                assert not asking.is_alive()
            finally:
                server.kill()

    def test_told_to_stop_it_stops_and_leaves_nothing(self, tmp: Path) -> None:
        with self.hanging(tmp) as (server, child, _):
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=20)
            assert "Traceback" not in log
        assert not alive(child) and list(tmp.iterdir()) == []

    def test_killed_it_leaves_no_process_and_the_next_one_removes_its_photos(
        self, tmp: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with self.hanging(tmp) as (server, child, _):
            server.kill()
            server.wait(10)
            until = time.monotonic() + 10
            while alive(child) and time.monotonic() < until:
                time.sleep(0.01)
            assert not alive(child)
        (left,) = tmp.iterdir()
        os.utime(left, (1, 1))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp))
        stranger = tmp / "partialconv-serve-strange"
        stranger.mkdir()  # not locked, but young: its server may be about to
        with serving(make_app()) as address:
            assert post_once(address) == (200, "")
            assert not left.exists() and stranger.exists()
        assert list(tmp.iterdir()) == [stranger]

    def test_a_process_that_is_killed_from_outside_is_replaced(self, tmp: Path) -> None:
        with self.hanging(tmp) as (server, child, address):
            os.kill(child, signal.SIGKILL)
            assert post_once(address) == (200, "")
            server.send_signal(signal.SIGTERM)


def _ask(address: str) -> None:
    with suppress(httpx.HTTPError):
        httpx.post(f"{address}api/fill", files=BAD, timeout=60)


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def png_of_zeros(width: int, height: int) -> bytes:
    """A picture of one bit a pixel, of any size in a few kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("work", ["doctor", "plan"])
def test_bombs_are_refused_by_their_header(client: httpx.Client, work: str) -> None:
    for width, height in ((1, 100_000_000), (1, 90_000_000), (70_000, 1), (60_000, 60_000)):
        answer = client.post(f"/api/{work}", files={"hole": png_of_zeros(width, height)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "pixels")


def test_what_needs_more_memory_than_there_is_is_refused_by_its_header() -> None:
    with serving(make_app(Limits(max_memory=600_000_000))) as address:
        files = {"photo": png_of_zeros(9900, 10_000), "hole": FILES["hole"]}
        answer = httpx.post(f"{address}/api/fill", files=files, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "memory")
        assert httpx.post(f"{address}/api/fill", files=FILES, timeout=60).status_code == 200


def test_a_full_temporary_folder_is_one_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is missing, or the disk takes no upload, or no result."""
    from partialconv.server import form

    with serving(make_app()) as address, httpx.Client(base_url=address, timeout=60) as client:
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
            assert post(client) == (507, "disk")
        assert post(client) == (200, "")
        with monkeypatch.context() as patch:
            patch.setattr(form._Parts, "take", _full)
            assert post(client) == (507, "disk")
        assert post(client) == (200, "")
    full = (
        "import shutil, types\nshutil.disk_usage = lambda _, t=types: t.SimpleNamespace(free=0)\nraise OSError(28, '')"
    )
    with serving(make_app(program=program(full))) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert post(client, BAD) == (507, "disk")


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")
