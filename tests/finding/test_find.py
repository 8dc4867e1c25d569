"""Damage is found in photos of any kind and size, and what cannot be looked at is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import partialconv
from partialconv import InputError, zoo
from partialconv.errors import TooLargeError
from partialconv.finding import finder, open_finder
from partialconv.finding.parts import components_of
from partialconv.imageio import memory
from tests.finding.standin import write_standin


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in."""
    return write_standin(tmp_path_factory.mktemp("finder") / "find.onnx")


def damaged() -> NDArray[np.uint8]:
    """Grey, with a light speck of 2 x 3 pixels and a dark line of 2 x 30."""
    photo = np.full((70, 90, 3), 100, np.uint8)
    photo[20:22, 10:13] = 255
    photo[50:52, 40:70] = 0
    return photo


def test_speck_and_line_become_parts(model: Path) -> None:
    found = partialconv.find(damaged(), model=model)
    assert [(part.kind, part.box, part.area) for part in found.parts] == [
        ("dust", (19, 9, 23, 14), 20),  # with a pixel around it
        ("stamp", (49, 39, 53, 71), 128),
    ]
    assert found.hole.sum() == 148 and found.hole[19:23, 9:14].all() and found.hole[49:53, 39:71].all()
    assert found.share == pytest.approx(148 / 6300)
    assert all(0.5 <= part.score <= 1 for part in found.parts)


def test_kinds_size_and_sensitivity_choose(model: Path) -> None:
    photo = damaged()
    assert [part.kind for part in partialconv.find(photo, kinds=["stamp"], model=model).parts] == ["stamp"]
    assert [part.kind for part in partialconv.find(photo, largest_px=31, model=model).parts] == ["dust"]
    photo[35, 20], photo[35, 60] = 155, 130  # two faint ones
    counts = [len(partialconv.find(photo, sensitivity=s, model=model).parts) for s in (0.0, 0.5, 0.7)]
    assert counts == [2, 3, 4]
    assert finder.threshold_at(0.3, 0.5) == pytest.approx(0.3)


@pytest.mark.parametrize("kind", ["grey", "16 bits", "float", "PIL", "RGBA"])
def test_kinds_of_photos(model: Path, kind: str) -> None:
    photo = damaged()
    given: Any = {
        "grey": photo[..., 0],
        "16 bits": photo.astype(np.uint16) * 257,
        "float": photo.astype(np.float32) / 255,
        "PIL": Image.fromarray(photo),
        "RGBA": np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]),
    }[kind]
    assert [part.area for part in partialconv.find(given, model=model).parts] == [20, 128]


def test_nothing_is_found_where_nothing_is_known(model: Path) -> None:
    photo = np.dstack([damaged(), np.full((70, 90), 255, np.uint8)])
    photo[15:25, 5:20] = 0, 255, 0, 0
    unknown = np.zeros((70, 90), bool)
    unknown[45:60] = True
    found = partialconv.find(photo, hole=unknown, model=model)
    assert found.parts == () and not found.hole.any()
    assert not found.probability[unknown].any() and not found.probability[15:25, 5:20].any()


def test_alpha_means_the_same_in_arrays_images_and_files(model: Path, tmp_path: Path) -> None:
    photo = np.dstack([damaged(), np.full((70, 90), 255, np.uint8)])
    photo[15:25, 5:20, 3] = 254  # an eraser has hardly touched the speck
    Image.fromarray(photo).save(tmp_path / "a.png")
    for given in (photo, Image.fromarray(photo), tmp_path / "a.png"):
        assert [part.kind for part in partialconv.find(given, model=model).parts] == ["stamp"]


def test_floats_that_are_not_finite_are_unknown(model: Path) -> None:
    photo = damaged().astype(np.float32) / 255
    photo[15:25, 5:20] = np.nan
    assert [part.kind for part in partialconv.find(photo, model=model).parts] == ["stamp"]


def test_a_map_takes_three_bytes_a_pixel(model: Path) -> None:
    found = finder.DamageFinder(model).scan(damaged())
    assert found.probability.nbytes + found.kinds.nbytes == 3 * 70 * 90


