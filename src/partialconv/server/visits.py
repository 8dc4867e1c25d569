"""The fills of one visit, in the process of `working` alone: only the hole comes in, only what it changed goes out."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole, some_blocks
from partialconv.filling.job import FillJob, Unwritten, fill_read, find_hole
from partialconv.filling.options import FillOptions
from partialconv.filling.report import Report, about_width, report_of
from partialconv.filling.watching import Stopwatch, Watcher
from partialconv.imageio import Filled, Photo, read_photo, rewritten
from partialconv.imageio.attached import attached_to
from partialconv.imageio.formats import SUFFIX_OF_FORMAT, written_name
from partialconv.imageio.ink import Samples
from partialconv.imageio.jpeg import HUFFMAN_FRAMES
from partialconv.imageio.markers import FRAMES, parse_jpeg
from partialconv.imageio.photo import TURNS
from partialconv.imageio.recompressing import jpeglib_is_usable, recompress
from partialconv.inference import Inpainter
from partialconv.server.kept import Kept
from partialconv.server.order import MEDIA_TYPES, Answer
from partialconv.server.problem import Problem

BLOCK_PX = 16  # of a JPEG with subsampled colours
TILE_PX = 64  # smaller tiles are more places, larger ones more pixels that stay
MOST_TILES = 1000  # of a change; with more, tiles are larger
COLOURS = (b"gAMA", b"cHRM", b"cICP")  # of a PNG: a browser may follow them, and the tiles do not have them


@dataclass(frozen=True)
class _Visit:
    """A photo, or a fill whose file is still to be made, and the memory that a fill of it needs."""

    photo: Photo | Unwritten
    fill_bytes: int


class Visits:
    """Keeps the photos of visits, and fills them.

    Args:
        max_bytes: Of all photos together.
        max_s: A photo that nobody asks for is forgotten after so many seconds.
    """

    def __init__(self, max_bytes: int, max_s: float) -> None:
        self._kept: Kept[_Visit] = Kept(max_bytes, max_s)

    def keep(self, name: str, photo: Photo, fill_bytes: int) -> bool:
        """Keep a photo, if pages can show what changes in it.

        Args:
            name: Of the client's choosing; nobody else can guess it.
            photo: As it is stored.
            fill_bytes: Memory that a fill needs.

        Returns:
            Whether it is kept.
        """
        return _is_plain(photo) and self._put(name, _nameless(photo), fill_bytes)

    def fill_bytes(self, name: str) -> int:
        """The memory that a fill of a kept photo needs.

        Raises:
            Problem: 410, it is not kept.
        """
        return self._get(name).fill_bytes

    def clear(self) -> int:
        """Forget all photos; gives the bytes that they took."""
        return self._kept.clear()

    def change(
        self,
        names: tuple[str, str],
        hole: Path,
        options: FillOptions,
        inpainter: Inpainter,
        watcher: Watcher,
    ) -> tuple[Answer, Report]:
        """Fill a kept photo, and keep the result.

        Args:
            names: Of the photo and of the result.
            hole: A picture of the hole, drawn over the photo as it is shown.
            options: Of the request.
            inpainter: The network.
            watcher: Is told what happens.

        Returns:
            The pixels of the hole as a PNG of tiles, transparent besides, whose report says where they belong; and what
            there is to say about the fill.

        Raises:
            Problem: 410, the photo is not kept.
            InputError: the hole cannot be used.
        """
        clock = Stopwatch()
        clock.begin("read")
        visit = self._get(names[0])
        photo = self._photo(names[0], hole.parent)
        job = FillJob(photo.path, Path(written_name(Path(f"filled{photo.path.suffix}"))), hole, options)
        found = find_hole(photo, hole, options)
        filled = fill_read(job, photo, found, lambda: inpainter, watcher, clock.begin)
        clock.begin("write")
        file = hole.with_name("tiles.png")
        tiles = _write_tiles(filled.pixels, file)
        self._put(names[1], filled, visit.fill_bytes)
        remarks = filled.remarks + about_width(filled.found.hole, filled.steps, options.copy)
        report = report_of(filled.found, filled.steps, remarks)
        clock.end()
        return Answer(file, MEDIA_TYPES[".png"], {"tiles": tiles}, clock.timings_s), report

    def result(self, name: str, folder: Path) -> Answer:
        """The file of a kept photo: of a fill, the one that the fill gives whose photo is sent along.

        Raises:
            Problem: 410, it is not kept.
            InputError: it cannot be written.
        """
        clock = Stopwatch()
        clock.begin("write")
        photo = self._photo(name, folder)
        file = folder / photo.path
        file.write_bytes(photo.content)
        clock.end()
        return Answer(file, MEDIA_TYPES[file.suffix], {}, clock.timings_s)

    def _photo(self, name: str, folder: Path) -> Photo:
        """A kept photo; its file is made now, in a folder, if that is still to be done."""
        visit = self._get(name)
        if isinstance(visit.photo, Photo):
            return visit.photo
        self._kept.drop(name)  # should writing fail, the client sends what it has, and is told why
        photo = _nameless(rewritten(visit.photo.pixels, folder / visit.photo.job.output))
        self._put(name, photo, visit.fill_bytes)
        return photo

    def _put(self, name: str, photo: Photo | Unwritten, fill_bytes: int) -> bool:
        held = photo if isinstance(photo, Photo) else photo.pixels.photo
        hole = 0 if isinstance(photo, Photo) else photo.found.hole.nbytes
        num_bytes = held.samples.nbytes + len(held.content) + 4 * hole  # the hole itself, and at most its colours
        return self._kept.put(name, _Visit(photo, fill_bytes), num_bytes)

    def _get(self, name: str) -> _Visit:
        visit = self._kept.get(name)
        if visit is None:
            message = "the server has no photo of this name any more: send the photo again."
            raise Problem(410, "forgotten", message)
        return visit


def _nameless(photo: Photo) -> Photo:
    """The photo under the name that the photo of any request has; the folder of its own request will be gone."""
    return replace(photo, path=Path(f"photo{SUFFIX_OF_FORMAT[photo.format]}"))


def _is_plain(photo: Photo) -> bool:
    """Whether a page can show a change of a photo, and there is nothing more to say about the file of a fill."""
    if photo.mode not in ("L", "RGB") or photo.bits != 8 or photo.key is not None or photo.remarks:
        return False
    if photo.format == "JPEG":
        jpeg = parse_jpeg(photo.content)
        frame = next((marker for marker, _ in jpeg.segments if marker in FRAMES), None)
        return frame in HUFFMAN_FRAMES and not attached_to(jpeg) and jpeglib_is_usable()
    if photo.format == "PNG":
        return not any(kind in photo.content for kind in COLOURS)
    return photo.format in ("WEBP", "BMP")


def _write_tiles(filled: Filled, file: Path) -> dict[str, Any]:
    """Write the pixels of a hole, as they are shown, in tiles; gives what `tiles` of a report says."""
    photo = filled.photo
    turn: Callable[[NDArray[Any]], NDArray[Any]] = TURNS.get(photo.orientation, np.asarray)
    rows, columns = _around(filled.hole)
    pixels = filled.rows(rows.start, rows.stop)[:, columns]
    hole = turn(filled.hole[rows, columns])
    pixels = turn(_quantised(photo, pixels, file.parent) if photo.jpeg else pixels).reshape(*hole.shape, -1)
    side = TILE_PX
    while len(tiles := np.argwhere(some_blocks(hole, side, side))) > MOST_TILES:
        side *= 2
    across = math.isqrt(len(tiles) - 1) + 1
    sheet = np.zeros((-(-len(tiles) // across) * side, across * side, pixels.shape[2] + 1), np.uint8)
    for number, (row, column) in enumerate(tiles):
        here = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        inside = hole[here]
        height, width = inside.shape
        y, x = number // across * side, number % across * side
        tile = sheet[y : y + height, x : x + width]
        tile[inside, :-1] = pixels[here][inside]
        tile[inside, -1] = 255
    Image.fromarray(sheet).save(file, "PNG", compress_level=1, icc_profile=filled.photo.info.get("icc_profile"))
    places = tiles[:, ::-1] * side + _corner(rows, columns, photo)
    return {"side_px": side, "places": places.tolist()}


def _around(hole: Hole) -> tuple[slice, slice]:
    """The rows and columns of the blocks of a JPEG that a hole lies in."""
    rows = np.flatnonzero(hole.any(axis=1))
    columns = np.flatnonzero(hole[rows[0] : rows[-1] + 1].any(axis=0))
    spans = (
        slice(int(some[0]) // BLOCK_PX * BLOCK_PX, -(-int(some[-1] + 1) // BLOCK_PX) * BLOCK_PX)
        for some in (rows, columns)
    )
    down, right = (slice(span.start, min(span.stop, size)) for span, size in zip(spans, hole.shape, strict=True))
    return down, right


def _corner(rows: slice, columns: slice, photo: Photo) -> tuple[int, int]:
    """Left and top of a part of a photo, when it is shown."""
    top, left, (height, width) = rows.start, columns.start, photo.size
    below, beside = height - rows.stop, width - columns.stop
    corners = (
        (left, top),
        (beside, top),
        (beside, below),
        (left, below),
        (top, left),
        (below, left),
        (below, beside),
        (top, beside),
    )
    return corners[photo.orientation - 1]


def _quantised(photo: Photo, samples: Samples, folder: Path) -> Samples:
    """A part of a JPEG that begins where blocks begin, as its file will have it."""
    part = replace(photo, samples=samples)
    file = folder / "part.jpg"
    recompress(Filled(part, np.zeros((*part.size, 3), np.uint8), np.zeros(part.size, bool)), file)
    return read_photo(file).samples
