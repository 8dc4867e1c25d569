"""Follow deploy/Dockerfile without Docker: copy what it copies, run its install, and call what it starts.

    python deploy/emulate.py

Checks that the files of its COPY lines, less what .dockerignore hides, are enough to build and install the package,
and that its entry point and health check exist. Its base image, user and ports are not emulated.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile, one line each, as kind and arguments."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.MULTILINE))
    for line in filter(None, map(str.strip, joined.splitlines())):
        kind, _, arguments = line.partition(" ")
        yield kind.upper(), arguments.strip()


def is_hidden(name: str, rules: list[str]) -> bool:
    """Whether .dockerignore hides a path: the last rule that fits it, or a folder above it, decides."""
    hidden = False
    above = [str(part) for part in [Path(name), *Path(name).parents][:-1]]
    for rule in rules:
        pattern = rule.removeprefix("!").strip("/")
        anywhere = pattern.removeprefix("**/")
        if any(fnmatch.fnmatch(p, pattern) or (anywhere != pattern and Path(p).name == anywhere) for p in above):
            hidden = not rule.startswith("!")
    return hidden


def copy_context(sources: list[str], target: Path) -> None:
    """Copy files and folders as COPY does.

    Raises:
        FileNotFoundError: one is missing, or hidden.
    """
    rules = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n") if line.strip()]
    for source in sources:
        files = [p for p in [ROOT / source, *(ROOT / source).rglob("*")] if p.is_file()]
        seen = [p for p in files if not is_hidden(p.relative_to(ROOT).as_posix(), rules)]
        if not seen:
            raise FileNotFoundError(f"COPY {source}: nothing of it is in the build context; see .dockerignore.")
        for path in seen:
            inside = path.relative_to(ROOT / source) if (ROOT / source).is_dir() else Path(path.name)
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / inside)


def main() -> int:
    """Follow the build stage, then call what the second stage starts; the exit code of the first that fails."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        work, installed = top / "source", top / "opt"
        stage = 0
        for kind, arguments in instructions((ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")):
            stage += kind == "FROM"
            if stage == 1 and kind == "COPY":
                *sources, target = shlex.split(arguments)
                copy_context(sources, work / target)
            elif stage == 1 and kind == "RUN":
                command = arguments.replace("/opt/partialconv", str(installed)).replace(
                    "python -m", f"{sys.executable} -m"
                )
                subprocess.run(command, shell=True, check=True, cwd=work, env=os.environ | {"PYTHONPATH": ""})
            elif kind == "HEALTHCHECK":
                program, *rest = json.loads(arguments[arguments.index("[") :])
                subprocess.run(
                    [_moved(program, installed), "-c", f"compile({rest[-1]!r}, 'check', 'exec')"], check=True
                )
            elif kind == "ENTRYPOINT":
                program, *rest = json.loads(arguments)
                subprocess.run(
                    [_moved(program, installed), *rest, "--help"], check=True, stdout=subprocess.DEVNULL, cwd=top
                )
                subprocess.run([_moved(program, installed), "models"], check=True, cwd=top)
    print("the Dockerfile's files and commands are enough")
    return 0


def _moved(program: str, installed: Path) -> str:
    return program.replace("/opt/partialconv", str(installed))


if __name__ == "__main__":
    sys.exit(main())
