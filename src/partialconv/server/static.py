"""The files of the page, read once: no address of a client ever becomes a path."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}


@dataclass(frozen=True)
class PageFile:
    """A file of the page.

    Args:
        data: Its bytes.
        media_type: Of the file.
        etag: Changes with the bytes.
    """

    data: bytes
    media_type: str
    etag: str

    async def serve(self, request: Request) -> Response:
        """The file, or 304 where the browser has it already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        return Response(self.data, headers=headers, media_type=self.media_type)


def load_page() -> dict[str, PageFile]:
    """Address to file: "/" is index.html, the others go by their names."""
    files = dict(_files(resources.files("partialconv.server") / "page", "/"))
    files["/"] = files.pop("/index.html")
    return files


def _files(folder: Traversable, address: str) -> list[tuple[str, PageFile]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        suffix = "." + entry.name.rpartition(".")[2]
        if entry.is_dir():
            found += _files(entry, f"{address}{entry.name}/")
        elif suffix in MEDIA_TYPES:
            data = entry.read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            found.append((f"{address}{entry.name}", PageFile(data, MEDIA_TYPES[suffix], etag)))
    return found
