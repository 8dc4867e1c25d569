"""Folders and shards of photos, good and bad."""

import functools
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.data import PhotoSource, find_photos, open_photos
from partialconv.data import photos as photos_module
from partialconv.data.photos import expand_braces
from partialconv.errors import InputError


@pytest.fixture(scope="module")
def shards(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos in two WebDataset shards, beside captions and a folder."""
    folder: Path = tmp_path_factory.mktemp("shards")
    for number, names in enumerate([["0.png", "1.png"], ["more/small_and_grey.jpg", "broken.jpg"]]):
        with tarfile.open(folder / f"set-{number:02d}.tar", "w") as archive:
            for name in names:
                archive.add(photos / name, name)
                caption = tarfile.TarInfo(f"{name.rsplit('.', 1)[0]}.txt")
                caption.size = 3
                archive.addfile(caption, io.BytesIO(b"abc"))
    return folder


@pytest.fixture
def server(shards: Path) -> Iterator[str]:
    """The shards behind a URL of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(shards))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def pixels(source: PhotoSource) -> list[bytes]:
    return [source.read(number).tobytes() for number in range(len(source))]


def test_photos_are_found_and_broken_ones_named(photos: Path, tmp_path: Path) -> None:
    readable, broken = find_photos(photos)
    assert [p.name for p in readable] == [*(f"{n}.png" for n in range(5)), "small_and_grey.jpg"]
    assert [p.name for p in broken] == ["broken.jpg"]
    source = open_photos(photos, 32)
    assert source.names == [str(p) for p in readable]
    assert source.notes == [
        f"skipped, not readable: {broken[0]}",
        "1 of 6 photos are smaller than the crop of 32 pixels: enlarged.",
    ]
    assert source.read(5).mode == "RGB" and source.read(5).size == (25, 20)
    for look in (find_photos, lambda folder: open_photos(folder, 32)):
        with pytest.raises(InputError, match="no folder"):
            look(tmp_path / "none")
        with pytest.raises(InputError, match="no readable photo"):
            look(tmp_path)


def test_photos_below_half_of_the_crop_are_left_out(photos: Path) -> None:
    source = open_photos(photos, 96)
    assert len(source) == 5
    assert any("25x20, below half of the crop of 96 pixels" in note for note in source.notes)
    with pytest.raises(InputError, match="64x48, below half of the crop of 500") as caught:
        open_photos(photos, 500)
    assert "\n" not in str(caught.value)


def test_many_photos_are_not_opened_beforehand(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos_module, "CHECK_AT_MOST", 3)
    assert len(open_photos(photos, 32)) == 7  # the broken one too


def test_shards_give_the_same_photos_as_the_folder(photos: Path, shards: Path) -> None:
    source = open_photos(str(shards / "set-{00..01}.tar"), 32)
    assert source.names == ["set-00.tar/0.png", "set-00.tar/1.png", "set-01.tar/more/small_and_grey.jpg"]
    assert source.notes[0] == "skipped, not readable: set-01.tar/broken.jpg"
    folder = open_photos(photos, 32)
    assert pixels(source) == [pixels(folder)[n] for n in (0, 1, 5)]
    listed = open_photos(f"{shards}/set-01.tar {shards}/set-00.tar", 32)
    assert sorted(listed.names) == sorted(source.names)


def test_remote_shards_are_copied_once(shards: Path, server: str, tmp_path: Path) -> None:
    here = open_photos(str(shards / "set-{00..01}.tar"), 32)
    for _ in range(2):
        there = open_photos(f"{server}/set-{{00..01}}.tar", 32, cache=tmp_path / "cache")
        assert pixels(there) == pixels(here)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    with pytest.raises(InputError, match=r"cannot fetch .*set-07.tar"):
        open_photos(f"{server}/set-07.tar", 32, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2  # nothing half-copied stays


def test_a_shard_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    for name in ("bad.tar", "none.tar"):
        with pytest.raises(InputError, match="expected an uncompressed tar file"):
            open_photos(tmp_path / name, 32)


def test_braces() -> None:
    assert expand_braces("p-{9..11}.tar") == ["p-9.tar", "p-10.tar", "p-11.tar"]
    assert expand_braces("{0..1}/{0..1}.tar") == ["0/0.tar", "0/1.tar", "1/0.tar", "1/1.tar"]
    assert expand_braces("plain{x}.tar") == ["plain{x}.tar"]


def test_photos_come_upright_and_in_colour(tmp_path: Path) -> None:
    photo = Image.fromarray(np.arange(20 * 30, dtype=np.uint8).reshape(20, 30))
    exif = Image.Exif()
    exif[274] = 6
    photo.save(tmp_path / "turned.png", exif=exif)
    assert open_photos(tmp_path, 16).read(0).size == (20, 30)


def test_folders_and_shards_together(photos: Path, shards: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "more" / "one.png")
    source = open_photos(f"{tmp_path}/more {shards}/set-00.tar {photos}", 32)
    assert source.names[:3] == [str(tmp_path / "more" / "one.png"), "set-00.tar/0.png", "set-00.tar/1.png"]
    assert source.names[3:] == open_photos(photos, 32).names
    assert pixels(source)[1:3] == pixels(source)[3:5]  # the same photos
    with pytest.raises(InputError, match=f"no folder {tmp_path}/none: give folders of photos, or WebDataset shards"):
        open_photos(f"{photos} {tmp_path}/none", 32)
