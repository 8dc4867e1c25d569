"""Where in a frame there is something to do: boxes around the parts of a hole, with what is seen around them."""

import cv2
import numpy as np

from partialconv.conventions import Hole
from partialconv.inference.planner import Box

JOINED_PX = 48  # parts of a hole that are nearer share a box
LEAST_MARGIN_PX, MOST_MARGIN_PX = 48, 192  # around a part; the network and the motion need something to look at


def regions_of(hole: Hole) -> list[Box]:
    """Find boxes that hold all parts of a hole, each with a margin of about its own size.

    Args:
        hole: (H, W), True = fill.
    """
    near = cv2.getStructuringElement(cv2.MORPH_RECT, (JOINED_PX + 1, JOINED_PX + 1))
    joined = cv2.dilate(hole.astype(np.uint8), near)
    num_parts, labels = cv2.connectedComponents(joined, connectivity=8)
    boxes = []
    for label in range(1, num_parts):
        rows, columns = np.nonzero(hole & (labels == label))
        boxes.append(Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1))
    size = hole.shape[0], hole.shape[1]
    return [box.grown(min(max(*box.shape, LEAST_MARGIN_PX), MOST_MARGIN_PX), size) for box in boxes]
