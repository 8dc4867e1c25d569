"""What is said of a fill: wide holes say so, at every door that reports."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv import FillJob, FillOptions, fill_file
from partialconv.filling import report
from tests.command import run


def files(folder: Path, side: int) -> tuple[Path, Path]:
    """A photo, and a hole whose widest part is a square."""
    noise = np.random.default_rng(0).integers(90, 160, (120, 160, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    hole = np.zeros((120, 160), bool)
    hole[20 : 20 + side, 30 : 30 + side] = hole[100:104, 5:150] = True
    Image.fromarray(hole).save(folder / "a.holes.png")
    return folder / "a.png", folder / "a.holes.png"


def remarks_of(folder: Path, side: int, options: FillOptions) -> tuple[str, ...]:
    photo, hole = files(folder, side)
    return fill_file(FillJob(photo, folder / "out.png", hole, options)).report.remarks


def test_a_wide_hole_is_told_with_its_width(tmp_path: Path) -> None:
    (remark,) = remarks_of(tmp_path, 60, FillOptions())
    assert "up to 60 pixels wide" in remark and "other parts of the photo" in remark


def test_a_hole_that_is_filled_well_is_not(tmp_path: Path) -> None:
    assert remarks_of(tmp_path, 31, FillOptions()) == ()


def test_without_copies_it_is_said_to_be_blurred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (remark,) = remarks_of(tmp_path, 60, FillOptions(copy=False))
    assert "blurred" in remark and "pypatchmatch" not in remark
    monkeypatch.setattr(report, "is_available", lambda: False)
    (tmp_path / "out.png").unlink()
    (remark,) = remarks_of(tmp_path, 60, FillOptions())
    assert "pip install pypatchmatch" in remark


def test_fill_and_batch_say_it(tmp_path: Path) -> None:
    files(tmp_path, 60)
    alone = run("fill", "a.png", "a.holes.png", "-o", "b.png", cwd=tmp_path)
    assert alone.returncode == 0 and "up to 60 pixels wide" in alone.stderr
    (tmp_path / "photos").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "photos" / "a.png")
    assert run("batch", "photos", "a.holes.png", "-o", "out", cwd=tmp_path).returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "report.jsonl").read_text("utf-8").splitlines()]
    assert any("up to 60 pixels wide" in finding for line in lines for finding in line["findings"])
