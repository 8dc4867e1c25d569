"""Samples: reproducible one by one, from files and from the device."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from partialconv.data import HoledPhotos, PhotoSource, Variety, open_photos
from partialconv.data.drawn import draw_picture
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


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> PhotoSource:
    """One photo of 300x360 pixels, red on the left, blue on the right, brighter towards its end."""
    folder = tmp_path_factory.mktemp("large")
    pixels = np.zeros((300, 360, 3), np.uint8)
    pixels[:, :180, 0] = pixels[:, 180:, 2] = np.linspace(60, 250, 300)[:, None]
    Image.fromarray(pixels).save(folder / "large.png")
    return open_photos(folder, 32)


def test_whole_scenes_show_nearly_all_of_a_photo(large: PhotoSource) -> None:
    share = {whole: [] for whole in (0.0, 0.5, 1.0)}  # type: dict[float, list[float]]
    for whole, shown in share.items():
        samples = HoledPhotos(large, 32, (0.1, 0.5), seed=2, variety=Variety(whole=whole))
        for index in range(40):
            values = samples[index].photo.float().amax(0).mean(1)  # from top to bottom
            shown.append(float(values.max() - values.min()) / 190)
    assert max(share[0.0]) < 0.2 and min(share[1.0]) > 0.65
    assert 8 <= sum(value > 0.5 for value in share[0.5]) <= 32


def test_drawn_pictures_are_their_share(source: PhotoSource) -> None:
    samples = HoledPhotos(source, 32, (0.1, 0.3), seed=3, variety=Variety(drawn=1.0))
    epoch, number = 0, int(samples[0].number)
    drawn = draw_picture((32, 32), (3, epoch, number, 3))
    shown = samples[0].photo.permute(1, 2, 0).numpy()
    assert np.array_equal(shown, drawn) or np.array_equal(shown[:, ::-1], drawn)
    plain = HoledPhotos(source, 32, (0.1, 0.3), seed=3)
    some = HoledPhotos(source, 32, (0.1, 0.3), seed=3, variety=Variety(drawn=0.3))
    same = [torch.equal(some[i].photo, plain[i].photo) for i in range(60)]
    assert 30 <= sum(same) <= 54
    assert all(torch.equal(some[i].hole, plain[i].hole) for i in range(60))
    bank = ResidentPhotos(source, 32, (0.1, 0.3), 3, CPU, num_holes=2, variety=Variety(drawn=0.3), num_drawn=4)
    pictures = [draw_picture((32, 32), (3, 0, n, 3)) for n in range(4)]
    pictures += [picture[:, ::-1] for picture in pictures]
    for index in range(30):
        shown = bank[index].photo.permute(1, 2, 0).numpy()
        assert same[index] != any(np.array_equal(shown, picture) for picture in pictures)


def test_toned_photos_are_one_ramp_of_colours(source: PhotoSource) -> None:
    for samples in (
        HoledPhotos(source, 32, (0.1, 0.3), seed=3, variety=Variety(toned=1.0)),
        ResidentPhotos(source, 32, (0.1, 0.3), 3, CPU, num_holes=2, variety=Variety(toned=1.0)),
    ):
        grey = 0
        for index in range(24):
            sample = samples[index]
            photo = sample.photo[None].float() / 255
            toned = change_colours(photo, sample.jitter[None], sample.tone[None])[0].flatten(1)
            luma = (0.299 * photo[0, 0] + 0.587 * photo[0, 1] + 0.114 * photo[0, 2]).flatten()
            order = luma.argsort()
            assert bool((toned[:, order].diff(dim=1) > -1e-5).all())  # brighter stays brighter in every channel
            assert toned.min() >= 0 and toned.max() <= 1
            is_grey = torch.equal(toned[0], toned[1]) and torch.equal(toned[0], toned[2])
            grey += is_grey
            if is_grey:
                torch.testing.assert_close(toned[0], luma, rtol=0, atol=1e-5)
        assert 6 <= grey <= 18
    untouched = HoledPhotos(source, 32, (0.1, 0.3), seed=3)[0]
    photo = untouched.photo[None].float() / 255
    torch.testing.assert_close(change_colours(photo, untouched.jitter[None], untouched.tone[None]), photo)
