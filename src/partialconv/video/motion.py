"""How what is around a hole moves from frame to frame.

A motion is a 3x3 matrix that takes (x, y, 1) of one frame to the place of the same thing in another frame: a shift,
with a little turning and scaling. None stands for a motion that cannot be told, as at a cut.
"""

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole
from partialconv.masks.flow import Grey

Motion = NDArray[np.float64]
STILL: Motion = np.eye(3)

WINDOW_PX = 15  # that a corner is followed by
GUARD_PX = WINDOW_PX // 2 + 1  # what is followed this near to a mark that stands still follows the mark
MOST_CORNERS, LEAST_CORNERS = 400, 12
CORNER_LEVEL, CORNERS_APART_PX = 0.01, 5  # quality and distance of corners, as OpenCV takes them
WITHIN_PX = 0.5  # of RANSAC
LEAST_AGREEING = 0.35  # of the corners
STILL_WITHIN = 1.08  # no motion is preferred unless it fits worse by more than this factor
STILL_BELOW = 2.0  # levels of 255; flat surroundings show no motion, and need none
LIT_ALIKE = 1.0  # levels by which the mean brightness may change before it is made equal
CLIPPED = 20.0  # levels; more does not count for more, so that a smaller part that moves on its own counts little


class MotionFinder:
    """Finds the motion between crops of two frames.

    Args:
        hole: (H, W), True = under the mark, in both frames.
    """

    def __init__(self, hole: Hole) -> None:
        size = 2 * GUARD_PX + 1
        self.usable: Hole = cv2.dilate(hole.astype(np.uint8), np.ones((size, size), np.uint8)) == 0

    def between(self, first: Grey, second: Grey) -> Motion | None:
        """The motion from one crop to another, grey, (H, W); a change of brightness is none."""
        second = self._lit_as(first, second)
        still = self._misfit(first, second, STILL)
        if still == 0:
            return STILL
        allowed = self.usable.astype(np.uint8) * 255
        corners = cv2.goodFeaturesToTrack(first, MOST_CORNERS, CORNER_LEVEL, CORNERS_APART_PX, mask=allowed)
        motion = (
            None
            if corners is None or len(corners) < LEAST_CORNERS
            else _followed(first, second, np.asarray(corners, np.float32))
        )
        if motion is None:
            return STILL if still < STILL_BELOW else None
        return STILL if still <= STILL_WITHIN * self._misfit(first, second, motion) else motion

    def _lit_as(self, first: Grey, second: Grey) -> Grey:
        """The second crop with the brightness and contrast of the first."""
        (mean, spread), (other_mean, other_spread) = (
            (float(crop[self.usable].mean()), float(crop[self.usable].std())) if self.usable.any() else (0.0, 0.0)
            for crop in (first, second)
        )
        if abs(mean - other_mean) < LIT_ALIKE or min(spread, other_spread) < 1:
            return second
        lit: Grey = np.clip((second - other_mean) * (spread / other_spread) + mean, 0, 255).round().astype(np.uint8)
        return lit

    def _misfit(self, first: Grey, second: Grey, motion: Motion) -> float:
        """The mean difference that a motion leaves around the hole, in levels."""
        moved = warped(first.astype(np.float32), motion)
        inside = self.usable & (warped(np.ones(first.shape, np.float32), motion) > 0.99)
        difference = np.abs(moved - second)[inside]
        return float(np.minimum(difference, CLIPPED).mean()) if difference.size else np.inf


def _followed(first: Grey, second: Grey, corners: FloatArray) -> Motion | None:
    """The motion that most corners agree on."""
    follow: Any = cv2.calcOpticalFlowPyrLK  # its stubs ask for what it need not be given
    moved, status, _ = follow(first, second, corners, None, winSize=(WINDOW_PX, WINDOW_PX))
    found = status.ravel() > 0
    if np.count_nonzero(found) < LEAST_CORNERS:
        return None
    cv2.setRNGSeed(0)  # RANSAC draws; the same clip gives the same fill
    motion, agreeing = cv2.estimateAffinePartial2D(
        corners[found], moved[found], method=cv2.RANSAC, ransacReprojThreshold=WITHIN_PX, maxIters=500
    )
    if motion is None or agreeing.mean() < LEAST_AGREEING:
        return None
    return np.vstack([motion, [0, 0, 1]])


def warped(values: FloatArray, motion: Motion) -> FloatArray:
    """Move a picture, (H, W) or (H, W, C), by a motion; 0 where nothing was."""
    if np.array_equal(motion, STILL):
        return values
    size = values.shape[1], values.shape[0]
    moved: Any = cv2.warpAffine(values, motion[:2], size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    return cast(FloatArray, moved)
