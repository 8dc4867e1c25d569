"""`partialconv find` and `partialconv repair`, with a network that stands in for the shipped one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from partialconv.filling import found
from partialconv.finding import finder
from partialconv.masks.morphology import dilate
from tests.command import call
from tests.finding.standin import write_standin


@pytest.fixture(autouse=True)
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_standin(tmp_path / "find.onnx")
    monkeypatch.setattr(finder, "finder_path", lambda: path)


def photo(path: Path, specks: int = 3, size: tuple[int, int] = (120, 160)) -> Path:
    picture = np.full((*size, 3), 90, np.uint8)
    for number in range(specks):
        picture[20 + 30 * number : 24 + 30 * number, 50:55] = 250
    Image.fromarray(picture).save(path)
    return path


def test_finds_are_written_as_holes(tmp_path: Path) -> None:
    source = photo(tmp_path / "scan.png")
    done = call("find", source, "--overlay", tmp_path / "look.png", cwd=tmp_path)
    assert done.returncode == 0
    assert "found 3 dust" in done.stdout
    holes = np.asarray(Image.open(tmp_path / "scan-holes.png")) > 0
    specks = np.asarray(Image.open(source))[..., 0] == 250
    np.testing.assert_array_equal(holes, dilate(specks, 1))
    overlay = np.asarray(Image.open(tmp_path / "look.png"))
    assert (overlay[holes] == (255, 0, 0)).all() and (overlay[~holes] == 90).all()


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.png", "b.png"):
        photo(tmp_path / "in" / name)
    done = call("find", tmp_path / "in", "-o", tmp_path / "out", "--json", cwd=tmp_path)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line["holes"]).name for line in lines] == ["a-holes.png", "b-holes.png"]
    assert lines[0]["parts"][0] == {"kind": "dust", "box": [19, 49, 25, 56], "area": 42, "score": 1.0}


def test_repair_fills_what_it_finds(tmp_path: Path) -> None:
    source = photo(tmp_path / "scan.png")
    done = call("repair", source, "--before-after", tmp_path / "both.png", cwd=tmp_path)
    assert done.returncode == 0
    assert "found 3 dust" in done.stdout and "scan-filled.png" in done.stdout
    filled = np.asarray(Image.open(tmp_path / "scan-filled.png")).astype(int)
    assert np.abs(filled - 90).max() <= 3
    with Image.open(tmp_path / "both.png") as both:
        assert both.size == (320, 120)


def test_nothing_found_writes_nothing(tmp_path: Path) -> None:
    source = photo(tmp_path / "clean.png", specks=0)
    for command in ("find", "repair"):
        done = call(command, source, cwd=tmp_path)
        assert done.returncode == 1
        assert "nothing was found" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"clean.png", "find.onnx"}


def test_much_is_filled_only_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST_SHARE", 0.001)
    source = photo(tmp_path / "scan.png")
    done = call("repair", source, cwd=tmp_path)
    assert done.returncode == 2
    assert "more than is likely" in done.stderr
    assert not (tmp_path / "scan-filled.png").exists()
    assert call("repair", source, "--yes", cwd=tmp_path).returncode == 0


def test_infrared_comes_from_a_file_beside_the_photo(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = photo(tmp_path / "in" / "scan.png")
    light = np.full((120, 160), 200, np.uint8)
    light[70:74, 100:110] = 40  # dust that the network does not see, and none where it sees some
    Image.fromarray(light).save(tmp_path / "in" / "scan_ir.png")
    done = call("find", tmp_path / "in", "--json", cwd=tmp_path)
    assert [part["box"] for part in json.loads(done.stdout)["parts"]] == [[69, 99, 75, 111]]
    again = call("find", source, "--json", "--no-infrared", "--overwrite", cwd=tmp_path)
    assert len(json.loads(again.stdout)["parts"]) == 3
    Image.fromarray(light[:50]).save(tmp_path / "other.png")
    wrong = call("find", source, "--infrared", tmp_path / "other.png", "--overwrite", cwd=tmp_path)
    assert wrong.returncode == 2 and "has 160x50 pixels, expected 160x120" in wrong.stderr
    both = call("find", source, "--infrared", tmp_path / "other.png", "--no-infrared", "--overwrite", cwd=tmp_path)
    assert both.returncode == 2 and "choose one" in both.stderr


def report(folder: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "report.jsonl").read_text("utf-8").splitlines()]
    return {Path(line["photo"]).name: line for line in lines}


def test_a_batch_finds_and_fills(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "in" / "clean.png", specks=0)
    done = call("batch", "in", "--find", "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 filled, 0 skipped, 0 failed, 1 clean; out/report.jsonl\n")
    assert "in/clean.png: nothing was found in 160x120 pixels; nothing was written." in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.png", "report.jsonl"}
    lines = report(tmp_path / "out")
    assert lines["a.png"]["finds"] == {"num_parts": 3, "kinds": {"dust": 3}, "share": 0.006562}
    assert lines["clean.png"]["status"] == "clean" and lines["clean.png"]["finds"]["num_parts"] == 0
    filled = np.asarray(Image.open(tmp_path / "out" / "a.png")).astype(int)
    assert np.abs(filled - 90).max() <= 3


def test_a_batch_refuses_what_is_implausible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST_SHARE", 0.002)
    (tmp_path / "in").mkdir()
    photo(tmp_path / "in" / "much.png")
    done = call("batch", "in", "--find", "-o", "out", cwd=tmp_path)
    assert done.returncode == 1 and "more than is likely" in done.stderr
    assert report(tmp_path / "out")["much.png"]["status"] == "failed"
    assert report(tmp_path / "out")["much.png"]["finds"]["share"] == 0.006562
    assert not (tmp_path / "out" / "much.png").exists()
    assert call("batch", "in", "--find", "--yes", "-o", "out", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in", "holes", "--find"], "and only one of these"),
        (["in", "--find", "--holes-from-alpha"], "and only one of these"),
        (["in", "holes", "--kind", "dust"], "are for --find: add it"),
        (["in", "--find", "--kind", "rust"], "the kind is 'rust'"),
    ],
)
def test_wrong_orders_of_a_batch(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "in").mkdir()
    photo(tmp_path / "in" / "a.png")
    done = call("batch", *arguments, "-o", "out", cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_turned_photo_is_repaired_where_it_is_damaged(tmp_path: Path) -> None:
    picture = Image.open(photo(tmp_path / "scan.png"))
    exif = Image.Exif()
    exif[274] = 6
    picture.save(tmp_path / "turned.png", exif=exif)
    assert call("repair", tmp_path / "turned.png", "--grow", "1", cwd=tmp_path).returncode == 0
    filled = np.asarray(Image.open(tmp_path / "turned-filled.png")).astype(int)
    assert filled.shape == (120, 160, 3) and np.abs(filled - 90).max() <= 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kind", "mould"], "mould"),
        (["-o", "holes.jpg"], "it is a .png file"),
        (["--sensitivity", "2"], "less than or equal to 1"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = call("find", photo(tmp_path / "scan.png"), *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"scan.png", "find.onnx"}


def test_an_existing_file_stays(tmp_path: Path) -> None:
    source = photo(tmp_path / "scan.png")
    (tmp_path / "scan-holes.png").write_bytes(b"mine")
    assert call("find", source, cwd=tmp_path).returncode == 2
    assert (tmp_path / "scan-holes.png").read_bytes() == b"mine"
    assert call("find", source, "--overwrite", cwd=tmp_path).returncode == 0


def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "finder_path", lambda: tmp_path / "missing.onnx")
    done = call("repair", photo(tmp_path / "scan.png"), cwd=tmp_path)
    assert done.returncode == 2
    assert "this installation has no finder" in done.stderr
