"""The script for darktable: in a stand-in of its interface, and in darktable itself where that is installed."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "integrations" / "darktable" / "partialconv.lua"
HERE = Path(__file__).parent
LUA = shutil.which("lua5.3") or shutil.which("lua5.4") or shutil.which("lua")
DARKTABLE, XVFB = shutil.which("darktable"), shutil.which("xvfb-run")


def photos(folder: Path) -> None:
    """Two photos with a spot; the place of the spot is drawn for the first one."""
    picture = np.full((160, 240, 3), 120, np.uint8)
    picture += np.random.default_rng(2).integers(0, 3, picture.shape, dtype=np.uint8)
    picture[60:72, 100:112] = 250
    hole = np.zeros((160, 240), bool)
    hole[58:74, 98:114] = True
    for name in ("with", "without"):
        Image.fromarray(picture).save(folder / f"{name}.png")
    Image.fromarray(hole).save(folder / "with-holes.png")


@pytest.mark.skipif(LUA is None, reason="no Lua here")
def test_the_script_in_a_stand_in_of_darktable(tmp_path: Path) -> None:
    photos(tmp_path)
    log = tmp_path / "calls.txt"
    command = tmp_path / "command.sh"
    command.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\n'
        'case "$1" in repair) echo "partialconv: nothing was found"; exit 1;; esac\n'
        'for last in "$@"; do :; done\ncp "$2" "$last"\n'
    )
    command.chmod(0o755)
    assert LUA is not None
    line = [LUA, str(HERE / "darktable_standin.lua"), str(SCRIPT), str(tmp_path), str(command)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "button fill or repair",
        "shortcut",
        "imported with-filled.tif, group of with.png",
        "told without.png: nothing was found",
        "told partialconv: 1 of 2 photos filled",
        "imported with-filled-1.tif, group of with.png",
    ]
    first, second, _ = log.read_text().splitlines()
    assert first.startswith("fill /") and f"{tmp_path}/with-holes.png --hole-color white -o" in first
    assert second.startswith("repair /")


@pytest.mark.skipif(DARKTABLE is None or XVFB is None, reason="no darktable or Xvfb here")
def test_the_script_in_darktable_itself(tmp_path: Path) -> None:
    photos(tmp_path)
    config = tmp_path / "config"
    config.mkdir()
    (config / "luarc").write_text(f'dofile("{HERE / "darktable_trial.lua"}")\n')
    environment = os.environ | {
        "TRIAL_FOLDER": str(tmp_path),
        "TRIAL_SCRIPT": str(SCRIPT),
        "TRIAL_COMMAND": f"{shlex.quote(sys.executable)} -m partialconv",
        "HOME": str(tmp_path),
    }
    line = [str(XVFB), "-a", str(DARKTABLE), "--disable-opencl", "--configdir", str(config)]
    line += ["--cachedir", str(tmp_path / "cache"), "--library", ":memory:"]
    log, text = tmp_path / "log.txt", ""
    with subprocess.Popen(line, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=-2) as process:
        try:
            for _ in range(240):
                text = log.read_text() if log.is_file() else ""
                if text.endswith("done\n") or "error:" in text or process.poll() is not None:
                    break
                time.sleep(1)
        finally:
            os.killpg(process.pid, 9)
    lines = text.splitlines()
    assert lines[0] == "with.png with-filled.tif true", lines
    assert lines[1].startswith("without.png "), lines
    assert lines[-1] == "done"
    filled = np.asarray(Image.open(tmp_path / "with-filled-1.tif").convert("RGB")).astype(int)
    assert abs(filled[60:72, 100:112].mean() - 121) < 6
