"""The one road from a photo and its hole to a filled photo."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.filling.opening import Opening, open_named
from partialconv.filling.options import FillOptions
from partialconv.filling.report import Finds, Report, about_width, report_of
from partialconv.filling.watching import Stopwatch, Watcher, told
from partialconv.imageio import (
    Filled,
    Photo,
    check_destination,
    open_picture,
    read_header,
    read_photo,
    rgb_of,
    unfinished,
    with_ringing,
    write_filled,
)
from partialconv.imageio.formats import FORMAT_OF_SUFFIX
from partialconv.inference import Inpainter, Plan, confidence
from partialconv.masks import Diagnosis, examine, read_hole
from partialconv.masks.doctor import erased_hole, shown_rgb
from partialconv.masks.morphology import dilate
from partialconv.masks.placing import as_stored, placed

if TYPE_CHECKING:
    from partialconv.finding import Search

HoleLike = str | Path | Image.Image | NDArray[Any]


@dataclass(frozen=True)
class FillJob:
    """A photo to fill.

    Args:
        photo: Its file.
        output: The file to write; its suffix chooses the format.
        hole: A picture of the hole, drawn over the photo as it is shown; None with `options.hole_from_alpha` or
            `search`.
        options: How to fill it.
        overwrite: Whether `output` and `confidence` may be replaced.
        confidence: A .png file to write, too: how near to known pixels each pixel was, white = known.
        search: The hole is what this finds.
        anything: Whether to fill what was found even where it is implausible, see `found_hole`.
    """

    photo: Path
    output: Path
    hole: Path | None = None
    options: FillOptions = field(default_factory=FillOptions)
    overwrite: bool = False
    confidence: Path | None = None
    search: "Search | None" = None
    anything: bool = False

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be written.

        Raises:
            InputError: see `check_destination`; or `confidence` is no .png file.
        """
        check_destination(self.output, self.overwrite)
        if self.confidence is not None:
            check_destination(self.confidence, self.overwrite)
            if self.confidence.suffix.lower() != ".png":
                raise InputError(f"cannot write {self.confidence}: confidence is a .png file.")

    def needed_bytes(self) -> int:
        """The memory that the job is going to need, from the headers of its files: an estimate from above.

        Raises:
            InputError: as in `read_header`.
        """
        header = read_header(self.photo)
        needed = header.fill_bytes(FORMAT_OF_SUFFIX[self.output.suffix.lower()])
        if self.search is not None:
            from partialconv.finding import find_bytes  # here, as below, for most jobs have their hole

            needed += find_bytes(header.num_pixels)
        return needed if self.hole is None else needed + read_header(self.hole).read_bytes


@dataclass(frozen=True)
class Filling:
    """What became of a job.

    Args:
        report: What was found in the hole, and what was done.
        timings_s: Seconds of the steps: "read", "find" if the hole was looked for, "fill" and "write".
        output: The file that was written.
        steps: The plan that was followed.
    """

    report: Report
    timings_s: dict[str, float]
    output: Path
    steps: Plan

    @property
    def seconds(self) -> float:
        """The time of all steps together."""
        return sum(self.timings_s.values())

    def as_dict(self) -> dict[str, Any]:
        """Describe it as a dictionary, for JSON."""
        timings_s = {step: round(seconds, 4) for step, seconds in self.timings_s.items()}
        return {"output": str(self.output), "report": self.report.as_dict(), "timings_s": timings_s}


