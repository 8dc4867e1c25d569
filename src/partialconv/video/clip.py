"""A clip as it is stored: what its file says, and its frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from partialconv.errors import InputError, reason_of

Frame = Any  # of PyAV, which has no types here
MOST_RATE = Fraction(240)  # a few frames at uneven times seem to be more
ATTACHED = 0x400  # the disposition of a picture on the cover, which is a video stream, too


@dataclass(frozen=True)
class Clip:
    """What there is to know of a clip before its frames are filled.

    Args:
        path: Its file.
        index: Of its video stream.
        codec: As FFmpeg names the decoder.
        format: Of its pixels, as FFmpeg names it.
        size: Height and width, as stored.
        rotation: Degrees counterclockwise by which it is turned when it is shown: 0, 90, 180 or 270.
        rate: Frames a second, on average.
        time_base: Of time stamps, in seconds.
        num_frames: As the file states it; 0 = not stated.
        interlaced: Whether a frame holds two fields.
    """

    path: Path
    index: int
    codec: str
    format: str
    size: tuple[int, int]
    rotation: int
    rate: Fraction
    time_base: Fraction
    num_frames: int
    interlaced: bool

    @property
    def shown_size(self) -> tuple[int, int]:
        """Height and width as it is shown; pixels that are not square are not stretched."""
        return self.size[::-1] if self.rotation in (90, 270) else self.size

    def frames(self) -> Iterator[Frame]:
        """Decode it, frame by frame.

        Raises:
            InputError: it breaks off, or changes its size.
        """
        number = 0
        try:
            with opened(self.path) as container:
                stream = container.streams[self.index]
                stream.thread_type = "AUTO"
                for frame in container.decode(stream):
                    self.check(frame, number)
                    yield frame
                    number += 1
        except pyav().FFmpegError as error:
            raise self.broken(number, error) from error

    def check(self, frame: Frame, number: int) -> None:
        """Refuse a frame that is not like the first one.

        Raises:
            InputError: it is of another size or kind of pixels.
        """
        if (frame.height, frame.width) != self.size or frame.format.name != self.format:
            raise InputError(
                f"{self.path} changes at frame {number} from {self.size[1]}x{self.size[0]} {self.format} to "
                f"{frame.width}x{frame.height} {frame.format.name}: cut it there, and fill the parts."
            )

    def broken(self, number: int, error: Exception) -> InputError:
        """What to say when decoding fails at a frame."""
        return InputError(
            f"{self.path} is broken: frame {number} cannot be decoded ({reason_of(error)}). "
            "Nothing was written; mend the file, or cut out what is broken."
        )


def open_clip(path: Path) -> Clip:
    """Look at a clip and its first frame.

    Raises:
        InputError: there is no such file, or it is no video that can be decoded.
    """
    av = pyav()
    if not path.is_file():
        raise InputError(f"no file {path}: check the name.")
    try:
        with opened(path) as container:
            if container.format.name.endswith("_pipe") or container.format.name == "image2":
                raise InputError(f"{path} is a picture, not a clip: fill it with `partialconv fill`.")
            streams = [stream for stream in container.streams.video if not int(stream.disposition) & ATTACHED]
            if not streams:
                raise InputError(f"{path} has no video stream: give a clip.")
            stream = streams[0]
            if stream.codec_context is None:
                raise InputError(f"{path} is coded in a way that PyAV cannot decode: convert it first.")
            frame = next(container.decode(stream), None)
            if frame is None:
                raise InputError(f"{path} has no frames: give a clip.")
            rate = min(stream.average_rate or stream.guessed_rate or Fraction(25), MOST_RATE).limit_denominator(1001)
            return Clip(
                path,
                stream.index,
                stream.codec_context.name,
                frame.format.name,
                (frame.height, frame.width),
                round(frame.rotation) % 360,
                rate,
                stream.time_base or 1 / rate,
                stream.frames,
                bool(frame.interlaced_frame),
            )
    except av.FFmpegError as error:
        raise InputError(f"cannot read {path} as a video: {reason_of(error)}.") from error


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file with PyAV; a file of the picture formats that FFmpeg reads is opened, too."""
    with pyav().open(str(path), metadata_errors="replace") as container:
        yield container


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect what decoders complain about inside the block: they conceal most damage, and go on."""
    logging = pyav().logging
    before, complaints = logging.get_level(), list[str]()
    logging.set_level(logging.ERROR)
    try:
        with logging.Capture(False) as entries:
            yield complaints
    finally:
        complaints += [f"{name}: {text.strip()}" for level, name, text in entries if level <= logging.ERROR]
        logging.set_level(before)


def pyav() -> Any:
    """The module `av`, which is loaded when it is first needed."""
    import av
    import av.logging

    return av
