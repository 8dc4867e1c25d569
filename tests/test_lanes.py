"""Skipped tests: without a reason never, and in CI only for the reasons that conftest.py lists."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest
@pytest.mark.skip
def test_no_reason(): ...
@pytest.mark.skip(reason="no Chromium: install it")
def test_reason(): ...
@pytest.mark.skip(reason="the format has no such mode")
def test_accepted(): ...
@pytest.mark.xfail
def test_expected(): assert 0
def test_fine(): ...
"""


@pytest.mark.parametrize(("ci", "failed"), [("", {"no_reason"}), ("true", {"no_reason", "reason", "module"})])
def test_skips_that_are_not_accepted_fail(tmp_path: Path, ci: str, failed: set[str]) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('nothing_of_this_name')\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"CI": ci}, capture_output=True, text=True, check=False
    )
    found = {
        line.split("test_")[-1].split()[0].removesuffix(".py")
        for line in done.stdout.splitlines()
        if line[:6] in ("FAILED", "ERROR ")
    }
    assert found == failed, done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize("side_by_side", [[], ["-n", "2", "--dist", "worksteal"]], ids=["one", "two"])
def test_what_took_long_is_left_out_next_time(tmp_path: Path, side_by_side: list[str]) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (tmp_path / "tests" / "test_a.py").write_text(
        "import pytest, time\n"
        "@pytest.mark.parametrize('s', [0, 1.05])\ndef test_long(s): time.sleep(s)\n"
        "def test_short(): ...\n"
    )
    (tmp_path / "tests" / "test_b.py").write_text(
        "import pytest, time\n@pytest.fixture\ndef long(): time.sleep(1.05)\ndef test_with(long): ...\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run([*command, *side_by_side, "--write-slow"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "tests" / "slow.txt").read_text().split() == ["tests/test_a.py::test_long", "tests/test_b.py"]
    done = subprocess.run([*command, "-m", "not slow"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "1 passed, 3 deselected" in done.stdout


def test_the_list_of_slow_tests_names_tests() -> None:
    for line in (ROOT / "tests" / "slow.txt").read_text().split():
        path, *names = line.split("::")
        assert (ROOT / path).is_file(), line
        for name in names:
            assert f"def {name}(" in (ROOT / path).read_text() or f"class {name}" in (ROOT / path).read_text(), line
