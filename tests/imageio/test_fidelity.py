"""The contract over formats, modes and depths: what is not hole is as it was, pixels and all else in the file."""

import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import read_photo, rgb_of, write_photo
from tests.imageio.formats import (
    EXIF,
    ICC,
    XMP,
    Chunk,
    oriented,
    png,
    png_chunks,
    png_samples,
    tiff_samples,
    tiff_tags,
)  # fmt: skip

Hole = NDArray[np.bool_]
PNG_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
             (4, 8), (4, 16), (6, 8), (6, 16)]  # fmt: skip
PHOTOMETRIC = {
    "L": "minisblack", "LA": "minisblack", "P": "palette", "RGB": "rgb", "RGBA": "rgb", "CMYK": "separated",
    "inverse": "miniswhite",
}  # fmt: skip
ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")
BMP_MODES = ["1", "L", "P", "RGB", "RGBA", "upside down"]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40)).filter(lambda size: size != (1, 1))
seeds = st.integers(0, 2**32 - 1)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def random_hole(rng: np.random.Generator, size: tuple[int, int]) -> Hole:
    """Specks, or a box; never empty and never everything."""
    hole = np.zeros(size, bool)
    if rng.random() < 0.5:
        hole |= rng.random(size) < rng.random()
    else:
        top, left = rng.integers(size[0]), rng.integers(size[1])
        hole[top : top + rng.integers(1, 20), left : left + rng.integers(1, 20)] = True
    hole.flat[rng.integers(hole.size)] = True
    if hole.all():
        hole.flat[rng.integers(hole.size)] = False
    return hole


def refill(source: Path, result: Path, hole: Hole, rng: np.random.Generator) -> NDArray[Any]:
    """Fill a file with random colours."""
    photo = read_photo(source)
    assert photo.size == hole.shape
    top = 65536 if photo.bits == 16 else 256
    colours = rng.integers(0, top, (*photo.size, 3)).astype(rgb_of(photo).dtype)
    write_photo(photo, colours, hole, result)
    assert [path.name for path in sorted(source.parent.iterdir())] == sorted([source.name, result.name])
    return colours


def shortened(chunks: list[Chunk]) -> list[Chunk]:
    short = [(name, body.rstrip(b"\xff") if name == b"tRNS" else body) for name, body in chunks]
    return [(name, body) for name, body in short if name != b"tRNS" or body]


