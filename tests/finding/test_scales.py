"""A photo is looked at in smaller copies, too, so that wide damage is found."""

import numpy as np
import pytest

from partialconv.finding import finder
from partialconv.finding.scales import doubled, halved, pictures_of
from tests.finding.standin import write_standin


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> finder.DamageFinder:
    return finder.DamageFinder(write_standin(tmp_path_factory.mktemp("finder") / "find.onnx"))


def test_half_the_size_is_the_mean_of_what_is_known() -> None:
    photo = np.zeros((4, 7, 3), np.uint8)
    photo[:2, :2] = [[[10], [20]], [[30], [40]]]
    photo[2:, :2] = 99
    valid = np.ones((4, 7), bool)
    valid[0, 0] = valid[2:, :2] = False
    small, known = halved(photo, valid)
    assert small.shape == (2, 3, 3) and small.dtype == np.uint8
    assert small[0, 0, 0] == 30 and halved(photo, None)[0][0, 0, 0] == 25
    np.testing.assert_array_equal(known, [[True, True, True], [False, True, True]])


@pytest.mark.parametrize(("size", "number"), [((799, 2000), 1), ((800, 2000), 2), ((1600, 1700), 3), ((4000, 4000), 3)])
def test_how_many_sizes(size: tuple[int, int], number: int) -> None:
    photo = np.broadcast_to(np.uint8(0), (*size, 3))
    assert [picture.shape[0] for picture, _ in pictures_of(photo, None)] == [size[0] >> n for n in range(number)]


def test_a_map_of_half_the_size_is_put_in_place() -> None:
    y, x = np.mgrid[-1:6, -1:9].astype(np.float32)
    twice = doubled(3 * y + x, (10, 14))
    want = 3 * (np.arange(10)[:, None] / 2 - 0.25) + (np.arange(14) / 2 - 0.25)
    np.testing.assert_allclose(twice, want, atol=1e-5)


def test_a_wide_speck_is_found_as_a_whole(network: finder.DamageFinder) -> None:
    photo = np.full((801, 951, 3), 100, np.uint8)
    photo[300:340, 500:540] = 255  # wider than the 33 pixels that the network compares
    found = network.scan(photo).found()
    assert [part.kind for part in found.parts] == ["dust"]
    assert found.hole[300:340, 500:540].all() and not found.hole[:290].any()
    assert not finder.DamageFinder(network.path, num_scales=1).scan(photo).found().hole[315:325, 515:525].any()


def test_what_is_found_in_a_smaller_copy_needs_to_be_clearer(network: finder.DamageFinder) -> None:
    photo = np.full((800, 900, 3), 100, np.uint8)
    photo[300:340, 500:540] = 170  # just enough where it is compared as a whole
    half = network.scan(halved(photo, None)[0]).found()
    assert half.hole[155:165, 255:265].any() and not network.scan(photo).found().hole[318:322, 518:522].any()


def test_nothing_is_found_in_unknown_parts_of_large_photos(network: finder.DamageFinder) -> None:
    photo = np.full((800, 900, 3), 100, np.uint8)
    photo[300:340, 500:540] = 255
    valid = np.ones((800, 900), bool)
    valid[295:345, 495:545] = False
    assert not network.scan(photo, valid).found().parts
