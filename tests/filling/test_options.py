"""Options of a fill: what stands once, and what is made of it."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from partialconv import FillOptions, InputError
from partialconv.filling.options import options
from partialconv.inference.runtime import PRECISIONS, RUNTIMES
from tests.command import call

DOCUMENT = Path(__file__).parents[2] / "docs" / "options.md"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grow_px": -1}, "grow_px is -1, expected whole pixels, 0 to 500."),
        ({"grow_px": 501}, "grow_px is 501, expected whole pixels, 0 to 500."),
        ({"grow_px": 1.5}, "grow_px is 1.5"),
        ({"grow_px": True}, "grow_px is True"),
        ({"hole_color": "red"}, "hole_color is 'red', expected white or black."),
        ({"grain": 1}, "grain is 1, expected true or false."),
        ({"runtime": "tflite"}, "runtime is 'tflite', expected one of onnxruntime, torch, openvino."),
        ({"model": 3}, "model is 3"),
    ],
)
def test_a_wrong_value_is_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        FillOptions(**values)
    assert message in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["-1", "501", "1.5", "٣", "", "1e2", "9" * 400])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="grow_px is .*, expected whole pixels, 0 to 500"):
        FillOptions.from_text({"grow_px": text})


def test_text_becomes_values() -> None:
    given = {"model": "half", "hole_color": "black", "grow_px": "7", "strict": "true", "grain": "false"}
    assert FillOptions.from_text(given) == FillOptions("half", "black", 7, strict=True, grain=False)
    assert FillOptions.from_text({}) == FillOptions()


def test_runtimes_and_precisions_are_those_that_can_be_opened() -> None:
    choices = {option.name: option.choices for option in options()}
    assert (choices["runtime"], choices["precision"]) == (RUNTIMES, PRECISIONS)


def test_every_option_is_a_sentence() -> None:
    assert [option.name for option in options()] == [field.name for field in dataclasses.fields(FillOptions)]
    for option in options():
        assert re.fullmatch(r"[A-Z].*\.", option.about.help)


@pytest.mark.parametrize("command", ["fill", "batch"])
def test_commands_have_a_flag_for_each(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    shown = call(command, "--help", cwd=tmp_path).stdout
    for option in options():
        (line,) = [line for line in shown.splitlines() if f" {option.flag} " in line]
        assert option.about.help in line


def test_the_document_has_them_all() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.read_text("utf-8"), re.M)
    expected = []
    for option in options():
        default = option.about.unset or str(option.default).lower()
        if option.choices:
            values = ", ".join(option.choices)
        else:
            values = {bool: "true, false", int: f"0 to {option.about.most}"}.get(option.kind, "text")
        expected.append((option.name, option.flag, values, default, option.about.help))
    assert rows == expected
