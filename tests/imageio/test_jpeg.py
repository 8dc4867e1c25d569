"""JPEG to JPEG over subsamplings, colours and codings: what the hole does not touch keeps its coefficients."""

import contextlib
import io
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import jpeglib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import Filled, read_photo, rgb_of, write_photo
from partialconv.imageio.jpeg import requantise_blocks
from partialconv.imageio.markers import blank_like, parse_jpeg, write_jpeg
from tests.imageio.formats import EXIF, ICC, XMP

KINDS = ["L", "4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "RGB", "CMYK 4:4:4", "CMYK 4:2:0", "YCCK 4:2:0"]
CODINGS = ["plain", "progressive", "optimised", "restart"]
NAMES = ("Y", "Cb", "Cr", "K")


def picture(size: tuple[int, int], channels: int, seed: int) -> NDArray[np.uint8]:
    """Waves and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [128 + 90 * np.sin(x / rng.uniform(2, 30) + y / rng.uniform(2, 30)) for _ in range(channels)]
    noisy = np.stack(waves, -1) + rng.normal(0, 8, (*size, channels))
    return np.asarray(noisy.clip(0, 255), np.uint8)


def encode(size: tuple[int, int], kind: str, coding: str, quality: int, seed: int) -> bytes:
    """A JPEG with markers of every kind."""
    channels = 1 if kind == "L" else 4 if kind[:2] in ("CM", "YC") else 3
    pixels = picture(size, channels, seed)
    codings: dict[str, dict[str, Any]] = {
        "plain": {}, "progressive": {"progressive": True}, "optimised": {"optimize": True},
        "restart": {"restart_marker_blocks": 3},
    }  # fmt: skip
    options = codings[coding]
    buffer = io.BytesIO()
    if kind in ("4:4:0", "4:1:1"):  # Pillow has no words for these
        factor = {"4:4:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440, "4:1:1": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411}[kind]
        parameters = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
        parameters += [cv2.IMWRITE_JPEG_PROGRESSIVE, int(coding == "progressive")]
        parameters += [cv2.IMWRITE_JPEG_RST_INTERVAL, 3 if coding == "restart" else 0]
        return cv2.imencode(".jpg", pixels, parameters)[1].tobytes()
    if kind == "RGB":
        options["keep_rgb"] = True
    elif kind != "L":
        options["subsampling"] = kind[-5:]
    image = (
        Image.fromarray(pixels[..., 0]) if kind == "L" else Image.fromarray(pixels, "RGB" if channels == 3 else "CMYK")
    )
    image.save(
        buffer, "JPEG", quality=quality, exif=EXIF, icc_profile=ICC, xmp=XMP, comment=b"words", dpi=(240, 240),
        extra=b"\xff\xed\0\x0fPhotoshop 3.0", **options,
    )  # fmt: skip
    content = buffer.getvalue()
    if kind.startswith("YCCK"):
        place = content.index(b"Adobe\0") + 11
        content = content[:place] + b"\2" + content[place + 1 :]
    return content


def markers(content: bytes) -> list[tuple[int, bytes]]:
    """All segments before the first scan, but for the tables and the frame."""
    found, place = [], 2
    while content[place + 1] != 0xDA:
        size = int.from_bytes(content[place + 2 : place + 4])
        if 0xE0 <= content[place + 1] < 0xF0 or content[place + 1] == 0xFE:
            found.append((content[place + 1], content[place + 4 : place + 2 + size]))
        place += 2 + size
    return found


@settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)).filter(lambda size: size != (1, 1)),
    kind=st.sampled_from(KINDS), coding=st.sampled_from(CODINGS), quality=st.integers(20, 100),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_untouched_blocks_keep_their_coefficients(
    size: tuple[int, int], kind: str, coding: str, quality: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    hole = np.zeros(size, bool)
    top, left = rng.integers(size[0]), rng.integers(size[1])
    hole[top : top + rng.integers(1, 20), left : left + rng.integers(1, 20)] = True
    if hole.all():
        hole[0, 0] = False
    with tempfile.TemporaryDirectory() as name:
        source, result = Path(name, "a.jpg"), Path(name, "b.jpg")
        source.write_bytes(encode(size, kind, coding, quality, seed))
        photo = read_photo(source)
        colours = np.array(rgb_of(photo))
        colours[hole] = rng.integers(0, 256, 3)
        write_photo(photo, colours, hole, result)
        old, new = jpeglib.read_dct(str(source)), jpeglib.read_dct(str(result))
        np.testing.assert_array_equal(old.samp_factor, new.samp_factor)
        names = [name for name in NAMES if getattr(old, name) is not None]
        for plane in range(len(names)):
            np.testing.assert_array_equal(old.qt[old.quant_tbl_no[plane]], new.qt[new.quant_tbl_no[plane]])
        steps = np.max(old.samp_factor, axis=0) // np.asarray(old.samp_factor)
        touched = np.zeros(size, bool)
        for plane, (down, across) in enumerate(steps * 8):
            before, after = getattr(old, names[plane]), getattr(new, names[plane])
            for row, column in np.ndindex(before.shape[:2]):
                span = np.s_[row * down : (row + 1) * down, column * across : (column + 1) * across]
                if hole[span].any():
                    touched[span] = True
                else:
                    np.testing.assert_array_equal(before[row, column], after[row, column])
        with Image.open(source) as one, Image.open(result) as other:
            assert (one.mode, one.size, other.format) == (other.mode, other.size, "JPEG")
            shown = [np.asarray(image) for image in (one, other)]
        assert markers(source.read_bytes()) == markers(result.read_bytes())
    near = cv2.dilate(touched.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # chroma is smoothed over block edges
    np.testing.assert_array_equal(shown[0][~near], shown[1][~near])


@pytest.mark.parametrize("kind", KINDS)
def test_the_hole_shows_the_colours(tmp_path: Path, kind: str) -> None:
    """As near as the tables allow: a hole of one colour over whole blocks, at quality 95."""
    (tmp_path / "a.jpg").write_bytes(encode((64, 64), kind, "plain", 95, 3))
    photo = read_photo(tmp_path / "a.jpg")
    hole = np.zeros((64, 64), bool)
    hole[16:48, 16:48] = True
    colours = np.broadcast_to(np.array([200, 60, 90], np.uint8), (64, 64, 3))
    write_photo(photo, colours, hole, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        shown = np.asarray(image.convert("RGB"))[20:44, 20:44].reshape(-1, 3).mean(axis=0)
    wanted = [117, 117, 117] if kind == "L" else [200, 60, 90]
    assert np.abs(shown - wanted).max() < 4


def test_previews_and_what_follows_stay_behind(tmp_path: Path) -> None:
    content = encode((40, 40), "4:2:0", "plain", 80, 0)
    index = b"MPF\0" + bytes(40)
    with_index = content[:2] + b"\xff\xe2" + (len(index) + 2).to_bytes(2) + index + content[2:]
    (tmp_path / "a.jpg").write_bytes(with_index + b"a film")
    photo = read_photo(tmp_path / "a.jpg")
    write_photo(photo, rgb_of(photo), np.eye(40, dtype=bool), tmp_path / "b.jpg")
    written = (tmp_path / "b.jpg").read_bytes()
    assert written.endswith(b"\xff\xd9") and markers(written) == markers(content)


def test_harmless_faults_print_nothing(tmp_path: Path) -> None:
    """Bytes before the end of the picture, as phones leave them; libjpeg would remark on them itself."""
    content = encode((40, 40), "4:2:0", "plain", 80, 0)
    (tmp_path / "a.jpg").write_bytes(content[:-2] + b"\0\0\0\0" + content[-2:])
    code = (
        "import numpy as np; from pathlib import Path; from partialconv.imageio import *\n"
        "photo = read_photo(Path('a.jpg')); write_photo(photo, rgb_of(photo), np.eye(40, dtype=bool), Path('b.jpg'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "b.jpg").exists()


def test_arithmetic_coding_is_refused_in_one_line(tmp_path: Path) -> None:
    content = encode((40, 40), "4:4:4", "plain", 80, 0)
    (tmp_path / "a.jpg").write_bytes(content)
    arithmetic = content.replace(b"\xff\xc0\0\x11", b"\xff\xc9\0\x11")
    photo = replace(read_photo(tmp_path / "a.jpg"), content=arithmetic)
    with pytest.raises(InputError, match="arithmetic coding: write a .png"):
        write_photo(photo, rgb_of(photo), np.eye(40, dtype=bool), tmp_path / "b.jpg")
    with contextlib.suppress(InputError):  # Pillow may decode it or not
        read_photo(tmp_path / "a.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("kind", ["4:4:4", "4:2:0", "4:1:1"])
def test_rows_are_computed_once_for_all_planes(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.jpg").write_bytes(encode((90, 70), kind, "plain", 90, 1))
    photo, hole = read_photo(tmp_path / "photo.jpg"), np.zeros((90, 70), bool)
    hole[10:60, 20:30] = hole[85:90, 3:9] = True
    filled = Filled(photo, rgb_of(photo), hole)
    asked: list[int] = []
    rows = Filled.rows

    def watched(self: Filled, start: int, stop: int) -> NDArray[Any]:
        asked.extend(range(start, stop))
        return rows(self, start, stop)

    monkeypatch.setattr(Filled, "rows", watched)
    requantise_blocks(filled, tmp_path / "out.jpg")
    assert len(set(asked)) == len(asked) and set(np.flatnonzero(hole.any(axis=1))) <= set(asked)


def test_ink_of_a_hole_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planes of a CMYK JPEG are written in two passes over its rows."""
    converted = []

    def counted(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        converted.append(len(rgb))
        return np.full((len(rgb), 4), 99, np.uint8)

    Image.fromarray(picture((64, 80), 4, 0), "CMYK").save(tmp_path / "a.jpg", quality=90)
    photo, hole = read_photo(tmp_path / "a.jpg"), np.zeros((64, 80), bool)
    hole[10:40, 20:30] = True
    monkeypatch.setattr("partialconv.imageio.ink.ink_transforms", lambda _: (None, counted))
    write_photo(photo, np.full((64, 80, 3), 120, np.uint8), hole, tmp_path / "b.jpg")
    assert converted == [300]
    with Image.open(tmp_path / "b.jpg") as image:
        assert np.abs(np.asarray(image)[18:22, 24:26].astype(int) - 99).max() <= 6


@pytest.mark.parametrize("size", [(1, 1), (8, 16), (33, 70)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_has_the_same_planes_and_nothing_in_them(
    kind: str, size: tuple[int, int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source, blank = tmp_path / "a.jpg", tmp_path / "blank.jpg"
    source.write_bytes(encode(size, kind, "progressive", 70, 0))
    write_jpeg(blank, *blank_like(parse_jpeg(source.read_bytes()).segments))
    one, other = jpeglib.read_dct(str(source)), jpeglib.read_dct(str(blank))
    assert (one.height, one.width, one.jpeg_color_space) == (other.height, other.width, other.jpeg_color_space)
    np.testing.assert_array_equal(one.samp_factor, other.samp_factor)
    np.testing.assert_array_equal(one.block_dims, other.block_dims)
    planes = [getattr(other, name) for name in NAMES if getattr(one, name) is not None]
    assert not any(plane.any() for plane in planes)
    assert capfd.readouterr().err == ""  # libjpeg would tell of bytes that are missing, or too many


@pytest.mark.parametrize("coding", CODINGS)
def test_the_picture_is_not_decoded_to_be_replaced(
    coding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """jpeglib decodes what it describes, and what it writes into; neither may be the photo."""
    decoded: list[bytes] = []
    describe, write = jpeglib.read_dct, jpeglib.DCTJPEG.write_dct

    def described(path: str) -> Any:
        decoded.append(Path(path).read_bytes())
        return describe(path)

    def written(self: Any, *given: Any, **named: Any) -> None:
        decoded.append(self.content)
        write(self, *given, **named)

    content = encode((90, 70), "4:2:0", coding, 90, 1)
    (tmp_path / "a.jpg").write_bytes(content)
    photo = read_photo(tmp_path / "a.jpg")
    monkeypatch.setattr(jpeglib, "read_dct", described)
    monkeypatch.setattr(jpeglib.DCTJPEG, "write_dct", written)
    write_photo(photo, rgb_of(photo), np.eye(90, 70, dtype=bool), tmp_path / "b.jpg")
    assert len(decoded) == 2 and all(parse_jpeg(content).picture not in one for one in decoded)
