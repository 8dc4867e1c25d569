"""What only Unix has is asked for where it is needed, and not on other systems."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]

CODE = """
import builtins, importlib, pkgutil
UNIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
real = builtins.__import__
def without(name, globals=None, *rest, **named):
    if name in UNIX and globals and globals.get("__name__", "").startswith("partialconv"):
        raise ImportError(name + " is not on this system")
    return real(name, globals, *rest, **named)
builtins.__import__ = without
import partialconv
names = [m.name for m in pkgutil.walk_packages(partialconv.__path__, "partialconv.") if not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_can_be_imported_where_unix_modules_are_missing() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


@pytest.mark.parametrize(
    ("system", "platform", "machine", "wanted"),
    [
        ("Linux", "linux", "x86_64", True),
        ("Linux", "linux", "aarch64", False),
        ("Darwin", "darwin", "arm64", True),
        ("Darwin", "darwin", "x86_64", True),
        ("Windows", "win32", "AMD64", True),
        ("Windows", "win32", "ARM64", False),
    ],
)
def test_jpeglib_is_asked_for_where_it_has_wheels(system: str, platform: str, machine: str, wanted: bool) -> None:
    """The rest of the light install is asked for everywhere."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    machine_of = {"platform_system": system, "sys_platform": platform, "platform_machine": machine}
    requirements = [Requirement(line) for line in asked]
    left_out = {r.name for r in requirements if r.marker is not None and not r.marker.evaluate(machine_of)}
    assert left_out == (set() if wanted else {"jpeglib"})
