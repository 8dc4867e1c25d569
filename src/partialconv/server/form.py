"""Reading a multipart form: files go to disk under names of the server's own, and nothing is kept beyond its limits."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from partialconv.server.limits import Limits
from partialconv.server.problem import Gone, Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

LONGEST_OPTION = 1000  # bytes
MOST_HEADERS = 8  # of a part


@dataclass
class Form:
    """The parts of a form.

    Args:
        files: By field; each lies in the request's own folder, under the name of its field.
        options: By field.
        num_bytes: Of the body.
    """

    files: dict[str, Path] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    num_bytes: int = 0


async def read_form(
    request: Request, folder: Path, limits: Limits, files: Collection[str], options: Collection[str]
) -> Form:
    """Read the form of a request while counting its bytes.

    Args:
        request: Its body has not been read.
        folder: Where the files go.
        limits: Of the server.
        files: Fields that hold files.
        options: Fields that hold text.

    Raises:
        Problem: 415 for another content type, 413 beyond the limit, 400 for a broken or truncated form, 408 for a
            client that is too slow, 422 for unknown fields.
        Gone: the client left.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise Problem(
            415, "content_type", "the request is not a form: send multipart/form-data with files in its fields."
        )
    if not parameters.get(b"boundary"):
        raise Problem(400, "form", "the content type names no boundary: let an HTTP library write the form.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_bytes:
        raise _too_large(limits)
    parts = _Parts(Form(), folder, files, options)
    try:
        parser = MultipartParser(parameters[b"boundary"], parts.callbacks(), max_header_count=MOST_HEADERS)
        async for chunk in _chunks(request, limits):
            parts.form.num_bytes += len(chunk)
            if parts.form.num_bytes > limits.max_bytes:
                raise _too_large(limits)
            parser.write(chunk)
    except FormParserError as error:
        raise Problem(400, "form", f"the form is broken: {str(error).rstrip('.')}.") from error
    finally:
        parts.close()
    if not parts.ended:
        raise Problem(400, "form", "the form ends in the middle: send it whole.")
    return parts.form


def _too_large(limits: Limits) -> Problem:
    most = limits.max_bytes / 1e6
    return Problem(413, "bytes", f"the request is larger than {most:g} MB: send a smaller photo.")


async def _chunks(request: Request, limits: Limits) -> AsyncGenerator[bytes]:
    """The body, as long as it comes fast enough."""
    stream, started, num_bytes = request.stream(), time.monotonic(), 0
    while True:
        try:
            async with asyncio.timeout(limits.idle_s):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except ClientDisconnect as error:
            raise Gone from error
        except TimeoutError as error:
            raise _too_slow() from error
        num_bytes += len(chunk)
        elapsed_s = time.monotonic() - started
        if elapsed_s > limits.idle_s and num_bytes < elapsed_s * limits.slowest_bytes:
            raise _too_slow()
        yield chunk


def _too_slow() -> Problem:
    return Problem(408, "slow", "the request comes too slowly: send it again.", {"Connection": "close"})


@dataclass
class _Parts:
    """Takes what the parser finds, part by part."""

    form: Form
    folder: Path
    file_fields: Collection[str]
    option_fields: Collection[str]
    ended: bool = False
    header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    name: str = ""
    file: BinaryIO | None = None
    text: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.begin,
            "on_header_field": lambda data, start, end: self.header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self.header[1].extend(data[start:end]),
            "on_header_end": self.end_header,
            "on_headers_finished": self.open,
            "on_part_data": self.take,
            "on_part_end": self.end_part,
            "on_end": self.end,
        }

    def begin(self) -> None:
        self.name = ""

    def end_header(self) -> None:
        key, value = map(bytes, self.header)
        self.header = bytearray(), bytearray()
        if key.lower() == b"content-disposition":
            _, parameters = parse_options_header(value)  # a file's name is not looked at
            self.name = parameters.get(b"name", b"").decode("utf-8", "replace")

    def open(self) -> None:
        known = (*self.file_fields, *self.option_fields)
        if self.name not in known:
            raise Problem(422, "field", f"the form has a field {self.name[:40]!r}, expected {', '.join(known)}.")
        if self.name in self.form.files or self.name in self.form.options:
            raise Problem(422, "field", f"the form has the field {self.name!r} twice, expected it once.")
        self.text = bytearray()
        if self.name in self.file_fields:
            self.form.files[self.name] = self.folder / self.name
            self.file = self.form.files[self.name].open("wb")

    def take(self, data: bytes, start: int, end: int) -> None:
        if self.file:
            self.file.write(data[start:end])
        elif len(self.text) + end - start > LONGEST_OPTION:
            raise Problem(422, "option", f"{self.name} is longer than {LONGEST_OPTION} bytes, expected a short value.")
        else:
            self.text += data[start:end]

    def end_part(self) -> None:
        if self.file:
            self.close()
        else:
            self.form.options[self.name] = self.text.decode("utf-8", "replace")

    def end(self) -> None:
        self.ended = True

    def close(self) -> None:
        if self.file:
            self.file.close()
            self.file = None
