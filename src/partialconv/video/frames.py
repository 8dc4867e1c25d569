"""From a frame of video to RGB, and a filled hole back into it; every other sample stays as it is.

Colours are stored at half the size in most clips. So that a hole is whole in all planes, it is grown to the blocks of
pixels that share a colour.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.inference.planner import Box
from partialconv.video.clip import Frame, pyav

Pixels = NDArray[Any]  # RGB, (H, W, 3), uint8 or uint16
UNSPECIFIED, BT601 = 2, 5  # matrices; FFmpeg takes the one for the other
LIMITED, FULL = 1, 2  # ranges
# from formats with samples of several kinds in one plane to those with a plane for each
PLANAR = {"nv12": "yuv420p", "nv21": "yuv420p", "nv16": "yuv422p", "p010le": "yuv420p10le", "yuyv422": "yuv422p"}
PLANAR |= {"uyvy422": "yuv422p", "rgb24": "gbrp", "bgr24": "gbrp", "pal8": "gbrp", "rgb48le": "gbrp16le"}


def working_format(name: str) -> str:
    """The format of planes in which frames of a format are filled and coded."""
    if name in PLANAR:
        return PLANAR[name]
    parts = pyav().VideoFormat(name).components
    planes = {part.plane for part in parts}
    if len(planes) != len(parts):
        return "yuva444p" if any(part.is_alpha for part in parts) else "gbrp"
    return name


def aligned(hole: Hole, name: str) -> Hole:
    """Grow a hole to whole blocks of pixels that share a colour in a format."""
    (rows, columns), (height, width) = _block(name), hole.shape
    padded = np.pad(hole, ((0, -height % rows), (0, -width % columns)))
    blocks = padded.reshape(padded.shape[0] // rows, rows, -1, columns).any(axis=(1, 3))
    return np.repeat(np.repeat(blocks, rows, axis=0), columns, axis=1)[:height, :width]


def rgb_of_frame(frame: Frame) -> Pixels:
    """A frame as RGB, uint8, or uint16 if it has more than 8 bits a sample."""
    deep = max(part.bits for part in frame.format.components) > 8
    return np.asarray(
        frame.reformat(
            format="rgb48le" if deep else "rgb24",
            src_colorspace=_matrix(frame),
            src_color_range=_range(frame),
            dst_color_range=FULL,
            interpolation="POINT",
        ).to_ndarray()
    )


class Putter:
    """Puts filled pixels into frames.

    Args:
        hole: (H, W), aligned to the format.
    """

    def __init__(self, hole: Hole) -> None:
        rows, columns = np.nonzero(hole)
        top, left = int(rows.min()) // 16 * 16, int(columns.min()) // 16 * 16
        bottom, right = int(rows.max()) // 16 * 16 + 16, int(columns.max()) // 16 * 16 + 16
        self.hole, self.box = hole, Box(top, left, min(bottom, hole.shape[0]), min(right, hole.shape[1]))

    def put(self, frame: Frame, pixels: Pixels) -> Frame:
        """A frame whose hole holds other pixels, RGB, (number of hole pixels, 3); all else is that of `frame`."""
        name = working_format(frame.format.name)
        result = frame if name == frame.format.name else frame.reformat(format=name)
        result.make_writable()
        inside = self.hole[self.box.slices]
        crop = rgb_of_frame(frame)[self.box.slices].copy()  # what is beside the hole may be mixed in at its edge
        crop[inside] = pixels
        drawn = (
            pyav()
            .VideoFrame.from_ndarray(crop, "rgb48le" if pixels.dtype == np.uint16 else "rgb24")
            .reformat(
                format=name,
                src_color_range=FULL,
                dst_colorspace=_matrix(frame),
                dst_color_range=_range(frame),
                interpolation="AREA",
            )
        )
        for part in result.format.components:
            if part.is_alpha:
                continue
            ours, theirs = _plane(result, part), _plane(drawn, part)
            down, across = _ratio(result.height, ours.shape[0]), _ratio(result.width, ours.shape[1])
            marked = self.hole[::down, ::across]
            top, left = self.box.top // down, self.box.left // across
            there = marked[top : top + theirs.shape[0], left : left + theirs.shape[1]]
            ours[top : top + theirs.shape[0], left : left + theirs.shape[1]][there] = theirs[there]
        return result


def _plane(frame: Frame, part: Any) -> NDArray[Any]:
    plane = frame.planes[part.plane]
    dtype = np.dtype("<u2" if part.bits > 8 else "u1")
    rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
    return rows[:, : plane.width]


def _ratio(whole: int, part: int) -> int:
    return round(whole / part) if part > 1 else max(1, whole)


def _block(name: str) -> tuple[int, int]:
    """Height and width of the pixels that share a colour."""
    shape = pyav().VideoFormat(name, 64, 64)
    return 64 // shape.chroma_height(), 64 // shape.chroma_width()


def _matrix(frame: Frame) -> int:
    return BT601 if frame.colorspace == UNSPECIFIED else int(frame.colorspace)


def _range(frame: Frame) -> int:
    full = frame.color_range == FULL or frame.format.name.startswith(("yuvj", "gbr"))
    return FULL if full else LIMITED
