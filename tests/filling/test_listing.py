"""What a batch finds in folders as people have them."""

import unicodedata
from pathlib import Path

import pytest

from partialconv.filling.listing import Item, list_work


def listed(folder: Path, holes: str | None = "holes", photos: str = "photos") -> dict[str, Item]:
    items = list_work(folder / photos, None if holes is None else folder / holes, folder / "out")
    names = [str(item.photo.relative_to(folder / photos)) for item in items]
    assert len(set(names)) == len(names)
    return dict(zip(names, items, strict=True))


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("photo", "hole"),
    [
        ("IMG_1.JPG", "IMG_1.PNG"),
        ("IMG_1.JPG", "img_1.png"),
        (unicodedata.normalize("NFD", "café.jpg"), unicodedata.normalize("NFC", "café.png")),
        (unicodedata.normalize("NFC", "Żółw/Ä.jpg"), unicodedata.normalize("NFD", "żółw/ä.png")),
        ("x.png", "x_mask.png"),
        ("x.png", "x_mask001.png"),
        ("x.jpg", "x.holes.png"),
        ("x.jpg", "x-hole.png"),  # as the page names it
        ("x.avif", "x.gif"),
        ("a.b.jpg", "a.b.png"),
    ],
)
def test_a_photo_and_its_hole_in_another_folder_are_a_pair(photo: str, hole: str, tmp_path: Path) -> None:
    items = listed(make(tmp_path, f"photos/{photo}", f"holes/{hole}", "holes/other.png"))
    assert {name: (item.hole, item.problem) for name, item in items.items()} == {photo: (tmp_path / "holes" / hole, "")}


@pytest.mark.parametrize("hole", ["x_mask.png", "x_mask001.png", "X_MASK.PNG", "x.holes.png", "x-mask.webp"])
def test_a_photo_and_its_hole_beside_it_are_a_pair(hole: str, tmp_path: Path) -> None:
    items = listed(make(tmp_path, "photos/x.png", f"photos/{hole}"), "photos")
    assert {name: (item.hole, item.problem) for name, item in items.items()} == {
        "x.png": (tmp_path / "photos" / hole, "")
    }


def test_the_same_name_in_the_same_case_comes_first(tmp_path: Path) -> None:
    items = listed(make(tmp_path, "photos/a.jpg", "photos/A.jpg", "holes/a.png", "holes/A.png"))
    assert {name: item.hole and item.hole.name for name, item in items.items()} == {"a.jpg": "a.png", "A.jpg": "A.png"}


def test_what_is_not_certain_is_not_guessed(tmp_path: Path) -> None:
    make(tmp_path, "photos/x.png", "photos/x_mask001.png", "photos/x_mask002.png", "photos/y.jpg", "photos/y.png")
    items = listed(tmp_path, "photos")
    assert "several" in items["x.png"].problem and "x_mask002.png" in items["x.png"].problem
    assert items["x_mask001.png"].verdict == items["x_mask002.png"].verdict == "left"
    # either may be the photo
    assert items["y.jpg"].problem.startswith("no hole for") and items["y.png"].problem.startswith("no hole for")


def test_a_name_that_nearly_fits_is_told(tmp_path: Path) -> None:
    items = listed(make(tmp_path, "photos/img 1.jpg", "holes/img-1.png", "photos/album/b.jpg", "holes/b.png"))
    assert str(tmp_path / "holes" / "img-1.png") in items["img 1.jpg"].problem
    assert str(tmp_path / "holes" / "b.png") in items["album/b.jpg"].problem


def test_a_photo_with_the_name_of_a_hole_is_not_lost(tmp_path: Path) -> None:
    make(tmp_path, "photos/rabbit.jpg", "photos/rabbit_hole.jpg", "photos/lonely_mask.png", "stamp.png")
    items = listed(tmp_path, "stamp.png")
    assert items["rabbit.jpg"].problem == items["lonely_mask.png"].problem == ""
    assert items["rabbit_hole.jpg"].verdict == "left" and "rename it" in items["rabbit_hole.jpg"].problem


def test_links_are_followed_once_and_what_leads_nowhere_is_named(tmp_path: Path) -> None:
    make(tmp_path, "photos/1.jpg", "album/2.jpg", "album/deep/3.jpg", "elsewhere/4.jpg", "stamp.png")
    for name, target in (
        ("photos/album", "album"), ("photos/again", "album"), ("photos/4.jpg", "elsewhere/4.jpg"),
        ("photos/nothing", "none"), ("album/deep/up", "album"), ("photos/self", "photos"),
    ):  # fmt: skip
        (tmp_path / name).symlink_to(tmp_path / target)
    (tmp_path / "photos" / "ring").symlink_to(tmp_path / "photos" / "ring")
    items = listed(tmp_path, "stamp.png")
    filled = {name for name, item in items.items() if not item.problem}
    assert filled == {"1.jpg", "4.jpg", "again/2.jpg", "again/deep/3.jpg"}
    assert {name for name, item in items.items() if item.verdict == "left"} == {
        "album", "again/deep/up", "nothing", "self", "ring",
    }  # fmt: skip


def test_every_other_file_is_named(tmp_path: Path) -> None:
    make(tmp_path, "photos/1.jpg", "photos/raw.cr2", "photos/.hidden.jpg", "photos/.DS_Store", "photos/Thumbs.db")
    make(tmp_path, "photos/out/old.jpg", "photos/._1.jpg", "stamp.png")
    items = {item.photo.name: item for item in list_work(tmp_path / "photos", tmp_path / "stamp.png", tmp_path / "out")}
    assert {name: (bool(item.problem), item.verdict) for name, item in items.items()} == {
        "1.jpg": (False, "failed"),
        ".hidden.jpg": (False, "failed"),
        "old.jpg": (False, "failed"),
        "raw.cr2": (True, "left"),
        ".DS_Store": (True, "ignored"),
        "._1.jpg": (True, "ignored"),
        "Thumbs.db": (True, "ignored"),
    }


def test_results_of_formats_that_are_only_read_get_names_of_their_own(tmp_path: Path) -> None:
    items = listed(make(tmp_path, "photos/a.gif", "photos/a.png", "photos/b.heic", "photos/c.jfif", "h.png"), "h.png")
    assert {name: item.output.name for name, item in items.items()} == {
        "a.gif": "a.gif.png", "a.png": "a.png", "b.heic": "b.png", "c.jfif": "c.jfif",
    }  # fmt: skip
