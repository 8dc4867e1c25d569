"""The ASGI application: which address gives what."""

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from partialconv import __version__
from partialconv.masks import HoleColor
from partialconv.server.engine import Answer, Engine, Options, describe_model
from partialconv.server.form import Form, read_form
from partialconv.server.guard import Access, Guard, Notes
from partialconv.server.limits import Limits, check_picture
from partialconv.server.problem import Gone, Problem
from partialconv.server.schema import openapi
from partialconv.server.static import load_page
from partialconv.server.worker import Worker
from partialconv.zoo import model_path

OPTIONS = ("model", "hole_color", "grow_px", "strict")
MOST_GROWTH_PX = 500
REPORT_HEADER = "Partialconv-Report"
CODES = {404: "address", 405: "method"}


@dataclass(frozen=True)
class Post:
    """An address that takes files.

    Args:
        work: What is done with them.
        files: Fields that hold files; of these, `needed` must be there.
        options: Fields that hold text.
        report_only: Whether the report alone goes back, where nothing else is asked for.
    """

    work: Callable[[Engine, Form, Options], Answer]
    files: tuple[str, ...]
    needed: tuple[str, ...]
    options: tuple[str, ...] = OPTIONS
    report_only: bool = False


POSTS = {
    "/api/fill": Post(
        lambda engine, form, options: engine.fill(form.files["photo"], form.files["hole"], options),
        files=("photo", "hole"),
        needed=("photo", "hole"),
        options=(*OPTIONS, "grain"),
    ),
    "/api/doctor": Post(
        lambda engine, form, options: engine.doctor(form.files["hole"], form.files.get("photo"), options),
        files=("photo", "hole"),
        needed=("hole",),
        options=("hole_color", "grow_px"),
        report_only=True,
    ),
    "/api/plan": Post(
        lambda engine, form, options: engine.plan(form.files["hole"], options),
        files=("hole",),
        needed=("hole",),
        report_only=True,
    ),
    "/api/show": Post(
        lambda engine, form, _options: engine.show(form.files["photo"]),
        files=("photo",),
        needed=("photo",),
        options=(),
    ),
}


@dataclass
class Service:
    """What the addresses share."""

    engine: Engine
    worker: Worker
    limits: Limits
    models: list[str]
    num_uploads: int = 0


def create_app(models: Mapping[str, Path | None], limits: Limits, access: Access) -> ASGIApp:
    """Build the application.

    Args:
        models: Name to file; None is the shipped model. The first one is the default.
        limits: What requests may bring.
        access: Who may ask.

    Raises:
        InputError: a model cannot be read.
    """
    worker = Worker(limits.max_waiting)
    service = Service(Engine(models, worker.check), worker, limits, list(models))
    described = [
        describe_model(name, model_path(path), default=number == 0)
        for number, (name, path) in enumerate(models.items())
    ]
    document = openapi(__version__, list(models), limits)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        await asyncio.to_thread(worker.close)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "waiting": worker.num_in})

    async def list_models(_request: Request) -> Response:
        taken = {"max_bytes": limits.max_bytes, "max_pixels": limits.max_pixels}
        return JSONResponse({"models": described, "limits": taken})

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
            Route("/api/openapi.json", show_document),
            *(Route(address, taker(post), methods=["POST"]) for address, post in POSTS.items()),
        ],
        exception_handlers={Problem: _told, HTTPException: _http_problem, Gone: _nobody, Exception: _unknown},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # "//elsewhere/" would be sent elsewhere
    return Guard(app, access)


async def _answer(request: Request, service: Service, post: Post) -> Response:
    """Take files in, wait for a turn, work, and give the result back."""
    notes: Notes = request.scope["state"]["notes"]
    loop = asyncio.get_running_loop()
    started = loop.time()
    with tempfile.TemporaryDirectory(prefix="partialconv-", ignore_cleanup_errors=True) as folder:
        form = await _upload(request, service, Path(folder), post)
        notes.num_bytes = form.num_bytes
        for field in post.needed:
            if field not in form.files:
                raise Problem(422, "field", f"the form has no field {field}: send the file in a field of this name.")
        options = _options(form.options, service.models)
        for field, path in form.files.items():
            suffix = await asyncio.to_thread(check_picture, path, field, service.limits)
            form.files[field] = path.rename(path.with_name(f"{field}{suffix}"))
        notes.steps["in"] = loop.time() - started
        started = loop.time()
        answer = await service.worker.run(
            lambda: post.work(service.engine, form, options), lambda: _disconnected(request)
        )
        notes.steps["queue"] = loop.time() - started - sum(answer.timings_s.values())
        notes.steps |= answer.timings_s
    return _response(request, answer, notes, post.report_only)


async def _upload(request: Request, service: Service, folder: Path, post: Post) -> Form:
    """Read the form, unless too many are being read or wait already."""
    service.worker.admit()
    if service.num_uploads > 2 * service.limits.max_waiting:
        message = "too many requests are coming in: try again in 1 s."
        raise Problem(503, "busy", message, {"Retry-After": "1"})
    service.num_uploads += 1
    try:
        return await read_form(request, folder, service.limits, post.files, post.options)
    finally:
        service.num_uploads -= 1


async def _disconnected(request: Request) -> None:
    """Return when the client has left; its body has been read to the end."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _options(given: Mapping[str, str], models: list[str]) -> Options:
    model = given.get("model", models[0])
    if model not in models:
        raise Problem(422, "option", f"model is {model[:40]!r}, expected one of {', '.join(models)}.")
    color = given.get("hole_color", "white")
    if color not in get_args(HoleColor):
        raise Problem(422, "option", f"hole_color is {color[:40]!r}, expected white or black.")
    grow = given.get("grow_px", "0")
    if not (grow.isascii() and grow.isdigit() and len(grow) < 5 and int(grow) <= MOST_GROWTH_PX):
        raise Problem(422, "option", f"grow_px is {grow[:40]!r}, expected whole pixels, 0 to {MOST_GROWTH_PX}.")
    flags = {"strict": "false", "grain": "true"}
    for name, default in flags.items():
        flags[name] = given.get(name, default)
        if flags[name] not in ("true", "false"):
            raise Problem(422, "option", f"{name} is {flags[name][:40]!r}, expected true or false.")
    strict, grain = (flags[name] == "true" for name in ("strict", "grain"))
    return Options(model, "black" if color == "black" else "white", int(grow), strict, grain)


def _response(request: Request, answer: Answer, notes: Notes, report_only: bool) -> Response:
    """Report and file as parts of a form, where the client asks for one; else the one that the address is for."""
    timing = ", ".join(f"{step};dur={1000 * seconds:.1f}" for step, seconds in notes.steps.items())
    headers = {"Server-Timing": timing, "Vary": "Accept"}
    report = json.dumps(answer.report).encode()  # in ASCII, as headers must be
    if "multipart/form-data" in request.headers.get("accept", "").lower():
        boundary = secrets.token_hex(16)
        parts = [("report", "application/json", report), ("file", answer.media_type, answer.data)]
        pieces = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, kind, content in parts
        ]
        body = b"".join([*pieces, f"--{boundary}--\r\n".encode()])
        return Response(body, headers=headers, media_type=f"multipart/form-data; boundary={boundary}")
    if report_only:
        return Response(report, headers=headers, media_type="application/json")
    if answer.report:
        headers[REPORT_HEADER] = report.decode()
    return Response(answer.data, headers=headers, media_type=answer.media_type)


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
