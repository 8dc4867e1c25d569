"""Writing a clip: the same streams, with other pixels in the hole of the video, which is coded anew."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, Literal

from partialconv.errors import InputError, reason_of
from partialconv.imageio.atomic import unfinished
from partialconv.video.clip import Clip, Frame, opened, pyav
from partialconv.video.frames import working_format

Quality = Literal["high", "medium", "small"]
# how FFmpeg names the file formats
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
CONTAINERS |= {".ts": "mpegts", ".mts": "mpegts", ".m2ts": "mpegts", ".mpg": "mpeg", ".mxf": "mxf", ".ogv": "ogg"}
LAMBDA = 118  # of one step of the quality of the older encoders


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg.

    Args:
        name: As FFmpeg names it.
        shown: In messages.
        levels: Its options for "high", "medium" and "small".
    """

    name: str
    shown: str
    levels: tuple[dict[str, str], dict[str, str], dict[str, str]]

    def options(self, quality: Quality) -> dict[str, str]:
        """Options of FFmpeg for a quality."""
        return dict(self.levels[("high", "medium", "small").index(quality)])


def _constant(name: str, shown: str, key: str, levels: tuple[int, int, int], **more: str) -> Encoder:
    high, medium, small = ({key: str(level), **more} for level in levels)
    return Encoder(name, shown, (high, medium, small))


def _scaled(name: str, shown: str) -> Encoder:
    high, medium, small = ({"flags": "+qscale", "global_quality": str(LAMBDA * level)} for level in (2, 4, 6))
    return Encoder(name, shown, (high, medium, small))


# by decoder; "high" keeps 43 to 45 dB of clips in H.264, in files half as large again (benchmarks/video.py)
ENCODERS = {
    "h264": _constant("libx264", "H.264", "crf", (16, 20, 24)),
    "hevc": _constant("libx265", "H.265", "crf", (18, 22, 26), **{"x265-params": "log-level=error"}),
    "vp8": _constant("libvpx", "VP8", "crf", (6, 12, 20), b="50M", **{"cpu-used": "2"}),
    "vp9": _constant("libvpx-vp9", "VP9", "crf", (18, 26, 33), b="0", **{"row-mt": "1", "cpu-used": "3"}),
    "av1": _constant("libsvtav1", "AV1", "crf", (20, 28, 36), preset="7"),
    "mpeg4": _scaled("mpeg4", "MPEG-4"),
    "mpeg2video": _scaled("mpeg2video", "MPEG-2"),
    "mjpeg": _scaled("mjpeg", "Motion JPEG"),
    "prores": _constant("prores_ks", "ProRes", "profile", (3, 2, 1)),
    "dnxhd": _constant("dnxhd", "DNxHD", "profile", (0, 0, 0)),
    "ffv1": _constant("ffv1", "FFV1", "level", (3, 3, 3)),
    "huffyuv": _constant("huffyuv", "HuffYUV", "threads", (1, 1, 1)),
    "rawvideo": _constant("rawvideo", "uncompressed video", "threads", (1, 1, 1)),
}
ENCODERS |= {"libdav1d": ENCODERS["av1"], "libvpx-vp9": ENCODERS["vp9"], "libvpx": ENCODERS["vp8"]}
INTERLACED = 0x20040000  # the flags of an encoder that codes fields


@dataclass(frozen=True)
class Coding:
    """How a clip is going to be coded.

    Args:
        encoder: What codes it.
        format: Of its pixels.
        time_base: Of its time stamps, in seconds.
        remarks: What is not as in the source; sentences without a full stop.
    """

    encoder: Encoder
    format: str
    time_base: Fraction
    remarks: tuple[str, ...] = ()


def choose_coding(clip: Clip, target: Path, quality: Quality) -> Coding:
    """The codec of the source if it can be written, else H.264, else VP9.

    Args:
        clip: The source.
        target: The file, whose suffix is one of `CONTAINERS`.
        quality: Of the video.

    Raises:
        InputError: no codec can be written in such a file.
    """
    first, source = working_format(clip.format), ENCODERS.get(clip.codec)
    reasons: list[str] = []
    encoders = [source] if source else []
    encoders += [encoder for encoder in (ENCODERS["h264"], ENCODERS["vp9"]) if encoder != source]
    formats, time_bases = dict.fromkeys((first, "yuv420p")), dict.fromkeys((clip.time_base, 1 / clip.rate))
    for encoder, name, time_base in product(encoders, formats, time_bases):
        coding = Coding(encoder, name, time_base, tuple(_differences(clip, encoder, name, reasons)))
        reason = _refused(clip, coding, target, quality)
        if not reason:
            return coding
        reasons.append(reason)
    raise InputError(f"cannot write this video as {target.suffix}: {reasons[0]}; try .mkv.")


def _differences(clip: Clip, encoder: Encoder, name: str, reasons: list[str]) -> Iterator[str]:
    if encoder != ENCODERS.get(clip.codec):
        why = f" ({reasons[0]})" if reasons else ", which cannot be written here"
        yield f"the video is coded as {encoder.shown} instead of {clip.codec}{why}"
    if name != working_format(clip.format):
        yield f"its pixels are stored as {name} instead of {clip.format}"


