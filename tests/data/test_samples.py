"""Samples: reproducible one by one, from files and from the device."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from partialconv.data import HoledPhotos, PhotoSource, open_photos
from partialconv.data.photos import find_photos
from partialconv.data.resident import ResidentPhotos
from partialconv.data.samples import change_colours
from partialconv.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(photos: Path) -> PhotoSource:
    return open_photos(photos, 32)


def test_samples_depend_on_their_number_alone(source: PhotoSource) -> None:
    one, other = (HoledPhotos(source, 32, (0.1, 0.3), seed=3, colour_jitter=0.2) for _ in range(2))
    forward = [one[i] for i in range(12)]
    backward = [other[i] for i in reversed(range(12))][::-1]
    for sample, same in zip(forward, backward, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(sample, same, strict=True))
        assert sample.photo.shape == (3, 32, 32) and sample.photo.dtype == torch.uint8
        assert sample.hole.shape == (1, 32, 32) and 0.1 < sample.hole.float().mean() <= 0.3
        assert sample.jitter.shape == (3,) and bool(((sample.jitter - 1).abs() <= 0.2).all())
    # every epoch sees every photo once, with new holes
    for epoch in (forward[:6], forward[6:]):
        assert sorted(int(s.number) for s in epoch) == list(range(6))
    assert len({s.hole.numpy().tobytes() for s in forward}) == 12
    assert not torch.equal(HoledPhotos(source, 32, (0.1, 0.3), seed=4)[0].hole, forward[0].hole)


def test_thin_holes_are_thin(source: PhotoSource) -> None:
    holes = [HoledPhotos(source, 128, (0.01, 0.05), seed=0, holes={"thin": 1})[i].hole[0] for i in range(6)]
    for hole in holes:
        eroded = -torch.nn.functional.max_pool2d(-hole.float()[None], 9, 1, 4)
        assert eroded.sum() == 0 or hole.float().mean() < 0.05


def test_a_crop_is_a_part_of_its_photo(source: PhotoSource) -> None:
    for index in range(6):
        sample = HoledPhotos(source, 48, (0.1, 0.3), seed=0)[index]
        if int(sample.number) == 5:  # enlarged
            continue
        photo = np.asarray(source.read(int(sample.number)))
        crop = sample.photo.permute(1, 2, 0).numpy()
        places = [photo[:, x : x + 48] for x in range(17)]
        assert any(np.array_equal(crop, p) or np.array_equal(crop[:, ::-1], p) for p in places)


def test_a_broken_photo_gives_its_place_to_the_next(photos: Path, tmp_path: Path) -> None:
    Image.open(photos / "0.png").resize((400, 400)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:3000])
    Image.open(photos / "1.png").save(tmp_path / "b.png")
    samples = HoledPhotos(open_photos(tmp_path, 32), 32, (0.1, 0.3), seed=0)
    with pytest.warns(UserWarning, match="passed over .*a.jpg"):
        several = [samples[i] for i in range(4)]
    assert {int(s.number) for s in several} == {1}
    with pytest.warns(UserWarning, match="passed over .*a.jpg"):
        resident = ResidentPhotos(open_photos(tmp_path, 32), 32, (0.1, 0.3), 0, CPU, num_holes=2)
    assert {int(resident[i].number) for i in range(3)} == {1}


def test_no_whole_photo_is_an_error(photos: Path, tmp_path: Path) -> None:
    Image.open(photos / "0.png").resize((400, 400)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:3000])
    for make in (
        lambda: HoledPhotos(open_photos(tmp_path, 32), 32, (0.1, 0.3), seed=0)[0],
        lambda: ResidentPhotos(open_photos(tmp_path, 32), 32, (0.1, 0.3), 0, CPU, num_holes=2),
    ):
        with pytest.warns(UserWarning, match="passed over"), pytest.raises(InputError, match="none of the photos"):
            make()


def test_photos_on_the_device_give_the_crops_of_the_files(source: PhotoSource) -> None:
    files = HoledPhotos(source, 48, (0.1, 0.3), seed=3, colour_jitter=0.1)
    resident = ResidentPhotos(source, 48, (0.1, 0.3), 3, CPU, colour_jitter=0.1, num_holes=8)
    (batch,) = resident.batches(iter([range(12)]))
    assert batch.photo.shape == (12, 3, 48, 48) and batch.photo.dtype == torch.uint8
    for index in range(12):
        sample = files[index]
        assert int(sample.number) == int(batch.number[index])
        assert torch.equal(sample.photo, batch.photo[index])
        assert torch.equal(sample.jitter, batch.jitter[index])
    ratios = batch.hole.float().mean((1, 2, 3))
    assert bool(((ratios > 0.1) & (ratios <= 0.3)).all())
    assert len({h.numpy().tobytes() for h in batch.hole}) == 12
    again = ResidentPhotos(source, 48, (0.1, 0.3), 3, CPU, num_holes=8, num_workers=2)
    assert torch.equal(again[5].hole, resident[5].hole)


def test_large_photos_are_shrunk_on_the_device(tmp_path: Path) -> None:
    Image.new("RGB", (400, 300)).save(tmp_path / "large.png")
    resident = ResidentPhotos(open_photos(tmp_path, 64), 64, (0.1, 0.3), 0, CPU, num_holes=1)
    assert resident.photos[0].shape == (80, 107, 3)


def test_colours_change_as_pillow_changes_them() -> None:
    image = torch.rand(2, 3, 20, 20)
    assert torch.allclose(change_colours(image, torch.ones(2, 3)), image, atol=1e-6)
    for place, enhance in enumerate((ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)):
        factors = torch.ones(2, 3)
        factors[:, place] = torch.tensor([0.7, 1.4])
        changed = change_colours(image, factors)
        for number in range(2):
            photo = Image.fromarray((image[number].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
            expected = np.asarray(enhance(photo).enhance(float(factors[number, place]))) / 255
            difference = np.abs(changed[number].permute(1, 2, 0).numpy() - expected).max()
            assert difference < 3 / 255  # Pillow rounds to 8 bits, its mean too


def test_find_photos_and_sources_agree(photos: Path, source: PhotoSource) -> None:
    assert [str(p) for p in find_photos(photos)[0]] == source.names


def test_holes_from_flow_train_too(source: PhotoSource, tmp_path: Path) -> None:
    raw = np.zeros((80, 100), np.uint8)
    raw[20:60, 30:33] = 255
    raw[60:62, 30:90] = 255
    Image.fromarray(raw).save(tmp_path / "0.png")
    for kinds in ({"flow": 1.0}, {"flow": 0.5, "strokes": 0.5}):
        samples = HoledPhotos(source, 48, (0.1, 0.4), seed=0, holes=kinds, flow_masks=tmp_path)
        for index in range(6):
            assert 0.1 < samples[index].hole.float().mean() <= 0.4
            assert torch.equal(samples[index].hole, samples[index].hole)
