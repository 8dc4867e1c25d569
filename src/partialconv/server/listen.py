"""Running the application on a socket, with the limits on time and connections that uvicorn leaves open."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from partialconv.errors import InputError
from partialconv.server.guard import SECURITY_HEADERS
from partialconv.server.limits import Limits
from partialconv.server.problem import Problem

HEADERS_S = 10.0  # for the headers of a request to arrive
MOST_CONNECTIONS = 512
GRACE_S = 5  # for what runs when the server is told to stop
SEND_BYTES = 1 << 17  # that the system holds of an answer: by itself it takes megabytes, of every client
LOOKS = 4  # at the progress of a connection, in the time that a client may make none


class CountedTransport:
    """A transport that knows how much has been written to it.

    Args:
        transport: Does everything.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self.num_written = transport, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, and count."""
        self.num_written += len(data)
        self._transport.write(data)

    @property
    def num_taken(self) -> int:
        """Bytes that the system took; it takes more as the client does."""
        return self.num_written - self._transport.get_write_buffer_size()


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits for clients, but not for ever; and not on any number of connections.

    Where there are too many, the one that has stood still for longest makes room, so that clients that do nothing keep
    nobody out.
    """

    limits = Limits()
    headers_timer: asyncio.TimerHandle | None = None
    look_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clocks with the connection."""
        self.counted = CountedTransport(transport)
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        super().connection_made(self.counted)  # type: ignore[arg-type]
        self.moved_at = self.loop.time()
        self.taken = [0]
        self._set_timer()
        self._look()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Stop the clock for headers when a request has come, start it with the first byte of the next."""
        self.moved_at = self.loop.time()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._drop_timer()
        elif self.headers_timer is None:
            self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clocks."""
        self._drop_timer()
        if self.look_timer is not None:
            self.look_timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer what is no HTTP, with the headers of every answer; cut a connection whose answer has begun."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._cut()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True  # nothing that it sends would be understood
        response = Problem(400, "http", "the request cannot be read as HTTP/1.1.", SECURITY_HEADERS).response()
        headers = [*response.raw_headers, (b"cache-control", b"no-store"), (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers),
            h11.Data(bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def is_waiting(self) -> bool:
        """Whether the client has sent files and waits for the answer; others get theirs at once."""
        if self.cycle is None or self.scope["method"] != "POST":
            return False
        return not self.cycle.response_started and not self.cycle.more_body

    def _look(self) -> None:
        """Abort the connection if its client has taken too little of what waits for it."""
        taken = self.counted.num_taken
        if taken > self.taken[-1]:
            self.moved_at = self.loop.time()
        waiting = self.counted.get_write_buffer_size() > 0
        self.taken = [*self.taken, taken][-LOOKS - 1 :] if waiting else [taken]
        if len(self.taken) > LOOKS and taken - self.taken[0] < self.limits.slowest_bytes * self.limits.idle_s:
            self._cut()
        else:
            self.look_timer = self.loop.call_later(self.limits.idle_s / LOOKS, self._look)

    def _cut(self) -> None:
        """Close at once, and have the system drop what it still holds for the client."""
        with contextlib.suppress(OSError):
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, PatientProtocol) and not one.is_waiting]
        slowest = min(others, key=lambda one: one.moved_at)  # `self` is the last to be
        slowest._cut()
        self.connections.discard(slowest)  # it is lost only after this turn of the loop

    def _set_timer(self) -> None:
        self.headers_timer = self.loop.call_later(HEADERS_S, self.transport.close)

    def _drop_timer(self) -> None:
        if self.headers_timer is not None:
            self.headers_timer.cancel()
            self.headers_timer = None


def open_socket(host: str, port: int) -> socket.socket:
    """Listen.

    Raises:
        InputError: the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose others by --host and --port."
        ) from error
    return listening


def reachable_address(host: str) -> str | None:
    """The address of this machine in its network, where a server that listens on all of them can be reached.

    Nothing is sent. None if the machine has no network, or `host` is an address of its own.
    """
    probes = {"0.0.0.0": (socket.AF_INET, "192.0.2.1"), "::": (socket.AF_INET6, "2001:db8::1")}  # of no machine
    if host not in probes:
        return None
    family, other = probes[host]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((other, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def make_server(app: ASGIApp, limits: Limits, **options: Any) -> uvicorn.Server:
    """A server that has not started yet.

    Args:
        app: The application.
        limits: How slow clients may be.
        options: More of uvicorn's.
    """
    config = uvicorn.Config(
        app,
        http=type("Protocol", (PatientProtocol,), {"limits": limits}),
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        **options,
    )
    return uvicorn.Server(config)
