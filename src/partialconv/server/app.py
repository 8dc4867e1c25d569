"""The ASGI application: which address gives what."""

import asyncio
import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from partialconv import __version__
from partialconv.errors import InputError
from partialconv.filling import FillOptions
from partialconv.filling.find_options import FindOptions
from partialconv.server.form import Form, read_form
from partialconv.server.guard import PROGRESS, Access, Guard, Notes
from partialconv.server.limits import NO_SPACE, no_space
from partialconv.server.order import Answer, Order
from partialconv.server.posts import KEEP, KEPT, NAME_PATTERN, POSTS, TICKET, TICKET_PATTERN, Post
from partialconv.server.problem import Gone, Problem
from partialconv.server.process import Process
from partialconv.server.queue import Queue
from partialconv.server.schema import openapi
from partialconv.server.scratch import Scratch
from partialconv.server.static import load_page
from partialconv.zoo import model_path

REPORT_HEADER = "Partialconv-Report"
CODES = {404: "address", 405: "method"}
PIECE = 1 << 16  # bytes


@dataclass
class Service:
    """What the addresses share."""

    process: Process
    queue: Queue
    scratch: Scratch
    num_uploads: int = 0
    shares: dict[str, float | None] = field(default_factory=dict)  # by ticket; None = its turn has not come

    def warm(self) -> None:
        """Start the process again if it has ended, before the next request needs it."""
        with contextlib.suppress(RuntimeError):  # the server is being stopped
            self.queue.spare(self.process.start)

    def finish(self, kept: str) -> None:
        """Have the file of a fill made while nothing else is to be done: the next fill, or a download, needs it."""

        def work() -> None:
            with contextlib.suppress(Problem, Gone), self.scratch.folder() as folder:
                self.process.ask(Order("result", Path(folder), (), FillOptions(), kept))

        with contextlib.suppress(RuntimeError):  # the server is being stopped
            self.queue.spare(work)


