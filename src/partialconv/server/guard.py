"""What stands before every request: who may ask, how often, what is logged, and that no error shows its inside."""

import asyncio
import hmac
import logging
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from partialconv.server.problem import Problem

LOG = logging.getLogger("partialconv.server")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MOST_ADDRESSES = 10_000
PROGRESS = "/api/progress"  # asked so often that it is neither counted nor logged


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Args:
        hosts: Names it answers to; empty for any. Where it listens to this machine alone, a foreign page could
            otherwise reach it under a name of its own that resolves to 127.0.0.1.
        token: What requests to /api/ must bring; None for nothing.
        rate: Requests to /api/ in a minute from one address, but for those about progress; 0 for any number.
    """

    hosts: Collection[str] = LOOPBACK
    token: str | None = None
    rate: int = 0


@dataclass
class Notes:
    """What an endpoint tells the log: sizes in bytes and steps in seconds."""

    num_bytes: int = 0
    steps: dict[str, float] = field(default_factory=dict)


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: What it guards.
        access: Who may ask.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access
        self.seen: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, num_sent, complete, notes = time.perf_counter(), 0, 0, False, Notes()
        scope.setdefault("state", {})["notes"] = notes

        async def send_guarded(message: Message) -> None:
            nonlocal status, num_sent, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            else:
                num_sent += len(message.get("body", b""))
                complete = not message.get("more_body", False)
            await send(message)

        try:
            self._check(scope)
            await self.app(scope, receive, send_guarded)
        except Problem as problem:
            await problem.response()(scope, receive, send_guarded)
        except asyncio.CancelledError:  # the server is being stopped, and this has taken too long for that
            if not status:
                stopped = Problem(503, "busy", "the server is being stopped: ask again.", {"Retry-After": "5"})
                await stopped.response()(scope, receive, send_guarded)
        except Exception:
            LOG.exception("error in %s", _line(scope))
            if not complete:
                raise  # the answer has begun: cut it
        finally:
            steps = "".join(f", {name} {seconds:.3f}" for name, seconds in notes.steps.items())
            elapsed_s = time.perf_counter() - started
            sizes = f"{notes.num_bytes / 1e6:.2f} MB in, {num_sent / 1e6:.2f} MB out"
            level = logging.DEBUG if scope["path"] == PROGRESS else logging.INFO
            LOG.log(level, "%s %s %.3f s%s, %s", _line(scope), status, elapsed_s, steps, sizes)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.access.hosts and _name_of(host) not in self.access.hosts:
            names = ", ".join(self.access.hosts)
            raise Problem(403, "host", f"this server does not answer to that name, only to {names}.")
        origin = headers.get("origin")
        if _is_foreign(scope, headers) if origin is None else not self._is_own(origin.partition("://")[2], host):
            raise Problem(403, "origin", "pages of other sites may not use this server.")
        if "transfer-encoding" in headers and ("content-length" in headers or scope["http_version"] == "1.0"):
            # where the request ends may be read in two ways, so nothing behind it may be read at all
            message = "the request has a Transfer-Encoding beside a Content-Length, or in HTTP/1.0: send one of them."
            raise Problem(400, "http", message, {"Connection": "close"})
        if not scope["path"].startswith("/api/"):
            return
        if self.access.rate and scope["path"] != PROGRESS:
            self._count((scope.get("client") or ("",))[0])
        if self.access.token is not None:
            kind, _, given = headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self.access.token.encode())
            if kind.lower() != "bearer" or not right:
                message = "a token is needed: send Authorization: Bearer TOKEN, or open the page by the whole address."
                raise Problem(401, "token", message, {"WWW-Authenticate": "Bearer"})

    def _is_own(self, netloc: str, host: str) -> bool:
        """Whether a page comes from this server; other ports of this machine may belong to anybody."""
        return netloc.lower() == host.lower() or _name_of(netloc) in {*self.access.hosts} - {*LOOPBACK}

    def _count(self, address: str) -> None:
        """One more request from an address."""
        now = time.monotonic()
        times = self.seen.setdefault(address, deque())
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= self.access.rate:
            wait_s = max(1, round(times[0] + 60 - now))
            message = f"more than {self.access.rate} requests in a minute: try again in {wait_s} s."
            raise Problem(429, "rate", message, {"Retry-After": str(wait_s)})
        times.append(now)
        if len(self.seen) > MOST_ADDRESSES:
            self.seen = {key: value for key, value in self.seen.items() if value and value[-1] > now - 60}


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says that another site asks, but for a person who follows a link to the page."""
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):  # of the same site: another port, or name
        return False
    by_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (by_link and scope["method"] == "GET" and not scope["path"].startswith("/api/"))


def _name_of(netloc: str) -> str:
    """Host name without its port, in lower case; empty for what is none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _line(scope: Scope) -> str:
    # quoted, so that a path cannot write lines of its own into the log
    return f"{scope['method']} {scope['path'][:200]!r}"
