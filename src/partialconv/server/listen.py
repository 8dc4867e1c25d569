"""Running the application on a socket, with the time limits that uvicorn leaves open."""

import asyncio
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from partialconv.errors import InputError

HEADERS_S = 10.0  # for the headers of a request to arrive
MOST_CONNECTIONS = 512
GRACE_S = 30  # for what runs when the server is told to stop


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits for headers, but not for ever; and not on any number of connections."""

    headers_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock with the connection."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
        else:
            self._set_timer()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a request has come, start it with the first byte of the next."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._drop_timer()
        elif self.headers_timer is None:
            self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._drop_timer()
        super().connection_lost(exc)

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


def make_server(app: ASGIApp, **options: Any) -> uvicorn.Server:
    """A server that has not started yet.

    Args:
        app: The application.
        options: More of uvicorn's.
    """
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        **options,
    )
    return uvicorn.Server(config)
