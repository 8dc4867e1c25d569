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
    memory_mb: Annotated[
        float, typer.Option(min=500, help="Most memory for one photo; never more than the machine has free.")
    ] = 6000,
    max_seconds: Annotated[float, typer.Option(min=1, help="Longest time for one photo.")] = 120,
    rate: Annotated[int, typer.Option(min=0, help="Requests a minute from one address; 0 = any number.")] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Paint holes in the browser: serve the page and its HTTP interface, on this machine alone."""
    import logging
    import re
    import secrets
    import webbrowser
    from urllib.parse import quote

    from partialconv.server.app import create_app
    from partialconv.server.guard import LOOPBACK, Access
    from partialconv.server.limits import Limits
    from partialconv.server.listen import make_server, open_socket
    from partialconv.server.process import Process

    models: dict[str, Path | None] = {path.stem: path for path in model or []} or {DEFAULT: None}
    if len(models) < len(model or []):
        raise InputError("two models have one name: rename one of the files.")
    token = None if token is None else token.strip()  # a variable read from a file ends in a line break
    if token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token):
        raise InputError("the token is empty, or has other signs than letters, digits and . _ ~ + / = - in it.")
    private = host in LOOPBACK
    if not private and token is None:
        token = secrets.token_urlsafe(16)
    hosts = (*LOOPBACK, *(name.lower() for name in allow_host or [])) if private or allow_host else ()
    memory = round(memory_mb * 1e6)
    limits = Limits(round(max_mb * 1e6), round(max_megapixels * 1e6), queue, memory, work_s=max_seconds)
    listening = open_socket(host, port)
    process = Process(models, limits)
    process.start()
    app = create_app(process, Access(hosts, token, rate))
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    secret = f"#token={quote(token)}" if token else ""
    address = f"http://{shown}:{listening.getsockname()[1]}/{secret}"
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # the request's own line says it
    if not process.enforced:
        logging.getLogger("partialconv.server").warning(
            "nothing holds the work to --memory-mb on this system: %s", sys.platform
        )
    print(f"partialconv serves {address}", flush=True)
    if open_page:
        webbrowser.open(address)
    make_server(app, limits).run(sockets=[listening])
