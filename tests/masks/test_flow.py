"""Which pixels have no reliable motion: flows computed by hand, an independent loop, and real estimation."""

import importlib.util
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from partialconv.errors import InputError
from partialconv.masks.flow import flow_estimator, read_flo, reliable_pixels, smooth, unreliable_pixels

Flow = NDArray[np.float32]


def constant(height: int, width: int, u: float, v: float) -> Flow:
    return np.tile(np.array([u, v], np.float32), (height, width, 1))


def judge(forward: Flow, backward: Flow) -> NDArray[np.bool_]:
    """The test of the paper, pixel by pixel in plain Python."""
    height, width = forward.shape[:2]
    f, b = forward.astype(float).tolist(), backward.astype(float).tolist()
    reliable = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            u, v = f[y][x]
            x0, y0 = math.floor(x + u), math.floor(y + v)
            if x0 < 0 or y0 < 0 or x0 + 1 >= width or y0 + 1 >= height:
                continue
            ax, ay = x + u - x0, y + v - y0
            back = [
                (b[y0][x0][c] * (1 - ax) + b[y0][x0 + 1][c] * ax) * (1 - ay)
                + (b[y0 + 1][x0][c] * (1 - ax) + b[y0 + 1][x0 + 1][c] * ax) * ay
                for c in (0, 1)
            ]
            error = (u + back[0]) ** 2 + (v + back[1]) ** 2
            if error >= 0.01 * (u * u + v * v + back[0] ** 2 + back[1] ** 2) + 0.5:
                continue
            gradient = 0.0
            for c in (0, 1):
                gradient += ((f[y][min(x + 1, width - 1)][c] - f[y][max(x - 1, 0)][c]) / 2) ** 2
                gradient += ((f[min(y + 1, height - 1)][x][c] - f[max(y - 1, 0)][x][c]) / 2) ** 2
            reliable[y, x] = gradient <= 0.01 * (u * u + v * v) + 0.002
    return reliable


def test_without_motion_all_but_the_last_row_and_column_is_reliable() -> None:
    expected = np.ones((10, 8), bool)
    expected[-1] = expected[:, -1] = False
    np.testing.assert_array_equal(reliable_pixels(constant(10, 8, 0, 0), constant(10, 8, 0, 0)), expected)


def test_what_leaves_the_frame_is_unreliable() -> None:
    expected = np.zeros((20, 30), bool)
    expected[2:, :26] = True  # 3 to the right, 2 up, and one pixel to the right of where it arrives
    reliable = reliable_pixels(constant(20, 30, 3, -2), constant(20, 30, -3, 2))
    np.testing.assert_array_equal(reliable, expected)


@pytest.mark.parametrize(("back", "consistent"), [(-4.0, True), (-3.2, True), (-2.9, False), (-5.2, False)])
def test_the_way_back_must_lead_back(back: float, consistent: bool) -> None:
    # there 4 pixels; 0.8 short: 0.64 < 0.01 (16 + 10.24) + 0.5; 1.1 short: 1.21 > 0.74; 1.2 too far: 1.44 > 0.93
    reliable = reliable_pixels(constant(20, 30, 4, 0), constant(20, 30, back, 0))
    assert reliable[5, 5] == consistent


@pytest.mark.parametrize(("step", "boundary"), [(0.08, False), (0.1, True), (1.0, True)])
def test_a_jump_of_the_motion_is_a_boundary(step: float, boundary: bool) -> None:
    # half the step squared against 0.002 and little more: 0.0016 and 0.0025
    forward = constant(20, 30, 0, 0)
    forward[:, 15:, 1] = step
    reliable = reliable_pixels(forward, -forward)
    assert reliable[5, 13] and reliable[5, 17]
    assert reliable[5, 14] == (not boundary)


