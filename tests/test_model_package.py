"""A model that is a package of its own: built, installed, and used by its name."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deploy.model import build_model
from partialconv.errors import InputError
from partialconv.training.trainer import train
from partialconv.zoo import model_path
from tests.training.small import RECIPE

LOADED = (
    "import torch; from partialconv.models import PartialConvUNet\nprint(PartialConvUNet.from_pretrained('tiny').width)"
)


def test_an_installed_model_is_found_by_its_name(photos: Path, tmp_path: Path) -> None:
    train(RECIPE, photos, tmp_path / "run")
    (tmp_path / "tiny.md").write_text(
        '# Model card: tiny\n\nHardly trained, for "tests": no more. Really.\n\n## More\n'
    )
    wheel = build_model("tiny", tmp_path / "run", tmp_path / "tiny.md", tmp_path / "dist")
    assert wheel.name == "partialconv_model_tiny-0.1.0-py3-none-any.whl"
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    seen = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=seen, capture_output=True, text=True, check=False)

    listed = call("-m", "partialconv", "models")
    assert (
        listed.returncode == 0 and "tiny: 0.0 MB, " in listed.stdout and "Hardly trained, for 'tests'" in listed.stdout
    )
    hole = np.zeros((48, 64), bool)
    hole[10:20, 10:30] = True
    Image.fromarray(hole).save(tmp_path / "holes.png")
    options = ("-o", "out.png", "--model", "tiny")
    filled = call("-m", "partialconv", "fill", str(photos / "0.png"), "holes.png", *options)
    assert (filled.returncode, filled.stderr) == (0, "")
    assert call("-c", LOADED).stdout == "4\n"
    (site / "partialconv_model_tiny" / "tiny.onnx").write_bytes(b"damaged")
    broken = call("-m", "partialconv", "fill", str(photos / "0.png"), "holes.png", "--overwrite", *options)
    assert broken.returncode == 2 and "install partialconv-model-tiny again" in broken.stderr


def test_a_model_that_is_not_installed_says_which_package_it_is() -> None:
    with pytest.raises(InputError, match="pip install partialconv-model-full"):
        model_path("full")
