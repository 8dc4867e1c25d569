"""From uploaded files to filled ones and to finds: the only file of the server that reads and writes photos.

It runs in the process of `working`, never in that of the server.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import Hole
from partialconv.errors import FormatError, InputError, TooLargeError
from partialconv.filling.find_options import FindOptions
from partialconv.filling.job import FillJob, fill_file
from partialconv.filling.options import FillOptions
from partialconv.filling.report import Report, report_of
from partialconv.filling.watching import Stopwatch, Watcher
from partialconv.finding import find_bytes
from partialconv.imageio import Header, encode_png, read_header, read_photo
from partialconv.imageio.formats import SUFFIX_OF_FORMAT, written_name
from partialconv.inference import Inpainter, confidence
from partialconv.masks import HoleError, read_hole
from partialconv.server.finds import find
from partialconv.server.limits import Limits
from partialconv.server.order import MEDIA_TYPES, Answer
from partialconv.server.problem import Problem
from partialconv.server.visits import Visits

# a JPEG with previews behind it counts as one; no other decoder ever sees a client's bytes
SUFFIXES = {**SUFFIX_OF_FORMAT, "AVIF": ".avif", "GIF": ".gif", "HEIF": ".heic"}
NO_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate memory")
LEVEL_PX, SEEN_PX = 256, 768  # a pixel of the deepest level, and more than twice what it sees on each side


class Engine:
    """Fills photos with any of several models, and finds their damage.

    Args:
        models: Name to file; None is the shipped model. The first one is the default.
        limits: Of the server.

    Raises:
        InputError: a model cannot be read.
    """

    def __init__(self, models: Mapping[str, Path | None], limits: Limits) -> None:
        self.inpainters = {name: Inpainter(path) for name, path in models.items()}
        self.limits = limits
        self.visits = Visits(limits.kept_bytes, limits.kept_s)

    def do(
        self,
        work: str,
        folder: Path,
        files: Mapping[str, Path],
        options: FillOptions | FindOptions,
        most_bytes: int,
        progress: Callable[[float], None] = lambda _: None,
        names: tuple[str, str] = ("", ""),
    ) -> Answer:
        """Look at the headers of the files, give the files the suffixes of their formats, and work.

        Photos that are kept for other requests make room where they have to.

        Args:
            work: "fill", "find", "plan", "doctor", "look", "show", "change" or "result".
            folder: Of the request.
            files: By field; all lie in the folder.
            options: Of the request.
            most_bytes: Memory that there is.
            progress: Is called with the share of a fill or a find that is done, 0 to 1.
            names: Of a photo that is kept and of one that is to be kept; "" for none.

        Raises:
            Problem: 415, 413 or 422 over the headers; 413, there is too little memory; or as the work does.
        """
        kept, keep = names
        needed, named = self.visits.fill_bytes(kept) if kept else 0, {}
        for field, path in files.items():
            header = _check_picture(path, field, self.limits)
            whole = field == "photo" and work in ("fill", "find", "look")
            needed += header.fill_bytes() if whole else header.read_bytes
            if work == "find" and field == "photo":
                needed = max(needed, header.read_bytes + find_bytes(header.num_pixels))
            named[field] = path.rename(path.with_name(field + SUFFIXES[header.format]))
        if needed > most_bytes:
            most_bytes = min(most_bytes + self.visits.clear(), self.limits.max_memory)
        if needed > most_bytes:
            raise _too_little_memory(f"{needed / 1e9:.1f} GB are needed, {most_bytes / 1e9:.1f} GB may be taken")
        if isinstance(options, FindOptions):
            return self.find(named["photo"], named.get("hole"), options, progress)
        match work:
            case "fill":
                return self.fill(named["photo"], named["hole"], options, progress)
            case "plan":
                return self.plan(named["hole"], options)
            case "doctor":
                return self.doctor(named["hole"], named.get("photo"), options)
            case "look":
                return self.look(named["photo"], keep)
            case "change":
                return self.change(kept, keep, named["hole"], options, progress)
            case "result":
                return self.result(kept, folder)
            case _:
                return self.show(named["photo"])

    def fill(
        self, photo: Path, hole: Path, options: FillOptions, progress: Callable[[float], None] = lambda _: None
    ) -> Answer:
        """Fill a photo.

        Args:
            photo: Its suffix is that of its format.
            hole: A picture of the hole, drawn over the photo as it is shown.
            options: Of the request.
            progress: Is called with the share that is done, 0 to 1.

        Returns:
            The filled photo in the format of the photo, or as PNG if that is only read.

        Raises:
            Problem: 422, the photo or the hole cannot be used.
        """
        output = photo.with_name(written_name(Path(f"filled{photo.suffix}")))
        with _explained(photo.parent):
            job = FillJob(photo, output, hole, options)
            filling = fill_file(job, self.inpainters[str(options.model)], _Teller(progress))
        return Answer(output, MEDIA_TYPES[output.suffix], _told(filling.report, photo.parent), filling.timings_s)

    def find(
        self,
        photo: Path,
        hole: Path | None,
        options: FindOptions,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Answer:
        """Find the damage of a photo.

        Args:
            photo: Its suffix is that of its format; it is looked at as it is shown.
            hole: A picture of what is known to be damaged, in which nothing is found; None = nothing is known.
            options: Of the request.
            progress: Is called with the share that is done, 0 to 1.

        Returns:
            What was asked for: the parts as JSON, or the hole or the map of `finds.map_of` as PNG.

        Raises:
            Problem: 422, the photo or the hole cannot be used; 501, there is no finder.
        """
        with _explained(photo.parent):
            return find(photo, hole, options, _Teller(progress).progress)

    def change(
        self,
        kept: str,
        keep: str,
        hole: Path,
        options: FillOptions,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Answer:
        """Fill a photo that is kept, and keep what becomes of it.

        Args:
            kept: Name of the photo.
            keep: Name of the result.
            hole: A picture of the hole, drawn over the photo as it is shown.
            options: Of the request.
            progress: Is called with the share that is done, 0 to 1.

        Returns:
            The pixels of the hole, see `Visits.change`.

        Raises:
            Problem: 410, the photo is not kept any more; 422, the hole cannot be used.
        """
        inpainter, watcher = self.inpainters[str(options.model)], _Teller(progress)
        with _explained(hole.parent):
            answer, report = self.visits.change((kept, keep), hole, options, inpainter, watcher)
        return replace(answer, report=_told(report, hole.parent) | answer.report)

    def result(self, kept: str, folder: Path) -> Answer:
        """The file of a photo that is kept, into a folder.

        Raises:
            Problem: 410, it is not kept any more; 422, the file cannot be written.
        """
        with _explained(folder):
            return self.visits.result(kept, folder)

    def look(self, photo: Path, keep: str = "") -> Answer:
        """Say whether a photo can be filled, and keep it for `change` if that is wanted and can be done.

        Args:
            photo: Its suffix is that of its format.
            keep: The name to keep it under; "" = it is not kept.

        Returns:
            The photo as it came, with its size as it is shown, and whether it is kept.

        Raises:
            Problem: 422, it cannot be read.
        """
        clock = Stopwatch()
        clock.begin("read")
        with _explained(photo.parent):
            stored = read_photo(photo)
            kept = bool(keep) and self.visits.keep(keep, stored, read_header(photo).fill_bytes())
        clock.end()
        height, width = stored.shown.size
        report = {"width": width, "height": height, "kept": kept}
        return Answer(photo, "application/octet-stream", report, clock.timings_s)

    def plan(self, hole: Path, options: FillOptions) -> Answer:
        """What a fill of a hole would do, and how much of it the network would see.

        Args:
            hole: The picture, of the size of the photo.
            options: Of the request.

        Returns:
            The confidence around the hole, 0 to 255, as a grey PNG of a part of the photo, which the report names.

        Raises:
            Problem: 422, the hole cannot be used.
        """
        clock = Stopwatch()
        clock.begin("read")
        with _explained(hole.parent):
            found = read_hole(hole, None, options.hole_color, options.grow_px)
            marked = found.accept(options.strict)
            clock.begin("plan")
            steps = self.inpainters[str(options.model)].plan(marked)
            box, inside = _confidence_around(marked)
            shown = _png(hole, Image.fromarray(np.rint(inside * 255).astype(np.uint8)))
        names = ("top", "left", "bottom", "right")
        around = {"confidence": float(inside[inside < 1].mean()), "box": dict(zip(names, box, strict=True))}
        report = _told(report_of(found, steps), hole.parent)
        report["plan"] |= around
        clock.end()
        return Answer(shown, "image/png", report, clock.timings_s)

    def doctor(self, hole: Path, photo: Path | None, options: FillOptions) -> Answer:
        """Look at the picture of a hole, as `fill` would read it.

        Args:
            hole: The picture.
            photo: Whose hole it is, if that is known.
            options: Of the request.

        Returns:
            The hole as it was understood, over the photo as it is shown: a PNG, 0 and 255 alone.

        Raises:
            Problem: 422, one of the files cannot be read.
        """
        clock = Stopwatch()
        clock.begin("read")
        with _explained(hole.parent):
            over = None if photo is None else read_photo(photo).shown
            found = read_hole(hole, over, options.hole_color, options.grow_px)
            understood = hole.with_name("understood.png")
            understood.write_bytes(encode_png(found.hole))
        clock.end()
        return Answer(understood, "image/png", _told(report_of(found), hole.parent), clock.timings_s)

    def show(self, photo: Path) -> Answer:
        """A picture that every browser shows, 8 bits and turned by its EXIF orientation, of a photo that it may not.

        Raises:
            Problem: 422, the file cannot be read.
        """
        clock = Stopwatch()
        clock.begin("read")
        with _explained(photo.parent):
            shown = read_photo(photo).shown.image
            result = _png(photo, shown, icc_profile=shown.info.get("icc_profile"))
        clock.end()
        return Answer(result, "image/png", {}, clock.timings_s)


class _Teller(Watcher):
    """Tells progress in steps of at least one per cent."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell, self._told = tell, 0.0

    def progress(self, share: float) -> None:
        """Tell it if it is worth a line."""
        if share - self._told >= 0.01:
            self._told = share
            self._tell(round(share, 3))


