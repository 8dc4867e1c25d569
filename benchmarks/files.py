"""What reading and writing back a photo costs beside its decoded samples, each in a process of its own.

Seconds are those of the processor; "again" is the part of "write" in which the result is decoded and compared.

python benchmarks/files.py            # JPEG of 12 and 100 megapixels, others of 12
python benchmarks/files.py --full     # others of 40 megapixels too
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from partialconv.imageio import read_photo, rgb_of, write_photo, writing
from partialconv.imageio.colours import Filled
from partialconv.imageio.comparing import check_written

SIZES = {12: (3000, 4000), 40: (5200, 7800), 100: (8400, 12000)}  # megapixels: height, width
HOLES = 50


def synthetic(megapixels: int, deep: bool = False) -> np.ndarray[tuple[int, ...], np.dtype[np.integer]]:
    """Waves and noise, one tile repeated."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:500, :500].astype(np.float32)
    tile = np.stack([128 + 80 * np.sin(x / (30 + 9 * c) + y / (40 - 9 * c)) for c in range(3)], -1)
    tile = (tile + rng.normal(0, 5, tile.shape)).clip(0, 255)
    tile = (tile * 257).astype(np.uint16) if deep else tile.astype(np.uint8)
    height, width = SIZES[megapixels]
    return np.tile(tile, (height // 500 + 1, width // 500 + 1, 1))[:height, :width]


def prepare(folder: Path, name: str) -> Path:
    """Write the photo of a name like 12-444.jpg."""
    megapixels, kind = name.split("-")
    path, suffix = folder / name, Path(name).suffix
    if suffix == ".jpg":
        subsampling = {"420": "4:2:0", "444": "4:4:4"}[kind.removesuffix(suffix)]
        Image.fromarray(synthetic(int(megapixels))).save(path, quality=90, subsampling=subsampling)
    elif kind.startswith("16"):
        blank = read_photo(prepare(folder, f"{megapixels}-8.png"))
        deep = replace(blank, samples=synthetic(int(megapixels), deep=True), bits=16, format="")
        write_photo(deep, rgb_of(deep), np.zeros(deep.size, bool), path)
    else:
        Image.fromarray(synthetic(int(megapixels))).save(path, lossless=True)
    return path


def most_kb() -> int:
    """Most memory this process has had; `getrusage` would count its parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def measure(path: Path) -> None:
    """Read, put colours into 50 holes, write; prints one row."""
    began = time.process_time()
    base = most_kb()
    photo = read_photo(path)
    read_s, read_kb = time.process_time() - began, most_kb() - base
    hole, rng = np.zeros(photo.size, bool), np.random.default_rng(0)
    for _ in range(HOLES):
        top, left = rng.integers(photo.size[0] - 60), rng.integers(photo.size[1] - 80)
        hole[top : top + 60, left : left + 80] = True
    began = time.process_time()
    looked_s: list[float] = []

    def looking(filled: Filled, written: Path, result: Path) -> None:
        since = time.process_time()
        check_written(filled, written, result)
        looked_s.append(time.process_time() - since)

    with mock.patch.object(writing, "check_written", looking):
        write_photo(photo, rgb_of(photo).copy(), hole, path.with_name("out" + path.suffix), overwrite=True)
    write_s, peak_kb = time.process_time() - began, most_kb() - base
    decoded = photo.samples.nbytes / 1e6
    above = [kb * 1024 / 1e6 - decoded for kb in (read_kb, peak_kb)]
    print(
        f"{path.name:12} {decoded:8.0f} {read_s:8.2f} {write_s:8.2f} {sum(looked_s):8.2f}"
        f" {above[0]:10.0f} {above[1]:10.0f}"
        f" {path.stat().st_size / 1e6:9.1f} {path.with_name('out' + path.suffix).stat().st_size / 1e6:9.1f}"
    )


def main() -> None:
    """Measure each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="also 40 megapixels")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        measure(arguments.one)
        return
    names = ["12-420.jpg", "100-420.jpg", "100-444.jpg", "12-8.png", "12-16.png", "12-8.tif", "12-16.tif", "12-8.bmp"]
    names += ["12-8.webp"] + (["40-8.png", "40-16.png", "40-16.tif"] if arguments.full else [])
    print("photo              MB   read s  write s  again s   +MB read    +MB all     in MB    out MB")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            path = prepare(Path(folder), name)
            subprocess.run([sys.executable, __file__, "--one", str(path)], check=True)


if __name__ == "__main__":
    main()
