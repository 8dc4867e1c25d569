"""Command lines are read as Typer reads them, the plainest ones without it."""

from pathlib import Path
from typing import Any

import pytest
import typer

from partialconv.cli.main import alone, app

LINES = {
    "plain": ["photo.jpg", "holes.png"],
    "options": ["photo.jpg", "holes.png", "-o", "out/", "--overwrite", "--no-grain", "--model", "a.onnx"],
    "joined": ["--output=out.jpg", "photo.jpg", "--dry-run", "--holes-from-alpha"],
    "streams": ["-", "holes.png", "-o", "-", "--json"],
    "after": ["--", "-photo.jpg", "holes.png"],
    "number": ["photo.jpg", "holes.png", "--grow=2"],
    "choice": ["photo.jpg", "holes.png", "--hole-color", "black"],
}
WRONG = [[], ["a", "b", "c"], ["a", "--bla"], ["a", "--grow=x"], ["a", "--hole-color", "red"], ["a", "-o"]]


def values(command: Any, line: list[str]) -> dict[str, Any]:
    read: dict[str, Any] = command.make_context("partialconv fill", [*line]).params
    return read


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_read_as_typer_reads_it(name: str) -> None:
    usual: Any = typer.main.get_command(app)
    expected = values(usual.commands["fill"], LINES[name])
    assert values(typer.main.get_command(alone), LINES[name]) == expected
    assert isinstance(expected["photo"], Path)


@pytest.mark.parametrize("line", WRONG, ids=" ".join)
def test_what_is_wrong_is_told_as_typer_tells_it(line: list[str]) -> None:
    usual: Any = typer.main.get_command(app)
    told = []
    for command in (usual.commands["fill"], typer.main.get_command(alone)):
        with pytest.raises(Exception) as caught:  # of classes of Typer that have moved
            values(command, line)
        told.append((type(caught.value), str(caught.value)))
    assert told[0] == told[1]
