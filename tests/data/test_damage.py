"""Damage drawn over photos: seeded, and its truth is what changed."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.data import damage
from partialconv.data.damage import KINDS, NOTHING, SOURCES, VISIBLE, Cutouts, draw_damage, load_cutouts
from partialconv.data.damage.cutouts import ARTEFACTS, draw_outlines, paste
from partialconv.data.damage.scenery import MOST, _regular, draw_scenery
from partialconv.data.damaged import DamagedCrops, part_of
from partialconv.errors import InputError

KIND_OF = {"dust": {"dust"}, "hairs": {"scratches"}, "film": {"scratches"}, "cracks": {"cracks"}, "folds": {"cracks"}}
KIND_OF |= {"tears": {"cracks"}, "stamp": {"stamp"}, "text": {"text"}, "outlines": {"dust", "scratches"}}
PHOTO = np.full((96, 128, 3), (90, 120, 140), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Discs as artefacts, bright in the training part and weaker in the other; squares as outlines."""
    folder: Path = tmp_path_factory.mktemp("damage")
    (folder / "artefacts").mkdir()
    y, x = np.mgrid[:60, :60]
    disc = np.hypot(y - 29.5, x - 29.5) < 29
    for name in (name for names in ARTEFACTS.values() for name in names):
        with zipfile.ZipFile(folder / "artefacts" / f"{name}.zip", "w") as archive:
            for part, value in (("train", 255), ("test", 200)):
                file = io.BytesIO()
                Image.fromarray((disc * value).astype(np.uint8)).save(file, "png")
                archive.writestr(f"{part}/{name}.png", file.getvalue())
    squares = [[kind % 5, x, y, x + 12, y, x + 12, y + 12, x, y + 12] for kind, x, y in _places()]
    scans = [{"scan": f"Scan ({n})", "split": "?", "size": [500, 400], "contours": squares} for n in (1, 4)]
    with gzip.open(folder / "contours.json.gz", "wt") as gz:
        json.dump({"kinds": [], "scans": scans}, gz)
    return folder


