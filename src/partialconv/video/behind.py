"""What is behind a mark that stands still in a clip: from frames where it is seen, else from the network, steadily.

For each frame the fill of a pixel comes from the first of these that there is:

1. another frame of the last or next `REACH` in which the motion around the hole brings the pixel out from under it;
2. the fill of the frame before, moved as the surroundings move, so that what stands still stays as it is;
3. the network.

The first two are taken only as far as what is around the hole agrees, after the motion, in both frames. A difference
in brightness and colour that the surroundings have is carried over smoothly.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole
from partialconv.video.motion import STILL, Motion, MotionFinder, warped

Pixels = NDArray[Any]  # RGB, (H, W, 3), uint8 or uint16
Fill = Callable[[Pixels, Hole], Pixels]

REACH = 48  # frames that are looked at before and after one
STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)  # of them, these
RING_PX = 24  # how far from the hole frames are compared
EDGE_PX = 2  # of a hole in another frame, left out: cubic interpolation reaches there
AGREES_WITHIN = 9.0  # levels of 255, smoothed over `SMOOTHED_PX`
SMOOTHED_PX = 5
TRUSTED_FROM = 0.6  # share of the surroundings that agree, for pixels of other frames
KEPT_FROM, KEPT_WHOLLY = 0.7, 0.95  # the same for the fill of the frame before: none of it, all of it
COARSE = 4  # colour differences are spread at a quarter of the size


class Behind:
    """Fills one region of a clip.

    Args:
        hole: Of the region, (H, W), True = fill.
        fill: Fills a crop of this size without knowledge of other frames.
    """

    def __init__(self, hole: Hole, fill: Fill) -> None:
        self.hole, self.fill = hole, fill
        self.finder = MotionFinder(hole)
        distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, 5)
        self.ring: FloatArray = ((distance > 0) & (distance <= RING_PX)).astype(np.float32)
        self.known: FloatArray = (distance > EDGE_PX).astype(np.float32)
        inner = cv2.distanceTransform(np.pad(hole, 1).astype(np.uint8), cv2.DIST_L2, 5)
        self.spread_px = max(6.0, float(inner.max()) * 0.75)
        self.corners = _corners(hole)

    def motions(self, crops: Sequence[Pixels]) -> list[Motion | None]:
        """The motion from each crop to the next."""
        greys = [
            np.asarray(cv2.cvtColor(_levels(crop).astype(np.uint8), cv2.COLOR_RGB2GRAY), np.uint8) for crop in crops
        ]
        return [self.finder.between(first, second) for first, second in pairwise(greys)]

    def block(
        self,
        crops: Sequence[Pixels],
        motions: Sequence[Motion | None],
        first: int,
        last: int,
        before: Pixels | None,
        ran: Callable[[], None] = lambda: None,
    ) -> list[Pixels]:
        """Fill some crops of consecutive frames.

        Args:
            crops: Of those frames, and of up to `REACH` before and after them.
            motions: From each of the crops to the next.
            first: Index of the first crop to fill.
            last: Index behind the last crop to fill.
            before: The filled crop before the first one, if there is one.
            ran: Called after each crop.

        Returns:
            The filled crops; outside the hole they are as they were.
        """
        kept = None if before is None else _levels(before)
        results = []
        for number in range(first, last):
            now = _levels(crops[number])
            seen, seen_weight = self._seen(crops, motions, number)
            filled = now.copy()
            from_frames = self.hole & (seen_weight > 0)
            filled[from_frames] = seen[from_frames]
            missing = self.hole & ~from_frames
            if missing.any():
                motion = motions[number - 1] if number else None
                old, share = self._kept(kept, _levels(crops[number - 1]), now, motion) if number else (now, _none(now))
                if (share[missing] < 1).any():
                    fresh = _levels(self.fill(_as(filled, crops[number]), missing))
                    filled[missing] = (share[..., None] * old + (1 - share[..., None]) * fresh)[missing]
                else:
                    filled[missing] = old[missing]
            kept = filled
            result = crops[number].copy()
            result[self.hole] = _as(filled, crops[number])[self.hole]
            results.append(result)
            ran()
        return results

    def _seen(
        self, crops: Sequence[Pixels], motions: Sequence[Motion | None], number: int
    ) -> tuple[FloatArray, FloatArray]:
        """What other frames show of the hole, and with which weight, (H, W); 0 = not seen."""
        now = _levels(crops[number])
        total, weight = np.zeros_like(now), np.zeros(self.hole.shape, np.float32)
        for direction in (-1, 1):
            open_pixels = self.hole.copy()
            motion, at = STILL, number
            for step in STEPS:
                motion_to, at = self._composed(motions, number, motion, at, direction, step)
                if motion_to is None or not 0 <= at < len(crops) or not open_pixels.any():
                    break
                motion = motion_to
                if not self._moves(motion):
                    continue
                visible = open_pixels & (warped(self.known, motion) > 0.99)
                if not visible.any():
                    continue
                source, trust = self._fitted(_levels(crops[at]), now, motion)
                taken = visible & (trust >= TRUSTED_FROM)
                share = np.float32(1 / step**2)
                total[taken] += share * source[taken]
                weight[taken] += share
                open_pixels &= ~taken
        found = weight > 0
        total[found] /= weight[found][:, None]
        return total, weight

    def _composed(
        self, motions: Sequence[Motion | None], number: int, motion: Motion, at: int, direction: int, step: int
    ) -> tuple[Motion | None, int]:
        """The motion from the frame `step` frames away to frame `number`, and the index of that frame."""
        wanted = number + direction * step
        while at != wanted:
            at += direction
            index = at if direction < 0 else at - 1
            if not 0 <= index < len(motions):
                return None, at
            one = motions[index]
            if one is None:
                return None, at
            motion = motion @ (one if direction < 0 else np.linalg.inv(one))
        return motion, at

    def _moves(self, motion: Motion) -> bool:
        return bool(np.abs(motion @ self.corners - self.corners).max() > EDGE_PX)

    def _kept(
        self, kept: FloatArray | None, previous: FloatArray, now: FloatArray, motion: Motion | None
    ) -> tuple[FloatArray, FloatArray]:
        """The fill of the frame before, moved; and the share of it to keep, (H, W)."""
        if kept is None or motion is None:
            return now, _none(now)
        old, trust = self._fitted(kept, now, motion, previous)
        share = (trust - KEPT_FROM) / (KEPT_WHOLLY - KEPT_FROM)
        share = np.clip(share, 0, 1)
        share[warped(np.ones(self.hole.shape, np.float32), motion) < 0.99] = 0
        return old, share.astype(np.float32)

    def _fitted(
        self, source: FloatArray, now: FloatArray, motion: Motion, shown: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Move a crop onto another, and give it the other's brightness and colour around the hole.

        Args:
            source: What is moved.
            now: What it is fitted to.
            motion: Between them.
            shown: The frame that `source` was made from, if it is no frame itself.

        Returns:
            The fitted crop; and how far the surroundings agree, seen from each pixel, 0 to 1, (H, W).
        """
        moved = warped(source, motion)
        compared = moved if shown is None else warped(shown, motion)
        usable = self.ring * (warped(self.known, motion) > 0.99)
        if not usable.any():
            return moved, _none(now)
        difference = now - compared
        inside = usable > 0
        typical = np.median(difference[inside], axis=0)
        smooth = cv2.blur((difference - typical) * usable[..., None], (SMOOTHED_PX, SMOOTHED_PX))
        cover = cv2.blur(usable, (SMOOTHED_PX, SMOOTHED_PX))
        error = np.abs(smooth).max(axis=2) / np.maximum(cover, 1e-3)
        agrees = usable * (error < AGREES_WITHIN)
        trust = self._spread(agrees) / np.maximum(self._spread(usable), 1e-6)
        weight = np.maximum(self._spread(agrees), 1e-6)
        correction = self._spread(difference * agrees[..., None]) / weight[..., None]
        return np.asarray(moved + correction, np.float32), np.asarray(trust, np.float32)

    def _spread(self, values: FloatArray) -> FloatArray:
        """Blur widely, (H, W) or (H, W, C), at a coarse scale."""
        height, width = values.shape[:2]
        small = cv2.resize(values, (-(-width // COARSE), -(-height // COARSE)), interpolation=cv2.INTER_AREA)
        sigma = self.spread_px / COARSE
        small = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) + np.float32(1e-9)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _corners(hole: Hole) -> NDArray[np.float64]:
    rows, columns = np.nonzero(hole)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    return np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]], np.float64)


def _none(like: FloatArray) -> FloatArray:
    return np.zeros(like.shape[:2], np.float32)


def _levels(pixels: Pixels) -> FloatArray:
    """Samples as numbers in [0, 255]."""
    return pixels.astype(np.float32) / np.float32(257 if pixels.dtype == np.uint16 else 1)


def _as(levels: FloatArray, like: Pixels) -> Pixels:
    """Samples of the depth of other pixels."""
    scale, peak = (257, 65535) if like.dtype == np.uint16 else (1, 255)
    return np.clip(np.rint(levels * scale), 0, peak).astype(like.dtype)
