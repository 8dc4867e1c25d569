"""What a command loads: a fill needs no drawing of holes, no other models and no rarely used parts of libraries."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

LOADED = """
import sys
sys.argv = ["partialconv", *sys.argv[1:]]
from partialconv.cli.main import main
try:
    main()
finally:
    print(*sorted(sys.modules))
"""


def test_a_fill_imports_only_what_it_needs(tmp_path: Path) -> None:
    rng, hole = np.random.default_rng(0), np.zeros((96, 96), np.uint8)
    hole[40:50, 40:60] = 255
    Image.fromarray(rng.integers(90, 160, (96, 96, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(hole).save(tmp_path / "holes.png")
    command = [sys.executable, "-c", LOADED, "fill", "a.png", "holes.png", "-o", "out.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (tmp_path / "out.png").exists()
    loaded = set(done.stdout.split())
    assert "partialconv.inference.grain" in loaded
    needless = {"numpy.ma", "partialconv.masks.strokes", "partialconv.filling.estimate", "torch"}
    needless |= {"jpeglib", "tifffile", "PIL.PdfImagePlugin", "openvino", "starlette", "uvicorn"}
    assert not loaded & needless
