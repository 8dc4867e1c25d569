"""Install the oldest versions that pyproject.toml allows, and run the tests with them.

    make lowest                        # needs the package index; PyTorch is the one of constraints.txt
    make lowest ARGS="tests/imageio"   # some of the tests

PyTorch's own lower bound is not tried: its old builds for CPUs alone are not in the package index.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("bench", "flow", "heic", "openvino")
TOOLS = ("pytest", "hypothesis", "httpx", "webdataset", "pytorch-msssim", "schemathesis", "packaging")
# what needs other programs, or judges by the newest versions of something
LEFT_OUT = (
    "tests/server/browser.py",
    "tests/server/test_page.py",
    "tests/test_privacy.py",
    "tests/test_lanes.py",
    "tests/nn/test_transforms.py",
)


def main() -> int:
    """Resolve, install and test; the exit code of the tests."""
    uv = [sys.executable, "-m", "uv", "pip"]
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split("\n") if "==" in line)
    links = [option for link in os.environ.get("PIP_FIND_LINKS", "").split() for option in ("--find-links", link)]
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "show", "torch"], capture_output=True, text=True, check=True
    )
    torch = re.search(r"^Version: (\S+)$", installed.stdout, re.MULTILINE)
    assert torch is not None
    with tempfile.TemporaryDirectory() as folder:
        override, lowest, environment = (Path(folder, name) for name in ("override.txt", "lowest.txt", "venv"))
        override.write_text(f"torch=={torch[1]}\n", encoding="utf-8")
        resolve = [
            *uv,
            "compile",
            str(ROOT / "pyproject.toml"),
            "--quiet",
            "--resolution",
            "lowest-direct",
            "--no-build",
        ]
        resolve += ["--override", str(override), *links, *(f"--extra={extra}" for extra in EXTRAS), "-o", str(lowest)]
        subprocess.run(resolve, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        tools = [f"{name}=={pins[name]}" if name in pins else name for name in TOOLS]
        # the package itself, too: tests start it in other folders, and ask for its version
        for what in (["--no-deps", "-r", str(lowest)], ["--no-deps", "--editable", str(ROOT)], tools):
            subprocess.run([*uv, "install", "--quiet", "--python", str(python), *links, *what], check=True)
        tests = sys.argv[1:] or ["tests", *(f"--ignore={path}" for path in LEFT_OUT)]
        # old versions warn of what new ones have changed
        command = [
            str(python),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-W",
            "default",
            "-m",
            "not slow",
            *tests,
        ]
        return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
