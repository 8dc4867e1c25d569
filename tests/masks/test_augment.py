"""Raw flow masks to holes: exact geometry, ratios, reproducibility."""

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from partialconv.errors import InputError
from partialconv.imageio import encode_png
from partialconv.masks.augment import ONE, Placement, flow_hole, place, raw_files
from partialconv.masks.morphology import clear_border, dilate

BINS = [(0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6)]
Bools = NDArray[np.bool_]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outlines of circles and bars, thin, as flow gives them: no library draws them."""
    folder = tmp_path_factory.mktemp("flow")
    (folder / "raw").mkdir()
    y, x = np.mgrid[:400, :600]
    for number in range(6):
        radius, centre = 40 + 25 * number, (150 + 20 * number, 200 + 40 * number)
        squared = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        mask = (squared >= radius**2) & (squared < (radius + 3) ** 2)
        mask |= (abs(x - 3 * y + 100 * number) <= 3) & (y % 50 < 30)
        (folder / "raw" / f"{number}.png").write_bytes(encode_png(mask))
    return folder


@settings(max_examples=200, deadline=None)
@given(hole=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)), radius=st.integers(0, 30))
def test_dilation_is_a_maximum_over_a_square(hole: Bools, radius: int) -> None:
    np.testing.assert_array_equal(dilate(hole, radius), maximum_filter(hole, 2 * radius + 1, mode="constant", cval=0))


def test_a_clear_border() -> None:
    full = np.ones((12, 10), bool)
    cleared = clear_border(full, 3)
    assert cleared[3:9, 3:7].all() and cleared.sum() == 6 * 4
    assert clear_border(full, 0).all()


def random_mask(height: int, width: int) -> Bools:
    return np.random.default_rng(0).random((height, width)) < 0.3


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 1), (180, 2), (270, 3)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_quarter_turns_are_exact(degrees: int, turns: int, mirrored: bool) -> None:
    mask = random_mask(41, 41)
    window = place(mask, Placement((20, 20), degrees, mirrored), (41, 41))
    expected = np.rot90(mask, turns)
    np.testing.assert_array_equal(window, expected[:, ::-1] if mirrored else expected)


def test_a_window_crops_and_the_outside_is_no_hole() -> None:
    mask = random_mask(60, 80)
    np.testing.assert_array_equal(place(mask, Placement((30, 40), 0, False), (21, 31)), mask[20:41, 25:56])
    outside = place(np.ones((60, 80), bool), Placement((0, 0), 0, False), (21, 21))
    assert outside[10:, 10:].all() and outside.sum() == 11 * 11


def test_any_turn_keeps_distances() -> None:
    y, x = np.mgrid[:201, :201]
    ring = abs(np.hypot(y - 100, x - 100) - 60) < 2
    for degrees in range(0, 360, 7):
        turned = place(ring, Placement((100, 100), degrees, False), (201, 201))
        assert (turned != ring).sum() < 0.35 * ring.sum()
        assert abs(np.hypot(y - 100, x - 100)[turned] - 60).max() < 3
    bar = np.zeros((201, 201), bool)
    bar[100, 100:160] = True
    turned = place(bar, Placement((100, 100), 30, False), (201, 201))
    tip = (100 - 55 * math.sin(math.radians(30)), 100 + 55 * math.cos(math.radians(30)))
    assert turned[round(tip[0]) - 2 : round(tip[0]) + 3, round(tip[1]) - 2 : round(tip[1]) + 3].any()


def test_small_masks_are_enlarged() -> None:
    mask = random_mask(20, 20)
    doubled = place(mask, Placement((10, 10), 0, False), (40, 40), 2 * ONE)
    assert abs(doubled.mean() - mask.mean()) < 0.05
    changes = (doubled[:, 1:] != doubled[:, :-1]).sum() / doubled.size
    assert changes < 0.7 * (mask[:, 1:] != mask[:, :-1]).sum() / mask.size


def test_no_turn_lies_on_the_edge_of_rounding() -> None:
    """So that the last digit of a sine, which machines may differ in, never decides."""
    for enlargement in (ONE, ONE * 512 // 272, ONE * 256 // 264, ONE * 512 // 352):
        for degrees in range(360):
            for function in (math.sin, math.cos):
                value = function(math.radians(degrees)) * ONE * ONE / enlargement
                assert abs(abs(value - math.floor(value)) - 0.5) > 1e-7


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    hole_ratio=st.sampled_from(BINS),
    clear=st.booleans(),
    size=st.sampled_from([(512, 512), (256, 256), (200, 300)]),
)
def test_the_ratio_lies_in_its_bin(
    raw: Path, seed: int, hole_ratio: tuple[float, float], clear: bool, size: tuple[int, int]
) -> None:
    clear_px = round(50 * min(size) / 512) if clear else 0
    hole = flow_hole(raw, size, seed, hole_ratio, clear_px)
    assert hole.shape == size and hole_ratio[0] < hole.mean() <= hole_ratio[1]
    assert not (hole & ~clear_border(np.ones(size, bool), clear_px)).any()


def test_holes_are_as_wide_as_the_dilation(raw: Path) -> None:
    """Lines of 3 pixels, dilated by squares of 3 to 49: no run across is shorter than 3."""
    narrowest = set()
    for seed in range(40):
        hole = np.pad(flow_hole(raw, (512, 512), seed), 1)
        edges = np.diff(hole.astype(np.int8), axis=1)
        rows, starts = np.nonzero(edges == 1)
        _, ends = np.nonzero(edges == -1)
        whole = (starts > 0) & (ends < 512) & (rows > 60) & (rows < 450)
        narrowest.add(int((ends - starts)[whole].min()) if whole.any() else 99)
    assert min(narrowest) >= 3
    assert any(width < 9 for width in narrowest) and any(width >= 9 for width in narrowest)


def test_the_same_seed_gives_the_same_hole(raw: Path) -> None:
    holes = [flow_hole(raw, (256, 320), seed) for seed in range(6)]
    assert len({hole.tobytes() for hole in holes}) == 6
    digest = hashlib.sha256(b"".join(np.packbits(hole).tobytes() for hole in holes)).hexdigest()
    assert digest.startswith("49165ac427cd85a4")  # holds what a seed gives fast, on every machine


def test_material_that_cannot_do_it_fails_loudly(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no flow masks"):
        raw_files(tmp_path)
    empty, one = tmp_path / "empty", tmp_path / "one"
    for folder, marked in ((empty, 0), (one, 1)):
        folder.mkdir()
        mask = np.zeros((300, 300), bool)
        mask[150, 150] = marked
        (folder / "mask.png").write_bytes(encode_png(mask))
    with pytest.raises(InputError, match=r"give no hole ratio in \(0.5, 0.6\] at 128x128 pixels with 12 px kept clear"):
        flow_hole(empty, (128, 128), 0, (0.5, 0.6), 12)
    with pytest.raises(InputError, match="add videos with more motion"):
        flow_hole(one, (128, 128), 0, (0.5, 0.6))