def test_what_a_moving_square_covers_is_unreliable() -> None:
    height, width, side, shift = 60, 80, 20, 6
    before, after = np.zeros((height, width), bool), np.zeros((height, width), bool)
    before[20 : 20 + side, 30 : 30 + side] = True
    after[20 : 20 + side, 30 + shift : 30 + side + shift] = True
    forward, backward = constant(height, width, 0, 0), constant(height, width, 0, 0)
    forward[before, 0], backward[after, 0] = shift, -shift
    covered = after & ~before
    unreliable = ~reliable_pixels(forward, backward)
    assert unreliable[covered].all()
    # nothing else but the outline of the square, one pixel to either side, and the border
    outline = np.zeros_like(before)
    outline[19 : 21 + side, 29 : 31 + side] = True
    outline[21 : 19 + side, 31 : 29 + side] = False
    frame = np.zeros_like(before)
    frame[-1] = frame[:, -1] = True
    assert not (unreliable & ~covered & ~outline & ~frame).any()
    assert unreliable_pixels(forward, backward)[covered].mean() > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_an_independent_loop_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(2, 24, 31, 2))
    forward = gaussian_filter(noise[0], (4, 4, 0)).astype(np.float32) * 10 + np.float32(seed)
    backward = (-forward + 0.4 * noise[1]).astype(np.float32)
    reliable = reliable_pixels(forward, backward)
    np.testing.assert_array_equal(reliable, judge(forward, backward))
    assert 0.03 < reliable.mean() < 0.97


def test_unknown_motion_is_unreliable() -> None:
    forward, backward = constant(12, 12, 0, 0), constant(12, 12, 0, 0)
    forward[3, 3, 0], forward[5, 5, 1], backward[8, 8] = np.nan, 1.7e9, 1.7e9
    reliable = reliable_pixels(forward, backward)
    assert not reliable[3, 3] and not reliable[5, 5] and not reliable[8, 8]
    assert reliable[3, 8]
    assert not reliable_pixels(constant(1, 1, 0, 0), constant(1, 1, 0, 0)).any()


def test_smoothing_is_a_gaussian() -> None:
    reliable = np.random.default_rng(0).random((20, 17)) < 0.7
    expected = gaussian_filter(reliable.astype(float), 0.8, mode="reflect", truncate=5)
    np.testing.assert_allclose(smooth(reliable), expected, atol=1e-12)


def test_a_single_pixel_is_smoothed_away_and_a_line_stays() -> None:
    # 0.75 and 0.50 of the Gaussian's weight are left at it
    forward = constant(30, 30, 0, 0)
    backward = forward.copy()
    backward[10, 10] = backward[20, :] = (9, 0)
    unreliable = unreliable_pixels(forward, backward)
    assert not unreliable[9:12, 9:12].any()
    assert unreliable[20].all() and not unreliable[[18, 22], :27].any()


def test_flows_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="two of one shape"):
        reliable_pixels(constant(4, 5, 0, 0), constant(4, 6, 0, 0))


def test_flo_files(tmp_path: Path) -> None:
    path = tmp_path / "flow.flo"
    values = [float(n) for n in range(12)]
    path.write_bytes(b"PIEH" + struct.pack("<ii", 3, 2) + struct.pack("<12f", *values))
    flow = read_flo(path)
    assert flow.shape == (2, 3, 2)
    assert flow[1, 2].tolist() == [10.0, 11.0]
    for content in (b"", b"PIEH", path.read_bytes()[:-1], b"HEIP" + path.read_bytes()[4:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"not a complete Middlebury \.flo file"):
            read_flo(path)
    with pytest.raises(InputError, match="cannot read"):
        read_flo(tmp_path / "missing.flo")


def test_estimated_motion_finds_what_a_textured_square_covers() -> None:
    rng = np.random.default_rng(0)
    texture = gaussian_filter(rng.normal(size=(2, 160, 200)), (0, 1.5, 1.5))
    texture = (128 + texture / texture.std() * 40).clip(0, 255).astype(np.uint8)
    frames = []
    for left in (70, 78):
        frame = texture[0].copy()
        frame[50:110, left : left + 60] = texture[1, :60, :60]
        frames.append(frame)
    estimate = flow_estimator()
    unreliable = unreliable_pixels(estimate(*frames), estimate(*frames[::-1]))
    covered = np.zeros_like(unreliable)
    covered[50:110, 130:138] = True
    assert unreliable[covered].mean() > 0.7
    far = np.ones_like(unreliable)
    far[40:120, 58:150] = False
    far[:8] = far[-8:] = far[:, :8] = far[:, -8:] = False
    assert unreliable[far].mean() < 0.02


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    if hasattr(cv2, "optflow"):
        monkeypatch.delattr(cv2, "optflow")
    with pytest.raises(ImportError, match="pip install opencv-contrib-python-headless"):
        flow_estimator("deepflow")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"partialconv\[flow\]"):
        flow_estimator()
