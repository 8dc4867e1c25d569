"""The command line as a user meets it, in processes of its own."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import call, run

EXAMPLES = Path(__file__).parents[2] / "examples"


def changed_files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo, a hole for it, and every wrong file that the tests name."""
    y, x = np.mgrid[:60, :80]
    photo = Image.fromarray(np.stack([x * 3, y * 4, x + y], -1).astype(np.uint8))
    photo.save(tmp_path / "photo.png")
    photo.save(tmp_path / "photo.jpg")
    hole = np.zeros((60, 80), np.uint8)
    hole[20:30, 30:50] = 255
    Image.fromarray(hole).save(tmp_path / "holes.png")
    Image.fromarray(hole[:, :70]).save(tmp_path / "narrow.png")
    Image.fromarray(hole * 0).save(tmp_path / "empty.png")
    Image.fromarray(hole * 0 + 255).save(tmp_path / "full.png")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "photo.jpg").read_bytes()[:400])
    (tmp_path / "text.jpg").write_text("no photo")
    (tmp_path / "there.png").write_text("precious")
    return tmp_path


def test_fill(folder: Path) -> None:
    for name in ("out.png", "out.jpg"):
        result = run("fill", "photo.png", "holes.png", "-o", name, cwd=folder)
        assert (result.returncode, result.stderr) == (0, "")
    with Image.open(folder / "out.png") as filled, Image.open(folder / "photo.png") as photo:
        different = (np.asarray(filled) != np.asarray(photo)).any(axis=-1)
    assert not different[:20].any() and not different[30:].any()
    assert not different[:, :30].any() and not different[:, 50:].any()
    assert different[20:30, 30:50].mean() > 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.jpg", "holes.png", "-o", "out.jpg"), "no file missing.jpg"),
        (("photo.jpg", "missing.png", "-o", "out.jpg"), "no file missing.png"),
        (("photo.jpg", "narrow.png", "-o", "out.jpg"), "narrow.png is 70x60 pixels, but photo.jpg is 80x60"),
        (("photo.jpg", "empty.png", "-o", "out.jpg"), "empty.png marks no pixel"),
        (("photo.jpg", "full.png", "-o", "out.jpg"), "full.png marks every pixel"),
        (("broken.jpg", "holes.png", "-o", "out.jpg"), "broken.jpg is broken"),
        (("text.jpg", "holes.png", "-o", "out.jpg"), "cannot read text.jpg as an image"),
        (("photo.jpg", "text.jpg", "-o", "out.jpg"), "cannot read text.jpg as an image"),
        (("photo.jpg", "holes.png", "-o", "out.gif"), "must end in one of"),
        (("photo.jpg", "holes.png", "-o", "none/out.jpg"), "no folder none"),
        (("photo.jpg", "holes.png", "-o", "there.png"), "there.png exists"),
        (("photo.jpg", "holes.png", "-o", "out.jpg", "--model", "missing.onnx"), "no model file missing.onnx"),
        (("photo.jpg", "holes.png", "-o", "out.jpg", "--model", "photo.png"), "not an ONNX model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_input_is_one_line_and_writes_nothing(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    before = changed_files(folder)
    result = call("fill", *arguments, cwd=folder)
    assert result.returncode == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("partialconv: ") and result.stderr.count("\n") == 1
    assert changed_files(folder) == before
    assert (folder / "there.png").read_text() == "precious"


def test_overwrite_has_to_be_asked_for(folder: Path) -> None:
    result = run("fill", "photo.png", "holes.png", "-o", "there.png", "--overwrite", cwd=folder)
    assert result.returncode == 0
    with Image.open(folder / "there.png") as filled:
        assert filled.size == (80, 60)


def test_train_export_fill(folder: Path) -> None:
    (folder / "recipe.toml").write_text(
        "[model]\nwidth = 4\nnum_levels = 3\n[data]\ncrop_px = 32\n"
        "[loss]\nperceptual = 0\nstyle_out = 0\nstyle_comp = 0\n"
        "[initial]\nnum_steps = 2\n[finetune]\nnum_steps = 0\n[tracking]\nlog_every = 1\n"
    )
    (folder / "photos").mkdir()
    Image.open(folder / "photo.png").save(folder / "photos" / "photo.png")
    trained = run("train", "recipe.toml", "--data", "photos", "--out", "run", cwd=folder)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout == "2 steps done; next: partialconv export run -o model.onnx\n"
    assert "images/s" in trained.stderr
    exported = call("export", "run", "-o", "model.onnx", cwd=folder)
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout.startswith("model.onnx: 0.0 MB")
    filled = run("fill", "photo.jpg", "holes.png", "-o", "out.jpg", "--model", "model.onnx", cwd=folder)
    assert (filled.returncode, filled.stderr) == (0, "")
    again = call("train", "recipe.toml", "--data", "photos", "--out", "run", cwd=folder)
    assert again.returncode == 2 and "--resume" in again.stderr and again.stderr.count("\n") == 1
    wrong = call("train", "recipe.toml", "--data", "none", "--out", "other", cwd=folder)
    assert wrong.returncode == 2 and "no folder none" in wrong.stderr
    assert not (folder / "other").exists()


@pytest.mark.parametrize("arguments", [(), ("--help",), ("fill", "--help"), ("train", "--help"), ("--version",)])
def test_help_needs_neither_pytorch_nor_the_runtime(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from partialconv.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'onnxruntime', 'numpy'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
    assert len(result.stdout.splitlines()) > 1


def test_training_needs_none_of_what_a_rented_gpu_lacks() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('jpeglib', 'onnxruntime', 'starlette', 'uvicorn', 'cv2', 'av')))\n"
        "import partialconv.cli, partialconv.training.trainer"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def without_torch(code: str) -> subprocess.CompletedProcess[str]:
    """Run code where PyTorch, ONNX and safetensors are not to be found."""
    block = "import sys\nsys.modules.update(dict.fromkeys(('torch', 'onnx', 'safetensors')))\n"
    return subprocess.run([sys.executable, "-c", block + code], capture_output=True, text=True, check=False)


