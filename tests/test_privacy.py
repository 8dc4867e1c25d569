"""Nothing leaves the machine: commands run without a network and in a new home, and every call of theirs is watched.

A test fails on any attempt to reach another machine or to look up a name, and on any file but those asked for.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.masks.sets import benchmark_orders, write_set
from tests.tracing import Watched, missing

LONG_ENOUGH_S = 12  # ONNX Runtime's telemetry looks up its maker's host 10 s after the import
NEEDED = missing()
watched = pytest.mark.skipif(bool(NEEDED), reason=f"needs strace and unshare: {NEEDED}")
RECIPE = """\
[model]
width = 4
num_levels = 3
[data]
crop_px = 32
num_workers = 1
[loss]
perceptual = 0
style_out = 0
style_comp = 0
[initial]
num_steps = 2
[finetune]
num_steps = 0
"""
ASK = """\
import re, subprocess, sys, time, urllib.request
serve = [sys.executable, "-m", "partialconv", "serve", "--port", "0"]
server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
address = re.search(r"http://\\S+", server.stdout.readline())[0]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
parts = [b'--B\\r\\nContent-Disposition: form-data; name="%s"; filename="x"\\r\\n\\r\\n' % name.encode()
         + open(path, "rb").read() + b"\\r\\n" for name, path in (("photo", "photos/b.jpg"), ("hole", "holes/b.png"))]
kind = {"Content-Type": "multipart/form-data; boundary=B"}
request = urllib.request.Request(address + "api/fill", b"".join(parts) + b"--B--\\r\\n", kind)
print(len(opener.open(request).read()), "bytes", len(opener.open(address).read()))
time.sleep(float(sys.argv[1]))
server.terminate()
print("ended", server.wait(30))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos, their holes, masks for bench and a recipe."""
    y, x = np.mgrid[:64, :80]
    photo = Image.fromarray(np.stack([x * 3, y * 4, x + y], -1).astype(np.uint8))
    hole = np.zeros((64, 80), np.uint8)
    hole[20:30, 30:50] = 255
    for name in ("photos/a.png", "photos/b.jpg", "holes/a.png", "holes/b.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        (photo if name.startswith("photos") else Image.fromarray(hole)).save(path)
    write_set(benchmark_orders(1, 0, 64), tmp_path / "masks", {"strokes": 1.0}, size_px=64)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A process that fills once and then stays, beside the other tests."""
    code = (
        "import numpy as np, partialconv, time\n"
        "photo = np.full((64, 64, 3), 0.8, np.float32); photo[20:30, 20:30] = np.nan\n"
        f"partialconv.fill(photo); print('filled', flush=True); time.sleep({LONG_ENOUGH_S})"
    )
    one = Watched("-c", code, folder=tmp_path_factory.mktemp("long"))
    with one.process:
        yield one
        one.process.kill()


COMMANDS = {
    "import": (("-c", "import partialconv; partialconv.fill; partialconv.Inpainter()"), ()),
    "fill": (("-m", "partialconv", "fill", "photos/b.jpg", "holes/b.png", "-o", "out.jpg"), ("out.jpg",)),
    "batch": (("-m", "partialconv", "batch", "photos", "holes", "-o", "out"), ("out",)),
    "serve": (("-c", ASK, 0), ()),
    "bench": (
        (
            *("-m", "partialconv", "bench", "--photos", "photos", "--masks", "masks/manifest.csv"),
            *("--pairs", 1, "--methods", "ours,telea,patchmatch", "-o", "report"),
        ),
        ("report",),
    ),
    "train": (
        ("-m", "partialconv", "train", "recipe.toml", "--data", "photos", "--val", "photos", "--out", "run"),
        ("run",),
    ),
    "openvino": (
        (
            "-c",
            "import numpy as np\nfrom partialconv.inference import open_runtime\n"
            "from partialconv.zoo import model_path\nruntime = open_runtime('openvino', model_path())\n"
            "runtime(np.zeros((1, 3, 64, 64), np.float32), np.ones((1, 1, 64, 64), np.float32))",
        ),
        (),
    ),
}


@watched
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_asks_nobody_and_writes_what_was_asked_for(name: str, folder: Path, long_lived: Watched) -> None:
    command, results = COMMANDS[name]
    one = Watched(*command, folder=folder)
    printed = one.finish()
    assert one.process.returncode == 0, printed
    assert one.asked() == []
    assert one.left() == []
    unfinished = re.compile(r"\.[0-9a-f]{16}\.unfinished$")
    strangers = {path for path in one.made() if not path.startswith((*results, "tmp")) and not unfinished.match(path)}
    assert strangers == set()
    assert {path.name for path in folder.iterdir()} - {"home", "tmp", "trace"} == (
        {"photos", "holes", "masks", "recipe.toml", *results}
    )


@watched
def test_a_process_that_lives_on_asks_nobody_later(long_lived: Watched) -> None:
    assert long_lived.finish() == "filled\n"
    assert (long_lived.asked(), long_lived.made(), long_lived.left()) == ([], set(), [])


@watched
def test_the_watch_sees_native_code_and_look_ups(tmp_path: Path) -> None:
    code = (
        "import ctypes, socket\n"
        "ctypes.CDLL(None).mkdir(b'home/native', 0o700); open('/tmp/partialconv-stranger', 'w').close()\n"
        "import os; os.remove('/tmp/partialconv-stranger')\n"
        "try: socket.getaddrinfo('partialconv.invalid', 80)\n"
        "except OSError: pass"
    )
    one = Watched("-c", code, folder=tmp_path)
    assert one.finish() == ""
    assert one.asked() and one.left() == ["home/native"]
    assert one.made() == {"home/native", "/tmp/partialconv-stranger"}


def test_a_weaker_setting_of_the_user_is_not_kept() -> None:
    for value in ("0", "", "off"):
        code = (
            "import os, partialconv; print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['RAY_USAGE_STATS_ENABLED'])"
        )
        environment = os.environ | {"ORT_DISABLE_TELEMETRY": value, "RAY_USAGE_STATS_ENABLED": "1"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "1 0\n"


@pytest.mark.parametrize(("value", "warned"), [("0", True), ("", True), ("1", False), (" TRUE", False)])
def test_whoever_imports_the_runtime_first_is_told(value: str, warned: bool) -> None:
    code = "import sys, types; sys.modules['onnxruntime'] = types.ModuleType('onnxruntime'); import partialconv"
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": value}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ("import partialconv first" in done.stderr) == warned
