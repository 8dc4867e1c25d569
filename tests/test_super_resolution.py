"""The example of super-resolution, and the network that it uses."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAM = EXAMPLES / "super_resolution.py"


def table(*arguments: object) -> list[list[str]]:
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in done.stdout.splitlines()[2:]]


@pytest.mark.parametrize("step", [2, 4])
def test_bicubic_is_exact_for_parabolas(step: int) -> None:
    y, x = np.mgrid[:41, :57] / 60
    photo = np.stack([y**2, x * y, 0.3 + x / 2 - x**2 / 4], -1).astype(np.float32)
    made = runpy.run_path(str(PROGRAM))["bicubic"](photo[::step, ::step], step, photo.shape[:2])
    inside = np.s_[step : -2 * step, step : -2 * step]  # four taps need a known pixel more on either side
    np.testing.assert_allclose(made[inside], photo[inside], atol=1e-5)


def test_known_pixels_stay_and_the_rest_is_better_than_bicubic_at_4_times(tmp_path: Path) -> None:
    rows = table(EXAMPLES / "rocket.jpg", "-o", tmp_path)
    assert [row[:2] for row in rows] == [["rocket.jpg", "2"], ["rocket.jpg", "4"]]
    assert float(rows[1][2]) > float(rows[1][3]) + 0.2
    for step in (2, 4):
        photo, smooth, fill = np.split(np.asarray(Image.open(tmp_path / f"rocket_{step}x.png")), 3, axis=1)
        for made in (smooth, fill):
            assert np.array_equal(made[::step, ::step], photo[::step, ::step])
            assert not np.array_equal(made, photo)


def test_means_of_a_folder_have_intervals(tmp_path: Path) -> None:
    for name in ("chelsea.jpg", "rocket.jpg"):
        shutil.copy(EXAMPLES / name, tmp_path)
    alone, means = table(*sorted(tmp_path.iterdir())), table("--data", tmp_path)
    assert [row[:2] for row in means] == [["mean of 2", "2"], ["mean of 2", "4"]]
    for step, row in zip(("2", "4"), means, strict=True):
        scores = [float(line[2]) for line in alone if line[1] == step]
        mean, low, high = map(float, re.findall(r"-?[\d.]+", row[2]))
        assert mean == pytest.approx(sum(scores) / 2, abs=0.011)
        assert (low, high) == pytest.approx((min(scores), max(scores)), abs=0.011)
