"""Clients that are slow, broken or ill-meaning, on raw sockets and in numbers."""

import asyncio
import json
import random
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Scope

from partialconv.server import listen
from partialconv.server.guard import SECURITY_HEADERS, Guard
from partialconv.server.limits import Limits
from partialconv.server.schema import CODES
from tests.server.serving import encoded, hole_array, make_app, picture, serving

FORM = httpx.Request(
    "POST", "http://127.0.0.1/api/fill", files={"photo": encoded(picture()), "hole": encoded(hole_array())}
)
BODY = FORM.read()
FORM_TYPE = f"Content-Type: {FORM.headers['content-type']}\r\n".encode()
HEAD = (
    f"POST /api/fill HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(BODY)}\r\n"
    f"Content-Type: {FORM.headers['content-type']}\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def impatient() -> Iterator[tuple[str, int]]:
    """A server that waits half a second for its clients."""
    limits = Limits(idle_s=0.5, slowest_bytes=2000)
    with pytest.MonkeyPatch.context() as patch, serving(make_app(limits), limits) as address:
        patch.setattr(listen, "HEADERS_S", 0.5)
        host, _, port = address.removeprefix("http://").partition(":")
        yield host, int(port)


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=10)


def rest(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def alive(address: tuple[str, int]) -> bool:
    return httpx.get(f"http://{address[0]}:{address[1]}/healthz").status_code == 200


def test_silent_connections_and_slow_headers_are_closed(impatient: tuple[str, int]) -> None:
    silent, slow, second = (connect(impatient) for _ in range(3))
    second.sendall(
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHo"
    )  # the next one stays unfinished
    started = time.monotonic()
    slow.sendall(b"GET / HTTP/1.1\r\n")
    closed = False
    while not closed and time.monotonic() - started < 8:
        try:
            slow.sendall(b"X-a: b\r\n")
            time.sleep(0.1)
        except (BrokenPipeError, ConnectionResetError):
            closed = True
    assert closed
    assert rest(silent) == b""
    assert rest(second).startswith(b"HTTP/1.1 200")
    for connection in (silent, slow, second):
        connection.close()
    assert alive(impatient)


def test_a_body_that_stops_or_drips_is_answered_with_408(impatient: tuple[str, int]) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEAD + BODY[:100])
        assert b" 408 " in connection.recv(1000).splitlines()[0]
    with connect(impatient) as connection:
        connection.sendall(HEAD)
        try:
            for at in range(100):
                connection.sendall(BODY[at : at + 1])
                time.sleep(0.02)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has answered and closed
        assert b" 408 " in connection.recv(1000).splitlines()[0]
    assert alive(impatient)