def test_it_can_be_stopped_after_each_tile(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "TILE_PX", 32)
    told: list[tuple[int, int]] = []

    def stop(_: str, done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finder.DamageFinder(model).scan(damaged(), progress=stop)
    assert told == [(1, 9), (2, 9)]


def test_what_needs_too_much_memory_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 5_000_000)
    with pytest.raises(TooLargeError, match="finding damage in 90x70 pixels needs about"):
        partialconv.find(damaged(), model=model)


def test_the_network_is_opened_once(model: Path) -> None:
    assert open_finder(model) is open_finder(model)


def test_threads_are_those_that_the_user_asks_for(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert finder.DamageFinder(model).session.get_session_options().intra_op_num_threads == 1


def test_a_damaged_file_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "FINDER", replace(zoo.FINDER, sha256="0" * 64))
    zoo._intact.cache_clear()
    with pytest.raises(InputError, match=r"find\.onnx is missing or damaged: install partialconv again"):
        finder.DamageFinder()
    zoo._intact.cache_clear()


def test_tiles_do_not_show(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (150, 203, 3)).astype(np.uint8)
    whole = finder.DamageFinder(model).scan(photo)
    monkeypatch.setattr(finder, "TILE_PX", 64)
    tiled = finder.DamageFinder(model).scan(photo)
    np.testing.assert_allclose(tiled.probability, whole.probability, atol=1e-6)
    one, other = whole.found(sensitivity=0.3), tiled.found(sensitivity=0.3)
    assert len(one.parts) > 10
    np.testing.assert_array_equal(one.hole, other.hole)
    assert [part.kind for part in one.parts] == [part.kind for part in other.parts]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (17, 2, 3)])
def test_smallest_photos(model: Path, shape: tuple[int, ...]) -> None:
    found = partialconv.find(np.full(shape, 90, np.uint8), model=model)
    assert found.hole.shape == shape[:2]


@pytest.mark.parametrize("seed", range(5))
def test_components_are_those_of_scipy(seed: int) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    hole = np.random.default_rng(seed).random((60, 81)) < 0.2 + 0.1 * seed
    expected, count = ndimage.label(hole, np.ones((3, 3)))
    components = components_of(hole)
    labels = np.zeros(hole.shape, np.int64)
    labels[hole] = components.of_pixels() + 1
    assert components.count == count
    np.testing.assert_array_equal(labels, expected)
    boxes = [(s[0].start, s[1].start, s[0].stop, s[1].stop) for s in ndimage.find_objects(expected)]
    assert [tuple(box) for box in components.boxes] == boxes
    np.testing.assert_array_equal(components.areas, np.bincount(expected[hole])[1:])


def test_no_components() -> None:
    assert components_of(np.zeros((5, 6), bool)).count == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"kinds": ["rust"]}, "the kind is 'rust'"),
        ({"kinds": []}, "no kind"),
        ({"sensitivity": 1.5}, "the sensitivity is 1.5"),
        ({"sensitivity": float("nan")}, "the sensitivity is nan"),
        ({"largest_px": 0}, "the largest part is 0 pixels"),
        ({"hole": np.zeros((3, 3), bool)}, "the hole is bool of shape"),
        ({"image": np.zeros((4, 4, 7), np.uint8)}, r"the image is an array uint8 \(4, 4, 7\)"),
        ({"image": np.full((4, 4), 2.0)}, "values from 2 to 2"),
        ({"image": np.zeros((4, 4), np.int32)}, "the image is an array int32"),
        ({"infrared": np.zeros((3, 3), np.uint8)}, "the infrared image is uint8 of shape"),
        ({"image": "missing.png"}, "missing.png"),
    ],
)
def test_wrong_arguments(model: Path, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        given: dict[str, Any] = {"image": damaged(), "model": model} | arguments
        partialconv.find(**given)


def test_wrong_networks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this installation has no finder"):
        partialconv.find(damaged(), model=tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(InputError, match="is no network that finds damage"):
        partialconv.find(damaged(), model=tmp_path / "text.onnx")
    for threshold, kinds in (("2", "dust,scratches,cracks,stamp,text"), ("0.5", "rust")):
        with pytest.raises(InputError, match="expected"):
            partialconv.find(damaged(), model=write_standin(tmp_path / "other.onnx", threshold, kinds))
