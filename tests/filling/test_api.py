"""`partialconv.fill`: every kind of photo in, the same kind out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import partialconv
from partialconv import Inpainter, InputError
from partialconv.filling.job import fill_photo
from partialconv.imageio import read_photo, write_photo
from tests.command import run
from tests.imageio.formats import oriented, png

SIZE = (48, 60)


def waves(dtype: str, channels: int) -> NDArray[Any]:
    """A smooth picture of any dtype, (H, W) or (H, W, C)."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    values = np.stack([0.5 + 0.4 * np.sin(x / (9 + 4 * c) + y / (17 - 3 * c)) for c in range(channels)], -1)
    top = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    pixels = (values * top).astype(dtype)
    return pixels[..., 0] if channels == 1 else pixels


def box() -> NDArray[np.bool_]:
    hole = np.zeros(SIZE, bool)
    hole[20:28, 30:41] = True
    return hole


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_arrays_come_back_as_they_were_but_for_the_hole(dtype: str, channels: int) -> None:
    photo, hole = waves(dtype, channels), box()
    colours = photo[..., : {1: 1, 2: 1, 3: 3, 4: 3}[channels]] if channels > 1 else photo
    original = photo.copy()
    filled = partialconv.fill(photo, hole)
    assert (filled.dtype, filled.shape) == (photo.dtype, photo.shape)
    np.testing.assert_array_equal(photo, original)
    np.testing.assert_array_equal(filled[~hole], photo[~hole])
    np.testing.assert_array_equal(filled[..., colours.shape[-1] :], photo[..., colours.shape[-1] :])  # alpha
    top = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    error = np.abs(filled.astype(float) - photo)[hole].mean() / top
    assert error < 0.1  # it is a smooth picture
    if dtype != "uint8":  # finer steps than those of 8 bits
        values = np.unique(filled[hole].astype(float) / top * 255)
        assert np.abs(values - np.rint(values)).max() > 0.1


def test_grain_can_be_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photo = (120 + 20 * rng.standard_normal((*SIZE, 1))).clip(0, 255).astype(np.uint8).repeat(3, axis=2)
    hole = np.zeros(SIZE, bool)
    hole[15:35, 20:45] = True
    with_grain, bare = partialconv.fill(photo, hole), partialconv.fill(photo, hole, grain=False)
    assert with_grain[hole].std() > 1.1 * bare[hole].std()
    np.testing.assert_array_equal(with_grain[~hole], bare[~hole])
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(hole).save(tmp_path / "photo.holes.png")
    for command in (("batch", ".", ".", "-o", "out"), ("fill", "photo.png", "photo.holes.png", "-o", "bare.png")):
        assert run(*command, "--no-grain", cwd=tmp_path).returncode == 0
    for name in ("bare.png", "out/photo.png"):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), bare)


@pytest.mark.parametrize("shape", [SIZE, (*SIZE, 1), (*SIZE, 3)])
def test_nan_is_the_hole_of_floats(shape: tuple[int, ...]) -> None:
    photo = np.broadcast_to(waves("float32", 1).reshape(*SIZE, *[1] * (len(shape) - 2)), shape).copy()
    wanted = partialconv.fill(photo, box())
    photo[box()] = np.nan
    filled = partialconv.fill(photo)
    assert np.isfinite(filled).all() and filled.shape == shape
    np.testing.assert_array_equal(filled, wanted)
    assert np.isnan(photo).any()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pil_images_keep_their_mode(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(waves("uint16", 1))
    else:
        image = Image.fromarray(waves("uint8", 4)).convert(
            "LA" if mode == "LA" else "RGBA" if mode == "RGBA" else "RGB"
        )
        image = image.convert(mode)
    image.info["dpi"] = (300, 300)
    filled = partialconv.fill(image, box())
    assert (filled.mode, filled.size, filled.info["dpi"]) == (image.mode, image.size, (300, 300))
    one, other = (np.asarray(i.convert("RGBA") if mode == "P" else i) for i in (image, filled))
    np.testing.assert_array_equal(one[~box()], other[~box()])


def test_a_hole_from_alpha_becomes_opaque(tmp_path: Path) -> None:
    pixels = waves("uint8", 4)
    pixels[..., 3] = 255
    pixels[box()] = 0
    pixels[0, 0, 3] = 200
    for photo in (pixels, Image.fromarray(pixels)):
        filled = np.asarray(partialconv.fill(photo, hole_from_alpha=True))
        np.testing.assert_array_equal(filled[~box()], pixels[~box()])
        assert (filled[box()][:, 3] == 255).all()
        np.testing.assert_array_equal(filled[..., :3], partialconv.fill(pixels[..., :3], box()))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photo_read = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo_read.transparent(), box())
    write_photo(photo_read, fill_photo(Inpainter(), photo_read, box()), box(), tmp_path / "b.png", opaque=True)
    with Image.open(tmp_path / "b.png") as written:
        np.testing.assert_array_equal(np.asarray(written), filled)


def test_files_are_turned_as_they_are_shown(tmp_path: Path) -> None:
    deep = png(waves("uint16", 3), 16, 2, [], [])
    (tmp_path / "deep.png").write_bytes(deep)
    with pytest.raises(InputError, match="16 bits a channel, which PIL images cannot hold"):
        partialconv.fill(tmp_path / "deep.png", box())
    for orientation in range(1, 9):
        Image.fromarray(waves("uint8", 3)).save(tmp_path / "a.png", exif=oriented(orientation))
        with Image.open(tmp_path / "a.png") as image:
            shown = partialconv.fill(tmp_path / "a.png", np.eye(*image.size[::-1], dtype=bool) if orientation < 5 else
                                     np.eye(*image.size, dtype=bool))  # fmt: skip
        assert shown.size == (SIZE[::-1] if orientation < 5 else SIZE)
        assert shown.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    ("photo", "hole", "message"),
    [
        (np.zeros(SIZE, bool), box(), "array bool .*expected uint8, uint16 or float"),
        (np.zeros(SIZE, np.int64), box(), "array int64 .*expected uint8, uint16 or float"),
        (np.zeros((*SIZE, 5), np.uint8), box(), r"array uint8 \(48, 60, 5\)"),
        (np.zeros((0, 9), np.uint8), box(), r"array uint8 \(0, 9\)"),
        (np.full(SIZE, 200.0), box(), "values from 200 to 200, expected floats from 0 to 1"),
        (np.full(SIZE, -0.5, np.float32), box(), "values from -0.5 to -0.5"),
        (np.full(SIZE, np.inf), box(), "NaN or infinite outside of the hole"),
        (np.where(np.eye(*SIZE), np.nan, 0.5), box(), "NaN or infinite outside of the hole"),
        (np.zeros(SIZE, np.uint8), None, "no hole was given"),
        (np.zeros(SIZE), None, "marks no pixel"),
        (np.full(SIZE, np.nan), None, "marks every pixel"),
        (np.zeros((*SIZE, 3), np.uint8), box()[:9], "is 60x9 pixels, but"),
    ],
)
def test_wrong_input_is_one_line(photo: NDArray[Any], hole: NDArray[np.bool_] | None, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        partialconv.fill(photo, hole)
    assert str(caught.value).isprintable()


def test_one_hole_at_a_time() -> None:
    with pytest.raises(InputError, match="give one of them"):
        partialconv.fill(waves("uint8", 4), box(), hole_from_alpha=True)