def test_many_slow_clients_keep_nobody_out(impatient: tuple[str, int]) -> None:
    crowd = [connect(impatient) for _ in range(200)]
    for connection in crowd:
        connection.sendall(b"POST /api/fill HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
    assert alive(impatient)
    for connection in crowd:
        connection.close()


def is_cut(connection: socket.socket) -> bool:
    """Whether the server has aborted a connection, of which nothing is read meanwhile."""
    watch = select.poll()
    watch.register(connection, 0)
    return bool(watch.poll(15_000))


@pytest.mark.skipif(not hasattr(select, "poll"), reason="Windows cannot tell without reading")
def test_who_asks_and_never_reads_is_cut(impatient: tuple[str, int]) -> None:
    ask = b"GET /samples/lettering.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    crowd = []
    for _ in range(3):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(impatient)
        connection.sendall(ask * 40)
        crowd.append(connection)
    crowd[-1].shutdown(socket.SHUT_WR)  # half closed
    for connection in crowd:
        assert is_cut(connection)
        connection.close()
    assert alive(impatient)


def test_who_reads_slowly_but_fast_enough_gets_everything(impatient: tuple[str, int]) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(impatient)
        connection.settimeout(10)
        connection.sendall(b"GET /samples/lettering.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := connection.recv(2000):
            data += piece
            time.sleep(0.01)
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()


def test_where_there_are_too_many_the_idle_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those who wait for an answer, and not the newest."""
    monkeypatch.setattr(listen, "MOST_CONNECTIONS", 12)
    with serving(make_app()) as address:
        at = (address.removeprefix("http://").partition(":")[0], int(address.rpartition(":")[2]))
        patient = connect(at)
        patient.settimeout(60)
        patient.sendall(HEAD + BODY)
        time.sleep(0.2)
        crowd = [connect(at) for _ in range(30)]
        for connection in crowd[-5:]:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        assert alive(at)
        assert all(is_cut(connection) for connection in crowd[:15])
        assert patient.recv(1000).startswith(b"HTTP/1.1 200")
        for connection in (patient, *crowd):
            connection.close()


CHUNKED = b"Transfer-Encoding: chunked\r\n"
TWO_WAYS = [
    b"POST /api/doctor HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + CHUNKED + b"Content-Length: 0\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: 127.0.0.1\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/doctor HTTP/1.1\r\nHost: 127.0.0.1\r\n" + CHUNKED + FORM_TYPE + b"\r\n5;\0\r\nxx",
    b"\x16\x03\x01\x02\0\r\n",
]


@pytest.mark.parametrize("head", TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    impatient: tuple[str, int], head: bytes
) -> None:
    with connect(impatient) as connection:
        connection.sendall(head + b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = rest(connection)
    assert re.findall(rb"HTTP/1.1 \d+", answer) == [b"HTTP/1.1 400"]
    head, _, body = answer.partition(b"\r\n\r\n")
    given = {line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:]}
    assert {name.lower() for name in SECURITY_HEADERS} <= given
    assert json.loads(body)["error"]["code"] == "http"


def test_whoever_hangs_up_in_the_middle_leaves_the_server_well(impatient: tuple[str, int]) -> None:
    for length in (0, 1, 10, len(HEAD), len(HEAD) + 50, len(HEAD) + len(BODY) // 2, len(HEAD) + len(BODY)):
        with connect(impatient) as connection:
            connection.sendall((HEAD + BODY)[:length])
    assert alive(impatient)


def garbled(rng: random.Random) -> bytes:
    """A request that was whole, cut, flipped, repeated or mixed with noise."""
    data = bytearray(rng.choice([HEAD + BODY, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", rng.randbytes(200)]))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(min(len(data), len(HEAD) + 150))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(1, 40)]
            case 2:
                data[at:at] = rng.choice([b"\r\n", b"\0", b"--", b":", b"\xff" * 30, b"chunked", b" " * 100])
            case _:
                data[at:at] = data[at : at + rng.randrange(1, 60)]
        if not data:
            return b"\r\n"
    return bytes(data)


def test_eight_thousand_garbled_requests_on_the_wire(impatient: tuple[str, int]) -> None:
    rng = random.Random(0)
    statuses = set()
    for _ in range(8000):
        with connect(impatient) as connection:
            try:
                connection.sendall(garbled(rng))
                connection.shutdown(socket.SHUT_WR)
                answer = rest(connection)
            except (BrokenPipeError, ConnectionResetError, OSError):
                continue
        if answer:
            assert answer.startswith(b"HTTP/1.1 ")
            statuses.add(int(answer[9:12]))
            assert b"Traceback" not in answer and b"/tmp" not in answer
    assert 500 not in statuses
    assert {400, 415} <= statuses
    assert alive(impatient)


def test_two_thousand_malformed_forms(caplog: pytest.LogCaptureFixture) -> None:
    """Without a socket; the forms are broken, seldom the pictures in them."""
    app, rng = make_app(), random.Random(1)
    assert isinstance(app, Guard) and isinstance(app.app, Starlette)
    inner = app.app
    seen: Counter[int] = Counter()
    kind = FORM.headers["content-type"].encode()

    async def ask() -> None:
        body = bytearray(BODY)
        for _ in range(rng.randint(1, 5)):
            at = rng.choice([rng.randrange(150), rng.randrange(max(1, len(body)))])
            piece = rng.choice([b"", b"\r\n", b"\r\n--", rng.randbytes(3), b'name="model"', kind[30:]])
            body[at : at + rng.randrange(80)] = piece
        del body[rng.choice([len(body), rng.randrange(len(body) + 1)]) :]
        chunks = [bytes(body[at : at + 4096]) for at in range(0, len(body), 4096)] or [b""]
        sent: list[Message] = []

        async def receive() -> Message:
            if not chunks:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [
            (b"host", b"localhost"),
            (b"content-type", kind if rng.random() < 0.9 else kind[: rng.randrange(60)]),
        ]
        scope: Scope = {
            "type": "http", "method": "POST", "path": "/api/doctor", "raw_path": b"/api/doctor", "query_string": b"",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http",
            "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        await app(scope, receive, send)
        status = sent[0]["status"]
        seen[status] += 1
        assert b"Traceback" not in sent[1]["body"] and b"/tmp" not in sent[1]["body"]

    async def main() -> None:
        async with inner.router.lifespan_context(inner):
            for _ in range(2000):
                await ask()

    asyncio.run(main())
    assert sum(seen.values()) == 2000
    assert set(seen) <= {200, *CODES} - {500, 503}
    assert seen[400] > 200 and seen[422] > 20
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
