"""Inputs that want to do harm, and destinations that fail: one clear line, soon, and nothing left behind."""

import os
import re
import resource
import stat
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import check_destination, read_photo, read_text, rgb_of, unfinished, write_photo
from partialconv.masks import read_hole
from tests.imageio.formats import animation, png

READERS: list[Callable[[Path], object]] = [read_photo, read_hole]
NO_PICTURES = ["fifo", "device", "folder", "nothing", "loop", "dangling", "empty", "text", "postscript"]
ODD_NAMES = ["two\nlines.png", "bell\a.png", os.fsdecode(b"latin\xe9.png"), "x" * 300 + ".png", "nul\0.png"]
NUM_MUTATED = 10_000
IHDR = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"


def bomb(kind: str) -> bytes:
    """A small file that claims to hold 60,000 x 60,000 pixels."""
    if kind == "png":
        header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
        content = IHDR + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        return content + struct.pack(">I", 9) + b"IDAT" + zlib.compress(b"") + bytes(4)
    if kind == "jpg":
        return (
            b"\xff\xd8\xff\xc0\0\x0b\x08"
            + struct.pack(">HH", 60000, 60000)
            + b"\1\1\x11\0"
            + b"\xff\xda\0\x08\1\1\0\0\x3f\0"
        )
    if kind == "bmp":
        info = struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0)
        return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + info + bytes(100)
    if kind == "gif":
        return (
            b"GIF89a"
            + struct.pack("<HHBBB", 60000, 60000, 0, 0, 0)
            + b","
            + struct.pack("<HHHHB", 0, 0, 60000, 60000, 0)
            + b"\x08\1\0\0;"
        )
    tags = {256: 60000, 257: 60000, 258: 8, 259: 1, 262: 1, 273: 200, 277: 1, 278: 60000, 279: 100}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(200)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "gif", "tif"])
