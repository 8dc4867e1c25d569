"""`partialconv.fill_video`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv import __version__
from partialconv.conventions import Hole, Progress
from partialconv.errors import InputError
from partialconv.filling.job import HoleLike, open_inpainter
from partialconv.filling.options import FillOptions
from partialconv.imageio import open_picture
from partialconv.imageio.atomic import check_destination, write_picture
from partialconv.inference import Inpainter, Plan
from partialconv.masks import Diagnosis, examine
from partialconv.video.behind import REACH, Behind
from partialconv.video.clip import Clip, Frame, open_clip, watched
from partialconv.video.coding import CONTAINERS, Quality, choose_coding, write_clip
from partialconv.video.frames import Pixels, Putter, aligned, rgb_of_frame, working_format
from partialconv.video.motion import Motion
from partialconv.video.regions import regions_of
from partialconv.video.unfinished import Patch, Unfinished, digest_of

BLOCK = REACH  # frames that are filled, and kept, together
MOST_BYTES = 1 << 30  # of crops that are held; where they are large, fewer are
LEAST_BLOCK = 4
TURNS: dict[int, Literal[1, 2, 3]] = {90: 1, 180: 2, 270: 3}  # quarters counterclockwise


@dataclass(frozen=True)
class FilledVideo:
    """What became of a clip.

    Args:
        output: The file that was written.
        num_frames: All of them.
        num_kept: Those that an interrupted run had filled.
        size: Height and width of a frame, as stored.
        hole_ratio: Share of its pixels that were filled.
        codec: Of the video that was written.
        remarks: What there is to know; sentences without a full stop.
    """

    output: Path
    num_frames: int
    num_kept: int
    size: tuple[int, int]
    hole_ratio: float
    codec: str
    remarks: tuple[str, ...]


def fill_video(
    clip: str | Path,
    hole: HoleLike,
    output: str | Path,
    *,
    quality: Quality = "high",
    options: FillOptions | None = None,
    overwrite: bool = False,
    inpainter: Inpainter | None = None,
    tell: Progress | None = None,
) -> FilledVideo:
    """Fill the same hole in every frame of a clip: a logo, a time code, dust on the sensor.

    What is filled is kept in a folder beside `output`, OUTPUT.unfinished, until the clip is written; the same call goes
    on after an interruption. Sound and all other streams are copied; the video is coded anew.

    Args:
        clip: A file that FFmpeg reads.
        hole: A picture of the size of a frame as it is shown, white = fill; a file, a PIL image or an array, as for
            `partialconv.fill`.
        output: The file to write; its suffix chooses the format of the file.
        quality: "high" is nearest to the clip; "medium" and "small" are smaller files.
        options: How to fill; those that belong to photos alone are not looked at.
        overwrite: Whether `output` may be replaced.
        inpainter: Fills, instead of the one that `options` name.
        tell: Called with "filling" or "writing", the number of frames done, and of all (0 = not known).

    Raises:
        InputError: a file is missing, broken or cannot be written, or the hole cannot be used.
        ImportError: PyAV or OpenCV is not installed.
        ArithmeticError: the network gives no values, as a broken model may.
    """
    source, target, options = Path(clip), Path(output), options or FillOptions()
    check_destination(target, overwrite, tuple(CONTAINERS))
    facts = open_clip(source)
    if target.exists() and target.samefile(source):
        raise InputError(f"{target} is the clip itself: name another file.")
    coding = choose_coding(facts, target, quality)
    found = read_frame_hole(facts, hole, options)
    marked = aligned(found.accept(options.strict), working_format(facts.format))
    if marked.all():
        raise InputError("the hole covers the whole frame: mark only what is to be filled.")
    chosen = [str(getattr(options, name)) for name in ("model", "grain", "copy", "runtime", "precision")]
    digest = digest_of(source, marked)
    filler = _Filler(facts, marked, inpainter, options, tell)
    kept = Unfinished(target, {"digest": digest, "options": chosen, "version": __version__, "block": filler.block})
    num_kept = kept.begin()
    with watched() as complaints:
        num_frames = filler.fill(kept, num_kept)
    putter, patches = Putter(marked), _Patches(kept, filler.block)

    def change(frame: Frame, number: int) -> Frame:
        if tell is not None:
            tell("writing", number + 1, num_frames)
        return putter.put(frame, patches.of(number))

    written, remarks = write_clip(facts, target, coding, quality, overwrite, change)
    kept.end()
    about = [str(finding).removesuffix(".") for finding in found.findings] + [*coding.remarks, *remarks]
    if complaints:
        about.append(
            f"the decoder complains about {source} ({complaints[0]}): if it is damaged, look at the result there"
        )
    ratio = float(marked.mean())
    num_reused = min(num_kept * filler.block, written)
    return FilledVideo(target, written, num_reused, facts.size, ratio, coding.encoder.shown, tuple(about))


def read_frame_hole(clip: Clip, hole: HoleLike, options: FillOptions) -> Diagnosis:
    """The hole of a clip as its frames are stored.

    Raises:
        InputError: it cannot be read, or is of another size than a frame as it is shown.
    """
    picture: Image.Image | NDArray[Any]
    if isinstance(hole, str | Path):
        picture = open_picture(Path(hole))
    else:
        picture = hole if isinstance(hole, Image.Image) else np.asarray(hole)
    name = str(hole) if isinstance(hole, str | Path) else "the hole"
    size = (picture.height, picture.width) if isinstance(picture, Image.Image) else picture.shape[:2]
    height, width = clip.shown_size
    if size != (height, width):
        raise InputError(
            f"{name} is {'x'.join(map(str, size[::-1]))} pixels, but the frames of {clip.path} are {width}x{height}: "
            "draw it over a frame (--frame FILE.png writes one)."
        )
    shown = partial(shown_frame, clip)  # a copy of the frame with something painted on it is understood, too
    found = examine(picture, size, options.hole_color, options.grow_px, name, photo_name=str(clip.path), shown=shown)
    turns = TURNS.get(clip.rotation, 0)
    return Diagnosis(np.ascontiguousarray(np.rot90(found.hole, -turns)), found.findings)


def save_frame(clip: str | Path, target: Path, overwrite: bool = False) -> None:
    """Write the frame in the middle of a clip as it is shown, to draw a hole over it.

    Raises:
        InputError: the clip cannot be read, or the file cannot be written.
    """
    write_picture(target, Image.fromarray(shown_frame(open_clip(Path(clip)))), overwrite)


def shown_frame(clip: Clip) -> NDArray[np.uint8]:
    """The frame in the middle of a clip as it is shown, RGB, (H, W, 3).

    Raises:
        InputError: it cannot be decoded.
    """
    frame = next(islice(clip.frames(), clip.num_frames // 2, None), None) or next(clip.frames())
    rgb = rgb_of_frame(frame)
    pixels = (rgb >> 8).astype(np.uint8) if rgb.dtype == np.uint16 else rgb
    return np.ascontiguousarray(np.rot90(pixels, TURNS.get(clip.rotation, 0)))


class _Filler:
    """Fills the hole of all frames, block by block."""

    def __init__(
        self, clip: Clip, hole: Hole, inpainter: Inpainter | None, options: FillOptions, tell: Progress | None
    ) -> None:
        self.clip, self.hole, self.options, self.tell = clip, hole, options, tell
        self.inpainter = inpainter
        self.boxes = regions_of(hole)
        self.behind = [Behind(hole[box.slices], self._fill) for box in self.boxes]
        frame_bytes = sum(6 * box.num_pixels for box in self.boxes)
        self.block = min(BLOCK, max(LEAST_BLOCK, MOST_BYTES // (3 * frame_bytes)))

        index = np.zeros(hole.shape, np.int64)
        index[hole] = np.arange(np.count_nonzero(hole))
        self.places = [index[box.slices][hole[box.slices]] for box in self.boxes]
        self.plans: dict[bytes, Plan | None] = {part.hole.tobytes(): None for part in self.behind}

    def fill(self, kept: Unfinished, block: int) -> int:
        """Fill the blocks from a number on; returns the number of frames of the clip."""
        start, size = block * self.block, self.block  # so many are looked at before and behind, too
        low = max(0, start - size)
        frames = map(self._crops, islice(self.clip.frames(), low, None))
        window: list[list[Pixels]] = []  # of each frame from `low` on, a crop for each region
        motions: list[list[Motion | None]] = [[] for _ in self.boxes]
        before: list[Pixels] | None = None
        while True:
            window += islice(frames, start + 2 * size - low - len(window))
            num_seen = low + len(window)
            num_frames = num_seen if num_seen < start + 2 * size else self.clip.num_frames
            last = min(start + size, num_seen)
            if last <= start:
                return num_seen
            if before is None and block:
                before = self._crops_with(window[start - 1 - low], kept.read(block - 1)[-1])
            ran = self._counter(start, num_frames)
            filled = []
            for number, part in enumerate(self.behind):
                crops = [frame[number] for frame in window]
                motions[number] += part.motions(crops[len(motions[number]) :])
                old = None if before is None else before[number]
                filled.append(part.block(crops, motions[number], start - low, last - low, old, ran))
            results = [list(crops) for crops in zip(*filled, strict=True)]
            kept.add(block, [self._patch(crops) for crops in results])
            before, block, start = results[-1], block + 1, start + size
            passed = max(0, start - size) - low
            del window[:passed]
            for each in motions:
                del each[:passed]
            low += passed

    def _counter(self, start: int, num_frames: int) -> Callable[[], None]:
        """What tells, when it is called for each crop of each frame from one on, how many frames are filled."""
        calls = count(1)

        def ran() -> None:
            if self.tell is not None:
                self.tell("filling", start + next(calls) // len(self.boxes), num_frames)

        return ran

    def _crops(self, frame: Frame) -> list[Pixels]:
        rgb = rgb_of_frame(frame)
        return [rgb[box.slices].copy() for box in self.boxes]

    def _crops_with(self, crops: list[Pixels], patch: Patch) -> list[Pixels]:
        """The crops of a frame with its hole filled."""
        filled = [crop.copy() for crop in crops]
        for crop, part, places in zip(filled, self.behind, self.places, strict=True):
            crop[part.hole] = patch[places]
        return filled

    def _patch(self, crops: list[Pixels]) -> Patch:
        """The hole pixels of a frame, from its filled crops."""
        patch = np.zeros((np.count_nonzero(self.hole), 3), crops[0].dtype)
        for crop, part, places in zip(crops, self.behind, self.places, strict=True):
            patch[places] = crop[part.hole]
        return patch

    def _fill(self, crop: Pixels, hole: Hole) -> Pixels:
        """Fill a crop by the network; the plan of the whole hole is made once."""
        if self.inpainter is None:
            self.inpainter = open_inpainter(self.options)
        key = hole.tobytes()
        if key in self.plans and self.plans[key] is None:
            self.plans[key] = self.inpainter.plan(hole)
        return self.inpainter.fill(crop, hole, self.options.grain, self.options.copy, steps=self.plans.get(key))


class _Patches:
    """What was filled of each frame, in turn, from the blocks of a folder."""

    def __init__(self, kept: Unfinished, size: int) -> None:
        self.kept, self.size, self.number = kept, size, -1
        self.block: NDArray[Any] = np.empty(0)

    def of(self, number: int) -> Patch:
        """That of a frame."""
        if number // self.size != self.number:
            self.number = number // self.size
            self.block = self.kept.read(self.number)
        patch: Patch = self.block[number % self.size]
        return patch
