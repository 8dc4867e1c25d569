"""From videos to raw flow masks, frame pair by frame pair."""

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from partialconv.conventions import Hole, Progress
from partialconv.errors import InputError
from partialconv.imageio import encode_png, read_text, write_whole
from partialconv.masks.flow import Flow, Grey, Method, flow_estimator, read_flo, unreliable_pixels

SHORT_SIDE_PX = 720  # larger frames are scaled down to it
BORDER_PX = 4  # cut off: there, the least motion leaves the frame
SMALLEST_PX = 24


@dataclass(frozen=True)
class Extraction:
    """What came of videos: numbers of raw masks in the folder, of new ones, and of frame pairs that had theirs."""

    folder: Path
    num_new: int
    num_kept: int


def extract_raw(
    sources: list[Path],
    out: Path,
    method: Method = "dis",
    every: int = 1,
    report: Progress | None = None,
) -> Extraction:
    """Write the unreliable pixels of pairs of consecutive frames, as out/raw/VIDEO-HASH-FRAME.png, white = unreliable.

    Frames are decoded one by one and two are held at a time. A pair whose file is there is passed over, so that an
    interrupted run goes on where it stopped. The outermost `BORDER_PX` are cut off: the test never trusts the last
    row and column, and noise makes the others leave the frame.

    Args:
        sources: Videos, or Middlebury flows in pairs: FORWARD.flo BACKWARD.flo.
        out: Folder; made if missing.
        method: See `flow_estimator`.
        every: Take each so many-th pair only.
        report: Called with the name of the video, pair and number of pairs (0 if unknown) after each pair.

    Raises:
        InputError: a file is missing or no video, or `out` was made by other settings.
        ImportError: PyAV or OpenCV are not installed.

    Source: Liu et al. 2018, section 3.1; the scaling down is ours.
    """
    if every < 1:
        raise InputError(f"every is {every}, expected at least 1.")
    flows = [path for path in sources if path.suffix.lower() == ".flo"]
    videos = [path for path in sources if path not in flows]
    if not sources or len(flows) % 2:
        raise InputError("expected videos, or .flo files in pairs: FORWARD.flo BACKWARD.flo.")
    for path in sources:
        if not path.is_file():
            raise InputError(f"no file {path}: check the name.")
    # what fails, fails before anything is written
    pairs = list(zip(flows[::2], flows[1::2], strict=True))
    for forward, backward in pairs:
        _read_pair(forward, backward)
    for path in videos:
        frames = list(islice(read_frames(path), 2))
        if len(frames) < 2:
            raise InputError(f"{path} has fewer than two frames: give a video.")
        _check_size(path, frames[0].shape)
    if videos:
        flow_estimator(method)
    raw = _folder(out, method, every)
    new, kept = 0, 0
    for forward, backward in pairs:
        name = f"{forward.stem}-{_digest(forward, backward)}-000000.png"
        _write(raw / name, unreliable_pixels(*_read_pair(forward, backward)))
        new += 1
        if report:
            report(forward.name, 1, 1)
    for path in videos:
        estimate, name, total = flow_estimator(method), f"{path.stem}-{_digest(path)}", count_frames(path) - 1
        for number, (first_frame, second_frame) in enumerate(pairwise(read_frames(path))):
            target = raw / f"{name}-{number:06d}.png"
            if number % every == 0:
                if target.exists():
                    kept += 1
                else:
                    flow = estimate(first_frame, second_frame)
                    _write(target, unreliable_pixels(flow, estimate(second_frame, first_frame)))
                    new += 1
            if report:
                report(path.name, number + 1, max(total, 0))
    return Extraction(raw, new, kept)


def read_frames(path: Path) -> Iterator[Grey]:
    """Decode a video frame by frame: grey, uint8 (H, W), the shorter side at most `SHORT_SIDE_PX`.

    Raises:
        InputError: the file is no video that can be decoded.
        ImportError: PyAV is not installed.
    """
    av = _pyav()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path} has no video stream.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            size: tuple[int, int] | None = None
            for frame in container.decode(stream):
                if size is None:
                    scale = min(1.0, SHORT_SIDE_PX / min(frame.width, frame.height))
                    size = round(frame.width * scale), round(frame.height * scale)
                yield frame.reformat(width=size[0], height=size[1], format="gray").to_ndarray()
    except av.FFmpegError as error:
        raise InputError(f"{path} is no video that can be decoded: {error}.") from error


def count_frames(path: Path) -> int:
    """Number of frames as the file states it, 0 if it does not; errors as in `read_frames`."""
    av = _pyav()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path} has no video stream.")
            return int(container.streams.video[0].frames)
    except av.FFmpegError as error:
        raise InputError(f"{path} is no video that can be decoded: {error}.") from error


def _read_pair(forward: Path, backward: Path) -> tuple[Flow, Flow]:
    first, second = read_flo(forward), read_flo(backward)
    if first.shape != second.shape:
        raise InputError(f"{forward} is of another size than {backward}: expected the two flows of one pair.")
    _check_size(forward, first.shape)
    return first, second


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    if min(shape[:2]) < SMALLEST_PX:
        raise InputError(f"{path} is {shape[1]}x{shape[0]} pixels, expected at least {SMALLEST_PX} on each side.")


def _folder(out: Path, method: Method, every: int) -> Path:
    settings = {"flow": method, "every": every}
    note = out / "flow.json"
    if note.is_file():
        try:
            before = json.loads(read_text(note, 1 << 16))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{note} is damaged: remove it, or name another folder.") from error
        if before != settings:
            raise InputError(f"{out} was made with {before}, not {settings}: name another folder.")
    raw = out / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    write_whole(note, (json.dumps(settings) + "\n").encode())
    return raw


def _write(target: Path, unreliable: Hole) -> None:
    write_whole(target, encode_png(unreliable[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]))


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:8]


def _pyav() -> Any:
    if importlib.util.find_spec("av") is None:
        raise ImportError('masks from videos need PyAV: install it with pip install "partialconv[flow]".')
    import av

    return av
