"""From uploaded files to filled ones: the only file of the server that reads, fills and writes photos."""

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.api import fill_photo
from partialconv.errors import InputError
from partialconv.imageio import encode_png, read_photo, write_photo
from partialconv.inference import Inpainter, Plan, Runtime, confidence
from partialconv.inference.runtime import FloatArray
from partialconv.masks import Diagnosis, HoleColor, read_hole
from partialconv.server.problem import Problem

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
}
LEVEL_PX, SEEN_PX = 256, 768  # a pixel of the deepest level, and more than twice what it sees on each side
Report = dict[str, Any]
Hole = NDArray[np.bool_]


@dataclass(frozen=True)
class Options:
    """What a request may choose; see `schema`."""

    model: str = ""
    hole_color: HoleColor = "white"
    grow_px: int = 0
    strict: bool = False
    grain: bool = True


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Args:
        data: A file.
        media_type: Of the file.
        report: What was found in the hole, and done about it.
        timings_s: Of the steps.
    """

    data: bytes
    media_type: str
    report: Report = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)


class Engine:
    """Fills photos with any of several models.

    Args:
        models: Name to file; None is the shipped model. The first one is the default.
        check: Called before each run of a network; raises to stop the work.

    Raises:
        InputError: a model cannot be read.
    """

    def __init__(self, models: Mapping[str, Path | None], check: Callable[[], None]) -> None:
        self.inpainters = {name: _Watched(path, check) for name, path in models.items()}

    def fill(self, photo: Path, hole: Path, options: Options) -> Answer:
        """Fill a photo.

        Args:
            photo: Its suffix is that of its format.
            hole: A picture of the hole, drawn over the photo as it is shown.
            options: Of the request.

        Returns:
            The filled photo in the format of the photo.

        Raises:
            Problem: 422, the photo or the hole cannot be used.
        """
        clock = _Clock()
        with _explained(photo.parent):
            source = read_photo(photo)
            found = read_hole(hole, source, options.hole_color, options.grow_px)
            marked = _accept(found, photo.parent, options.strict)
            clock.stop("read")
            inpainter = self.inpainters[options.model]
            filled = fill_photo(inpainter, source, marked, options.grain)
            clock.stop("fill")
            result = photo.with_name(f"filled{photo.suffix}")
            write_photo(source, filled, marked, result)
            data = result.read_bytes()
            clock.stop("write")
        report = _report_of(found, photo.parent) | {"plan": _summary(inpainter.followed)}
        return Answer(data, MEDIA_TYPES[photo.suffix], report, clock.timings_s)

    def plan(self, hole: Path, options: Options) -> Answer:
        """What a fill of a hole would do, and how much of it the network would see.

        Args:
            hole: The picture, of the size of the photo.
            options: Of the request.

        Returns:
            The confidence around the hole, 0 to 255, as a grey PNG of a part of the photo, which the report names.

        Raises:
            Problem: 422, the hole cannot be used.
        """
        clock = _Clock()
        with _explained(hole.parent):
            found = read_hole(hole, None, options.hole_color, options.grow_px)
            marked = _accept(found, hole.parent, options.strict)
            clock.stop("read")
            steps = self.inpainters[options.model].plan(marked)
            box, inside = _confidence_around(marked)
            data = _png(Image.fromarray(np.rint(inside * 255).astype(np.uint8)))
            clock.stop("plan")
        names = ("top", "left", "bottom", "right")
        around = {"confidence": float(inside[inside < 1].mean()), "box": dict(zip(names, box, strict=True))}
        report = _report_of(found, hole.parent) | {"plan": _summary(steps) | around}
        return Answer(data, "image/png", report, clock.timings_s)

    def doctor(self, hole: Path, photo: Path | None, options: Options) -> Answer:
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
        clock = _Clock()
        with _explained(hole.parent):
            size = None if photo is None else read_photo(photo).shown.size
            found = read_hole(hole, size, options.hole_color, options.grow_px)
            data = encode_png(found.hole)
        clock.stop("read")
        return Answer(data, "image/png", _report_of(found, hole.parent), clock.timings_s)

    def show(self, photo: Path) -> Answer:
        """A picture that every browser shows, 8 bits and turned by its EXIF orientation, of a photo that it may not.

        Raises:
            Problem: 422, the file cannot be read.
        """
        clock = _Clock()
        with _explained(photo.parent):
            shown = read_photo(photo).shown.image
            data = _png(shown, icc_profile=shown.info.get("icc_profile"))
        clock.stop("read")
        return Answer(data, "image/png", {}, clock.timings_s)


def _png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, **options)
    return buffer.getvalue()


def describe_model(name: str, path: Path, default: bool) -> dict[str, str | int | bool]:
    """What is said of a model: `Model` in `schema`."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"name": name, "default": default, "num_bytes": len(data), "sha256": digest}


def _report_of(found: Diagnosis, folder: Path) -> Report:
    """What is said of a hole: `Report` in `schema`."""
    height, width = found.hole.shape
    return {
        "width": width,
        "height": height,
        "hole_ratio": round(float(found.hole.mean()), 6),
        "usable": not any(finding.fatal for finding in found.findings),
        "findings": [asdict(finding) | {"message": _nameless(finding.message, folder)} for finding in found.findings],
    }


def _summary(steps: Plan) -> Report:
    """What is said of a plan: `Plan` in `schema`."""
    return {
        "num_crops": steps.num_crops,
        "num_pixels": steps.num_pixels,
        "coarsest_scale": max(stage.scale for stage in steps.stages),
    }


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


def _accept(found: Diagnosis, folder: Path, strict: bool) -> Hole:
    for finding in sorted(found.findings, key=lambda finding: not finding.fatal):
        if finding.fatal or strict:
            raise Problem(422, f"hole_{finding.code}", _nameless(str(finding), folder))
    return found.hole


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn errors about files into answers that name no folder of this machine."""
    try:
        yield
    except InputError as error:
        raise Problem(422, "input", _nameless(str(error), folder)) from error
    except ArithmeticError as error:
        raise Problem(500, "model", str(error)) from error
    except MemoryError as error:
        raise Problem(413, "memory", "this machine has too little memory for the photo: scale it down.") from error


class _Watched(Inpainter):
    """Remembers the plan that it followed, and stops where nobody waits any more. For one thread."""

    def __init__(self, model: Path | None, check: Callable[[], None]) -> None:
        super().__init__(model)
        self.runtime = _Stoppable(self.runtime, check)

    def plan(self, hole: Hole) -> Plan:
        self.followed = super().plan(hole)
        return self.followed


class _Stoppable:
    """A network that looks, before it runs, whether anybody still waits."""

    def __init__(self, runtime: Runtime, check: Callable[[], None]) -> None:
        self.runtime, self.check, self.feathered = runtime, check, runtime.feathered

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        self.check()
        return self.runtime(image, valid)


class _Clock:
    def __init__(self) -> None:
        self.timings_s: dict[str, float] = {}
        self.since = time.perf_counter()

    def stop(self, step: str) -> None:
        now = time.perf_counter()
        self.timings_s[step], self.since = now - self.since, now