def test_the_light_install_fills_and_names_the_extra(folder: Path) -> None:
    paths = f"{str(folder / 'photo.png')!r}, {str(folder / 'holes.png')!r}"
    filled = without_torch(f"import partialconv; print(partialconv.fill({paths}).size)")
    assert filled.stdout == "(80, 60)\n", filled.stderr
    for room in ("nn", "models"):
        result = without_torch(f"import partialconv.{room}")
        assert result.returncode == 1
        last = result.stderr.splitlines()[-1]
        assert (
            last == f'ImportError: partialconv.{room} needs PyTorch: install it with pip install "partialconv[torch]".'
        )
    command = without_torch(
        "sys.argv = ['partialconv', 'export', 'run', '-o', 'm.onnx']\nimport partialconv.__main__ as m; m.run()"
    )
    assert command.returncode == 2
    assert (
        command.stderr
        == 'partialconv: partialconv export needs PyTorch: install it with pip install "partialconv[torch]".\n'
    )


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_the_examples_fill(name: str, tmp_path: Path) -> None:
    photo, holes, out = EXAMPLES / f"{name}.jpg", EXAMPLES / f"{name}.holes.png", tmp_path / "out.png"
    assert run("fill", photo, holes, "-o", out).returncode == 0
    hole = np.asarray(Image.open(holes).convert("L")) > 127
    before, after = (np.asarray(Image.open(p)) for p in (photo, out))
    np.testing.assert_array_equal(before[~hole], after[~hole])


def test_a_printed_config_trains(folder: Path) -> None:
    """What --print-config shows is a whole recipe; shrunk, it trains on a pack, and becomes a light checkpoint."""
    printed = call("train", "--print-config", cwd=folder)
    assert printed.returncode == 0 and "[finetune]" in printed.stdout and "style_comp = 120.0" in printed.stdout
    (folder / "photos").mkdir()
    (folder / "photo.png").rename(folder / "photos" / "photo.png")
    packed = call("pack", "photos", "-o", "photos.tar", "--max-mb", "0.1", "--px", "40", cwd=folder)
    assert (packed.returncode, packed.stdout.split(":")[0]) == (0, "photos.tar"), packed.stderr
    recipe = printed.stdout
    for key, value in (
        ("width", "8"), ("num_levels", "3"), ("crop_px", "32"), ("perceptual", "0"), ("style_out", "0"),
        ("style_comp", "0"), ("batch_size", "2"), ("num_workers", "0"), ("num_steps", "1"),
    ):  # fmt: skip
        recipe = re.sub(rf"^{key} = .*$", f"{key} = {value}", recipe, flags=re.MULTILINE)
    (folder / "recipe.toml").write_text(recipe)
    trained = run("train", "recipe.toml", "--data", "photos.tar", "--out", "run", cwd=folder)
    assert trained.returncode == 0 and "2 steps done" in trained.stdout, trained.stderr
    assert call("slim", "run", "-o", "light", "--max-mb", "0.08", cwd=folder).returncode == 0
    assert len(list((folder / "light").glob("checkpoint-*.safetensors"))) > 1
    assert call("export", "light", "-o", "light.onnx", cwd=folder).returncode == 0
    refused = call("slim", "run", "-o", "light", cwd=folder)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1) and "name a new folder" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "train needs a recipe, --data and --out"),
        (["train", "none.toml", "--data", ".", "--out", "run"], "cannot read recipe none.toml"),
        (["train", "r.toml", "--data", ".", "--out", "run", "--time-limit", "0"], "expected minutes, more than 0"),
        (["train", "r.toml", "--data", "none", "--out", "run"], "no folder none: give folders of photos, or"),
        (["train", "r.toml", "--data", ".", "--out", "run", "--vgg", "none.pth"], "cannot read none.pth"),
        (["pack", ".", "-o", "p.tar", "--part", "2"], "--part is '2', expected k/n"),
        (["pack", ".", "-o", "p.zip"], "ending in .tar"),
        (["slim", ".", "-o", "light"], "no checkpoint.safetensors in ."),
    ],
)
def test_wrong_training_input_is_one_line(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "r.toml").write_text("[data]\ncrop_px = 32\n")
    before = changed_files(folder)
    result = call(*arguments, cwd=folder)
    assert result.returncode == 2 and message in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert changed_files(folder) == before


def test_a_folder_of_masks_is_shown_without_pytorch(folder: Path) -> None:
    (folder / "masks").mkdir()
    Image.fromarray(np.eye(40, dtype=bool)).save(folder / "masks" / "a.png")
    code = "import os, sys\nos.chdir({!r})\nsys.argv = ['partialconv', 'masks', 'show', {!r}, '-o', 'sheet.png']\n"
    run = "import partialconv.__main__ as m; m.run()"
    shown = without_torch(code.format(str(folder), "masks") + run)
    assert shown.returncode == 0 and shown.stdout.startswith("sheet.png: 1 holes"), shown.stderr
    refused = without_torch(code.format(str(folder), "recipe.toml").replace("sheet", "other") + run)
    assert refused.returncode == 2 and "needs PyTorch" in refused.stderr and refused.stderr.count("\n") == 1
