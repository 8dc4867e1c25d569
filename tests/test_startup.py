"""What a command loads: a fill needs no drawing of holes, no other models and no rarely used parts of libraries."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.filling import FillOptions
from partialconv.filling.opening import Opening

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
    needless = {"numpy.ma", "partialconv.masks.strokes", "partialconv.filling.estimate", "torch", "patchmatch"}
    needless |= {"jpeglib", "tifffile", "PIL.PdfImagePlugin", "openvino", "starlette", "uvicorn"}
    needless |= {"pydantic", "PIL.ImageCms", "PIL.TiffImagePlugin", "partialconv.finding"}
    assert not loaded & needless


ENDING = """
import atexit, sys, threading, time
from partialconv.cli import run
sys.argv = ["partialconv", *sys.argv[2:]]
atexit.register(print, "at exit")
if {thread}:
    threading.Thread(target=lambda: (time.sleep(0.5), print("thread"))).start()
run()
"""


@pytest.mark.parametrize("thread", [False, True])
@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["fill", "missing.png"], 2)])
def test_a_command_ends_at_once_but_leaves_nothing_undone(thread: bool, arguments: list[str], code: int) -> None:
    command = [sys.executable, "-c", ENDING.format(thread=thread), "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    told = done.stdout.splitlines()
    assert told[-1] == "at exit" and ("thread" in told) == thread
    assert (told[0].startswith("partialconv ")) == (code == 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_output_that_is_closed_is_told(tmp_path: Path) -> None:
    code = "import sys; from partialconv.cli import run; sys.argv[1:] = ['--version']; run()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0 and "No space left" in done.stderr


def test_a_network_that_is_being_opened_is_handed_over_once() -> None:
    opening = Opening(FillOptions())
    runtime = opening.take()
    assert runtime(np.zeros((1, 3, 32, 32), np.float32), np.ones((1, 1, 32, 32), np.float32)).shape == (1, 3, 32, 32)
    with pytest.raises(AssertionError, match="taken"):
        opening.take()
