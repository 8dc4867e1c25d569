"""Filling arrays, and the one-call interface, with the shipped model."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

import partialconv
from partialconv import Inpainter, InputError
from partialconv.conventions import FloatArray
from partialconv.inference import OnnxRuntime
from partialconv.inference.inpainter import MIRROR_PX
from partialconv.inference.planner import MAX_SIDE_PX
from partialconv.masks import stroke_hole
from partialconv.zoo import model_path

Pixels = NDArray[np.uint8]


def gradient(height: int = 80, width: int = 120) -> Pixels:
    """A smooth photo that is easy to fill."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 200 // width + 20, y * 150 // height + 50, (x + y) * 90 // (height + width) + 80], -1).astype(
        np.uint8
    )


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    return Inpainter()


@pytest.mark.parametrize("size", [(80, 120), (33, 500), (700, 41), (2, 3)])
def test_only_the_hole_changes(inpainter: Inpainter, size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    before = photo.copy()
    hole = np.zeros(size, bool)
    hole[size[0] // 3 : size[0] // 2 + 1, size[1] // 3 : size[1] // 2 + 1] = True
    filled = inpainter.fill(photo, hole)
    np.testing.assert_array_equal(filled[~hole], photo[~hole])
    np.testing.assert_array_equal(photo, before)
    assert filled.dtype == np.uint8


def test_what_lies_under_the_hole_does_not_matter(inpainter: Inpainter) -> None:
    photo, hole = gradient(), stroke_hole((80, 120), 1, (0.1, 0.3))
    spoiled = photo.copy()
    spoiled[hole] = np.random.default_rng(0).integers(0, 256, (int(hole.sum()), 3))
    np.testing.assert_array_equal(inpainter.fill(photo, hole), inpainter.fill(spoiled, hole))


def test_a_smooth_photo_is_restored(inpainter: Inpainter) -> None:
    photo, hole = gradient(256, 256), stroke_hole((256, 256), 1, (0.1, 0.2))
    holed = np.where(hole[..., None], np.uint8(255), photo)
    error = np.abs(inpainter.fill(holed, hole).astype(float) - photo)[hole]
    assert error.mean() < 6
    mean_fill = np.abs(photo[~hole].mean(axis=0) - photo)[hole]
    assert error.mean() < mean_fill.mean() / 5


def watch(monkeypatch: pytest.MonkeyPatch, inpainter: Inpainter, network: Any) -> list[tuple[int, ...]]:
    """Put another network in its place; the list fills with the shapes it is given."""
    seen = []

    def watched(image: NDArray[np.float32], valid: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(image.shape)
        result: NDArray[np.float32] = network(image, valid)
        return result

    watched.feathered = getattr(network, "feathered", False)  # type: ignore[attr-defined]
    monkeypatch.setattr(inpainter, "runtime", watched)
    return seen


def test_a_hole_at_the_border_leaves_other_crops_as_they_are(inpainter: Inpainter) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    hole, border = np.zeros((2, 300, 500), bool)
    hole[140:150, 240:260] = True
    border[:42, 60:80] = True
    both = [len(batch) for batch in inpainter.plan(hole | border).batches]
    alone, together = inpainter.fill(photo, hole, grain=False), inpainter.fill(photo, hole | border, grain=False)
    np.testing.assert_array_equal(alone[hole], together[hole])
    assert both == [2]  # or nothing was tested


def test_progress_is_told_and_what_it_raises_ends_the_fill(inpainter: Inpainter) -> None:
    photo, hole = gradient(600, 800), np.zeros((600, 800), bool)
    photo += np.random.default_rng(0).integers(0, 40, photo.shape, dtype=np.uint8)  # or all of it is certain
    hole[100:160, 100:400] = hole[400:410, 500:520] = True
    shares: list[float] = []
    inpainter.fill(photo, hole, tell=shares.append)
    assert len(shares) > 2 and shares == sorted(shares) and 0 < shares[0] < 1 and shares[-1] == 1

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inpainter.fill(photo, hole, tell=stop)


def test_only_the_surroundings_of_the_hole_are_seen(monkeypatch: pytest.MonkeyPatch, inpainter: Inpainter) -> None:
    seen = watch(monkeypatch, inpainter, inpainter.runtime)
    photo, hole = gradient(1200, 900), np.zeros((1200, 900), bool)
    hole[600:610, 3:5] = True
    inpainter.fill(photo, hole)
    assert len(seen) == 1 and seen[0][2] <= 160 and seen[0][3] <= 96


class Nearby:
    """A network that copies the mean of the known pixels, and reaches `radius` pixels far."""

    def __init__(self, radius: int) -> None:
        self.radius = radius

    def __call__(self, image: NDArray[np.float32], valid: NDArray[np.float32]) -> NDArray[np.float32]:
        known = valid.sum((1, 2, 3), keepdims=True)
        mean = (image * valid).sum((2, 3), keepdims=True) / known.clip(1)
        kernel = np.ones((2 * self.radius + 1,) * 2, np.uint8)
        near = np.stack([cv2.dilate(v[0].astype(np.uint8), kernel).astype(bool)[None] for v in valid])
        return np.where(near, mean, np.float32(0.5)).astype(np.float32)


@pytest.mark.parametrize("radius", [5, 20, 300])
def test_wide_and_scattered_holes_are_filled_crop_by_crop(
    monkeypatch: pytest.MonkeyPatch, inpainter: Inpainter, radius: int
) -> None:
    seen = watch(monkeypatch, inpainter, Nearby(radius))
    photo, hole = np.full((1600, 1700, 3), 40, np.uint8), np.zeros((1600, 1700), bool)
    hole[100:1500, 60:1600] = True
    hole[3, 1690] = hole[1598, 1] = True
    filled = inpainter.fill(np.where(hole[..., None], np.uint8(255), photo), hole, copy=False)
    assert (filled == 40).all()
    assert max(num * height * width for num, _, height, width in seen) <= (MAX_SIDE_PX + 2 * MIRROR_PX) ** 2


def test_a_deep_hole_takes_its_middle_from_a_coarser_scale(
    monkeypatch: pytest.MonkeyPatch, inpainter: Inpainter
) -> None:
    sizes: list[int] = []

    def numbered(image: NDArray[np.float32], _: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(image.shape[2])
        return np.full_like(image, len(sizes) / 255)

    watch(monkeypatch, inpainter, numbered)
    monkeypatch.setattr("partialconv.inference.inpainter.keep_tones", lambda *_: None)
    photo, hole = gradient(400, 400), np.zeros((400, 400), bool)
    hole[150:250, 150:250] = True
    filled = inpainter.fill(photo, hole, grain=False, copy=False)
    np.testing.assert_array_equal(filled[~hole], photo[~hole])
    assert len(sizes) == 3 and [stage.scale for stage in inpainter.plan(hole).stages] == [4, 2, 1]
    line = filled[200, 153:247, 0]  # further out the edge is feathered
    assert line[0] == line[-1] == 3 and (line[40:54] == 1).all()  # from the rim to the middle, finest to coarsest
    assert (np.diff(line[:47].astype(int)) <= 0).all() and set(line) == {1, 2, 3}


@pytest.mark.parametrize("feathered", [False, True])
def test_the_edge_is_feathered_for_networks_that_do_not(
    monkeypatch: pytest.MonkeyPatch, inpainter: Inpainter, feathered: bool
) -> None:
    def white(image: NDArray[np.float32], _: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ones_like(image)

    white.feathered = feathered  # type: ignore[attr-defined]
    watch(monkeypatch, inpainter, white)
    photo, hole = np.zeros((60, 60, 3), np.uint8), np.zeros((60, 60), bool)
    hole[20:30, 20:30] = True
    filled = inpainter.fill(photo, hole, copy=False)
    assert (filled[21:29, 21:29] == 255).all() and (filled[20, 20:30] == 255).all() == feathered


@pytest.mark.parametrize("number", range(4))
def test_a_hole_in_a_corner_has_the_colours_of_the_photo(inpainter: Inpainter, number: int) -> None:
    photo = photos()[number]
    hole = stroke_hole((256, 256), number, (0.2, 0.3))
    hole[:70, :110] = True
    filled = inpainter.fill(photo, hole).astype(int)
    spread = np.ptp(photo[~hole].astype(int), axis=1).max()  # of red, green and blue: how colourful it is
    assert np.ptp(filled[hole], axis=1).max() <= spread + 30


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_every_depth_of_colour_is_filled_alike(inpainter: Inpainter, dtype: str) -> None:
    hole = stroke_hole((80, 120), 3, (0.2, 0.3))
    hole[20:50, 30:90] = True  # deep enough for a coarser scale, not for copies
    plain = inpainter.fill(gradient(), hole)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    photo = (gradient() / 255 * peak).round(0 if peak > 1 else 9).astype(dtype)
    if dtype == "float32":
        photo[hole] = np.nan
    filled = inpainter.fill(photo, hole)
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~hole], photo[~hole])
    np.testing.assert_allclose(filled.astype(float) * 255 / peak, plain, atol=1.6)


def test_threads_share_an_inpainter(inpainter: Inpainter) -> None:
    holes = [stroke_hole((80, 120), seed, (0.1, 0.3)) for seed in range(6)]
    expected = [inpainter.fill(gradient(), hole) for hole in holes]
    with ThreadPoolExecutor(3) as pool:
        for given, wanted in zip(pool.map(lambda h: inpainter.fill(gradient(), h), holes), expected, strict=True):
            np.testing.assert_array_equal(given, wanted)


def photos() -> list[Pixels]:
    names = ("astronaut", "chelsea", "coffee", "rocket")
    return [np.ascontiguousarray(getattr(skimage.data, name)()[:256, :256]) for name in names]


@pytest.mark.parametrize("number", range(4))
def test_no_seam_shows_at_the_edge_of_the_hole(inpainter: Inpainter, number: int) -> None:
    photo = photos()[number]
    hole = stroke_hole((256, 256), number, (0.2, 0.3))
    filled = inpainter.fill(photo, hole)

    def jumps(picture: Pixels) -> float:
        """Mean difference of neighbours of which one is known and one is not."""
        values = picture.astype(float)
        down = np.abs(np.diff(values, axis=0))[hole[1:] != hole[:-1]]
        right = np.abs(np.diff(values, axis=1))[hole[:, 1:] != hole[:, :-1]]
        return float(np.concatenate([down, right]).mean())

    assert jumps(filled) < 1.15 * jumps(photo)


def test_a_network_that_gives_nan_is_an_error(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inpainter, "runtime", lambda image, _: np.full_like(image, np.nan))
    with pytest.raises(ArithmeticError, match="not finite"):
        inpainter.fill(gradient(8, 8), np.arange(64).reshape(8, 8) == 5)


def test_a_network_that_gives_nothing_is_an_error(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, inpainter, lambda image, _: np.full_like(image, 0.5))
    with pytest.raises(ArithmeticError, match="nothing for 1 pixels"):
        inpainter.fill(gradient(8, 8), np.arange(64).reshape(8, 8) == 5)


@pytest.mark.parametrize(
    ("photo", "hole", "message"),
    [
        (gradient(), np.zeros((80, 120), bool), "hole is empty"),
        (gradient(), np.ones((80, 120), bool), "covers the whole photo"),
        (gradient(), np.zeros((80, 121), bool), r"expected bool \(80, 120\)"),
        (gradient()[..., 0], np.zeros((80, 120), bool), r"expected uint8, uint16 or float32 \(H, W, 3\)"),
        (gradient() / 255, np.zeros((80, 120), bool), "the photo is float64"),
    ],
)
def test_unusable_arrays_are_refused(inpainter: Inpainter, photo: Any, hole: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        inpainter.fill(photo, hole)


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model file"):
        Inpainter(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match="not an ONNX model"):
        OnnxRuntime(tmp_path / "text.onnx")


def test_the_shipped_model_fits_its_limit() -> None:
    assert model_path().stat().st_size <= 20_000_000


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_pil_image_comes_back_in_its_mode(mode: str) -> None:
    image = Image.fromarray(np.dstack([gradient(), gradient()[..., :1]])).convert(mode)
    hole = stroke_hole((80, 120), 2, (0.1, 0.2))
    filled = partialconv.fill(image, Image.fromarray(hole))
    assert (filled.mode, filled.size) == (mode, image.size)
    np.testing.assert_array_equal(np.asarray(filled)[~hole], np.asarray(image)[~hole])
    assert (np.asarray(filled)[hole] != np.asarray(image)[hole]).any()
    if "A" in mode:
        np.testing.assert_array_equal(np.asarray(filled)[..., -1], np.asarray(image)[..., -1])


@pytest.mark.parametrize("shape", [(80, 120), (80, 120, 3), (80, 120, 4)])
@pytest.mark.parametrize("kind", [bool, np.uint8, "0..255", "0..65535", float])
def test_an_array_comes_back_as_an_array(shape: tuple[int, ...], kind: Any) -> None:
    pixels = np.dstack([gradient(), gradient()[..., :1]])
    image = pixels[..., 0] if len(shape) == 2 else pixels[..., : shape[2]]
    hole = stroke_hole((80, 120), 2, (0.1, 0.2))
    white: dict[Any, np.generic] = {"0..255": np.uint8(255), "0..65535": np.uint16(65535)}
    marks = np.where(hole, white[kind], 0).astype(white[kind].dtype) if kind in white else hole.astype(kind)
    filled = partialconv.fill(image, marks)
    assert isinstance(filled, np.ndarray) and filled.shape == shape
    np.testing.assert_array_equal(filled, partialconv.fill(image, hole))
    np.testing.assert_array_equal(filled[~hole], image[~hole])


def test_files_can_be_named(tmp_path: Path) -> None:
    hole = stroke_hole((80, 120), 2, (0.1, 0.2))
    Image.fromarray(gradient()).save(tmp_path / "photo.png")
    Image.fromarray(hole).save(tmp_path / "holes.png")
    filled = partialconv.fill(tmp_path / "photo.png", str(tmp_path / "holes.png"))
    np.testing.assert_array_equal(np.asarray(filled), partialconv.fill(gradient(), hole))


def test_a_file_comes_back_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, shown upright
    Image.fromarray(gradient()).save(tmp_path / "photo.tif", exif=exif)
    hole = stroke_hole((120, 80), 2, (0.1, 0.2))
    Image.fromarray(hole).save(tmp_path / "holes.png")
    stored = partialconv.fill(gradient(), np.ascontiguousarray(np.rot90(hole)))  # as the command line fills it
    for marks in (tmp_path / "holes.png", hole):
        filled = np.asarray(partialconv.fill(tmp_path / "photo.tif", marks))
        np.testing.assert_array_equal(filled, np.rot90(stored, -1))


def test_other_modes_are_refused() -> None:
    with pytest.raises(InputError, match="in mode YCbCr, expected up to 8, or 16 for grey and RGB"):
        partialconv.fill(Image.new("YCbCr", (8, 8)), np.eye(8, dtype=bool))


@pytest.mark.parametrize(("top", "expected"), [(7, (48 + MIRROR_PX, 64)), (8, (48, 64))])
def test_a_crop_is_mirrored_only_on_sides_near_its_hole(top: int, expected: tuple[int, int]) -> None:
    seen = []

    class Seeing:
        feathered = True

        def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
            seen.append(image.shape[2:])
            return image

    photo, hole = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), bool)
    hole[top : top + 6, 20:30] = True
    Inpainter(runtime=Seeing()).fill(photo, hole, grain=False, copy=False)
    assert seen == [expected]
