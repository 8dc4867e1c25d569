"""The examples of README.md and docs/: Python and commands are run, and commands that cannot be run here are parsed.

A comment `<!-- not run: REASON -->` above a block says that it is parsed alone. Doctests (`>>>`) are pytest's.
"""

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

from partialconv.cli.main import app
from tests.command import call

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src" / "partialconv" / "server" / "page" / "samples"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITING = ("fill", "batch", "find", "repair")
MARK = r"(?:<!-- not run: (?P<reason>[^>]+) -->\n+)?"
BLOCK = re.compile(rf"^{MARK}```(?P<kind>python|sh)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|\s-m )partialconv (?P<arguments>.*)")


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    runs: bool

    @property
    def lines(self) -> list[str]:
        """Commands of a shell, those over several lines as one, without comments."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if not line.startswith("#")]


def blocks(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text("utf-8"))
    return [Block(one["kind"], one["text"], one["reason"] is None) for one in found if ">>>" not in one["text"]]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name."""
    (tmp_path / "scans").mkdir()
    for place, sample in {"photo.jpg": "scratches.jpg", "holes.png": "scratches.holes.png"}.items():
        with Image.open(SAMPLES / sample) as image:
            image.crop((100, 60, 260, 180)).save(tmp_path / place)
    shutil.copy(tmp_path / "photo.jpg", tmp_path / "scans" / "scan.jpg")
    y, x = np.mgrid[:96, :128]
    photo = Image.fromarray(np.stack([x + y, 255 - x, 90 + y], -1).astype(np.uint8))
    hole = Image.fromarray(((x > 20) & (x < 90) & (abs(y - 32) < 2)).astype(np.uint8) * 255)
    for folder in ("photos", "holes"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        photo.save(tmp_path / "photos" / f"{name}.jpg")
        hole.save(tmp_path / "holes" / f"{name}.png")
    hole.save(tmp_path / "stamp.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_examples_of_both_kinds() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert sum(block.runs and block.kind == "python" for block in found) >= 5
    assert sum(block.runs and "partialconv " in block.text for block in found) >= 6


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.runs for b in blocks(page))], ids=name_of)
def test_the_examples_of_a_page_run(page: Path, workspace: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.runs and block.kind == "python":
            exec(compile(block.text, name_of(page), "exec"), names)
        elif block.runs:
            for line in block.lines:
                if line.startswith("partialconv "):
                    words = shlex.split(line, comments=True)[1:]
                    # each line is an example of its own, and several write to the same name
                    done = call(*words, *(["--overwrite"] if words[0] in WRITING else []), cwd=workspace)
                    assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.kind == "sh" for b in blocks(page))], ids=name_of)
def test_commands_have_the_flags_that_a_page_gives_them(page: Path) -> None:
    for line in (line for block in blocks(page) if block.kind == "sh" for line in block.lines):
        words = shlex.split(line, comments=True)
        for word in words:
            if re.fullmatch(r"(benchmarks|examples|recipes|deploy|experiments)/\S+\.(py|toml|service)", word):
                assert (ROOT / word).is_file(), f"{line}: {word} is not there"
        if (found := COMMAND.search(shlex.join(words))) is not None:
            parse(shlex.split(found["arguments"]), line)


def parse(arguments: list[str], line: str) -> None:
    """Read a command's arguments as it does itself, without running it."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("partialconv", [], resilient_parsing=True)
    while hasattr(command, "commands"):
        assert arguments and arguments[0] in command.commands, f"{line}: no such command"
        command, arguments = command.commands[arguments[0]], arguments[1:]
    try:
        command.make_context(command.name, arguments, parent=context)
    except Exception as error:
        raise AssertionError(f"{line}: {error}") from error
