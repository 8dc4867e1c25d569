"""Clips: a mark that stands still is filled in every frame, with what other frames show behind it."""

from partialconv.errors import require_video

require_video("partialconv.video")

from partialconv.video.api import FilledVideo, fill_video, save_frame  # noqa: E402

__all__ = ["FilledVideo", "fill_video", "save_frame"]