def _png(beside: Path, image: Image.Image, **options: Any) -> Path:
    path = beside.with_name("shown.png")
    image.save(path, "PNG", compress_level=1, **options)
    return path


def _check_picture(path: Path, field: str, limits: Limits) -> Header:
    """Look at the header of an uploaded picture.

    Raises:
        Problem: 415 for a format that is not taken, 413 for too many pixels or too long sides,
            422 for what is broken.
    """
    most = limits.max_pixels / 1e6
    wrong_format = f"cannot read {field} as an image: send a JPEG, PNG, WebP, TIFF, BMP, AVIF, GIF or HEIC file."
    try:
        header = read_header(path)
    except FormatError as error:
        raise Problem(415, "format", wrong_format) from error
    except TooLargeError as error:
        raise Problem(413, "pixels", str(error).replace(str(path), field)) from error
    except InputError as error:
        raise Problem(422, "broken", str(error).replace(str(path), field)) from error
    if header.format not in SUFFIXES:
        raise Problem(415, "format", wrong_format)
    if header.num_pixels > limits.max_pixels:
        height, width = header.size
        message = f"{field} has {width}x{height} pixels, at most {most:g} megapixels are taken: scale it down."
        raise Problem(413, "pixels", message)
    return header


def _told(report: Report, folder: Path) -> dict[str, Any]:
    """What is said of a fill: `Report` in `schema`."""
    content = report.as_dict()
    for finding in content["findings"]:
        finding["message"] = _nameless(finding["message"], folder)
    content["remarks"] = [_nameless(remark, folder) for remark in content["remarks"]]
    return content


