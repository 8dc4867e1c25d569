"""The memory that a picture needs is known from its header, and respected."""

import re
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from partialconv.errors import TooLargeError
from partialconv.imageio import Memory, memory, open_picture, read_header, read_photo
from partialconv.masks import read_hole
from tests.imageio.formats import png
from tests.imageio.test_structure import chunk

MEASURED = """
import re, sys; from pathlib import Path; import numpy as np, jpeglib, tifffile
from partialconv.imageio import *
def kb(name): return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
path, before = Path(sys.argv[1]), kb("VmRSS")
photo = read_photo(path); read = kb("VmHWM") - before
hole = np.zeros(photo.size, bool); hole[::50] = True
write_photo(photo, rgb_of(photo).copy(), hole, path.with_name("out" + path.suffix))
print(1024 * read, 1024 * (kb("VmHWM") - before))
"""
OURS = 20_000_000  # of imports and buffers, whatever the picture


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux tells it")
@pytest.mark.parametrize("name", ["rgb.jpg", "rgba16.png", "rgb.webp", "strip.tif"])
def test_it_is_never_more_than_was_estimated(tmp_path: Path, name: str) -> None:
    """Without the network, whose memory is a constant of the estimate."""
    rgb = np.random.default_rng(0).integers(90, 110, (1500, 2000, 4), dtype=np.uint8)
    path = tmp_path / name
    if name == "rgba16.png":
        path.write_bytes(png(rgb.astype(np.uint16) * 257, 16, 6, [], []))
    elif name == "strip.tif":
        tifffile.imwrite(path, rgb[..., :3], photometric="rgb", compression="zlib", rowsperstrip=1500)
    else:
        Image.fromarray(rgb[..., :3]).save(path, quality=95, lossless=True, method=0)
    done = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True)
    read, whole = map(int, done.stdout.split())
    header = read_header(path)
    assert header.size == (1500, 2000) and header.file_bytes == path.stat().st_size
    assert read <= header.read_bytes + OURS
    assert whole <= header.fill_bytes() - 500_000_000 + OURS
    assert header.fill_bytes() - 500_000_000 < 4 * whole


def test_100_megapixels_and_250_need_what_machines_have(tmp_path: Path) -> None:
    """By the header alone: RGB of 8 bits as PNG and as JPEG."""
    for width, height, most in ((12_000, 8_400, 4e9), (20_000, 12_500, 8e9)):
        described = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + described + chunk(b"IDAT", b""))
        header = read_header(tmp_path / "a.png")
        assert header.size == (height, width)
        assert header.num_pixels * 10 < header.fill_bytes() < most
        assert header.fill_bytes("JPEG") < 1.5 * most


@pytest.mark.parametrize("reader", [read_photo, read_hole, open_picture])
def test_what_does_not_fit_is_one_line_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: object
) -> None:
    Image.new("L", (3000, 3000)).save(tmp_path / "a.png")
    monkeypatch.setattr(memory, "available_bytes", lambda: 5_000_000)
    monkeypatch.setattr(Image.Image, "load", None)  # nothing is decoded
    with pytest.raises(TooLargeError, match=r"needs about \d\.\d GB of memory, and 0\.0 GB are free") as caught:
        reader(tmp_path / "a.png")  # type: ignore[operator]
    assert re.search(r"a\.png", str(caught.value))


def test_threads_wait_for_memory_that_others_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 100)
    shared, order, begun = Memory(), [], threading.Event()

    def second() -> None:
        begun.set()
        with shared.reserved(60, "the second"):
            order.append("second")

    with shared.reserved(60, "the first"):
        thread = threading.Thread(target=second)
        thread.start()
        begun.wait()
        with shared.reserved(40, "a small one"):
            order.append("small")
        order.append("first")
    thread.join()
    assert order == ["small", "first", "second"] and shared.held_bytes == 0
    with pytest.raises(TooLargeError, match="the third needs"), shared.reserved(101, "the third"):
        pass
