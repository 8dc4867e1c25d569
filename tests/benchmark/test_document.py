"""The tables of the documentation, made of a report's."""

import runpy
from pathlib import Path

import pytest

DOCUMENT = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "document.py"))
SCORES = """\
|  |  | 0-0.1 N | 0-0.1 B | 0.1-0.2 N | 0.1-0.2 B | all [95 %] |
|---|---|---:|---:|---:|---:|---:|
| n |  | 2 | 2 | 2 | 2 | 8 |
| PSNR, dB | ours | 1 | **2** | 3 | 4 | 2.5 [1, 4] |
| PSNR, dB | telea | 0 | 1 | 2 | 3 | 1.5 [0, 3] |
| *PSNR, dB* | *Conv, paper* | *5* | *6* | *7* | *8* |  |
| LPIPS | ours | 0.1 | 0.2 | 0.3 | 0.4 | 0.25 [0.1, 0.4] |
| LPIPS | telea | 0.5 | 0.6 | 0.7 | 0.8 | 0.65 [0.5, 0.8] |
""".splitlines()
NARROW = """\
| PSNR, dB: N / B | 0-0.1 | 0.1-0.2 | all [95 %] |
|---|---:|---:|---:|
| ours | 1 / **2** | 3 / 4 | 2.5 [1, 4] |
| telea | 0 / 1 | 2 / 3 | 1.5 [0, 3] |
| *Conv, paper* | *5* / *6* | *7* / *8* |  |

| LPIPS: N / B | 0-0.1 | 0.1-0.2 | all [95 %] |
|---|---:|---:|---:|
| ours | 0.1 / 0.2 | 0.3 / 0.4 | 0.25 [0.1, 0.4] |
| telea | 0.5 / 0.6 | 0.7 / 0.8 | 0.65 [0.5, 0.8] |
""".splitlines()


def test_scores_get_a_table_for_each_metric() -> None:
    assert DOCUMENT["by_metric"](SCORES) == NARROW


def test_tables_take_the_place_of_those_under_their_heading() -> None:
    text = "# Scores\n\nBefore.\n\n" + "\n".join(NARROW) + "\n\nAfter.\n\n| other |\n|---|\n"
    assert DOCUMENT["table"](text, "Scores") == NARROW
    assert (
        DOCUMENT["replaced"](text, NARROW, ["| new |"])
        == "# Scores\n\nBefore.\n\n| new |\n\nAfter.\n\n| other |\n|---|\n"
    )
    with pytest.raises(SystemExit, match="no table under the heading 'Costs'"):
        DOCUMENT["table"](text, "Costs")


def test_the_table_of_the_readme_is_a_part_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    in_short = DOCUMENT["in_short"]
    monkeypatch.setitem(in_short.__globals__, "README_METHODS", ("ours", "telea"))
    cost = ["|  | s a photo, median | mean |", "|---|---:|---:|", "| telea | 0.02 | 0.03 |", "| ours | 0.15 | 0.16 |"]
    assert in_short(SCORES, cost)[2:] == ["| ours | 2.5 | 0.25 | 0.15 |", "| telea | 1.5 | 0.65 | 0.02 |"]
