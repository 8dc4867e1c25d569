"""What is given as a hole and is none: photos, painted copies, cut-outs, layers; taken as meant, or refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from partialconv.errors import InputError
from partialconv.imageio import read_photo
from partialconv.masks import examine, read_hole

SIZE = (320, 240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With photo.png and night.png."""
    coffee().save(tmp_path / "photo.png")
    night = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    night[150:] = np.asarray(coffee())[150:]
    Image.fromarray(night).save(tmp_path / "night.png")
    return tmp_path


def coffee() -> Image.Image:
    return Image.fromarray(data.coffee()).resize(SIZE)


def line(width: int = 10, size: tuple[int, int] = SIZE) -> Image.Image:
    picture = Image.new("L", size)
    factor = size[0] // SIZE[0]
    ends = [(60 * factor, 60 * factor), (250 * factor, 180 * factor)]
    ImageDraw.Draw(picture).line(ends, fill=255, width=width * factor)
    return picture


def marked(picture: Image.Image) -> NDArray[np.bool_]:
    return np.asarray(picture) > 127


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def found(folder: Path, picture: Image.Image, photo: str = "photo.png", name: str = "hole.png"):  # type: ignore[no-untyped-def]
    options: dict[str, Any] = {"quality": 90} if name.endswith("jpg") else {}
    picture.save(folder / name, **options)
    return read_hole(folder / name, read_photo(folder / photo))


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 0, 0), (0, 0, 0), (0, 255, 0)])
@pytest.mark.parametrize(("name", "least"), [("hole.png", 1.0), ("hole.jpg", 0.7)])
def test_what_is_painted_on_a_copy_is_the_hole(
    folder: Path, colour: tuple[int, int, int], name: str, least: float
) -> None:
    copy = coffee()
    copy.paste(colour, mask=line())
    differs = (np.asarray(copy) != np.asarray(coffee())).any(axis=2)
    diagnosis = found(folder, copy, name=name)
    assert [finding.code for finding in diagnosis.findings] == ["copy"]
    assert overlap(diagnosis.accept(), differs) >= least


