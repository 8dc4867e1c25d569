"""The manners of `partialconv fill`: names, streams, JSON, plans, progress."""

import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partialconv.cli.terminal import Showing
from partialconv.filling import estimate
from tests.cli.test_main import changed_files
from tests.command import call, run

SIZE = (60, 80)


def picture() -> Image.Image:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return Image.fromarray(np.stack([x * 3, y * 4, x + y], -1).astype(np.uint8))


def marks() -> NDArray[np.uint8]:
    hole = np.zeros(SIZE, np.uint8)
    hole[20:30, 30:50] = 255
    return hole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture().save(tmp_path / "photo.jpg", quality=90)
    picture().save(tmp_path / "photo.png")
    Image.fromarray(marks()).save(tmp_path / "holes.png")
    (tmp_path / "results").mkdir()
    return tmp_path


def test_the_result_gets_a_name_and_the_last_line_says_what_was_done(folder: Path) -> None:
    before = changed_files(folder)
    done = call("fill", "photo.jpg", "holes.png", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"photo\.jpg: filled 4\.17% of 80x60 pixels in \d+\.\d s: photo-filled\.jpg\n", done.stdout), (
        done.stdout
    )
    assert changed_files(folder) - before == {"photo-filled.jpg"}
    again = call("fill", "photo.jpg", "holes.png", cwd=folder)
    assert again.returncode == 2 and "photo-filled.jpg exists" in again.stderr


def test_a_folder_for_the_result(folder: Path) -> None:
    assert call("fill", "photo.png", "holes.png", "-o", "results", cwd=folder).returncode == 0
    assert changed_files(folder / "results") == {"photo-filled.png"}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.avif", "AVIF", "a-filled.png"),
        ("a.gif", "GIF", "a-filled.png"),
        ("a.JPG", "JPEG", "a-filled.JPG"),
        ("a", "WEBP", "a-filled.webp"),
        ("a.jpg", "PNG", "a-filled.png"),  # as browsers name what they save
    ],
)
def test_the_name_fits_the_format(name: str, kind: str, expected: str, folder: Path) -> None:
    picture().save(folder / name, kind)
    assert call("fill", name, "holes.png", "-o", "results", cwd=folder).returncode == 0
    assert changed_files(folder / "results") == {expected}


@pytest.mark.parametrize(
    "arguments", [("-", "holes.png"), ("-", "holes.png", "-o", "-"), ("photo.jpg", "-", "-o", "-")]
)
def test_streams(arguments: tuple[str, ...], folder: Path) -> None:
    command = [sys.executable, "-m", "partialconv", "fill", *arguments]
    given = (folder / ("photo.jpg" if arguments[0] == "-" else "holes.png")).read_bytes()
    before = changed_files(folder)
    done = subprocess.run(command, input=given, capture_output=True, check=False, cwd=folder)
    assert done.returncode == 0 and b"filled 4.17% of 80x60 pixels" in done.stderr
    assert changed_files(folder) == before
    call("fill", "photo.jpg", "holes.png", "-o", "file.jpg", cwd=folder)
    assert done.stdout == (folder / "file.jpg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (("-", "-"), b"", "only one of the photo and its holes can come from standard input"),
        (("-", "holes.png", "-o", "out.png"), b"no photo", "cannot read standard input as an image"),
        (("-", "holes.png", "--json"), b"", "--json and the photo would both go to standard output"),
        (("-", "missing.png"), b"", "standard input"),
    ],
)
def test_wrong_streams_are_one_line(arguments: tuple[str, ...], given: bytes, message: str, folder: Path) -> None:
    command = [sys.executable, "-m", "partialconv", "fill", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False, cwd=folder)
    assert (done.returncode, done.stdout) == (2, b"") and message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1 and b"/tmp" not in done.stderr


def test_json(folder: Path) -> None:
    Image.fromarray(marks()).save(folder / "holes.jpg")
    done = call("fill", "photo.png", "holes.jpg", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["photo"], told["output"]) == ("photo.png", "photo-filled.png")
    assert (told["report"]["width"], told["report"]["height"]) == (80, 60)
    assert [finding["code"] for finding in told["report"]["findings"]] == ["jpeg"]
    assert told["report"]["plan"]["num_crops"] == 1 and set(told["timings_s"]) == {"read", "fill", "write"}