def fill_file(
    job: FillJob,
    inpainter: Inpainter | None = None,
    watcher: Watcher | None = None,
    opening: Opening | None = None,
) -> Filling:
    """Fill the hole of a photo and write it, all but the hole as it was.

    Args:
        job: What to do.
        inpainter: Fills, instead of the one that `job.options` names: to share one among jobs.
        watcher: Is told what happens.
        opening: The network that `job.options` names, if it is being opened already.

    Raises:
        InputError: a file cannot be read or written; or the hole cannot be used (a `HoleError`); or none was found,
            or an implausible one (a `FindsError`).
        ArithmeticError: the network gives no values, as a broken model may.
    """
    clock, watcher = Stopwatch(), watcher or Watcher()

    def begin(step: str) -> None:
        clock.begin(step)
        watcher.begin(step)

    begin("read")
    job.check()
    if inpainter is None and opening is None and job.search is None:
        opening = Opening(job.options)
    finds: Finds | None = None
    if job.search is None:
        photo, found = read_job(job)
    else:
        from partialconv.filling.found import found_hole

        photo = read_photo(job.photo, job.output)
        begin("find")
        found, finds = found_hole(photo, job.search, job.anything, job.options.grow_px, told(watcher))
    opened = partial(_opened, inpainter, opening, job.options)
    filled = fill_read(job, photo, found, opened, watcher, begin)
    del opened, inpainter  # its memory, if nobody else uses it, is worth more to the writer of a large photo
    begin("write")
    about_result = write_unwritten(filled, watcher)
    if job.confidence is not None:
        _write_confidence(filled.found.hole, photo.orientation, job.confidence, job.overwrite)
    clock.end()
    report = report_of(filled.found, filled.steps, (*filled.remarks, *about_result), finds)
    return Filling(report, clock.timings_s, job.output, filled.steps)


@dataclass(frozen=True)
class Unwritten:
    """A fill whose file is not written yet.

    Args:
        job: What was to be done.
        pixels: The photo with its hole filled.
        found: The hole that was filled, as the photo is stored.
        steps: The plan that was followed.
        remarks: About the photo and the hole; sentences without a full stop.
    """

    job: FillJob
    pixels: Filled
    found: Diagnosis
    steps: Plan
    remarks: tuple[str, ...]


def fill_read(
    job: FillJob,
    photo: Photo,
    found: Diagnosis,
    opened: Callable[[], Inpainter],
    watcher: Watcher,
    begin: Callable[[str], None],
) -> Unwritten:
    """Fill a photo that has been read.

    Args:
        job: What to do.
        photo: As it is stored.
        found: Its hole.
        opened: Gives the network, when it is needed.
        watcher: Is told what happens.
        begin: Is told when the step "fill" begins.

    Raises:
        InputError: the hole cannot be used (a `HoleError`).
        ArithmeticError: the network gives no values, as a broken model may.
    """
    found.accept(job.options.strict)
    watcher.found(found)
    hole, about_ringing = grown_over_ringing(job, photo, found.hole)
    remarks = (*photo.remarks, *about_ringing)
    for remark in remarks:
        watcher.remarked(remark)
    inpainter = opened()
    begin("fill")
    steps = inpainter.plan(hole)
    rgb = fill_photo(inpainter, photo, hole, job.options, watcher.progress, steps)
    return Unwritten(job, Filled(photo, rgb, hole, found.opaque), replace(found, hole=hole), steps, remarks)


def write_unwritten(filled: Unwritten, watcher: Watcher) -> tuple[str, ...]:
    """Write a fill to the output of its job.

    Returns:
        What is to be known about the result; sentences without a full stop.

    Raises:
        InputError: see `write_photo`.
    """
    job = filled.job
    remarks = write_filled(filled.pixels, job.output, job.overwrite)
    remarks += about_width(filled.found.hole, filled.steps, job.options.copy)
    for remark in remarks:
        watcher.remarked(remark)
    return remarks


def read_job(job: FillJob) -> tuple[Photo, Diagnosis]:
    """The photo of a job as it is stored, and its hole.

    Raises:
        InputError: a file cannot be read.
    """
    photo = read_photo(job.photo, job.output)
    return photo, find_hole(photo, job.hole, job.options)


