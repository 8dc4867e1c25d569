"""The commands around masks, as a user meets them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.masks import stroke_hole
from partialconv.masks.sets import read_manifest
from tests.command import run
from tests.masks.test_video import make_video

HOLE = stroke_hole((60, 80), 0, (0.1, 0.2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo, and pictures of its hole with faults."""
    y, x = np.mgrid[:60, :80]
    Image.fromarray(np.stack([x * 3, y * 4, x + y], -1).astype(np.uint8)).save(tmp_path / "photo.png")
    clean = Image.fromarray(np.where(HOLE, 255, 0).astype(np.uint8))
    clean.save(tmp_path / "clean.png")
    clean.save(tmp_path / "lossy.jpg", quality=95)
    Image.fromarray(np.where(HOLE, 0, 255).astype(np.uint8)).save(tmp_path / "inverted.png")
    clean.resize((160, 120), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    Image.new("L", (80, 60)).save(tmp_path / "empty.png")
    return tmp_path


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_the_doctor_says_what_is_wrong(folder: Path) -> None:
    clean = run("doctor", "clean.png", "photo.png", cwd=folder)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert clean.stdout == f"clean.png is clean: {HOLE.mean():.1%} of it is hole\n"
    for name, codes in [("lossy.jpg", ["jpeg"]), ("inverted.png", ["inverted"]), ("large.png", ["size"])]:
        found = run("doctor", name, "photo.png", cwd=folder)
        assert (found.returncode, found.stderr) == (0, "")
        assert [line.split(":")[0] for line in found.stdout.splitlines()] == codes
        assert name in found.stdout
        strict = run("doctor", name, "photo.png", "--strict", cwd=folder)
        assert strict.returncode == 2 and strict.stderr.startswith("partialconv: ") and strict.stderr.count("\n") == 1


def test_the_doctor_writes_a_clean_hole(folder: Path) -> None:
    fixed = run("doctor", "large.png", "photo.png", "--fix", "-o", "fixed.png", cwd=folder)
    assert fixed.returncode == 0 and "fixed.png: " in fixed.stdout
    with Image.open(folder / "fixed.png") as picture:
        assert picture.mode == "1"
        np.testing.assert_array_equal(np.asarray(picture), HOLE)
    grown = run("doctor", "inverted.png", "--hole-color", "black", "--grow", 2, "--fix", "-o", "grown.png", cwd=folder)
    assert grown.returncode == 0 and grown.stdout.count("\n") == 1
    with Image.open(folder / "grown.png") as picture:
        assert np.asarray(picture)[HOLE].all() and np.asarray(picture).sum() > HOLE.sum()
    for arguments, message in [
        (("clean.png", "--fix"), "go together"),
        (("clean.png", "-o", "new.png"), "go together"),
        (("clean.png", "--fix", "-o", "new.jpg"), "is a .png file"),
        (("clean.png", "--fix", "-o", "fixed.png"), "add --overwrite"),
        (("empty.png", "--fix", "-o", "new.png"), "marks no pixel"),
        (("missing.png",), "no file missing.png"),
    ]:
        result = run("doctor", *arguments, cwd=folder)
        assert result.returncode == 2 and message in result.stderr and result.stderr.count("\n") == 1
    assert not list(folder.glob("new*")) and not list(folder.glob(".*"))


def test_fill_tells_the_findings_and_goes_on(folder: Path) -> None:
    clean = run("fill", "photo.png", "clean.png", "-o", "clean.out.png", cwd=folder)
    assert (clean.returncode, clean.stderr) == (0, "")
    large = run("fill", "photo.png", "large.png", "-o", "large.out.png", cwd=folder)
    assert large.returncode == 0
    assert large.stderr.startswith("partialconv: warning: large.png is 160x120 pixels, but photo.png is 80x60")
    assert large.stderr.count("\n") == 1
    black = run("fill", "photo.png", "inverted.png", "-o", "black.out.png", "--hole-color", "black", cwd=folder)
    assert (black.returncode, black.stderr) == (0, "")
    for name in ("large.out.png", "black.out.png"):
        np.testing.assert_array_equal(read(folder / name), read(folder / "clean.out.png"))
    grown = run("fill", "photo.png", "clean.png", "-o", "grown.out.png", "--grow", 2, cwd=folder)
    assert grown.returncode == 0
    changed = (read(folder / "grown.out.png") != read(folder / "photo.png")).any(axis=-1)
    assert (changed & ~HOLE).any()
    strict = run("fill", "photo.png", "large.png", "-o", "strict.png", "--strict", cwd=folder)
    assert strict.returncode == 2 and "160x120" in strict.stderr and not (folder / "strict.png").exists()


def test_the_call_warns_and_refuses_alike(folder: Path) -> None:
    import partialconv
    from partialconv.filling.api import HoleWarning

    clean = partialconv.fill(folder / "photo.png", folder / "clean.png")
    with pytest.warns(HoleWarning, match="160x120 pixels.*the nearest pixels were taken"):
        large = partialconv.fill(folder / "photo.png", folder / "large.png")
    black = partialconv.fill(folder / "photo.png", ~HOLE, hole_color="black")
    for other in (large, black):
        np.testing.assert_array_equal(np.asarray(other), np.asarray(clean))
    with pytest.raises(partialconv.InputError, match="160x120"):
        partialconv.fill(folder / "photo.png", folder / "large.png", strict=True)


def test_sets_are_made_and_shown(folder: Path) -> None:
    made = run("masks", "benchmark", "-o", "set", "--count", 2, "--size", 64, "--workers", 2, cwd=folder)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("set: 24 masks and manifest.csv, 0.0 MB")
    assert len(read_manifest(folder / "set")) == 24
    trained = run(
        "masks", "training", "-o", "more", "--count", 7, "--size", 64, "--kinds", "thin=1,boxes=2", cwd=folder
    )
    assert trained.returncode == 0, trained.stderr
    imported = run("masks", "import", "set", "-o", "copy", "--kind", "white", cwd=folder)
    assert imported.returncode == 0, imported.stderr
    rows = [(row.ratio, row.bin, row.border, row.sha256) for row in read_manifest(folder / "copy")]
    assert rows == [(row.ratio, row.bin, row.border, row.sha256) for row in read_manifest(folder / "set")]
    shown = run("masks", "show", "set", "-o", "sheet.png", "--count", 10, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width > 8 * 64
    (folder / "recipe.toml").write_text("[data]\ncrop_px = 32\nholes = { strokes = 0.5, thin = 0.5 }\n")
    recipe = run("masks", "show", "recipe.toml", "-o", "recipe.png", cwd=folder)
    assert recipe.returncode == 0, recipe.stderr
    assert recipe.stdout.startswith("recipe.png: 48 holes")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("benchmark", "-o", "there"), "is not empty"),
        (("benchmark", "-o", "new", "--kinds", "lines"), "unknown kind of holes 'lines'"),
        (("benchmark", "-o", "new", "--kinds", "strokes=much"), "'strokes=much' is not a weight"),
        (("benchmark", "-o", "new", "--kinds", "flow"), "need a folder of `partialconv masks flow`"),
        (("benchmark", "-o", "new", "--raw", "there"), "no flow masks"),
        (("import", "missing.zip", "-o", "new", "--kind", "white"), "no file or folder missing.zip"),
        (("flow", "missing.mp4", "-o", "new"), "no file missing.mp4"),
        (("flow", "photo.png", "-o", "new"), "photo.png has fewer than two frames"),
        (("show", "missing.toml", "-o", "new.png"), "cannot read recipe missing.toml"),
        (("show", "there", "-o", "new.png"), "no masks (*.png) in there"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    (folder / "there").mkdir()
    (folder / "there" / "file.txt").write_text("precious")
    before = sorted(folder.rglob("*"))
    result = run("masks", *arguments, cwd=folder)
    assert result.returncode == 2 and message in result.stderr
    assert result.stderr.startswith("partialconv: ") and result.stderr.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_flow_masks_from_a_video(folder: Path) -> None:
    make_video(folder / "v.mp4", 5)
    made = run("masks", "flow", "v.mp4", "-o", "flow", "--size", 64, "--count", 6, cwd=folder)
    assert made.returncode == 0, made.stderr
    assert "4 new raw masks, 0 were there" in made.stdout.replace("\n", " ")
    rows = read_manifest(folder / "flow" / "masks")
    assert len(rows) == 6 and all(0.01 < float(row.ratio) <= 0.6 for row in rows)
    again = run("masks", "flow", "v.mp4", "-o", "flow", "--count", 0, cwd=folder)
    assert "0 new raw masks, 4 were there" in again.stdout.replace("\n", " ")
    used = run("masks", "training", "-o", "set", "--count", 6, "--size", 64, "--raw", "flow", cwd=folder)
    assert used.returncode == 0, used.stderr


@pytest.mark.parametrize("arguments", [("doctor", "--help"), ("masks", "--help"), ("masks", "flow", "--help")])
def test_help_needs_no_heavy_package(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom partialconv.cli import main\ntry: main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'onnxruntime', 'numpy', 'cv2', 'av', 'PIL'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_light_install_names_the_extra(folder: Path) -> None:
    code = (
        "import sys\nsys.modules.update(dict.fromkeys(('torch', 'cv2', 'av')))\n"
        "sys.argv = ['partialconv', 'masks', 'flow', 'photo.png', '-o', 'flow']\n"
        "import partialconv.__main__ as m; m.run()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 2
    assert result.stderr == (
        'partialconv: masks from videos need PyAV: install it with pip install "partialconv[flow]".\n'
    )
    assert not (folder / "flow").exists()
