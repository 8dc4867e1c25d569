"""`partialconv train-finder`: what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from partialconv.cli.main import app
from partialconv.errors import InputError


@pytest.mark.parametrize(
    ("recipe", "minutes", "message"),
    [
        ("lr = 0.01\n", "0", "--time-limit is 0"),
        ("speed = 3\n", "1", "unknown key speed"),
        ("", "1", "holds no cut-out"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_begun(tmp_path: Path, recipe: str, minutes: str, message: str) -> None:
    (tmp_path / "find.toml").write_text(recipe)
    out = tmp_path / "run"
    given = ["--data", str(tmp_path), "--damage", str(tmp_path), "--out", str(out), "--time-limit", minutes]
    result = CliRunner().invoke(app, ["train-finder", str(tmp_path / "find.toml"), *given])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert not out.exists()
