"""The reader of holes: clean ones pass untouched, and each fault is found in a thousand holes that have it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from partialconv.errors import InputError
from partialconv.imageio import read_photo
from partialconv.masks import Diagnosis, examine, read_hole, sample_hole

NUM_CASES = 1000
Hole = NDArray[np.bool_]
MIXTURE = {"strokes": 4, "thin": 2, "lama-thin": 1, "lama-thick": 1, "brush": 1, "boxes": 1}


@pytest.fixture(scope="module")
def holes() -> list[Hole]:
    """Of many kinds and sizes, 1 to 40 % of the picture."""
    rng = np.random.default_rng(0)
    sizes = [(int(h), int(w)) for h, w in rng.integers(40, 120, (NUM_CASES, 2))]
    return [sample_hole(size, (0, number), MIXTURE, (0.01, 0.4)) for number, size in enumerate(sizes)]


def white(hole: Hole) -> Image.Image:
    return Image.fromarray(np.where(hole, 255, 0).astype(np.uint8))


def codes(found: Diagnosis) -> list[str]:
    return [finding.code for finding in found.findings]


def shades(hole: Hole, low: int, high: int) -> Image.Image:
    return Image.fromarray(np.where(hole, high, low).astype(np.uint8))


CLEAN: dict[str, Callable[[Hole], Any]] = {
    "L": white,
    "1": Image.fromarray,
    "RGB": lambda hole: white(hole).convert("RGB"),
    "RGBA": lambda hole: white(hole).convert("RGBA"),
    "LA": lambda hole: white(hole).convert("LA"),
    "P": lambda hole: white(hole).convert("P"),
    "CMYK": lambda hole: white(hole).convert("RGB").convert("CMYK"),
    "I;16": lambda hole: Image.fromarray(np.where(hole, 65535, 0).astype(np.uint16)),
    "I": lambda hole: white(hole).convert("I"),
    "F": lambda hole: white(hole).convert("F"),
    "dirty white": lambda hole: shades(hole, 20, 240),
    "white on a transparent layer": lambda hole: Image.merge("LA", (white(hole), white(hole))),
    "bool": lambda hole: hole,
    "0 and 1": lambda hole: hole.astype(np.int64),
    "0 and 255": lambda hole: hole.astype(np.uint8) * np.uint8(255),
    "floats": lambda hole: hole.astype(np.float32),
    "one channel": lambda hole: hole[..., None],
    "colours": lambda hole: np.repeat(hole.astype(np.uint8)[..., None] * np.uint8(255), 3, axis=2),
}


@pytest.mark.parametrize("kind", CLEAN)
def test_a_clean_hole_passes_untouched(kind: str, holes: list[Hole]) -> None:
    for hole in holes if kind in ("L", "1", "RGB", "bool") else holes[:100]:
        found = examine(CLEAN[kind](hole), hole.shape)
        assert found.findings == (), found.findings
        np.testing.assert_array_equal(found.accept(strict=True), hole)


@pytest.mark.parametrize("kind", sorted(set(CLEAN) - {"white on a transparent layer"}))
def test_black_can_mark_the_hole(kind: str, holes: list[Hole]) -> None:
    for hole in holes[:50]:
        found = examine(CLEAN[kind](~hole), hole.shape, "black")
        assert found.findings == (), found.findings
        np.testing.assert_array_equal(found.hole, hole)


def blurred(hole: Hole, number: int) -> Image.Image:
    return white(hole).filter(ImageFilter.GaussianBlur(0.5 + number % 4 * 0.5))


def bilinear(hole: Hole, number: int) -> Image.Image:
    size = (hole.shape[1] + 7 + number % 50, hole.shape[0] + 7 + number % 50)
    return white(hole).resize(size, Image.Resampling.BILINEAR).resize(hole.shape[::-1], Image.Resampling.BILINEAR)


def jpeg(hole: Hole, number: int) -> Image.Image:
    stream = io.BytesIO()
    white(hole).save(stream, "JPEG", quality=40 + number % 56)
    return Image.open(stream)


def jpeg_as_png(hole: Hole, number: int) -> Image.Image:
    return Image.fromarray(np.asarray(jpeg(hole, number)))


def on_alpha(colour: int) -> Callable[[Hole, int], Image.Image]:
    return lambda hole, _: Image.merge("LA", (Image.new("L", hole.shape[::-1], colour), white(hole)))


def erased(hole: Hole, number: int) -> Image.Image:
    """A photo out of which the hole was cut."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    photo = 120 + 60 * np.sin(x / 9 + number) * np.cos(y / 7) + rng.normal(0, 8, hole.shape)
    grey = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
    return Image.merge("RGBA", (grey, grey, grey, white(~hole)))


