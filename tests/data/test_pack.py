"""Packs: small enough, seeded, readable by training and by others."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import Image

from partialconv.data import open_photos
from partialconv.data.pack import pack
from partialconv.errors import InputError


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty noisy photos of 96x64 pixels, two of them already small WebP and JPEG files."""
    folder: Path = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    for number in range(18):
        Image.fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)).save(folder / f"photo.{number:02d}.png")
    for suffix in ("webp", "jpg"):
        Image.fromarray(rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)).save(folder / f"small.{suffix}")
    return folder


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


def test_everything_fits(many: Path, tmp_path: Path) -> None:
    source = open_photos(many, 0)
    packed = pack(source, tmp_path / "all.tar", max_mb=1, px=32)
    assert (packed.num, packed.num_wanted, packed.skipped) == (20, 20, [])
    assert packed.num_bytes == (tmp_path / "all.tar").stat().st_size
    read = open_photos(tmp_path / "all.tar", 32)
    assert len(read) == 20
    assert all(min(read.read(n).size) == 32 for n in range(20))
    contents = members(tmp_path / "all.tar").values()
    for name in ("small.webp", "small.jpg"):  # not compressed again
        assert (many / name).read_bytes() in contents


def test_a_seeded_share_within_the_limit(many: Path, tmp_path: Path) -> None:
    source = open_photos(many, 0)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        packed = pack(source, tmp_path / f"{name}.tar", max_mb=0.024, px=32, seed=seed)
        assert 0 < packed.num < 20 and packed.num_bytes <= 24_000
    a, b, c = (members(tmp_path / f"{name}.tar") for name in "abc")
    assert a == b and a.keys() != c.keys()


def test_parts_are_disjoint_and_whole(many: Path, tmp_path: Path) -> None:
    source = open_photos(many, 0)
    names: list[str] = []
    for k in (1, 2, 3):
        pack(source, tmp_path / f"{k}.tar", max_mb=1, px=32, part=(k, 3))
        names += members(tmp_path / f"{k}.tar")
    assert len(names) == len(set(names)) == 20


# the library leaves its file to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_a_pack(many: Path, tmp_path: Path) -> None:
    pack(open_photos(many, 0), tmp_path / "p.tar", max_mb=1, px=32)
    samples = list(webdataset.WebDataset(str(tmp_path / "p.tar"), shardshuffle=False, empty_check=False))
    assert len(samples) == 20
    assert len({s["__key__"] for s in samples}) == 20


def test_what_cannot_be_packed(many: Path, photos: Path, tmp_path: Path) -> None:
    source = open_photos(many, 0)
    for arguments, message in (
        ({"part": (3, 2)}, "part is 3/2, expected k/n"),
        ({"px": 1}, "px is 1"),
        ({"max_mb": 0.0101}, "no photo fits into 0.0101 MB"),
    ):
        with pytest.raises(InputError, match=message):
            pack(source, tmp_path / "p.tar", **({"max_mb": 1.0} | arguments))
    with pytest.raises(InputError, match="ending in .tar"):
        pack(source, tmp_path / "p.zip", 1)
    assert not list(tmp_path.iterdir())
    (tmp_path / "p.tar").write_bytes(b"mine")
    with pytest.raises(InputError, match="--overwrite"):
        pack(source, tmp_path / "p.tar", 1)
    assert (tmp_path / "p.tar").read_bytes() == b"mine"
    assert pack(source, tmp_path / "p.tar", 1, overwrite=True).num == 20


def test_a_photo_that_does_not_decode_is_left_out(many: Path, tmp_path: Path) -> None:
    content = (many / "photo.00.png").read_bytes()
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "whole.png").write_bytes(content)
    packed = pack(open_photos(tmp_path, 0), tmp_path / "p.tar", 1, px=32)
    assert packed.num == 1 and packed.skipped == [str(tmp_path / "half.png")]
