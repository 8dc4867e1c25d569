"""Where the package installs: for each platform and Python, whether every requirement has a wheel.

    make wheels        # needs the package index, and 15 minutes; prints the table of docs/machines.md

pip evaluates the markers of requirements for the Python it runs on, even with `--platform`; uv evaluates them for the
platform it is asked about. Nothing is installed, and only metadata is fetched.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

PLATFORMS = {
    "Linux x86-64, glibc 2.28": "x86_64-manylinux_2_28",
    "Linux ARM, glibc 2.31": "aarch64-manylinux_2_31",
    "Linux x86-64, musl": "x86_64-unknown-linux-musl",
    "macOS 14, ARM": "aarch64-apple-darwin",
    "macOS 14, x86-64": "x86_64-apple-darwin",
    "Windows x86-64": "x86_64-pc-windows-msvc",
    "Windows ARM": "aarch64-pc-windows-msvc",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("", "torch", "train", "bench", "flow", "openvino", "ray")
PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
NOT_PROMISED = ("Linux x86-64, musl", "macOS 14, x86-64")
ENVIRONMENT = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # uv takes 13 by itself
BLAMED = re.compile(r"ecause ([\w-]+)(?:(?!ecause).)*? has no ")  # uv's words; the last one is at the root


def missing(platform: str, python: str, extra: str) -> str | None:
    """Resolve one install.

    Args:
        platform: As uv calls it.
        python: Its version.
        extra: Of the package; "" is the light install.

    Returns:
        What uv says has no wheel; None if everything has one.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", str(PROJECT), "--quiet", "--no-header", "--no-annotate"]
    command += ["--python-platform", platform, "--python-version", python, "--only-binary", ":all:"]
    command += ["--extra", extra] if extra else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ENVIRONMENT)
    if done.returncode == 0:
        return None
    said = " ".join(done.stderr.split())
    blamed = BLAMED.findall(said)
    return blamed[-1] if blamed else said


def told(lacks: Sequence[str | None]) -> str:
    """What does not install, by the requirement that is to blame.

    Args:
        lacks: Of each of `EXTRAS`, what has no wheel; None if everything has one.
    """
    if len({*lacks}) == 1:
        return "nothing" if lacks[0] is None else f"everything: {lacks[0]}"
    lines = []
    for lack in dict.fromkeys(lacks):
        extras = [extra or "light" for extra, one in zip(EXTRAS, lacks, strict=True) if one == lack]
        lines += [f"{', '.join(extras)}: {lack}"] if lack else []
    return "; ".join(lines)


def main() -> int:
    """Print the table; the exit code is 1 if the light install has become impossible where it is promised."""
    print("| platform | Python | what does not install, and what has no wheel |\n|---|---|---|")
    broken = False
    with ThreadPoolExecutor(4) as pool:  # it waits for the index, not for the processor
        for name, platform in PLATFORMS.items():
            pythons: dict[str, list[str]] = {}
            for python in PYTHONS:
                lacks = list(pool.map(partial(missing, platform, python), EXTRAS))
                broken |= name not in NOT_PROMISED and lacks[0] is not None
                pythons.setdefault(told(lacks), []).append(python)
            for said, some in pythons.items():
                print(f"| {name} | {', '.join(some)} | {said} |", flush=True)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
