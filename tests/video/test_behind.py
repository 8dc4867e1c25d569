"""What is found behind a mark that stands still."""

from itertools import pairwise

import numpy as np

from partialconv.conventions import Hole
from partialconv.video.behind import Behind, Pixels
from partialconv.video.motion import STILL, MotionFinder
from partialconv.video.regions import regions_of
from tests.video.clips import HEIGHT, WIDTH, hole, marked, panned


class Grey:
    """Stands in for the network: a grey that is another one with each call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, crop: Pixels, missing: Hole) -> Pixels:
        self.calls += 1
        filled = crop.copy()
        filled[missing] = 60 + 10 * self.calls
        return filled


def filled(frames: list[Pixels], fill: Grey, before: Pixels | None = None, first: int = 0) -> list[Pixels]:
    part = Behind(hole(), fill)
    return part.block(frames, part.motions(frames), first, len(frames), before)


def error(frames: list[Pixels], truth: list[Pixels]) -> float:
    place = hole()
    both = zip(frames, truth, strict=True)
    return float(np.mean([np.abs(one[place].astype(float) - other[place]).mean() for one, other in both]))


def test_what_a_moving_camera_uncovers_is_copied() -> None:
    truth, fill = panned(40), Grey()
    results = filled(marked(truth), fill)
    assert fill.calls == 0  # each place is seen in some frame
    assert error(results, truth) < 4
    for result, frame in zip(results, marked(truth), strict=True):
        np.testing.assert_array_equal(result[~hole()], frame[~hole()])


def test_what_stands_still_is_filled_once_and_stays() -> None:
    fill = Grey()
    results = filled(marked(panned(6, (0, 0))), fill)
    assert fill.calls == 1
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_noise_does_not_make_the_fill_flicker() -> None:
    noise = np.random.default_rng(0)
    frames = [np.clip(f + noise.normal(0, 4, f.shape), 0, 255).astype(np.uint8) for f in panned(8, (0, 0))]
    results, place = filled(marked(frames), Grey()), hole()

    def change(pictures: list[Pixels], where: Hole) -> float:
        return float(np.mean([np.abs(a[where].astype(float) - b[where]).mean() for a, b in pairwise(pictures)]))

    assert change(results, place) < change(frames, ~place) / 3


def test_a_change_of_light_is_followed() -> None:
    still = panned(6, (0, 0))
    frames = [(frame * (1 - 0.05 * number)).astype(np.uint8) for number, frame in enumerate(still)]
    results = filled(marked(frames), Grey())
    means = [result[hole()].mean() for result in results]
    around = [frame[~hole()].mean() for frame in frames]
    np.testing.assert_allclose(np.diff(means), np.diff(around), atol=2)


def test_a_cut_begins_anew() -> None:
    fill = Grey()
    one, other = marked(panned(3, (0, 0))), [255 - frame for frame in panned(3, (0, 0))]
    results = filled(one + marked([frame[::-1].copy() for frame in other]), fill)
    assert fill.calls == 2
    assert np.abs(results[2][hole()].astype(int) - results[3][hole()]).mean() > 5


def test_a_block_goes_on_where_the_last_one_ended() -> None:
    frames, fill = marked(panned(6, (0, 0))), Grey()
    before = frames[2].copy()
    before[hole()] = 77
    results = filled(frames, fill, before, first=3)
    assert fill.calls == 0 and len(results) == 3
    assert (results[0][hole()] == 77).all()


def test_motion_is_that_of_the_surroundings_not_of_the_mark() -> None:
    frames = [frame[..., 1].copy() for frame in marked(panned(2, (2.25, -1.5)))]
    motion = MotionFinder(hole()).between(*frames)
    assert motion is not None
    np.testing.assert_allclose(motion[:2, 2] + motion[:2, :2] @ [80, 60] - [80, 60], [-2.25, 1.5], atol=0.1)
    np.testing.assert_array_equal(MotionFinder(hole()).between(frames[0], frames[0]), STILL)


def test_pictures_that_have_nothing_in_common_have_no_motion() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (2, HEIGHT, WIDTH), dtype=np.uint8)
    assert MotionFinder(hole()).between(*noise) is None


def test_parts_far_from_each_other_are_regions_of_their_own() -> None:
    place = np.zeros((400, 900), bool)
    place[10:20, 10:40] = place[15:25, 50:60] = place[350:390, 800:880] = True
    near, far = sorted(regions_of(place), key=lambda box: box.left)
    assert (near.top, near.left) == (0, 0) and near.right >= 60 + 48
    assert (far.bottom, far.right) == (400, 900) and far.left <= 720