def test_bombs_are_refused_by_their_header(tmp_path: Path, kind: str, reader: Callable[[Path], object]) -> None:
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(bomb(kind))
    with pytest.raises(InputError, match="60000x60000 pixels, expected at most 250 million"):
        reader(path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_are_refused(tmp_path: Path, kind: str, reader: Callable[[Path], object]) -> None:
    path = tmp_path / "moving.picture"
    path.write_bytes(animation(kind))
    with pytest.raises(InputError, match="has more than one frame, expected a still picture"):
        reader(path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "kind", ["fifo", "device", "folder", "nothing", "loop", "dangling", "empty", "text", "postscript"]
)
def test_what_is_no_picture_is_refused_at_once(tmp_path: Path, kind: str, reader: Callable[[Path], object]) -> None:
    path = tmp_path / "it.png"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(tmp_path / "other.png")
        (tmp_path / "other.png").symlink_to(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere.png")
    elif kind != "nothing":
        content = {"empty": b"", "text": b"hello", "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"}
        path.write_bytes(content[kind])
    message = "^cannot read .* as an image" if kind in ("empty", "text", "postscript") else "^no file"
    with pytest.raises(InputError, match=message):
        reader(path)


@pytest.mark.parametrize(
    "name", ["two\nlines.png", "bell\a.png", os.fsdecode(b"latin\xe9.png"), "x" * 300 + ".png", "nul\0.png"]
)
def test_odd_names_make_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_photo(tmp_path / name)
    assert str(caught.value).isprintable()


def test_odd_names_can_be_used(tmp_path: Path, photo: Path) -> None:
    for name in ("two\nlines.png", os.fsdecode(b"latin\xe9.jpg"), "x" * 250 + ".png"):
        source = tmp_path / ("in " + name)[-255:]
        Image.open(photo).save(source)
        opened = read_photo(source)
        write_photo(opened, rgb_of(opened), np.eye(200, 300, dtype=bool), tmp_path / name)
        assert read_photo(tmp_path / name).size == (200, 300)


def test_links_are_followed_to_a_file_and_from_one(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "link.png").symlink_to(photo)
    (tmp_path / "kept.png").write_bytes(b"old")
    (tmp_path / "out.png").symlink_to(tmp_path / "kept.png")
    opened = read_photo(tmp_path / "link.png")
    write_photo(opened, rgb_of(opened), np.eye(200, 300, dtype=bool), tmp_path / "out.png", overwrite=True)
    assert (tmp_path / "out.png").is_symlink() and read_photo(tmp_path / "kept.png").size == (200, 300)


def test_content_decides_over_the_name(tmp_path: Path, photo: Path) -> None:
    photo.rename(tmp_path / "really_a_png.jpg")
    opened = read_photo(tmp_path / "really_a_png.jpg")
    assert opened.format == "PNG"
    for suffix, kind in ((".jpg", "JPEG"), (".png", "PNG"), (".tif", "TIFF")):
        write_photo(opened, rgb_of(opened), np.eye(200, 300, dtype=bool), tmp_path / f"out{suffix}")
        with Image.open(tmp_path / f"out{suffix}") as written:
            assert written.format == kind


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_files_without_permission(tmp_path: Path, photo: Path) -> None:
    photo.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        read_photo(photo)
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="read-only"):
        check_destination(tmp_path / "out.png", overwrite=False)
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as somebody else")
def test_files_without_permission_as_somebody_else(tmp_path: Path, photo: Path) -> None:
    photo.chmod(0)
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from partialconv.imageio import *\n"
        "os.setgid(65534); os.setuid(65534); path = Path(sys.argv[1])\n"
        "for call in (lambda: read_photo(path), lambda: check_destination(path.with_name('out.png'), False)):\n"
        "    try: call()\n"
        "    except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(photo)], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert re.search("may not be read|Permission denied", first)
    assert re.search("read-only|Permission denied", second)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("source", ["png", "jpg", "tif", "bmp"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, photo: Path, source: str, suffix: str
) -> None:
    """A file may not grow beyond 4 kB here, which the system reports as it does a full disk."""
    Image.open(photo).save(tmp_path / f"in.{source}")
    (tmp_path / f"out{suffix}").write_bytes(b"precious")
    code = (
        "import resource, sys; import numpy as np; from pathlib import Path\n"
        "from partialconv.imageio import *\n"
        "photo = read_photo(Path(sys.argv[1])); result = Path(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_photo(photo, rgb_of(photo), np.eye(200, 300, dtype=bool), result, overwrite=True)\n"
        "except ValueError as error: print(error)\n"
    )
    paths = [str(tmp_path / f"in.{source}"), str(tmp_path / f"out{suffix}")]
    before = sorted(tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1 and "cannot write" in done.stdout and done.stderr == ""
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / f"out{suffix}").read_bytes() == b"precious"


def test_two_that_write_the_same_name(tmp_path: Path) -> None:
    """One of them wins, whole; without `overwrite` the other one is told."""
    both, told = threading.Barrier(2), []

    def write(content: bytes) -> None:
        try:
            with unfinished(tmp_path / "out.png", overwrite=False) as temporary:
                temporary.write_bytes(content)
                both.wait()
        except InputError as error:
            told.append(str(error))

    threads = [threading.Thread(target=write, args=(content * 10**6,)) for content in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1 and "exists" in told[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert len(set((tmp_path / "out.png").read_bytes())) == 1


def test_a_new_file_has_the_usual_mode(tmp_path: Path, photo: Path) -> None:
    opened = read_photo(photo)
    old = os.umask(0o027)
    try:
        write_photo(opened, rgb_of(opened), np.eye(200, 300, dtype=bool), tmp_path / "out.png")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o640


def test_destinations_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for name in ("pipe.png", "loop.png"):
        with pytest.raises(InputError, match="cannot write"):
            check_destination(tmp_path / name, overwrite=True)


def test_100_megapixels_are_read_and_300_are_not(tmp_path: Path) -> None:
    """Bilevel, so that they are small; Pillow alone would refuse the first from 179 megapixels on."""
    for side, fits in ((14_000, True), (17_500, False)):
        row = b"\0" * (1 + -(-side // 8))
        packer = zlib.compressobj(1)
        data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
        content = b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )
        (tmp_path / "large.png").write_bytes(IHDR[:8] + content)
        if fits:
            assert read_photo(tmp_path / "large.png").size == (side, side)
        else:
            with pytest.raises(InputError, match="expected at most 250 million"):
                read_photo(tmp_path / "large.png")


def test_a_colour_that_means_transparent_is_not_painted(tmp_path: Path) -> None:
    samples = np.full((20, 20, 3), 90, np.uint16)
    samples[:3] = (10, 200, 0)
    (tmp_path / "a.png").write_bytes(png(samples, 8, 2, [(b"tRNS", b"\0\x0a\0\xc8\0\0")], []))
    photo = read_photo(tmp_path / "a.png")
    hole = np.zeros((20, 20), bool)
    hole[2:9, 2:9] = True
    write_photo(photo, np.broadcast_to(np.array([10, 200, 0], np.uint8), (20, 20, 3)), hole, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        shown = np.asarray(image.convert("RGBA"))
    np.testing.assert_array_equal(shown[..., 3] == 0, np.arange(20)[:, None] < np.full(20, 3))
    assert np.abs(shown[3:9, 2:9, :3].astype(int) - (10, 200, 0)).max() == 1


def test_mutated_files_make_one_clear_line_each() -> None:
    """In a process of its own, so that a crash of a C library is seen, and with memory for small pictures only."""
    limit = 4 << 30

    def less_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "tests.imageio.fuzz", str(NUM_MUTATED)],
        capture_output=True, text=True, check=False, timeout=400, preexec_fn=less_memory, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr[-2000:]
    assert re.fullmatch(rf"{NUM_MUTATED} files: .*\n", done.stdout), done.stdout[-2000:]
    read, refused = (int(n) for n in re.findall(r"'(?:photos read|refused by read_photo)': (\d+)", done.stdout))
    assert read + refused == NUM_MUTATED and read > 1000 and refused > 1000


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text_may_begin_with_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(mark + "größe\n".encode())
    assert read_text(tmp_path / "a.txt", 100) == "größe\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o4750])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, photo: Path, mode: int) -> None:
    content = photo.read_bytes()
    target = tmp_path / "replaced.png"
    target.write_bytes(content)
    target.chmod(mode)
    read = read_photo(target)
    remarks = write_photo(read, rgb_of(read), np.eye(*read.size, dtype=bool), target, overwrite=True)
    assert stat.S_IMODE(target.stat().st_mode) == mode and remarks == ()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path, photo: Path) -> None:
    target = tmp_path / "replaced.png"
    target.write_bytes(photo.read_bytes())
    os.chown(target, 1234, 2345)
    read = read_photo(target)
    write_photo(read, rgb_of(read), np.eye(*read.size, dtype=bool), target, overwrite=True)
    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 2345)


def test_other_names_of_a_replaced_file_are_told(tmp_path: Path, photo: Path) -> None:
    target, other = tmp_path / "one.png", tmp_path / "other.png"
    target.write_bytes(photo.read_bytes())
    os.link(target, other)
    before = other.read_bytes()
    read = read_photo(target)
    remarks = write_photo(read, 255 - rgb_of(read), np.eye(*read.size, dtype=bool), target, overwrite=True)
    assert remarks == (f"{target} had 1 other name (hard links), under which the old file stays",)
    assert other.read_bytes() == before != target.read_bytes()