@settings(max_examples=200, deadline=None)
@given(size=sizes, kind=st.sampled_from(PNG_KINDS), seed=seeds, transparent=st.booleans(), dpi=st.integers(1, 9999))
def test_png(size: tuple[int, int], kind: tuple[int, int], seed: int, transparent: bool, dpi: int) -> None:
    rng = np.random.default_rng(seed)
    (colour_type, bits), hole = kind, random_hole(rng, size)
    num_colours = int(rng.integers(1, 2**bits + 1)) if colour_type == 3 else 2**bits
    samples = rng.integers(0, num_colours, (*size, CHANNELS[colour_type])).astype(np.uint16)
    before = [
        (b"gAMA", struct.pack(">I", int(rng.integers(1, 2**31)))),
        (b"iCCP", b"name\0\0" + zlib.compress(ICC)),
        (b"pHYs", struct.pack(">IIB", dpi, dpi + 1, 1)),
    ]
    palette = rng.integers(0, 256, (num_colours, 3), dtype=np.uint8)
    alpha = b""
    if colour_type == 3:
        before.append((b"PLTE", palette.tobytes()))
        alpha = rng.choice([0, 100, 255], int(rng.integers(1, num_colours + 1))).astype(np.uint8).tobytes()
    if transparent and colour_type not in (4, 6):
        key = samples[rng.integers(size[0]), rng.integers(size[1])]
        before.append((b"tRNS", alpha if colour_type == 3 else key.astype(">u2").tobytes()))
    after = [
        (b"tEXt", b"Comment\0words"), (b"eXIf", EXIF[6:]), (b"prVt", b"private, safe to copy"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
    ]  # fmt: skip
    unsafe = [(b"prVT", b"private, about these very pixels")]
    with folder() as place:
        source, result = place / "a.png", place / "b.png"
        stored = samples[..., 0] if CHANNELS[colour_type] == 1 else samples
        source.write_bytes(png(stored, bits, colour_type, before, after + unsafe))
        colours = refill(source, result, hole, rng)
        old, new = png_chunks(source.read_bytes()), png_chunks(result.read_bytes())
        decoded = png_samples(result.read_bytes())
        with Image.open(result) as by_pillow, Image.open(source) as original:
            assert (by_pillow.mode, by_pillow.size) == (original.mode, original.size)
            shown, wanted = (np.asarray(image.convert("RGBA")) for image in (by_pillow, original))
    np.testing.assert_array_equal(decoded[~hole], stored[~hole])
    np.testing.assert_array_equal(shown[~hole], wanted[~hole])
    if bits < 16:  # of 16 bits Pillow compares 8 with the transparent colour
        np.testing.assert_array_equal(shown[..., 3], wanted[..., 3])  # alpha, in the hole too
    if transparent and colour_type in (0, 2):
        hidden, was_hidden = ((s.reshape(*size, -1) == key).all(axis=2) for s in (decoded, stored))
        np.testing.assert_array_equal(hidden, was_hidden)
    assert old[0] == new[0]
    pixels = (b"IDAT", b"PLTE")
    kept = [chunk for chunk in new if chunk[0] not in pixels]
    expected = [chunk for chunk in old if chunk[0] not in (*pixels, b"prVT")]
    if colour_type == 3:  # one may leave out that an entry is opaque
        kept, expected = (
            [(n, c.rstrip(b"\xff") if n == b"tRNS" else c) for n, c in chunks] for chunks in (kept, expected)
        )
        kept, expected = ([(n, c) for n, c in chunks if n != b"tRNS" or c] for chunks in (kept, expected))
    assert kept == expected
    if colour_type in (2, 6) and not (transparent and colour_type == 2):
        np.testing.assert_array_equal(decoded[hole][:, :3], colours[hole])


@settings(max_examples=150, deadline=None)
@given(
    size=sizes, mode=st.sampled_from(["L", "LA", "P", "RGB", "RGBA", "CMYK", "inverse"]), deep=st.booleans(),
    packing=st.sampled_from(["none", "zlib", "predictor", "lzw", "packbits", "lzw predictor"]), tiled=st.booleans(),
    planar=st.booleans(), big=st.booleans(), order=st.sampled_from(ORDERS), orientation=st.integers(1, 8), seed=seeds,
)  # fmt: skip
def test_tiff(
    size: tuple[int, int], mode: str, deep: bool, packing: str, tiled: bool, planar: bool, big: bool,
    order: Literal["<", ">"], orientation: int, seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    hole = random_hole(rng, size)
    channels = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}.get(mode, 1)
    deep = deep and mode in ("L", "RGB", "RGBA")
    planar = planar and mode in ("RGB", "RGBA", "CMYK") and not deep
    samples = rng.integers(0, 65536 if deep else 256, (*size, channels)).astype(np.uint16 if deep else np.uint8)
    stored = samples[..., 0] if channels == 1 else samples
    xmp = (700, 1, len(XMP), XMP, True)
    private = (65000, 2, 8, "private", True)
    with folder() as place:
        source, result = place / "a.tif", place / "b.tif"
        if packing in ("lzw", "packbits", "lzw predictor"):
            if deep and channels > 1:
                return  # nothing here writes these
            image = Image.fromarray(stored, "CMYK") if mode == "CMYK" else Image.fromarray(stored)
            if mode == "P":
                image.putpalette(rng.integers(0, 256, 768, dtype=np.uint8).tobytes())
            exif = Image.Exif()
            exif[0x0112], exif[0x010E], exif[700] = orientation, "a description", XMP
            exif.get_ifd(0x8769)[0x9003] = "2026:11:23 00:00:00"
            predictor = {317: 2} if packing == "lzw predictor" else {}
            exif.update(predictor)
            name = "packbits" if packing == "packbits" else "tiff_lzw"
            rows: dict[str, Any] = {"strip_size": 16 * size[1] * channels}
            image.save(source, compression=name, exif=exif, icc_profile=ICC, dpi=(72, 300), **rows)
        else:
            tifffile.imwrite(
                source, stored.transpose(2, 0, 1) if planar else stored,
                photometric=PHOTOMETRIC[mode],
                colormap=rng.integers(0, 65536, (3, 256), dtype=np.uint16) if mode == "P" else None,
                planarconfig="separate" if planar else "contig" if channels > 2 else None,
                extrasamples=["unassalpha"] if mode in ("LA", "RGBA") else None,
                compression=None if packing == "none" else "zlib", predictor=packing == "predictor",
                tile=(16, 16) if tiled else None, rowsperstrip=None if tiled else int(rng.integers(1, 41)),
                bigtiff=big and order == "<",  # Pillow reads no other
                byteorder=order, resolution=(72.5, 300), iccprofile=ICC, metadata=None,
                extratags=[xmp, private, (274, 3, 1, orientation, True)],
            )  # fmt: skip
        try:
            colours = refill(source, result, hole, rng)
        except InputError:
            if mode == "inverse" and order == ">":  # nothing that Pillow reads
                return
            raise
        before, after = tiff_samples(source), tiff_samples(result)
        if planar and packing in ("none", "zlib", "predictor"):
            before, after = before.transpose(1, 2, 0), after.transpose(1, 2, 0)
        assert tiff_tags(source) == tiff_tags(result)
        # not by name: Pillow 13 maps such files into memory, and mixes up height and width of those to be turned
        contents = [io.BytesIO(path.read_bytes()) for path in (source, result)]
        with Image.open(contents[0]) as old, Image.open(contents[1]) as new:
            assert (old.mode, old.size, old.getexif().get(0x0112)) == (new.mode, new.size, new.getexif().get(0x0112))
            shown = [np.asarray(image.convert("RGB") if mode == "P" else image) for image in (old, new)]
    assert before.dtype == after.dtype == samples.dtype
    np.testing.assert_array_equal(before.reshape(stored.shape), stored)
    after = after.reshape(stored.shape)
    np.testing.assert_array_equal(after[~hole], stored[~hole])
    changed = (shown[0] != shown[1]).reshape(*shown[0].shape[:2], -1).any(axis=2)
    assert changed.sum() <= hole.sum()
    if mode in ("RGB", "RGBA"):
        np.testing.assert_array_equal(after[hole][:, :3], colours[hole])
        np.testing.assert_array_equal(after[..., 3:], samples[..., 3:])


@settings(max_examples=60, deadline=None)
@given(size=sizes, mode=st.sampled_from(["RGB", "RGBA", "L"]), lossless=st.booleans(), seed=seeds)
def test_webp(size: tuple[int, int], mode: str, lossless: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hole = random_hole(rng, size)
    pixels = rng.integers(0, 256, (*size, {"RGB": 3, "RGBA": 4, "L": 1}[mode]), dtype=np.uint8).squeeze(
        axis=() if mode != "L" else 2
    )
    with folder() as place:
        source, result = place / "a.webp", place / "b.webp"
        Image.fromarray(pixels).save(source, lossless=lossless, exact=True, exif=EXIF, icc_profile=ICC, xmp=XMP)
        colours = refill(source, result, hole, rng)
        with Image.open(source) as old, Image.open(result) as new:
            assert old.mode == new.mode
            before, after = np.asarray(old), np.asarray(new)
            for name in ("exif", "icc_profile", "xmp"):
                assert old.info[name] == new.info[name]
    np.testing.assert_array_equal(before[~hole], after[~hole])
    np.testing.assert_array_equal(before[..., 3:], after[..., 3:])
    np.testing.assert_array_equal(after[hole][:, :3], colours[hole])


@settings(max_examples=80, deadline=None)
@given(
    size=sizes,
    mode=st.sampled_from(BMP_MODES),
    dpi=st.integers(1, 9999),
    seed=seeds,
)
def test_bmp(size: tuple[int, int], mode: str, dpi: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hole = random_hole(rng, size)
    pixels = rng.integers(0, 256, (*size, 4), dtype=np.uint8)
    with folder() as place:
        source, result = place / "a.bmp", place / "b.bmp"
        if mode == "P":
            image = Image.fromarray(pixels[..., 0])
            image.putpalette(rng.integers(0, 256, 768, dtype=np.uint8).tobytes())
            image.save(source, dpi=(dpi, dpi))
        elif mode in ("RGBA", "upside down"):  # with a header that Pillow cannot write, and the first row first
            height = size[0] if mode == "RGBA" else -size[0]
            masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
            info = struct.pack("<IiiHHIIiiII", 108, size[1], height, 1, 32, 3, pixels.size, dpi, dpi, 0, 0)
            header = info + masks + b"sRGB"[::-1] + bytes(48)
            rows = pixels[..., [2, 1, 0, 3]][:: -1 if mode == "RGBA" else 1].tobytes()
            source.write_bytes(b"BM" + struct.pack("<IHHI", 122 + len(rows), 0, 0, 122) + header + rows)
        else:
            Image.fromarray(pixels).convert("RGB").convert(mode).save(source, dpi=(dpi, dpi))
        colours = refill(source, result, hole, rng)
        if mode != "1":
            assert source.read_bytes()[:54] == result.read_bytes()[:54]
        with Image.open(source) as old, Image.open(result) as new:
            assert (old.mode, old.info["dpi"]) == (new.mode, new.info["dpi"])
            before, after = (np.asarray(image.convert("RGB") if mode == "P" else image) for image in (old, new))
    np.testing.assert_array_equal(before[~hole], after[~hole])
    if mode in ("RGB", "RGBA", "upside down"):
        np.testing.assert_array_equal(after[hole][:, :3], colours[hole])
        np.testing.assert_array_equal(before[..., 3:], after[..., 3:])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colours_times_alpha_stay_as_they_are(tmp_path: Path, compression: str | None) -> None:
    """Dividing by alpha and multiplying again would lose some."""
    rng = np.random.default_rng(0)
    alpha = rng.integers(0, 256, (20, 30, 1), dtype=np.uint8)
    samples = np.concatenate([rng.integers(0, alpha.astype(int) + 1, (20, 30, 3)).astype(np.uint8), alpha], axis=2)
    source, result = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(source, samples, photometric="rgb", extrasamples=["assocalpha"], compression=compression)
    hole = random_hole(rng, (20, 30))
    colours = refill(source, result, hole, rng)
    decoded = tiff_samples(result)
    np.testing.assert_array_equal(decoded[~hole], samples[~hole])
    np.testing.assert_array_equal(decoded[..., 3:], alpha)
    wanted = colours[hole].astype(float) * alpha[hole] / 255
    assert np.abs(decoded[hole][:, :3] - wanted).max() <= 0.5


def test_a_palette_with_room_takes_the_colours_of_the_hole(tmp_path: Path) -> None:
    samples = np.arange(100, dtype=np.uint16).reshape(10, 10)
    hole = np.zeros((10, 10), bool)
    hole[3:6, 2:7] = True
    palette = np.repeat(np.arange(100, dtype=np.uint8)[:, None], 3, axis=1)
    for suffix, num_exact in (("png", 15), ("tif", 15)):
        source, result = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        if suffix == "png":
            source.write_bytes(png(samples, 8, 3, [(b"PLTE", palette.tobytes())], []))
        else:
            colours = np.pad(palette.T.astype(np.uint16) * 257, [(0, 0), (0, 156)])
            tifffile.imwrite(source, samples.astype(np.uint8), photometric="palette", colormap=colours)
        wanted = np.random.default_rng(0).integers(0, 256, (10, 10, 3), dtype=np.uint8)
        write_photo(read_photo(source), wanted, hole, result)
        with Image.open(result) as image:
            assert image.mode == "P"
            shown = np.asarray(image.convert("RGB"))
        assert (shown[hole] == wanted[hole]).all(axis=1).sum() == num_exact
        np.testing.assert_array_equal(shown[~hole][:, 0], samples[~hole])


def test_a_full_palette_gives_the_nearest_colours(tmp_path: Path) -> None:
    samples = np.arange(256, dtype=np.uint16).reshape(16, 16)
    palette = np.random.default_rng(1).integers(0, 256, (256, 3), dtype=np.uint8)
    source, result = tmp_path / "a.png", tmp_path / "b.png"
    samples = np.vstack([samples, samples])  # every entry is used outside of the hole, too
    source.write_bytes(png(samples, 8, 3, [(b"PLTE", palette.tobytes())], []))
    hole = np.zeros((32, 16), bool)
    hole[5:9, 5:9] = True
    wanted = np.random.default_rng(2).integers(0, 256, (32, 16, 3), dtype=np.uint8)
    write_photo(read_photo(source), wanted, hole, result)
    with Image.open(result) as image:
        shown = np.asarray(image.convert("RGB")).astype(int)
    distance = ((wanted[hole][:, None].astype(int) - palette[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(((shown[hole] - wanted[hole]) ** 2).sum(axis=1), distance.min(axis=1))
    np.testing.assert_array_equal(shown[~hole], palette[samples[~hole]])


@pytest.mark.parametrize("profile", ["none", "broken"])
def test_ink_becomes_rgb_and_back(tmp_path: Path, profile: str) -> None:
    """Colours that ink of the plain formula can show come back as they were given."""
    source, result = tmp_path / "a.tif", tmp_path / "b.tif"
    rng = np.random.default_rng(0)
    ink = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    Image.fromarray(ink, "CMYK").save(source, icc_profile=ICC if profile == "broken" else None)
    hole = np.zeros((20, 30), bool)
    hole[4:9, 5:25] = True
    wanted = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_photo(read_photo(source), wanted, hole, result)
    with Image.open(result) as image:
        np.testing.assert_array_equal(np.asarray(image)[~hole], ink[~hole])
        shown = np.asarray(image.convert("RGB"))
    assert np.abs(shown[hole].astype(int) - wanted[hole]).max() <= 2


@pytest.mark.parametrize(
    ("mode", "suffix", "message"),
    [
        ("CMYK", "png", "CMYK colours: write a .tif or .jpg"),
        ("RGBA", "jpg", "transparency: write a .png, .webp or .tif"),
        ("I;16", "jpg", "16 bits a channel: write a .png or .tif"),
        ("I;16", "webp", "16 bits a channel: write a .png or .tif"),
    ],
)
def test_a_format_that_would_lose_something_is_refused(tmp_path: Path, mode: str, suffix: str, message: str) -> None:
    pixels = np.zeros((9, 8), np.uint16) if mode == "I;16" else np.zeros((9, 8, 4), np.uint8)
    (Image.fromarray(pixels) if mode == "I;16" else Image.fromarray(pixels, mode)).save(tmp_path / "a.tif")
    photo = read_photo(tmp_path / "a.tif")
    with pytest.raises(InputError, match=message):
        write_photo(photo, np.zeros((9, 8, 3), np.uint8), np.eye(9, 8, dtype=bool), tmp_path / f"b.{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("pair", [("png", "tif"), ("tif", "png")])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_go_from_format_to_format(tmp_path: Path, pair: tuple[str, str], channels: int) -> None:
    source, result = tmp_path / f"a.{pair[0]}", tmp_path / f"b.{pair[1]}"
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 65536, (20, 31, channels)).astype(np.uint16)
    if channels == 1:
        samples = samples[..., 0]
    if pair[0] == "png":
        about = [(b"iCCP", b"name\0\0" + zlib.compress(ICC)), (b"pHYs", struct.pack(">IIB", 11811, 11811, 1))]
        source.write_bytes(png(samples, 16, {1: 0, 3: 2, 4: 6}[channels], about, [(b"eXIf", oriented(6)[6:])]))
    else:
        tifffile.imwrite(
            source, samples, photometric="rgb" if channels > 1 else "minisblack", iccprofile=ICC, resolution=(300, 300),
            extrasamples=["unassalpha"] if channels == 4 else None, extratags=[(274, 3, 1, 6, True)], metadata=None,
        )  # fmt: skip
    hole = random_hole(rng, (20, 31))
    colours = refill(source, result, hole, rng)
    decoded = png_samples(result.read_bytes()) if pair[1] == "png" else tiff_samples(result)
    np.testing.assert_array_equal(decoded[~hole], samples[~hole])
    if channels > 1:
        np.testing.assert_array_equal(decoded[hole][:, :3], colours[hole])
    with Image.open(result) as image:
        assert image.info["icc_profile"] == ICC
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert read_photo(result).orientation == 6