@pytest.mark.parametrize("size", [(160, 120), SIZE])
@pytest.mark.parametrize("name", ["copy.gif", "copy.webp", "copy.avif", "dithered.png", "palette.png", "low.jpg"])
def test_a_copy_in_another_format_has_changed_everywhere_a_little(
    tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    """What was painted is the hole, not what the format changed; and with nothing painted it is no hole."""
    photo = coffee().resize(size)
    photo.save(tmp_path / "photo.png")
    ends = [(size[0] // 5, size[1] // 4), (size[0] * 3 // 4, size[1] * 3 // 4)]
    copy, wanted = photo.copy(), Image.new("L", size)
    ImageDraw.Draw(copy).line(ends, fill=(255, 0, 0), width=7)
    ImageDraw.Draw(wanted).line(ends, fill=255, width=7)
    for picture, is_painted in ((copy, True), (photo, False)):
        if name in ("dithered.png", "palette.png"):
            dither = Image.Dither.FLOYDSTEINBERG if name == "dithered.png" else Image.Dither.NONE
            picture = picture.quantize(256, dither=dither, palette=picture.quantize(256))
        options: dict[str, Any] = {} if name.endswith(("gif", "png")) else {"quality": 75}
        picture.save(tmp_path / name, **options)
        diagnosis = read_hole(tmp_path / name, read_photo(tmp_path / "photo.png"))
        if is_painted:
            assert overlap(diagnosis.accept(), marked(wanted)) > 0.7
        else:
            with pytest.raises(InputError, match="is the photo itself"):
                diagnosis.accept()


def test_faint_paint_on_an_exact_copy_is_the_hole(folder: Path) -> None:
    faint = Image.fromarray(np.minimum(np.asarray(coffee()).astype(int) + 6, 255).astype(np.uint8))
    copy = coffee()
    copy.paste(faint, mask=line())
    differs = np.abs(np.asarray(copy).astype(int) - np.asarray(coffee())).max(axis=2) > 2
    np.testing.assert_array_equal(found(folder, copy).accept(), differs)


def test_a_painted_copy_is_compared_as_it_is_shown(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    coffee().save(folder / "turned.jpg", exif=exif, quality=95)
    photo = read_photo(folder / "turned.jpg")
    copy = photo.shown.image
    copy.paste((255, 255, 255), (20, 30, 60, 50))
    copy.save(folder / "copy.png")
    stored = np.zeros((SIZE[1], SIZE[0]), bool)
    stored[SIZE[1] - 60 : SIZE[1] - 20, 30:50] = True
    assert overlap(read_hole(folder / "copy.png", photo).accept(), stored) > 0.98


@pytest.mark.parametrize(
    ("photo", "picture", "message"),
    [
        ("photo.png", lambda: coffee(), "hole.png is the photo itself"),
        ("photo.png", lambda: Image.fromarray(data.astronaut()).resize(SIZE), "looks like a photo, not like a hole"),
        ("photo.png", lambda: Image.fromarray(data.camera()).resize(SIZE), "looks like a photo, not like a hole"),
        ("line.png", lambda: coffee(), "hole.png looks like a photo, and .*line.png like a hole: swap the two"),
    ],
)
def test_photos_are_refused(folder: Path, photo: str, picture, message: str) -> None:  # type: ignore[no-untyped-def]
    line().save(folder / "line.png")
    with pytest.raises(InputError, match=message):
        found(folder, picture(), photo).accept()


@pytest.mark.parametrize("photo", ["photo.png", "night.png"])
@pytest.mark.parametrize("kind", ["L", "RGB", "soft", "jpg"])
def test_holes_are_no_copies(folder: Path, photo: str, kind: str) -> None:
    """Not even of a photo that is mostly black, as they are."""
    picture = line(size=(1280, 960)).resize(SIZE) if kind in ("soft", "jpg") else line()
    picture = picture.convert("RGB") if kind != "L" else picture
    diagnosis = found(folder, picture, photo, "hole.jpg" if kind == "jpg" else "hole.png")
    assert not {"copy", "photo"} & {finding.code for finding in diagnosis.findings}
    assert overlap(diagnosis.accept(), marked(picture.convert("L"))) > 0.95


def layer(alpha: Image.Image, colours: Image.Image | None = None) -> Image.Image:
    picture = (colours or coffee()).copy()
    picture.putalpha(alpha)
    return picture


@pytest.mark.parametrize("with_photo", [True, False])
def test_a_cut_out_is_the_hole(folder: Path, with_photo: bool) -> None:
    cut = layer(line(30))
    diagnosis = found(folder, cut) if with_photo else examine(cut, SIZE[::-1])
    np.testing.assert_array_equal(diagnosis.accept(), marked(line(30)))


@pytest.mark.parametrize("with_photo", [True, False])
def test_all_that_a_soft_eraser_touched_is_the_hole(folder: Path, with_photo: bool) -> None:
    alpha = Image.eval(line().filter(ImageFilter.GaussianBlur(5)), lambda value: 255 - value)
    erased = layer(alpha)
    diagnosis = found(folder, erased) if with_photo else examine(erased, SIZE[::-1])
    np.testing.assert_array_equal(diagnosis.accept(), np.asarray(alpha) < 255)


def test_several_pens_on_a_transparent_layer_are_the_hole(folder: Path) -> None:
    layer_of_pens = Image.new("RGBA", SIZE)
    draw, all_of_them = ImageDraw.Draw(layer_of_pens), Image.new("L", SIZE)
    for number, pen in enumerate(["red", "blue", "black", "white", "#40c040"]):
        span = [(20, 30 + 40 * number), (300, 30 + 40 * number)]
        draw.line(span, fill=pen, width=6)
        ImageDraw.Draw(all_of_them).line(span, fill=255, width=6)
    np.testing.assert_array_equal(found(folder, layer_of_pens).accept(), marked(all_of_them))


def test_what_could_be_either_is_refused(folder: Path) -> None:
    alpha = Image.new("L", SIZE)
    ImageDraw.Draw(alpha).rectangle((0, 0, 165, 239), fill=255)
    with pytest.raises(InputError, match="either part could be the hole"):
        found(folder, layer(alpha)).accept()


@pytest.mark.parametrize("pen", [(255, 0, 0), (0, 0, 255), (160, 0, 200), (255, 255, 0), (70, 70, 70)])
def test_soft_marks_of_any_colour_on_black_are_a_hole(folder: Path, pen: tuple[int, int, int]) -> None:
    big = Image.new("RGB", (1280, 960))
    big.paste(pen, mask=line(size=(1280, 960)))
    soft, hard = big.resize(SIZE, Image.Resampling.LANCZOS), big.resize(SIZE, Image.Resampling.NEAREST)
    wanted = np.asarray((np.asarray(hard) > 0).any(axis=2))
    for picture in (soft, hard):
        assert overlap(found(folder, picture).accept(), wanted) > 0.9


def test_red_and_white_marks_are_one_hole(folder: Path) -> None:
    picture = Image.new("RGB", SIZE)
    ImageDraw.Draw(picture).rectangle((20, 20, 60, 60), fill="red")
    ImageDraw.Draw(picture).rectangle((120, 20, 160, 60), fill="white")
    np.testing.assert_array_equal(found(folder, picture).accept(), (np.asarray(picture) > 0).any(axis=2))


def test_nearly_black_is_empty() -> None:
    noise = np.random.default_rng(0).integers(0, 6, (50, 60), dtype=np.uint8)
    with pytest.raises(InputError, match="marks no pixel"):
        examine(noise).accept()


@pytest.mark.parametrize("kind", ["png", "webp", "tif"])
def test_a_photo_with_erased_parts_is_its_own_hole(folder: Path, kind: str) -> None:
    alpha = Image.eval(line().filter(ImageFilter.GaussianBlur(4)), lambda value: 255 - value)
    path = folder / f"erased.{kind}"
    options: dict[str, Any] = {"lossless": True, "exact": True} if kind == "webp" else {}
    layer(alpha).save(path, **options)
    diagnosis = read_hole(path, read_photo(path), grow_px=2)
    assert diagnosis.opaque and diagnosis.findings == ()
    wide = Image.fromarray(np.asarray(alpha) < 255).filter(ImageFilter.MaxFilter(5))
    np.testing.assert_array_equal(diagnosis.accept(), np.asarray(wide))


def test_a_jpeg_of_a_hole_may_be_noisy(folder: Path) -> None:
    buffer = io.BytesIO()
    line().save(buffer, "JPEG", quality=30)
    diagnosis = examine(Image.open(buffer), SIZE[::-1])
    assert [finding.code for finding in diagnosis.findings] == ["jpeg"]