def _confidence_around(hole: Hole) -> tuple[tuple[int, int, int, int], NDArray[np.float32]]:
    """The confidence of a hole, and the box (top, left, bottom, right) of the photo that it is of.

    Computed for the hole and what its deepest level sees; cut where the levels begin anew, so that it is exact.
    """
    spans = []
    for axis in (1, 0):
        marked = np.flatnonzero(hole.any(axis=axis))
        start = max(0, int(marked[0]) - SEEN_PX) // LEVEL_PX * LEVEL_PX
        spans.append(slice(start, min(hole.shape[1 - axis], int(marked[-1]) + 1 + SEEN_PX)))
    rows, columns = spans
    return (rows.start, columns.start, rows.stop, columns.stop), confidence(hole[rows, columns])


def _nameless(message: str, folder: Path) -> str:
    """A message without the folder of this machine that the files of a request lie in."""
    return message.replace(f"{folder}{os.sep}", "")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn errors about files into answers that name no folder of this machine."""
    try:
        yield
    except TooLargeError as error:
        raise Problem(413, "memory", _nameless(str(error), folder)) from error
    except HoleError as error:
        raise Problem(422, f"hole_{error.finding.code}", _nameless(str(error), folder)) from error
    except InputError as error:
        raise Problem(422, "input", _nameless(str(error), folder)) from error
    except ArithmeticError as error:
        if any(word in str(error) for word in NO_MEMORY):
            raise _too_little_memory("the network got no more memory") from error
        raise Problem(500, "model", str(error)) from error
    except MemoryError as error:
        raise _too_little_memory("the work was stopped where it took more than it may") from error
    except Exception as error:
        if any(word in str(error) for word in NO_MEMORY):  # of ONNX Runtime, whose errors share no base
            raise _too_little_memory("the network got no more memory") from error
        raise


def _too_little_memory(what: str) -> Problem:
    return Problem(413, "memory", f"there is too little memory for the photo ({what}): scale it down.")