def write_clip(
    clip: Clip,
    target: Path,
    coding: Coding,
    quality: Quality,
    overwrite: bool,
    change: Callable[[Frame, int], Frame],
) -> tuple[int, tuple[str, ...]]:
    """Write a clip with changed frames; all other streams are copied.

    Args:
        clip: The source.
        target: The file, which appears when it is complete.
        coding: See `choose_coding`.
        quality: Of the video.
        overwrite: Whether `target` may be replaced.
        change: Gives the frame to write for one that was read, and its number.

    Returns:
        The number of frames, and remarks about streams that could not be copied.

    Raises:
        InputError: the source breaks off, or the file cannot be written.
    """
    av = pyav()
    kind = CONTAINERS[target.suffix.lower()]
    with unfinished(target, overwrite) as temporary, opened(clip.path) as source:
        try:
            with av.open(str(temporary), "w", format=kind, options=_muxing(kind)) as result:
                return _write(clip, source, result, coding, quality, change)
        except (av.FFmpegError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"cannot write {target}: {reason_of(error)}.") from error


def _write(
    clip: Clip, source: Any, result: Any, coding: Coding, quality: Quality, change: Callable[[Frame, int], Frame]
) -> tuple[int, tuple[str, ...]]:
    video = source.streams[clip.index]
    video.thread_type = "AUTO"
    outputs, remarks = {}, []
    for stream in source.streams:  # in their order
        if stream.index == clip.index:
            coded = outputs[stream.index] = _video_stream(result, clip, coding, quality, video)
            continue
        if not _holds(result.format.name, stream):
            remarks.append(f"stream {stream.index}, {stream.type}, is left out, because such a file cannot hold it")
            continue
        copy = result.add_stream_from_template(stream)
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        outputs[stream.index] = copy
    result.metadata.update(source.metadata)
    result.set_chapters(source.chapters())
    number, last = 0, None
    wanted = [stream for stream in source.streams if stream.index in outputs]
    for packet in source.demux(wanted):
        if packet.stream.index != clip.index:
            if packet.dts is not None:
                packet.stream = outputs[packet.stream.index]
                result.mux(packet)
            continue
        for frame in _decoded(clip, packet, number):
            last = _stamp(clip, frame, number, last)
            coded_frame = change(frame, number)
            coded_frame.pict_type = 0  # the encoder chooses
            result.mux(coded.encode(coded_frame))
            number += 1
    result.mux(coded.encode(None))
    return number, tuple(remarks)


def _decoded(clip: Clip, packet: Any, number: int) -> Iterator[Frame]:
    try:
        frames = packet.decode()
    except pyav().FFmpegError as error:
        raise clip.broken(number, error) from error
    for offset, frame in enumerate(frames):
        clip.check(frame, number + offset)
        yield frame


def _stamp(clip: Clip, frame: Frame, number: int, last: int | None) -> int:
    """Make sure that a frame has a time stamp behind the last one."""
    if frame.pts is None:
        frame.pts = round(number / clip.rate / clip.time_base) if last is None else last + _step(clip)
    if last is not None and frame.pts <= last:
        frame.pts = last + 1
    frame.time_base = clip.time_base
    return int(frame.pts)


def _step(clip: Clip) -> int:
    return max(1, round(1 / clip.rate / clip.time_base))


def _video_stream(result: Any, clip: Clip, coding: Coding, quality: Quality, source: Any) -> Any:
    stream = result.add_stream(coding.encoder.name, rate=clip.rate, options=coding.encoder.options(quality))
    _set_up(stream, clip, coding)
    context, theirs = stream.codec_context, source.codec_context
    context.color_range, context.colorspace = theirs.color_range, theirs.colorspace
    context.color_primaries, context.color_trc = theirs.color_primaries, theirs.color_trc
    aspect = source.sample_aspect_ratio or theirs.sample_aspect_ratio
    if aspect:
        stream.sample_aspect_ratio = context.sample_aspect_ratio = aspect
    if clip.rotation:
        stream.set_display_rotation(clip.rotation)
    stream.metadata.update(source.metadata)
    stream.disposition = source.disposition
    return stream


def _set_up(stream: Any, clip: Clip, coding: Coding) -> None:
    height, width = clip.size
    stream.width, stream.height, stream.pix_fmt = width, height, coding.format
    stream.time_base = stream.codec_context.time_base = coding.time_base
    stream.thread_type = "AUTO"
    if clip.interlaced:
        stream.codec_context.flags |= INTERLACED


def _holds(kind: str, stream: Any) -> bool:
    """Whether a kind of file can hold a copy of a stream."""
    av = pyav()
    try:
        with av.open(io.BytesIO(), "w", format=kind) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError, TypeError):
        return False
    return True


def _muxing(kind: str) -> dict[str, str]:
    return {"movflags": "faststart"} if kind in ("mp4", "mov") else {}


def _refused(clip: Clip, coding: Coding, target: Path, quality: Quality) -> str:
    """Why an encoder cannot write such a clip; "" if it can."""
    av = pyav()
    try:
        with av.open(io.BytesIO(), "w", format=CONTAINERS[target.suffix.lower()]) as trial:
            stream = trial.add_stream(coding.encoder.name, rate=clip.rate, options=coding.encoder.options(quality))
            _set_up(stream, clip, coding)
            frame = av.VideoFrame(clip.size[1], clip.size[0], coding.format)
            frame.pts, frame.time_base = 0, clip.time_base
            trial.mux(stream.encode(frame))
            trial.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        return str(getattr(error, "strerror", None) or reason_of(error))
    return ""
