"""Sets on disk: bins, border, manifest, the same bytes from any number of workers; published masks."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import encode_png
from partialconv.masks import sample_hole, stroke_hole
from partialconv.masks.published import import_masks
from partialconv.masks.sets import (
    BINS,
    MaskOrder,
    MaskRow,
    benchmark_orders,
    bin_of,
    free_orders,
    read_manifest,
    training_orders,
    write_set,
)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def pixels(path: Path) -> NDArray[np.bool_]:
    with Image.open(path) as picture:
        assert picture.mode == "1"
        return np.array(picture)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    for number in range(4):
        mask = np.zeros((200, 220), bool)
        for line in range(20 + 10 * number, 200, 90):
            mask[line : line + 2, 10:180] = mask[30:190, line : line + 2] = True
        (folder / f"{number}.png").write_bytes(encode_png(mask))
    return folder


@pytest.mark.parametrize("kind", ["strokes", "flow"])
def test_a_benchmark_has_its_twelve_groups(kind: str, raw: Path, tmp_path: Path) -> None:
    rows = write_set(benchmark_orders(3, 5, 128), tmp_path / "set", {kind: 1}, raw, 128)
    assert len(rows) == 36 and rows == read_manifest(tmp_path / "set")
    assert sorted(contents(tmp_path / "set")) == sorted([*(f"{n:05d}.png" for n in range(36)), "manifest.csv"])
    for number, row in enumerate(rows):
        low, high = BINS[number // 6]
        hole = pixels(tmp_path / "set" / row.file)
        assert hole.shape == (128, 128)
        assert low < hole.mean() <= high
        assert row.bin == f"{low}-{high}"
        assert float(row.ratio) == pytest.approx(hole.mean(), abs=1e-6)
        assert row.sha256 == hashlib.sha256((tmp_path / "set" / row.file).read_bytes()).hexdigest()
        edge = 12  # 50 of 512, of 128 pixels
        frame = np.ones_like(hole)
        frame[edge + 1 : -edge - 1, edge + 1 : -edge - 1] = False
        if number // 3 % 2 == 0:
            assert row.border == "clear"
            frame[edge : -edge or None, edge : -edge or None] = False
            assert not hole[frame].any()
        else:
            assert row.border == ("any" if hole[:edge].any() or hole[-edge:].any() else row.border)
        again = sample_hole((128, 128), int(row.seed), {kind: 1}, (low, high), raw, 0 if number // 3 % 2 else edge)
        np.testing.assert_array_equal(again, hole)
    assert sum(row.border == "any" for row in rows) > 12
    assert len({row.sha256 for row in rows}) == 36


@pytest.mark.parametrize("kind", ["strokes", "flow"])
def test_workers_and_runs_give_the_same_bytes(kind: str, raw: Path, tmp_path: Path) -> None:
    orders = benchmark_orders(2, 0, 64)
    for name, num_workers in (("one", 1), ("again", 1), ("two", 2), ("three", 3)):
        write_set(orders, tmp_path / name, {kind: 1, "thin": 0.5}, raw, 64, num_workers)
    expected = contents(tmp_path / "one")
    assert all(contents(tmp_path / name) == expected for name in ("again", "two", "three"))
    write_set(benchmark_orders(2, 1, 64), tmp_path / "other", {kind: 1, "thin": 0.5}, raw, 64)
    assert not {row.sha256 for row in read_manifest(tmp_path / "other")} & {
        row.sha256 for row in read_manifest(tmp_path / "one")
    }


def test_a_seed_holds_its_bytes_on_every_machine(tmp_path: Path) -> None:
    write_set(benchmark_orders(1, 0), tmp_path / "set", {"strokes": 1})
    manifest = (tmp_path / "set" / "manifest.csv").read_bytes()
    assert hashlib.sha256(manifest).hexdigest().startswith("82f33c64a6e30d98")


def test_training_masks_are_none_of_a_benchmark() -> None:
    training, benchmark = training_orders(55_116, 0), benchmark_orders(1000, 0)
    assert (len(training), len(benchmark)) == (55_116, 12_000)
    seeds = [{order.seed for order in orders} for orders in (training, benchmark, free_orders(1000, 0))]
    assert [len(s) for s in seeds] == [55_116, 12_000, 1000]
    assert len(set.union(*seeds)) == 55_116 + 12_000 + 1000
    counts = [sum(order.hole_ratio == bin_ for order in training) for bin_ in BINS]
    assert counts == [9186] * 6
    assert {order.clear_px for order in benchmark} == {0, 50}
    assert benchmark_orders(1, 0, 256)[0].clear_px == 25


@pytest.mark.parametrize(
    ("ratio", "name"),
    [(0.01, ""), (0.0101, "0.01-0.1"), (0.1, "0.01-0.1"), (0.1001, "0.1-0.2"), (0.6, "0.5-0.6"), (0.61, ""), (0.0, "")],
)
def test_bins_contain_their_upper_end(ratio: float, name: str) -> None:
    assert bin_of(ratio) == name


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_bin_that_cannot_be_met_fails_and_leaves_nothing(num_workers: int, tmp_path: Path) -> None:
    orders = [*benchmark_orders(1, 0, 64), MaskOrder("99999.png", 0, (0.97, 0.98), 0)]
    with pytest.raises(InputError, match=r"mask 99999.png: none of .* boxes has a hole ratio in \(0.97, 0.98\]"):
        write_set(
            [replace(o, hole_ratio=(0.05, 0.6), clear_px=0) for o in orders[:-1]] + orders[-1:],
            tmp_path / "set",
            {"boxes": 1},
            None,
            64,
            num_workers,
        )
    assert not list(tmp_path.iterdir())


def test_folders_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_set(free_orders(2, 0), tmp_path / "set", {"strokes": 1}, None, 64)  # empty: fine
    with pytest.raises(InputError, match="is not empty"):
        write_set(free_orders(2, 0), tmp_path / "set", {"strokes": 1}, None, 64)
    with pytest.raises(InputError, match="there is no folder"):
        write_set(free_orders(2, 0), tmp_path / "none" / "set", {"strokes": 1}, None, 64)
    with pytest.raises(InputError, match="expected at least"):
        write_set([], tmp_path / "other", {"strokes": 1})
    with pytest.raises(InputError, match="unknown kind"):
        write_set(free_orders(2, 0), tmp_path / "other", {"lines": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_manifests_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest\.csv"):
        read_manifest(tmp_path)
    for text in ("", "file,seed\n", "file,seed,ratio,bin,border,sha256\n00000.png,1\n"):
        (tmp_path / "manifest.csv").write_text(text)
        with pytest.raises(InputError, match="is damaged"):
            read_manifest(tmp_path)


HOLES = [stroke_hole((96, 96), seed, (0.05, 0.3), None, 10 * (seed % 2)) for seed in range(6)]


def packed(white_is_hole: bool) -> dict[str, bytes]:
    files = {}
    for number, hole in enumerate(HOLES):
        stream = io.BytesIO()
        Image.fromarray(np.where(hole == white_is_hole, 255, 0).astype(np.uint8)).save(stream, "PNG")
        files[f"masks/part/{number:03d}.png"] = stream.getvalue()
    return files


def write(source: Path, files: dict[str, bytes]) -> Path:
    if source.suffix == ".zip":
        with zipfile.ZipFile(source, "w") as archive:
            for name, content in {**files, "__MACOSX/masks/._000.png": b"junk", "masks/readme.txt": b"text"}.items():
                archive.writestr(name, content)
    elif source.suffixes:
        with tarfile.open(source, "w:gz") as packed_files:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed_files.addfile(member, io.BytesIO(content))
    else:
        for name, content in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
    return source


@pytest.mark.parametrize("name", ["masks.zip", "masks.tar.gz", "folder"])
@pytest.mark.parametrize(
    ("kind", "white_is_hole"), [("nvidia-test", True), ("nvidia-training", False), ("qd-imd", False)]
)
def test_published_masks_of_both_polarities(name: str, kind: str, white_is_hole: bool, tmp_path: Path) -> None:
    rows = import_masks(write(tmp_path / name, packed(white_is_hole)), tmp_path / "set", kind)
    assert rows == read_manifest(tmp_path / "set") and len(rows) == len(HOLES)
    for row, hole in zip(rows, HOLES, strict=True):
        np.testing.assert_array_equal(pixels(tmp_path / "set" / row.file), hole)
        assert (row.seed, row.bin) == ("", bin_of(hole.mean()))
    assert [row.border for row in rows[1::2]] == ["clear"] * 3


def test_a_wrong_polarity_is_noticed(tmp_path: Path) -> None:
    source = write(tmp_path / "masks.zip", packed(False))
    with pytest.raises(InputError, match="6 of 6 masks look inverted as nvidia-test: try --kind black"):
        import_masks(source, tmp_path / "set", "nvidia-test")
    assert [path.name for path in tmp_path.iterdir()] == ["masks.zip"]


def test_what_holds_no_masks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no archive")
    broken = write(tmp_path / "broken.zip", {"a.png": packed(True)["masks/part/000.png"][:60]})
    for source, kind, message in [
        (tmp_path / "missing", "white", "no file or folder"),
        (tmp_path / "empty", "white", "no pictures in"),
        (tmp_path / "text", "white", "no folder, zip or tar"),
        (tmp_path / "empty", "nvidia", "unknown kind of masks 'nvidia'"),
        (broken, "white", "a.png in .*broken.zip is broken"),
    ]:
        with pytest.raises(InputError, match=message):
            import_masks(source, tmp_path / "set", kind)
    assert not (tmp_path / "set").exists()


def test_a_row_says_where_it_came_from() -> None:
    assert [*MaskRow.__dataclass_fields__] == ["file", "seed", "ratio", "bin", "border", "sha256"]
