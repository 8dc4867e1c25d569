"""Stroke holes: ratios, reproducibility, widths."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partialconv.errors import InputError
from partialconv.masks import Stroke, draw_strokes, sample_strokes, stroke_hole

BINS = [(0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6)]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    hole_ratio=st.sampled_from([*BINS, (0.01, 0.5), (0.0, 1.0), (0.3, 0.31)]),
    size=st.tuples(st.integers(32, 300), st.integers(32, 300)),
)
def test_the_ratio_lies_in_its_range(seed: int, hole_ratio: tuple[float, float], size: tuple[int, int]) -> None:
    hole = stroke_hole(size, seed, hole_ratio)
    assert hole.shape == size and hole.dtype == np.bool_
    assert hole_ratio[0] < hole.mean() <= hole_ratio[1]


def test_the_same_seed_gives_the_same_bytes() -> None:
    holes = [stroke_hole((256, 320), seed) for seed in range(8)]
    digest = hashlib.sha256(b"".join(np.packbits(h).tobytes() for h in holes)).hexdigest()
    assert digest.startswith("329565b8ec12e836")
    assert len({h.tobytes() for h in holes}) == 8


def test_strokes_can_be_replayed() -> None:
    strokes = sample_strokes(np.random.default_rng(3), (100, 120))
    np.testing.assert_array_equal(draw_strokes(strokes, (100, 120)), stroke_hole((100, 120), 3))


def test_a_stroke_is_as_wide_as_it_says() -> None:
    for width in (1, 2, 3, 8):
        line = draw_strokes([Stroke(((10, 20), (50, 20)), width)], (40, 60))
        assert (line[:, 30].sum(), line.any(axis=1).sum()) == (width, width)
        speck = draw_strokes([Stroke(((20, 20),), width)], (40, 40))
        assert speck.sum() == width**2


def test_widths_span_hairlines_to_blobs() -> None:
    widths = [stroke.width for seed in range(300) for stroke in sample_strokes(np.random.default_rng(seed), (256, 256))]
    assert min(widths) == 1 and max(widths) == 32
    for low, high in [(1, 1), (2, 4), (5, 10), (11, 20), (21, 32)]:
        assert sum(low <= w <= high for w in widths) > 0.03 * len(widths)


def test_widths_can_be_asked_for() -> None:
    strokes = sample_strokes(np.random.default_rng(0), (256, 256), (0.1, 0.2), width_px=(2, 4))
    assert {stroke.width for stroke in strokes} == {2, 3, 4}


@pytest.mark.parametrize("hole_ratio", [(0.5, 0.5), (0.6, 0.2), (-0.1, 0.5), (0.1, 1.1)])
def test_an_empty_range_is_a_clear_error(hole_ratio: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="0 <= low < high <= 1"):
        stroke_hole((64, 64), 0, hole_ratio)


def test_a_range_without_a_whole_pixel_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="widen the range"):
        stroke_hole((4, 4), 0, (0.01, 0.05))