def create_app(process: Process, access: Access) -> ASGIApp:
    """Build the application.

    Args:
        process: Does the work. It starts with the application, if it has not been started, and ends with it.
        access: Who may ask.
    """
    limits, models = process.limits, process.models
    service = Service(process, Queue(limits.max_waiting), Scratch())
    described = [
        _describe(name, model_path(path), default=number == 0) for number, (name, path) in enumerate(models.items())
    ]
    document = openapi(__version__, list(models), limits)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        service.warm()
        yield
        process.refuse()
        await asyncio.to_thread(service.queue.close)
        process.close()
        service.scratch.close()

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "waiting": service.queue.num_in})

    async def list_models(_request: Request) -> Response:
        taken = {"max_bytes": limits.max_bytes, "max_pixels": limits.max_pixels}
        return JSONResponse({"models": described, "limits": taken})

    async def tell_progress(request: Request) -> Response:
        ticket = request.query_params.get(TICKET, "")
        share = service.shares.get(ticket)
        state = "filling" if share is not None else "waiting" if ticket in service.shares else "unknown"
        return JSONResponse({"state": state, "share": share or 0})

    async def show_document(_request: Request) -> Response:
        return JSONResponse(document)

    def taker(post: Post) -> Callable[[Request], Awaitable[Response]]:
        async def take(request: Request) -> Response:
            return await _answer(request, service, post)

        return take

    app = Starlette(
        routes=[
            *(Route(address, page.serve, methods=["GET"]) for address, page in load_page().items()),
            Route("/healthz", healthz),
            Route("/api/models", list_models),
            Route(PROGRESS, tell_progress),
            Route("/api/openapi.json", show_document),
            *(Route(address, taker(post), methods=["POST"]) for address, post in POSTS.items()),
        ],
        exception_handlers={Problem: _told, HTTPException: _http_problem, Gone: _nobody, Exception: _unknown},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # "//elsewhere/" would be sent elsewhere
    return Guard(app, access)


def _describe(name: str, path: Path, default: bool) -> dict[str, str | int | bool]:
    """What is said of a model: `Model` in `schema`."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"name": name, "default": default, "num_bytes": len(data), "sha256": digest}


async def _answer(request: Request, service: Service, post: Post) -> Response:
    """Take files in, wait for a turn, work, and give the result back."""
    notes: Notes = request.scope["state"]["notes"]
    loop = asyncio.get_running_loop()
    started = loop.time()
    with service.scratch.folder() as folder, _explained():
        form = await _upload(request, service, Path(folder), post)
        notes.num_bytes = form.num_bytes
        for field in post.needed:
            if field not in form.files and field not in form.options:
                what = "the file" if field in post.files else "it"
                raise Problem(422, "field", f"the form has no field {field}: send {what} in a field of this name.")
        ticket = _ticket(form.options.pop(TICKET, None), service)
        kept, keep = (_name(form.options.pop(field, None), field) for field in (KEPT, KEEP))
        options = _options(post.work, form.options, list(service.process.models))
        order = Order(post.work, Path(folder), tuple(form.files), options, kept, keep)
        notes.steps["in"] = loop.time() - started
        started = loop.time()

        def tell(share: float) -> None:
            if ticket in service.shares:
                service.shares[ticket] = share

        if ticket:
            service.shares[ticket] = None
        try:
            reply = await service.queue.run(
                lambda: service.process.ask(order, tell=tell),
                lambda: _disconnected(request),
                lambda: service.process.stop(order),
            )
        finally:
            service.shares.pop(ticket, None)
            service.warm()
        notes.steps["queue"] = loop.time() - started - sum(reply.timings_s.values())
        notes.steps |= reply.timings_s
        if post.work == "change":
            service.finish(keep)
        return _response(request, reply, notes, post.report_only)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Tell a full disk from a fault of the server."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise no_space() from error
        raise


async def _upload(request: Request, service: Service, folder: Path, post: Post) -> Form:
    """Read the form, unless too many are being read or wait already."""
    service.queue.admit()
    limits = service.process.limits
    if service.num_uploads > 2 * limits.max_waiting:
        message = "too many requests are coming in: try again in 1 s."
        raise Problem(503, "busy", message, {"Retry-After": "1"})
    service.num_uploads += 1
    try:
        return await read_form(request, folder, limits, post.files, post.options)
    finally:
        service.num_uploads -= 1


async def _disconnected(request: Request) -> None:
    """Return when the client has left; its body has been read to the end."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _ticket(given: str | None, service: Service) -> str:
    """The ticket of a request; "" if it has none."""
    if given is None:
        return ""
    if not re.fullmatch(TICKET_PATTERN, given) or given in service.shares:
        raise Problem(
            422, "option", f"ticket is {given[:40]!r}, expected 16 to 64 hexadecimal digits that are not in use."
        )
    return given


def _name(given: str | None, field: str) -> str:
    """The name of a photo that is kept; "" if there is none."""
    if given is None:
        return ""
    if not re.fullmatch(NAME_PATTERN, given):
        raise Problem(422, "option", f"{field} is {given[:40]!r}, expected 32 to 64 hexadecimal digits.")
    return given


def _options(work: str, given: Mapping[str, str], models: list[str]) -> FillOptions | FindOptions:
    model = given.get("model", models[0])
    if model not in models:
        raise Problem(422, "option", f"model is {model[:40]!r}, expected one of {', '.join(models)}.")
    try:
        return FindOptions.from_text(given) if work == "find" else FillOptions.from_text({**given, "model": model})
    except InputError as error:
        raise Problem(422, "option", str(error)) from error


OCTETS = "application/octet-stream"  # for those who ask for nothing else, as generated clients know no pictures


def _response(request: Request, reply: Answer, notes: Notes, report_only: bool) -> Response:
    """Report and file as parts of a form, where the client asks for one; else the one that the address is for."""
    timing = ", ".join(f"{step};dur={1000 * seconds:.1f}" for step, seconds in notes.steps.items())
    headers = {"Server-Timing": timing, "Vary": "Accept"}
    report = json.dumps(reply.report).encode()  # in ASCII, as headers must be
    if "multipart/form-data" in request.headers.get("accept", "").lower():
        boundary = secrets.token_hex(16)
        heads = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n".encode()
            for name, kind in (("report", "application/json"), ("file", reply.media_type))
        ]
        before, after = heads[0] + report + b"\r\n" + heads[1], f"\r\n--{boundary}--\r\n".encode()
        return _FileResponse(reply.file, headers, f"multipart/form-data; boundary={boundary}", before, after)
    if report_only:
        return Response(report, headers=headers, media_type="application/json")
    if reply.report:
        headers[REPORT_HEADER] = report.decode()
    plainly = request.headers.get("accept", "").lower() == OCTETS
    return _FileResponse(reply.file, headers, OCTETS if plainly else reply.media_type)


class _FileResponse(Response):
    """A file in pieces, so that slow clients hold no memory; opened at once, so that its name may go."""

    def __init__(
        self, path: Path, headers: dict[str, str], media_type: str, before: bytes = b"", after: bytes = b""
    ) -> None:
        length = len(before) + path.stat().st_size + len(after)
        super().__init__(headers=headers | {"Content-Length": str(length)}, media_type=media_type)
        self.file, self.before, self.after = path.open("rb"), before, after

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        with self.file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.before, "more_body": True})
            while piece := self.file.read(PIECE):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": self.after})


async def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: "there is nothing at this address.", 405: "this address is not used that way."}
    message = messages.get(error.status_code, error.detail)
    return Problem(error.status_code, CODES.get(error.status_code, "http"), message, error.headers).response()


async def _nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # for the log, as nginx writes it: nobody reads it


async def _unknown(_request: Request, _error: Exception) -> Response:
    return Problem(500, "internal", "the server met an error that it does not know; its log says more.").response()
