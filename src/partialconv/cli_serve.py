"""The command `partialconv serve`; what it needs is imported inside it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from partialconv.errors import InputError
from partialconv.zoo import DEFAULT


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on. Others than this machine's get a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free one.")] = 8000,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="As in `fill`; repeatable.", show_default="shipped"),
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="PARTIALCONV_TOKEN", help="What clients must bring.", show_default=False)
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name it answers to, behind a proxy; repeatable.")
    ] = None,
    max_mb: Annotated[float, typer.Option(min=0.1, help="Largest request, in MB of 10^6 bytes.")] = 100,
    max_megapixels: Annotated[float, typer.Option(min=0.1, max=179, help="Largest photo.")] = 100,
    queue: Annotated[int, typer.Option(min=0, max=1000, help="Requests that may wait while one is filled.")] = 16,
    rate: Annotated[int, typer.Option(min=0, help="Requests a minute from one address; 0 = any number.")] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Paint holes in the browser: serve the page and its HTTP interface, on this machine alone."""
    import logging
    import secrets
    import webbrowser

    from partialconv.server.app import create_app
    from partialconv.server.guard import LOOPBACK, Access
    from partialconv.server.limits import Limits
    from partialconv.server.listen import make_server, open_socket

    models: dict[str, Path | None] = {path.stem: path for path in model or []} or {DEFAULT: None}
    if len(models) < len(model or []):
        raise InputError("two models have one name: rename one of the files.")
    if token is not None and (not token.isascii() or not token.strip()):
        raise InputError("the token is empty or not ASCII: expected letters, digits and signs.")
    private = host in LOOPBACK
    if not private and token is None:
        token = secrets.token_urlsafe(16)
    hosts = (*LOOPBACK, *(name.lower() for name in allow_host or [])) if private or allow_host else ()
    limits = Limits(round(max_mb * 1e6), round(max_megapixels * 1e6), queue)
    app = create_app(models, limits, Access(hosts, token, rate))
    listening = open_socket(host, port)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}/" + (f"#token={token}" if token else "")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the request's own line says it
    print(f"partialconv serves {address}", flush=True)
    if open_page:
        webbrowser.open(address)
    make_server(app).run(sockets=[listening])
