"""`partialconv bench`, as a user meets it."""

import json
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from partialconv.masks.sets import benchmark_orders, write_set
from tests.command import call, run

STORED = Path(__file__).parents[1] / "benchmark" / "builtin.json"
RENEW = "if the change is meant, renew the stored numbers as benchmarks/builtin.py says"
TOLERANCES = {"l1_percent": 0.02, "hole_l1_percent": 0.1, "psnr": 0.1, "hole_psnr": 0.1, "ssim": 2e-3, "ms_ssim": 2e-3}


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    (tmp_path / "photos").symlink_to(photos)
    write_set(benchmark_orders(1, 0, 64), tmp_path / "masks", {"strokes": 1.0}, size_px=64)
    return tmp_path


def bench(folder: Path, *arguments: object) -> str:
    common = ("bench", "--photos", "photos", "--masks", "masks/manifest.csv", "--pairs", 2)
    result = call(*common, *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def scores(report: Path) -> object:
    data = json.loads((report / "report.json").read_text())
    return data["scores"], data["cells"], data["differences"], data["pairing"]


def test_the_same_numbers_at_once_in_parts_and_after_a_stop(folder: Path) -> None:
    assert "whole: report.json, report.md, report.html" in bench(folder, "-o", "whole", "--methods", "telea,mean")
    half = bench(folder, "-o", "parts", "--methods", "telea,mean", "--part", "2/2")
    assert "24 fills are left" in half and not (folder / "parts" / "report.json").exists()
    bench(folder, "-o", "parts", "--methods", "telea,mean", "--part", "1/2")
    bench(folder, "-o", "parts", "--methods", "telea,mean")
    assert scores(folder / "parts") == scores(folder / "whole")
    log = folder / "whole" / "results.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert len(lines) == 48
    log.write_text("".join(lines[:30]) + lines[30][:40])  # stopped in the middle of a line
    before = scores(folder / "whole")
    bench(folder, "-o", "whole", "--methods", "telea,mean")
    assert scores(folder / "whole") == before
    assert log.read_text().splitlines(keepends=True)[:30] == lines[:30] and len(log.read_text().splitlines()) == 48
    same = call("bench", "--compare", "parts", "whole/report.json", cwd=folder)
    assert same.returncode == 0 and "24 pairs in both" in same.stdout
    assert same.stdout.count("equal") == 2 * 5


def test_the_report_holds_together(folder: Path) -> None:
    program = "import sys, shutil; shutil.copy(sys.argv[1], sys.argv[3])"
    own = f"<b>|own=cmd:{sys.executable} -c '{program}' {{photo}} {{hole}} {{out}}"
    result = run(
        *("bench", "--photos", "photos", "--masks", "masks/manifest.csv", "-o", "r", "--methods", "ns,plain"),
        *("--pairs", 1, "--method", own, "--method", "bad=cmd:false {photo} {hole} {out}"),
        cwd=folder,
    )
    assert result.returncode == 0, result.stderr
    for line in ("no LPIPS", "no FID", "plain: the twin", "bad: false ended with code 1"):
        assert line in result.stderr
    data = json.loads((folder / "r" / "report.json").read_text())
    assert list(data["methods"]) == ["ns", "<b>|own"] and data["reference"] == "ns"
    assert data["differences"]["<b>|own"]["all all"]["hole_psnr"]["high"] < 0  # black is no good fill
    table = (folder / "r" / "report.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 16 for row in rows if row.startswith(("| PSNR", "| *PSNR")))
    assert "*PConv, paper*" in table and "<b>\\|own" in table
    page = (folder / "r" / "report.html").read_text()
    assert "<b>" not in page and not re.search(r"(src|href)=\"(?!data:)", page) and "<script" not in page
    assert page.count("data:image/webp") >= 3 * 4 and page.count("data:image/svg") == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "new"), "bench needs --photos DIR"),
        (("--builtin", "--photos", "photos", "-o", "new"), "bench needs --photos DIR"),
        (("--builtin", "-o", "new", "--methods", "tealeaf"), "no method 'tealeaf': choose of ours, bare, plain, telea"),
        (("--builtin", "-o", "new", "--methods", "none"), "no method to run"),
        (("--builtin", "-o", "new", "--method", "mine"), "--method is 'mine', expected NAME=FILE.onnx"),
        (("--builtin", "-o", "new", "--part", "3/2"), "--part is '3/2', expected k/n"),
        (("--builtin", "-o", "none/new"), "there is no folder"),
        (("--builtin", "-o", "new", "--lpips", "none.pth"), "cannot read none.pth"),
        (("--builtin", "-o", "new", "--features", "none.onnx"), "no file none.onnx"),
        (("--photos", "photos", "--masks", "photos", "-o", "new"), "`partialconv masks import photos -o masks/`"),
        (("--photos", "none", "--masks", "masks", "-o", "new"), "no folder none"),
        (("--compare", "none.json", "none.json"), "cannot read none.json"),
        (("--compare", "masks/manifest.csv", "none.json"), "not a report.json of"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = call("bench", *arguments, cwd=folder)
    assert result.returncode == 2 and message in result.stderr
    assert result.stderr.startswith("partialconv: ") and result.stderr.count("\n") == 1
    assert not (folder / "new").exists()


def test_the_built_in_benchmark_gives_the_stored_numbers(tmp_path: Path) -> None:
    result = run("bench", "--builtin", "--methods", "ours,telea,ns,mean", "-o", "r", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    data, stored = json.loads((tmp_path / "r" / "report.json").read_text()), json.loads(STORED.read_text())
    assert data["pairing"]["sha256"] == stored["pairs"], RENEW
    assert data["methods"]["ours"]["identity"].split(",")[0] == stored["identities"]["ours"].split(",")[0], RENEW
    for name, cells in stored["means"].items():
        for cell, means in cells.items():
            for metric, expected in means.items():
                found = data["cells"][name][cell][metric]["mean"]
                assert found == pytest.approx(expected, abs=TOLERANCES[metric]), (name, cell, metric, RENEW)
    with Image.open(tmp_path / "r" / "photos" / "rocket.jpg") as photo:
        assert photo.mode == "RGB"
