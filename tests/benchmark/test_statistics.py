"""Pairs, means, intervals: judged by scipy."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from partialconv.benchmark.pairing import Pair, pair_up, turns
from partialconv.benchmark.statistics import cells_of, interval, summarise
from partialconv.errors import InputError
from partialconv.masks.sets import MaskRow, benchmark_orders, write_set


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("sets") / "masks"
    write_set(benchmark_orders(2, 0, 64), folder, {"strokes": 1.0}, size_px=64)
    return folder


def test_pairs_are_the_same_in_every_run(photos: Path, masks: Path) -> None:
    pairing = pair_up(photos, masks / "manifest.csv")
    assert pairing == pair_up(photos, masks) and len(pairing.pairs) == 12 * 6
    assert any("broken.jpg" in note for note in pairing.notes)
    for numbers in cells_of(pairing.pairs).values():
        assert len({pairing.pairs[n].photo for n in numbers}) == 6
    photo, hole = pairing.load(pairing.pairs[0])
    assert photo.shape == (64, 64, 3) and hole.mean() == pytest.approx(pairing.pairs[0].ratio, abs=1e-6)
    few = pair_up(photos, masks, 1)
    assert len(few.pairs) == 12 and len({pair.photo for pair in few.pairs}) == 6 and few.sha256 != pairing.sha256
    with pytest.raises(InputError, match="13 pairs of 6 photos and 2 masks"):
        pair_up(photos, masks, 13)


@pytest.mark.parametrize(("num_photos", "num_masks"), [(4, 6), (6, 4), (5, 3), (3, 3), (1, 4)])
def test_no_pair_comes_twice_before_all_came(num_photos: int, num_masks: int) -> None:
    rows = [MaskRow(str(n), "", "", "", "", "") for n in range(num_masks)]
    pairs = [(photo, row.file) for photo, row in turns(num_photos, rows, num_photos * num_masks)]
    assert set(pairs) == set(itertools.product(range(num_photos), map(str, range(num_masks))))


def test_a_changed_mask_is_refused(photos: Path, tmp_path: Path) -> None:
    write_set(benchmark_orders(1, 0, 64), tmp_path / "masks", {"strokes": 1.0}, size_px=64)
    Image.new("1", (64, 64)).save(tmp_path / "masks" / "00003.png")
    with pytest.raises(InputError, match=r"00003.png is missing, or is not the file of the manifest"):
        pair_up(photos, tmp_path / "masks" / "manifest.csv")


def test_intervals_against_scipy() -> None:
    values = np.random.default_rng(3).gamma(2, 1, 40)
    found = interval(values.tolist(), [str(n) for n in range(40)])
    judged = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=0)
    assert found.mean == pytest.approx(values.mean()) and found.n == 40
    assert found.low == pytest.approx(judged.confidence_interval.low, abs=0.03)
    assert found.high == pytest.approx(judged.confidence_interval.high, abs=0.03)


def test_scores_of_one_photo_count_as_one_draw() -> None:
    values = np.random.default_rng(4).normal(0, 1, 30).tolist()
    names = [str(n) for n in range(30)]
    once, thrice = interval(values, names), interval(values * 3, names * 3)
    assert thrice.low == pytest.approx(once.low) and thrice.high == pytest.approx(once.high)
    assert thrice.n == 90
    alone = interval([1.0, 2.0], ["a", "a"])
    assert (alone.mean, alone.low, alone.high) == (1.5, None, None)


def test_the_order_of_results_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    values, names = (10.0 ** rng.integers(-9, 9, 200)).tolist(), [str(n % 20) for n in range(200)]
    order = rng.permutation(200)
    assert interval(values, names) == interval([values[n] for n in order], [names[n] for n in order])


def test_paired_differences_are_sharper_than_their_parts() -> None:
    rng = np.random.default_rng(6)
    pairs = [Pair(n, f"{n}", f"{n}", "m", "m", "0.1-0.2", "any", 0.15) for n in range(50)]
    level = rng.normal(20, 5, 50)
    first, second = {"psnr": level.tolist()}, {"psnr": (level + rng.normal(0.5, 0.1, 50)).tolist()}
    found = summarise(second, pairs, first)["all all"]["psnr"]
    assert found["low"] > 0.4 and found["high"] < 0.6
    spread = summarise(first, pairs)["0.1-0.2 any"]["psnr"]
    assert spread["high"] - spread["low"] > 1