def find_hole(photo: Photo, hole: HoleLike | None, options: FillOptions) -> Diagnosis:
    """The hole of a photo, and what is wrong with the picture of it.

    Args:
        photo: The photo.
        hole: A file, PIL image or array, see `examine`; None with `options.hole_from_alpha`.
        options: How to read it.

    Raises:
        InputError: there is no hole, or two; or it cannot be read.
    """
    if options.hole_from_alpha:
        if hole is not None:
            raise InputError("a hole was given, and holes from alpha were asked for: give one of them.")
        return erased_hole(photo, options.grow_px)
    if hole is None:
        raise InputError("no hole was given: give one, or ask for holes from alpha.")
    if isinstance(hole, str | Path) and options.anchor == "none":
        return read_hole(Path(hole), photo, options.hole_color, options.grow_px)
    size = photo.size[::-1] if photo.orientation >= 5 else photo.size
    picture: Image.Image | NDArray[Any]
    name, kind = "the hole", None
    if isinstance(hole, str | Path):
        opened = open_picture(Path(hole))
        picture, name, kind = ImageOps.exif_transpose(opened), str(hole), opened.format
    else:
        picture = hole if isinstance(hole, Image.Image) else np.asarray(hole)
    if options.anchor == "none":
        shown = partial(shown_rgb, photo)
        found = examine(picture, size, options.hole_color, options.grow_px, photo_name=str(photo.path), shown=shown)
    else:
        found = placed(examine(picture, None, options.hole_color, 0, name, kind), size, options.anchor)
        found = replace(found, hole=dilate(found.hole, options.grow_px))
    if any(finding.code == "shape" for finding in found.findings):
        return found
    return replace(found, hole=as_stored(found.hole, photo.orientation))


def grown_over_ringing(job: FillJob, photo: Photo, hole: Hole) -> tuple[Hole, tuple[str, ...]]:
    """Grow a hole over the ringing around it, if that is wanted and a JPEG becomes a JPEG.

    The blocks that the hole touches are coded anew then anyway; in another format pixels beside the hole stay.

    Args:
        job: Of the fill.
        photo: As it is stored.
        hole: As the photo is stored.

    Returns:
        The hole, and a remark if it has grown.
    """
    wanted = job.options.ringing and FORMAT_OF_SUFFIX[job.output.suffix.lower()] == "JPEG"
    grown = with_ringing(photo, hole) if wanted else hole
    num_grown = int(np.count_nonzero(grown)) - int(np.count_nonzero(hole))
    if num_grown == 0:
        return hole, ()
    remark = f"{num_grown} pixels beside the hole in {photo.path} were filled, too, because ripples of JPEG reach there"
    return grown, (remark,)


def open_inpainter(options: FillOptions) -> Inpainter:
    """The network that options name, in the runtime that they name.

    Raises:
        InputError: see `open_runtime`.
        ImportError: the runtime is not installed.
    """
    return Inpainter(runtime=open_named(options))


def _opened(inpainter: Inpainter | None, opening: Opening | None, options: FillOptions) -> Inpainter:
    if inpainter is not None:
        return inpainter
    return open_inpainter(options) if opening is None else Inpainter(runtime=opening.take())


def fill_photo(
    inpainter: Inpainter,
    photo: Photo,
    hole: Hole,
    options: FillOptions | None = None,
    tell: Callable[[float], None] | None = None,
    steps: Plan | None = None,
) -> NDArray[Any]:
    """Fill a photo of `read_photo`, `tell` and `steps` as in `Inpainter.fill`.

    Returns:
        RGB, (H, W, 3), for `write_photo`; of the photo's depth.
    """
    options = options or FillOptions()
    rgb = rgb_of(photo)
    known = np.nan_to_num(rgb).clip(0, 1) if rgb.dtype.kind == "f" else rgb
    filled: NDArray[Any] = inpainter.fill(known, hole, options.grain, options.copy, tell, steps)
    return filled


def filled_photo(inpainter: Inpainter, photo: Photo, hole: Hole, options: FillOptions, opaque: bool = False) -> Filled:
    """A photo with its hole filled, in the colours that it is stored in; `opaque` as in `write_photo`."""
    return Filled(photo, fill_photo(inpainter, photo, hole, options), hole, opaque)


def _write_confidence(hole: Hole, orientation: int, path: Path, overwrite: bool) -> None:
    """Write it as the photo is shown, white = known."""
    picture = Image.fromarray((confidence(hole) * 255).round().astype("uint8"))
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    with unfinished(path, overwrite) as temporary:
        ImageOps.exif_transpose(picture).save(temporary, "PNG")