# fault: how it comes about, the code, and the share of pixels that may be decided otherwise than before
FAULTS: dict[str, tuple[Callable[[Hole, int], Image.Image], str, float]] = {
    "blurred": (blurred, "grey", 0.25),
    "bilinear": (bilinear, "grey", 0.15),
    "JPEG": (jpeg, "jpeg", 0.1),
    "JPEG saved as PNG": (jpeg_as_png, "grey", 0.1),
    "drawn in black on alpha": (on_alpha(0), "alpha", 0),
    "white throughout": (on_alpha(255), "alpha", 0),
    "erased from a photo": (erased, "alpha", 0),
    "labels 0 and 1": (lambda hole, _: shades(hole, 0, 1), "contrast", 0),
    "red on black": (
        lambda hole, _: Image.merge("RGB", (white(hole), *[Image.new("L", hole.shape[::-1])] * 2)),
        "contrast",
        0,
    ),
    "8 bits in 16": (lambda hole, _: Image.fromarray(np.where(hole, 255, 0).astype(np.uint16)), "contrast", 0),
    "grey and white": (lambda hole, _: shades(hole, 150, 255), "contrast", 0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault: str, holes: list[Hole]) -> None:
    corrupt, code, tolerated = FAULTS[fault]
    different = []
    for number, hole in enumerate(holes):
        found = examine(corrupt(hole, number), hole.shape)
        missing = {"empty"} if fault == "blurred" else set()  # hairlines fade below half
        assert set(codes(found)) - missing == {code}, (number, found.findings)
        different.append(float((found.hole != hole).mean()))
        with pytest.raises(InputError):
            found.accept(strict=True)
        if not missing & set(codes(found)):
            found.accept()
    assert np.mean(different) <= tolerated
    assert max(different) == 0 or tolerated


def test_inverted_holes_are_found(holes: list[Hole]) -> None:
    for hole in holes:
        border = np.concatenate([hole[0], hole[-1], hole[1:-1, 0], hole[1:-1, -1]])
        found = examine(white(~hole), hole.shape)
        expected = ["inverted"] if hole.mean() < 0.4 and border.mean() < 0.5 else []
        assert codes(found) == expected
        np.testing.assert_array_equal(found.hole, ~hole)
        if expected:
            with pytest.raises(InputError, match="looks inverted.*--hole-color black"):
                found.accept()
        np.testing.assert_array_equal(examine(white(~hole), hole.shape, "white").accept(strict=True), ~hole)
        np.testing.assert_array_equal(examine(white(~hole), hole.shape, "black").accept(strict=True), hole)


def test_most_inverted_holes_have_a_hole_border(holes: list[Hole]) -> None:
    assert np.mean([codes(examine(white(~hole))) == ["inverted"] for hole in holes]) > 0.97


def test_empty_and_full_holes_are_found(holes: list[Hole]) -> None:
    for hole in holes:
        for level, code, message in ((0, "empty", "marks no pixel"), (255, "full", "marks every pixel")):
            found = examine(Image.new("L", hole.shape[::-1], level), hole.shape)
            assert codes(found) == [code]
            with pytest.raises(InputError, match=message):
                found.accept()


def test_other_sizes_are_found_and_resized(holes: list[Hole]) -> None:
    for number, hole in enumerate(holes):
        factor = 2 + number % 3
        size = (hole.shape[0] * factor, hole.shape[1] * factor)
        found = examine(white(hole), size)
        assert codes(found) == ["size"]
        np.testing.assert_array_equal(found.accept(), np.kron(hole, np.ones((factor, factor), bool)))
        back = examine(white(np.kron(hole, np.ones((factor, factor), bool))), hole.shape)
        assert codes(back) == ["size"]
        np.testing.assert_array_equal(back.hole, hole)


def test_rounded_sizes_have_the_same_shape() -> None:
    rng = np.random.default_rng(1)
    for height, width in rng.integers(60, 900, (NUM_CASES, 2)):
        scale = rng.uniform(0.1, 0.9)
        small = np.zeros((max(1, round(height * scale)), max(1, round(width * scale))), bool)
        small[0, 0] = True
        assert "shape" not in codes(examine(small, (int(height), int(width))))


def test_another_shape_is_refused(holes: list[Hole]) -> None:
    for hole in holes:
        height, width = hole.shape
        found = examine(white(hole), (height, width + max(height, width) // 4 + 8))
        assert codes(found) == ["shape"]
        assert f"{width}x{height} pixels, but" in str(found.findings[0])
        with pytest.raises(InputError, match="draw the hole at the size of the photo"):
            found.accept()


def test_several_faults_are_all_told(holes: list[Hole]) -> None:
    hole = holes[3]
    found = examine(jpeg(~hole, 50), (hole.shape[0] * 2, hole.shape[1] * 2))
    assert codes(found) == ["jpeg", "size", "inverted"]
    assert all(finding.message and finding.fix for finding in found.findings)


def test_holes_grow(holes: list[Hole]) -> None:
    point = np.zeros((20, 30), bool)
    point[8, 12] = True
    grown = examine(point, grow_px=3).hole
    assert grown[5:12, 9:16].all() and grown.sum() == 49
    with pytest.raises(InputError, match="expected at least 0"):
        examine(point, grow_px=-1)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5), "expected numbers"),
        (np.zeros((0, 4)), "not empty"),
        (np.zeros((4, 4, 2)), "expected numbers"),
        (np.zeros((4, 4, 3)), "expected uint8"),
        (np.full((4, 4), 70000), "values from 70000 to 70000"),
        (np.full((4, 4), -1), "values from -1"),
        (np.full((4, 4), np.nan), "values from nan"),
        (np.full((4, 4), "x"), "expected numbers"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(array: NDArray[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        examine(array)


def test_files_keep_their_format_and_their_turn(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    hole = np.zeros((40, 60), bool)
    hole[5:15, 20:50] = True
    Image.new("RGB", (60, 40)).save(tmp_path / "photo.jpg", exif=exif)
    white(np.rot90(hole, -1)).save(tmp_path / "holes.jpg", quality=95)
    photo = read_photo(tmp_path / "photo.jpg")
    found = read_hole(tmp_path / "holes.jpg", photo)
    assert codes(found) == ["jpeg"]
    np.testing.assert_array_equal(found.hole, hole)
    white(hole).save(tmp_path / "lying.png")
    refused = read_hole(tmp_path / "lying.png", photo)
    assert codes(refused) == ["shape"] and "photo.jpg is 40x60" in refused.findings[0].message
    assert codes(read_hole(tmp_path / "lying.png")) == []
