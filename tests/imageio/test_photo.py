"""Photos come back as they were but for their hole."""

from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin

from partialconv.errors import InputError
from partialconv.imageio import check_destination, read_photo, write_photo
from partialconv.masks import read_hole

HEIGHT, WIDTH = 57, 90  # no multiple of 8


def picture(mode: str = "RGB") -> Image.Image:
    """A smooth picture with some noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [128 + 100 * np.sin(x / a + y / b) for a, b in ((9, 13), (17, 7), (11, 23), (31, 29))]
    pixels = (np.stack(waves, -1) + rng.normal(0, 4, (HEIGHT, WIDTH, 4))).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(pixels, "RGBA")
    return image if mode == "RGBA" else image.convert("LA" if mode == "LA" else "RGB").convert(mode)


def marked() -> NDArray[np.bool_]:
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[20:30, 33:47] = hole[50:, 85:] = True
    return hole


def filled(image: Image.Image, hole: NDArray[np.bool_]) -> Image.Image:
    """The picture with its hole inverted; alpha stays."""
    pixels = np.array(image)
    colours = pixels[..., : {2: 1, 3: 3, 4: 3}[pixels.shape[2]]] if pixels.ndim == 3 else pixels
    colours[hole] = 255 - colours[hole]
    return Image.fromarray(pixels)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_lossless_formats_change_only_the_hole(tmp_path: Path, mode: str, suffix: str) -> None:
    source, result = tmp_path / "photo.png", tmp_path / f"out{suffix}"
    exif = Image.Exif()
    exif[0x010E] = "a description"
    picture(mode).save(source, dpi=(200, 200), exif=exif, icc_profile=b"profile " * 40)
    photo = read_photo(source)
    if suffix == ".bmp" and mode in ("LA", "RGBA"):
        with pytest.raises(InputError, match="cannot hold transparency"):
            write_photo(photo, photo.image, marked(), result)
        assert not list(tmp_path.glob("*out*"))
        return
    expected = filled(photo.image, marked())
    write_photo(photo, expected, marked(), result)
    with Image.open(result) as written:
        # WebP has no grey
        np.testing.assert_array_equal(np.asarray(written.convert(expected.mode)), np.asarray(expected))
        if suffix != ".bmp":
            assert written.getexif()[0x010E] == "a description"
            assert written.info["icc_profile"] == b"profile " * 40
        if suffix != ".webp":
            assert written.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["photo.png", result.name])


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "grey"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_every_block_that_the_hole_does_not_touch(
    tmp_path: Path, subsampling: str, progressive: bool
) -> None:
    source, result = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    exif = Image.Exif()
    exif[0x010E] = "a description"
    kept: dict[str, Any] = {
        "exif": exif,
        "icc_profile": b"profile " * 40,
        "dpi": (240, 240),
        "quality": 80,
        "progressive": progressive,
    }
    if subsampling == "grey":
        picture("L").save(source, **kept)
    else:
        picture().save(source, subsampling=subsampling, **kept)
    photo, hole = read_photo(source), marked()
    expected = filled(photo.image, hole)
    write_photo(photo, expected, hole, result)

    twice = tmp_path / "twice.jpg"
    write_photo(read_photo(result), expected, hole, twice)
    kinds = [[m.type.name for m in jpeglib.read_dct(str(p)).markers] for p in (source, result, twice)]
    assert kinds[0] == kinds[1] == kinds[2]  # no marker lost, none written twice

    before, after = jpeglib.read_dct(str(source)), jpeglib.read_dct(str(result))
    np.testing.assert_array_equal(before.qt, after.qt)
    np.testing.assert_array_equal(before.samp_factor, after.samp_factor)
    steps = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2), "grey": (1, 1)}[subsampling]
    untouched = np.ones((HEIGHT, WIDTH), bool)
    planes = {"Y": (1, 1)} if subsampling == "grey" else {"Y": (1, 1), "Cb": steps, "Cr": steps}
    for name, (down, across) in planes.items():
        old, new = getattr(before, name), getattr(after, name)
        for row, column in np.ndindex(old.shape[:2]):
            span = (
                slice(row * 8 * down, (row + 1) * 8 * down),
                slice(column * 8 * across, (column + 1) * 8 * across),
            )
            if hole[span].any():
                untouched[span] = False
            else:
                np.testing.assert_array_equal(old[row, column], new[row, column])
    # a decoder smooths subsampled colours over the edge of a block
    far = np.ones_like(untouched)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            far &= np.roll(untouched, (dy, dx), (0, 1))
    far[:2] = far[-2:] = far[:, :2] = far[:, -2:] = False
    with Image.open(result) as written:
        pixels = np.asarray(written)
        np.testing.assert_array_equal(pixels[far], np.asarray(photo.image)[far])
        assert far.mean() > 0.2
        # as near to what it should show as libjpeg's own encoder comes
        expected.save(tmp_path / "judge.jpg", quality=80, subsampling=0 if subsampling == "grey" else subsampling)
        judge = np.asarray(Image.open(tmp_path / "judge.jpg")).astype(float)
        error, judged = (np.abs(p - np.asarray(expected, float))[hole].mean() for p in (pixels, judge))
        assert error < 1.02 * judged
        assert written.info["icc_profile"] == kept["icc_profile"]
        assert written.getexif()[0x010E] == "a description"
        assert written.info["dpi"] == (240, 240)


def test_a_jpeg_with_previews_is_a_photo(tmp_path: Path) -> None:
    source, result = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    picture().save(source, "MPO", save_all=True, append_images=[picture().resize((20, 10))])
    with Image.open(source) as opened:
        assert opened.format == "MPO"
    photo = read_photo(source)
    write_photo(photo, filled(photo.image, marked()), marked(), result)
    with Image.open(result) as written:
        assert (written.format, written.size) == ("JPEG", (WIDTH, HEIGHT))
        far = (slice(0, 14), slice(0, 90))
        np.testing.assert_array_equal(np.asarray(written)[far], np.asarray(photo.image)[far])


@pytest.mark.parametrize("source", ["photo.jpg", "photo.tif", "photo.png"])
@pytest.mark.parametrize("result", ["out.jpg", "out.tif", "out.png", "out.webp"])
def test_the_result_is_shown_as_the_photo_is(tmp_path: Path, source: str, result: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().save(tmp_path / source, exif=exif)
    photo = read_photo(tmp_path / source)
    hole = np.zeros(photo.image.size[::-1], bool)
    hole[0, 0] = True
    write_photo(photo, photo.image, hole, tmp_path / result)
    with Image.open(tmp_path / source) as before, Image.open(tmp_path / result) as after:
        shown = [np.asarray(ImageOps.exif_transpose(image), float) for image in (before, after)]
    assert shown[0].shape == shown[1].shape == (WIDTH, HEIGHT, 3)
    assert np.abs(shown[0] - shown[1]).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_hole_is_drawn_over_the_photo_as_it_is_shown(tmp_path: Path, orientation: int) -> None:
    stored = marked()
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture().save(tmp_path / "photo.jpg", exif=exif)
    # what a viewer shows, made by Pillow's own reading of the tag
    marks = Image.fromarray(stored)
    marks.getexif()[0x0112] = orientation
    marks.save(tmp_path / "turned.png", exif=exif)
    shown = ImageOps.exif_transpose(Image.open(tmp_path / "turned.png"))
    Image.fromarray(np.asarray(shown)).save(tmp_path / "holes.png")
    photo = read_photo(tmp_path / "photo.jpg")
    np.testing.assert_array_equal(read_hole(tmp_path / "holes.png", photo).hole, stored)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_white_is_hole_in_every_kind_of_picture(tmp_path: Path, mode: str) -> None:
    picture().save(tmp_path / "photo.png")
    white = Image.fromarray(np.where(marked(), 255, 0).astype(np.uint8))
    if mode == "I;16":
        white = Image.fromarray(np.where(marked(), 65535, 300).astype(np.uint16))
    else:
        white = white.convert("RGB").convert(mode)
    white.save(tmp_path / "holes.png")
    photo = read_photo(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_hole(tmp_path / "holes.png", photo).hole, marked())


def test_transparent_white_is_no_hole(tmp_path: Path) -> None:
    picture().save(tmp_path / "photo.png")
    pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    pixels[..., 3] = np.where(marked(), 255, 0)
    Image.fromarray(pixels).save(tmp_path / "holes.png")
    photo = read_photo(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_hole(tmp_path / "holes.png", photo).hole, marked())


def test_broken_pictures_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    picture().save(whole)
    content = whole.read_bytes()
    for name, data, message in [
        ("empty.jpg", b"", "cannot read .* as an image"),
        ("text.png", b"hello, this is no picture", "cannot read .* as an image"),
        ("cut.jpg", content[: len(content) // 2], "is broken"),
    ]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_photo(tmp_path / name)
    with pytest.raises(InputError, match="no file"):
        read_photo(tmp_path / "missing.jpg")
    with pytest.raises(InputError, match="no file"):
        read_photo(tmp_path)
    frames = [picture(), picture().rotate(90)]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="has more than one frame"):
        read_photo(tmp_path / "moving.webp")


def test_destinations_are_checked(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_bytes(b"precious")
    (tmp_path / "folder.png").mkdir()
    for path, message in [
        (tmp_path / "out.gif", "must end in one of"),
        (tmp_path / "nowhere" / "out.png", "no folder"),
        (tmp_path / "there.png", "add --overwrite"),
        (tmp_path / "folder.png", "it is a folder"),
    ]:
        with pytest.raises(InputError, match=message):
            check_destination(path, overwrite=False)
    check_destination(tmp_path / "there.png", overwrite=True)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_in_xmp_alone_turns_nothing(tmp_path: Path, kind: str) -> None:
    """Pillow reads it, but no browser does."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    path = tmp_path / "photo"
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        picture().save(path, kind, pnginfo=texts)
    else:
        picture().save(path, kind, xmp=xmp)
    with Image.open(path) as image:
        assert image.getexif()[0x0112] == 6
    assert read_photo(path).orientation == 1


@pytest.mark.parametrize("options", [{"dtype": np.float32}, {"dtype": np.uint16, "byteorder": ">", "bigtiff": True}])
def test_a_tiff_that_is_not_supported_is_called_one(tmp_path: Path, options: dict[str, Any]) -> None:
    """Not told to be saved as TIFF."""
    pixels = np.zeros((8, 8, 3), options.pop("dtype"))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    with pytest.raises(InputError, match="a.tif: it is a TIFF of a kind that is not supported.*: save it with 8 or 16"):
        read_photo(tmp_path / "a.tif")