def test_a_dry_run_needs_no_output_and_leaves_none(folder: Path) -> None:
    before = changed_files(folder)
    done = call("fill", "photo.png", "holes.png", "--dry-run", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "") and changed_files(folder) == before
    assert re.search(r"^about [\d.e-]+ s and \d+ MB on this machine$", done.stdout, re.M)
    told = json.loads(call("fill", "photo.png", "holes.png", "--dry-run", "--json", cwd=folder).stdout)
    assert told["plan"]["num_crops"] == 1 and told["seconds"] > 0 and changed_files(folder) == before
    refused = call("fill", "photo.png", "holes.png", "--dry-run", "-o", "photo.jpg", cwd=folder)
    assert refused.returncode == 2 and "photo.jpg exists" in refused.stderr


def test_an_estimate_counts_the_runs_that_did_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    seen: list[tuple[int, ...]] = []

    def network(image: NDArray[np.float32], valid: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal clock
        clock += valid.size / 1000  # 1 ms a pixel
        seen.append(image.shape)
        return image

    network.feathered = True  # type: ignore[attr-defined]
    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    sampler = estimate._Sampler(network)  # type: ignore[arg-type]
    sizes = [(1, 10, 10)] * 5 + [(2, 20, 10)] * 3 + [(1, 100, 100)] * 2
    for num, height, width in sizes:
        image = np.zeros((num, 3, height, width), np.float32)
        assert sampler(image, image[:, :1]).shape == image.shape
    assert seen == [(1, 3, 10, 10)] * 2 + [(2, 3, 20, 10)] * 2 + [(1, 3, 100, 100)]  # then it had run for long enough
    assert sampler.sampled_s == pytest.approx(0.2 + 0.8 + 10)
    assert sampler.expected_s == pytest.approx(0.5 + 1.2 + 20)


@pytest.mark.parametrize(
    ("anchor", "rows", "columns"),
    [
        ("top-left", (20, 30), (30, 50)),
        ("bottom-right", (60, 70), (130, 150)),
        ("top", (20, 30), (80, 100)),
        ("center", (40, 50), (80, 100)),
        ("left", (40, 50), (30, 50)),
    ],
)
def test_one_hole_for_photos_of_several_sizes(
    anchor: str, rows: tuple[int, int], columns: tuple[int, int], tmp_path: Path
) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (100, 180, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(marks()).save(tmp_path / "holes.png")
    done = call("fill", "photo.png", "holes.png", "--anchor", anchor, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    changed = (np.asarray(Image.open(tmp_path / "photo-filled.png")) != photo).any(axis=2)
    inside = np.zeros((100, 180), bool)
    inside[slice(*rows), slice(*columns)] = True
    assert not changed[~inside].any() and changed[inside].mean() > 0.9


def test_a_hole_that_misses_the_photo_is_refused(tmp_path: Path) -> None:
    picture().crop((0, 0, 20, 15)).save(tmp_path / "photo.png")
    Image.fromarray(marks()).save(tmp_path / "holes.png")
    done = call("fill", "photo.png", "holes.png", "--anchor", "top-left", cwd=tmp_path)
    assert done.returncode == 2 and "nothing of the hole lies on the photo of 20x15 pixels" in done.stderr


@pytest.mark.parametrize("command", ["fill", "batch", "serve", "doctor", "train", "export", "masks"])
def test_help_by_one_letter_with_examples(command: str, tmp_path: Path) -> None:
    done = call(command, "-h", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == call(command, "--help", cwd=tmp_path).stdout
    assert command == "masks" or f" partialconv {command} " in done.stdout.partition("Examples:")[2]


def test_completion_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # make starts tests from sh, which has none
    assert "--install-completion" in call("-h", cwd=tmp_path).stdout
    done = run("--show-completion", "bash", cwd=tmp_path)
    assert done.returncode == 0 and "_PARTIALCONV_COMPLETE" in done.stdout.upper()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_after_a_while_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for after_s in (0.0, 1e6):
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        showing = Showing(after_s)
        showing.begin("fill")
        if after_s == 0:
            showing._timer.join(30)
        showing.progress(0.5)
        showing.print("a warning")
        showing.end()
        shown[after_s] = terminal.getvalue()
    assert "filling" in shown[0.0] and "a warning" in shown[0.0]
    assert shown[1e6] == "a warning\n"


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", quiet := io.StringIO())
    showing = Showing(0.0)
    showing.begin("fill")
    showing.end()
    assert quiet.getvalue() == ""


def test_the_steps_are_told(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    steps: list[Any] = []
    monkeypatch.setattr(Showing, "begin", lambda _, step: steps.append(step))
    monkeypatch.setattr(Showing, "progress", lambda _, share: steps.append(share))
    call("fill", "photo.png", "holes.png", cwd=folder)
    assert [step for step in steps if isinstance(step, str)] == ["read", "fill", "write"]
    assert steps[2] == 1.0
