"""A server in a thread, on a port of its own, and pictures to send to it."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.types import ASGIApp

from partialconv.server.app import create_app
from partialconv.server.guard import Access
from partialconv.server.limits import Limits
from partialconv.server.listen import make_server, open_socket
from partialconv.server.process import PROGRAM, Process

# put before the program of the working process: each run of the network is followed by a pause
SLOW = """
import time
from partialconv.inference import inpainter
told = inpainter._Progress.ran
def ran(progress, batch):
    told(progress, batch)
    time.sleep(0.5)
inpainter._Progress.ran = ran
"""

MODELS = {"half": None}


def make_app(limits: Limits | None = None, access: Access | None = None, program: str = PROGRAM) -> ASGIApp:
    return create_app(Process(MODELS, limits or Limits(), program), access or Access())


@contextmanager
def serving(app: ASGIApp, limits: Limits | None = None) -> Iterator[str]:
    """The address of a server that ends with the block."""
    listening = open_socket("127.0.0.1", 0)
    server = make_server(app, limits or Limits())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()
        assert not thread.is_alive()


def picture(height: int = 60, width: int = 80) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x * 3 % 256, y * 4 % 256, (x + y) % 256], -1).astype(np.uint8))


def hole_array(height: int = 60, width: int = 80) -> NDArray[np.bool_]:
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 2, width // 3 : width // 2] = True
    return hole


def encoded(image: Image.Image | NDArray[Any], file_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, file_format, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def parts(answer: httpx.Response) -> dict[str, bytes]:
    """The parts of an answer that is a form."""
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    found = {}
    for part in answer.content.split(b"--" + boundary)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        found[head.partition(b'name="')[2].partition(b'"')[0].decode()] = body.removesuffix(b"\r\n")
    return found


def with_finder(path: Path, program: str = PROGRAM) -> str:
    """The program of the working process, which finds damage with a network of our choosing."""
    return f"""
from pathlib import Path
import partialconv.finding.finder
partialconv.finding.finder.finder_path = lambda: Path({str(path)!r})
{program}"""
