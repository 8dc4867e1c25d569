"""Which pixels of a frame have no reliable motion: occlusions and motion boundaries, from optical flow.

Flows are (H, W, 2) arrays: for each pixel its motion to the right and down, in pixels.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.errors import InputError

Flow = NDArray[np.float32]
Grey = NDArray[np.uint8]
Estimator = Callable[[Grey, Grey], Flow]
Method = Literal["dis", "deepflow"]

# Sundaram, Brox, Keutzer 2010, section 3, with the constants of their program
CONSISTENCY = (0.01, 0.5)
BOUNDARY = (0.01, 0.002)
SMOOTHING_SIGMA = 0.8
RELIABLE_FROM = 0.6
FLO_MAGIC, LARGEST_FLOW = b"PIEH", 1e9  # a .flo file writes more where the motion is unknown


def unreliable_pixels(forward: Flow, backward: Flow) -> Hole:
    """Find the pixels of the first frame whose motion cannot be relied on.

    Args:
        forward: Motion from the first frame to the second, (H, W, 2).
        backward: Motion from the second frame to the first, (H, W, 2).

    Returns:
        (H, W), True = unreliable: the raw material of a hole.

    Raises:
        ValueError: the shapes differ or are no flows.

    Source: Liu et al. 2018, section 3.1 (masks from occlusion); its author's threshold of 0.6.
    """
    return np.asarray(smooth(reliable_pixels(forward, backward)) < RELIABLE_FROM)


def reliable_pixels(forward: Flow, backward: Flow) -> Hole:
    """Test consistency and motion boundaries, before smoothing.

    A pixel p with motion w is reliable where the backward motion w' at p + w, sampled bilinearly, leads back,
    |w + w'|^2 < 0.01 (|w|^2 + |w'|^2) + 0.5, and w does not jump, |grad u|^2 + |grad v|^2 <= 0.01 |w|^2 + 0.002,
    with central differences and a mirrored border. A motion out of the frame is not reliable; nor is the last row and
    column, for want of the four pixels around p + w.

    Args:
        forward: (H, W, 2).
        backward: (H, W, 2).

    Returns:
        (H, W), True = reliable.

    Raises:
        ValueError: the shapes differ or are no flows.

    Source: Sundaram, Brox, Keutzer 2010, section 3.
    """
    if forward.ndim != 3 or forward.shape[2] != 2 or forward.shape != backward.shape:
        raise ValueError(f"the flows are {forward.shape} and {backward.shape}, expected two of one shape (H, W, 2).")
    height, width = forward.shape[:2]
    known = np.all(np.isfinite(forward) & (np.abs(forward) < LARGEST_FLOW), axis=2, keepdims=True)[..., 0]
    flow = np.where(known[..., None], forward, 0).astype(np.float64)
    y, x = np.mgrid[:height, :width]
    to_x, to_y = x + flow[..., 0], y + flow[..., 1]
    left, top = np.floor(to_x).astype(np.int64), np.floor(to_y).astype(np.int64)
    inside = known & (left >= 0) & (top >= 0) & (left + 1 < width) & (top + 1 < height)
    left, top = np.where(inside, left, 0), np.where(inside, top, 0)
    across, down = (np.where(inside, to_x - left, 0)[..., None], np.where(inside, to_y - top, 0)[..., None])
    back = np.where(np.isfinite(backward) & (np.abs(backward) < LARGEST_FLOW), backward, np.nan).astype(np.float64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    upper = (1 - across) * back[top, left] + across * back[top, right]
    there = (1 - down) * upper + down * ((1 - across) * back[bottom, left] + across * back[bottom, right])
    length = np.square(flow).sum(axis=2)
    difference = np.square(flow + there).sum(axis=2)
    with np.errstate(invalid="ignore"):
        consistent = difference < CONSISTENCY[0] * (length + np.square(there).sum(axis=2)) + CONSISTENCY[1]
    padded = np.pad(flow, ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    jump = np.square((padded[1:-1, 2:] - padded[1:-1, :-2]) / 2).sum(axis=2)
    jump += np.square((padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2).sum(axis=2)
    return np.asarray(inside & consistent & (jump <= BOUNDARY[0] * length + BOUNDARY[1]))


def smooth(reliable: Hole) -> NDArray[np.float64]:
    """Smooth by a Gaussian of sigma 0.8 pixels with a mirrored border: (H, W), 0 to 1.

    The common program smooths by a recursive approximation of it.
    """
    offsets = np.arange(-4, 5)
    weights = np.exp(-(offsets**2) / (2 * SMOOTHING_SIGMA**2))
    weights /= weights.sum()
    values = reliable.astype(np.float64)
    for _ in range(2):
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(values, ((4, 4), (0, 0)), mode="symmetric"), 9, axis=0
        )
        values = (windows @ weights).T
    return values


def flow_estimator(method: Method = "dis") -> Estimator:
    """Choose how the motion between two grey frames, uint8 (H, W), is estimated.

    Args:
        method: "dis" is OpenCV's dense inverse search, fast; "deepflow" is what the paper's author names, slow, and in
            OpenCV's contributed modules only.

    Raises:
        ImportError: OpenCV, or its contributed modules, are not installed.
    """
    cv2: Any = _opencv()
    if method == "deepflow":
        if not hasattr(cv2, "optflow"):
            raise ImportError(
                "DeepFlow is in OpenCV's contributed modules: exchange opencv-python-headless for it with "
                "pip install opencv-contrib-python-headless."
            )
        estimator = cv2.optflow.createOptFlow_DeepFlow()
    else:
        estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda first, second: cast(Flow, estimator.calc(first, second, None))


def read_flo(path: Path) -> Flow:
    """Read a Middlebury .flo file: (H, W, 2), float32.

    Raises:
        InputError: the file is missing or is no .flo file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    width, height = np.frombuffer(content[4:12], "<i4") if len(content) >= 12 else (0, 0)
    if content[:4] != FLO_MAGIC or min(width, height) < 1 or len(content) != 12 + 8 * int(width) * int(height):
        raise InputError(f"{path} is no Middlebury .flo file, or not a whole one.")
    return np.frombuffer(content[12:], "<f4").reshape(height, width, 2)


def _opencv() -> ModuleType:
    if importlib.util.find_spec("cv2") is None:
        raise ImportError('masks from videos need OpenCV: install it with pip install "partialconv[flow]".')
    import cv2

    return cv2
