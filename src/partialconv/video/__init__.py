"""Clips: a mark that stands still is filled in every frame, with what other frames show behind it."""

from partialconv.video.api import FilledVideo, fill_video, save_frame

__all__ = ["FilledVideo", "fill_video", "save_frame"]
