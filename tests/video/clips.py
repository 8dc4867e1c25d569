"""Small clips with sound, made for tests."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH, RATE = 120, 160, 25
MARK = (slice(40, 64), slice(60, 100))
Picture = NDArray[np.uint8]


def texture(height: int = 400, width: int = 600) -> Picture:
    """Soft blobs in colour, the same each time."""
    import cv2

    noise = np.random.default_rng(5).normal(size=(height, width, 3)).astype(np.float32)
    soft = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2, 5, 11))
    picture: Picture = np.clip(128 + 50 * np.asarray(soft), 0, 255).astype(np.uint8)
    return picture


def panned(num_frames: int, step: tuple[float, float] = (1.5, 0.5)) -> list[Picture]:
    """A camera that moves over the texture by (right, down) pixels a frame; (0, 0) = it stands still."""
    import cv2

    whole, frames = texture(), []
    for number in range(num_frames):
        shift = np.array([[1, 0, -20 - step[0] * number], [0, 1, -20 - step[1] * number]], np.float64)
        frames.append(cv2.warpAffine(whole, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR).astype(np.uint8))
    return frames


def marked(frames: list[Picture]) -> list[Picture]:
    """The frames with a white mark."""
    copies = [frame.copy() for frame in frames]
    for copy in copies:
        copy[MARK] = 255
    return copies


def hole() -> NDArray[np.bool_]:
    """The place of the mark."""
    place = np.zeros((HEIGHT, WIDTH), bool)
    place[MARK] = True
    return place


def make_clip(
    path: Path,
    frames: list[Picture],
    codec: str = "libx264",
    format_: str = "yuv420p",
    sound: str | None = "aac",
    times_ms: list[int] | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip of BT.709 colours in the limited range, with pixels of 4:3 and a title."""
    with av.open(str(path), "w") as container:
        base = Fraction(1, 1000) if times_ms else Fraction(1, RATE)
        video: Any = container.add_stream(codec, rate=RATE, options=options or {})
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], format_
        video.time_base = video.codec_context.time_base = base
        context = video.codec_context
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = 1, 1, 1, 1
        context.sample_aspect_ratio = Fraction(4, 3)
        if rotation:
            video.set_display_rotation(rotation)
        container.metadata["title"] = "A walk"
        audio: Any = container.add_stream(sound, rate=48000) if sound else None
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
                format=format_, dst_colorspace=1, dst_color_range=1
            )
            frame.pts, frame.time_base = times_ms[number] if times_ms else number, base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            tone = np.sin(np.arange(1024) / 20, dtype=np.float32)
            for number in range(int(len(frames) / RATE * 48000 / 1024)):
                part = av.AudioFrame.from_ndarray(np.stack([tone, tone]), "fltp", "stereo")
                part.sample_rate, part.pts = 48000, number * 1024
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))
    return path


def pictures(path: Path) -> list[Picture]:
    """All frames of a clip."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    """Time and content of each packet of sound."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.audio[0]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.dts is not None]


def times_of(path: Path) -> list[float]:
    """The time of each frame, in seconds."""
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def looks(path: Path) -> tuple[object, ...]:
    """Codec, pixels, colours, shape of pixels and turning of a clip."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        context = stream.codec_context
        colours = (context.colorspace, context.color_range, context.color_primaries, context.color_trc)
        first: Any = next(container.decode(stream))
        return context.name, context.pix_fmt, *colours, stream.sample_aspect_ratio, first.rotation
