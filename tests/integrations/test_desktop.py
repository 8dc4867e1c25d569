"""The scripts of file managers: the shell script is run, with a command that stands in for partialconv."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "integrations" / "desktop"


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Commands that write down how they are called, one argument a line; `broken.jpg` fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("partialconv", "notify-send"):
        script = folder / name
        log = tmp_path / f"{name}.log"
        script.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" end >> "{log}"\n'
            'case "$*" in *broken.jpg*) echo "it is broken" >&2; exit 2;; esac\n'
        )
        script.chmod(0o755)
    return folder


def send(bin_folder: Path, *photos: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{bin_folder}:/usr/bin:/bin"}
    line = ["sh", str(FOLDER / "partialconv.sh"), *map(str, photos)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_photos_with_holes_are_filled_and_others_are_repaired(tmp_path: Path, bin_folder: Path) -> None:
    one, other = tmp_path / "a photo.jpg", tmp_path / "b.png"
    (tmp_path / "a photo-holes.png").touch()
    assert send(bin_folder, one, other).returncode == 0
    calls = (tmp_path / "partialconv.log").read_text().splitlines()
    assert calls == ["fill", str(one), str(tmp_path / "a photo-holes.png"), "end", "repair", str(other), "end"]
    assert not (tmp_path / "notify-send.log").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_what_failed_is_shown_and_the_others_are_done(tmp_path: Path, bin_folder: Path) -> None:
    done = send(bin_folder, tmp_path / "broken.jpg", tmp_path / "b.png")
    assert done.returncode == 1 and "it is broken" in done.stderr
    assert "it is broken" in (tmp_path / "notify-send.log").read_text()
    assert str(tmp_path / "b.png") in (tmp_path / "partialconv.log").read_text()


def test_the_windows_file_makes_the_same_calls() -> None:
    content = (FOLDER / "partialconv.cmd").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    calls = re.findall(r"partialconv (\w+) (.*) \|\|", content.decode())
    assert calls == [("fill", '"%~1" "%~dpn1-holes.png"'), ("repair", '"%~1"')]
