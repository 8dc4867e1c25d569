"""The photos of the network that learned from free licences alone."""

import csv
import hashlib
import runpy
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "recipes" / "half_clean.py"
LIST = ROOT / "recipes" / "half_clean_photos.csv"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_every_photo_has_a_free_licence() -> None:
    rows = _rows(LIST)
    assert len({row["file"] for row in rows}) == len(rows) > 1900
    free = ("CC", "Public domain", "Unlicense", "MIT", "BSD-2-Clause", "LicenseRef-Pexels", "LicenseRef-Unsplash")
    assert [row for row in rows if not row["licence"].startswith(free) or "-NC" in row["licence"]] == []


def test_no_photo_of_the_benchmark_is_learned() -> None:
    measured = {(row["source"], row["original"]) for row in _rows(ROOT / "benchmarks" / "wide_photos.csv")}
    searched = {line.split()[1] for line in (ROOT / "benchmarks" / "find_photos.txt").read_text().splitlines() if line}
    rows = _rows(LIST)
    assert [row for row in rows if (row["source"], row["original"]) in measured] == []
    assert [row for row in rows if row["file"] in searched] == []


def _photos(folder: Path, monkeypatch: pytest.MonkeyPatch, sha256: str = "") -> dict[str, object]:
    """The script, with a list of one large and one small photo."""
    lines = ["file,reduced,sha256,licence,source,original,author,url"]
    for name, size, reduced in (("large.png", (800, 512), "yes"), ("small.png", (300, 256), "no")):
        Image.linear_gradient("L").resize(size).convert("RGB").save(folder / name)
        digest = sha256 or hashlib.sha256((folder / name).read_bytes()).hexdigest()
        lines.append(f"{name},{reduced},{digest},CC0-1.0,somewhere,{name},,")
    (folder / "half_clean_photos.csv").write_text("\n".join(lines))
    script = runpy.run_path(str(SCRIPT))
    monkeypatch.setitem(script["reduce_photos"].__globals__, "HERE", folder)
    return script


def test_large_photos_are_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reduce_photos = _photos(tmp_path, monkeypatch)["reduce_photos"]
    assert callable(reduce_photos)
    folders = reduce_photos([tmp_path / "none", tmp_path], tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix(): path for f in folders for path in f.iterdir()}
    assert set(found) == {"256/large.webp", "384/large.webp", "asis/small.png"}
    with Image.open(found["256/large.webp"]) as copy:
        assert copy.size == (400, 256)
    assert found["asis/small.png"].read_bytes() == (tmp_path / "small.png").read_bytes()


def test_other_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reduce_photos = _photos(tmp_path, monkeypatch, sha256="0" * 64)["reduce_photos"]
    assert callable(reduce_photos)
    with pytest.raises(SystemExit, match=r"large\.png has other bytes"):
        reduce_photos([tmp_path], tmp_path / "out")