def _places() -> list[tuple[int, int, int]]:
    return [(n, 20 + 30 * (n % 15), 20 + 30 * (n // 15)) for n in range(180)]


@pytest.fixture(scope="module")
def cutouts(folder: Path) -> Cutouts:
    return load_cutouts(folder)


def test_training_and_held_out_parts_are_apart(folder: Path) -> None:
    parts = [load_cutouts(folder, held_out) for held_out in (False, True)]
    assert [part.artefacts["hair"][0][0].max() for part in parts] == [255, 200]
    assert [len(part.scans) for part in parts] == [1, 1]  # scan 1, and scan 4
    assert [len(part.scans[0].polygons) for part in parts] == [180, 180]


def test_a_folder_without_damage_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no cut-out damage"):
        load_cutouts(tmp_path)


@pytest.mark.parametrize("source", SOURCES)
def test_same_seed_same_damage(cutouts: Cutouts, source: str) -> None:
    first, again, other = (draw_damage(PHOTO, seed, cutouts, (source,)) for seed in ((3, 1), (3, 1), (3, 2)))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("source", SOURCES)
def test_the_truth_is_what_changed(cutouts: Cutouts, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ageing and JPEG: on a plain photo each pixel of the truth changed by the limit, no other one did."""
    monkeypatch.setattr(damage, "age", lambda photo, rng: photo.astype(np.float32))
    monkeypatch.setattr(damage, "finish", lambda pictures, rng: [np.rint(p).astype(np.uint8) for p in pictures])
    marked = 0
    for seed in range(8):
        made = draw_damage(PHOTO, seed, cutouts, (source,))
        np.testing.assert_array_equal(made.undamaged, PHOTO)
        change = np.abs(made.image.astype(int) - PHOTO).max(2)
        assert (change[made.truth] >= VISIBLE).all()
        assert (change[~made.truth] <= VISIBLE).all()  # rounded
        assert {KINDS[kind] for kind in np.unique(made.kinds[made.truth])} <= KIND_OF[source]
        assert (made.kinds[~made.truth] == NOTHING).all()
        marked += int(made.truth.sum())
    assert marked > 100


def test_without_sources_nothing_is_damaged(cutouts: Cutouts) -> None:
    made = draw_damage(PHOTO, 5, cutouts, ())
    assert not made.truth.any() and (made.kinds == NOTHING).all()
    np.testing.assert_array_equal(made.image, made.undamaged)


def test_texture_hides_weak_damage(cutouts: Cutouts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "age", lambda photo, rng: photo.astype(np.float32))
    rough = np.random.default_rng(0).integers(0, 256, PHOTO.shape).astype(np.uint8)
    plain = [draw_damage(PHOTO, seed, cutouts, ("hairs",)).truth.sum() for seed in range(6)]
    hidden = [draw_damage(rough, seed, cutouts, ("hairs",)).truth.sum() for seed in range(6)]
    assert 0 < sum(hidden) < sum(plain)


def test_outlines_keep_their_size_and_place(cutouts: Cutouts) -> None:
    dust, hairs = draw_outlines((120, 90), cutouts.scans[0], np.random.default_rng(0), 0.5, (1, 1))
    # squares of 12 x 12 px every 30 px, 2 of 5 kinds dust, at half the scale
    assert dust.mean() == pytest.approx(0.4 * (12.5 / 30) ** 2, rel=0.3)
    assert hairs.mean() == pytest.approx(0.6 * (12.5 / 30) ** 2, rel=0.3)


def test_a_cutout_has_the_length_asked_for(cutouts: Cutouts) -> None:
    alpha = np.zeros((80, 80), np.float32)
    paste(alpha, cutouts.artefacts["dots"][0], (40, 40), 20, 30)
    assert (alpha > 0.5).sum() == pytest.approx(np.pi * 10**2, rel=0.15)
    y, x = np.nonzero(alpha > 0.5)
    assert (y.mean(), x.mean()) == (pytest.approx(40, abs=1.5), pytest.approx(40, abs=1.5))


def test_a_photo_and_its_crops_belong_together() -> None:
    names = [f"photo_{number:03d}" for number in range(800)]
    parts = [part_of(f"{name}.jpg") for name in names]
    assert [part_of(f"{name}_c2.jpg") for name in names] == parts
    assert 20 < parts.count("test") < 90 and 20 < parts.count("choice") < 90


def test_crops_by_number(cutouts: Cutouts) -> None:
    crops = DamagedCrops([np.tile(PHOTO, (4, 4, 1))], cutouts, 64, 1000, 0, 0.4, 0.5)
    for first, again in zip(crops[7], crops[7], strict=True):
        assert first.shape[-2:] == (64, 64)
        assert (first == again).all()
    assert not (crops[7][0] == crops[8][0]).all()
    damaged = [bool(crops[number][2].any()) for number in range(60)]
    unknown = [not bool(crops[number][1].all()) for number in range(60)]
    assert 20 <= sum(damaged) <= 50  # 60 % of 60, less what is not to be seen
    assert 15 <= sum(unknown) <= 45


def test_lines_of_the_scenery_lie_at_one_distance_and_are_no_damage(cutouts: Cutouts) -> None:
    drawn = draw_scenery(PHOTO, np.random.default_rng(4))
    assert drawn.shape == PHOTO.shape and drawn.dtype == np.uint8
    changed = (drawn != PHOTO).any(axis=2)
    assert changed.mean() > 0.01
    assert np.array_equal(drawn, draw_scenery(PHOTO, np.random.default_rng(4)))
    crops = DamagedCrops([PHOTO], cutouts, 96, 4, 0, undamaged=1, unknown=0, scenery=1)
    assert not any(crops[number][2].any() for number in range(4))
    for seed in range(8):
        lines = _regular((96, 128), np.random.default_rng(seed))
        middles = np.stack([path.mean(axis=0) for path, _ in lines[: 2 * MOST + 1]])
        apart = np.linalg.norm(np.diff(middles, axis=0), axis=1)
        assert apart.max() - apart.min() < 0.1 and len({wide for _, wide in lines}) == 1
