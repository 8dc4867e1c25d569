"""Which tests `make check` leaves out, and which reasons for skipping one CI accepts."""

import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).resolve().parent
SLOW = ROOT / "tests" / "slow.txt"
SLOW_S = 1.0
# .ci/run installs what every other test needs: there, a test that is skipped for any other reason fails
ACCEPTED = (
    "VGG16's official weights are not here",  # half a gigabyte, not ours to hand out
    "root may read and write everything",  # as CI does; the tests beside it act as another user
    "the format has no such mode",
    "no darktable or Xvfb here",  # a large program; the script is also tested in a stand-in of its interface
)
# pytest-xdist runs a process for each core, none of which is to take the others' cores, nor are those it starts
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
NO_REASON = ("", "unconditional skip", "all tests skipped by +SKIP option")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
_seconds: dict[str, float] = defaultdict(float)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-slow", action="store_true", help=f"Write {SLOW.name} from the times of this run.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = set(SLOW.read_text(encoding="utf-8").split()) if SLOW.is_file() else set()
    for item in items:
        if not slow.isdisjoint((_file_of(item.nodeid), _function_of(item.nodeid))):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _judged(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # a fixture that is slow is slow for whichever test of the file comes first
    place = _file_of(report.nodeid) if report.when == "setup" else _function_of(report.nodeid)
    _seconds[place] = max(_seconds[place], report.duration)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _judged(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # of several processes, that which all results come to
    if session.config.getoption("--write-slow") and not hasattr(session.config, "workerinput"):
        found = {place for place, seconds in _seconds.items() if seconds > SLOW_S}
        lines = sorted(place for place in found if place == _file_of(place) or _file_of(place) not in found)
        SLOW.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _judged(report: Report) -> Report:
    """The report of a test, which fails if it was skipped without a reason, or in CI for one that is not accepted."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = (
            (report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr))
            .removeprefix("Skipped")
            .removeprefix(": ")
        )
        if reason in NO_REASON or (os.environ.get("CI") and not reason.startswith(ACCEPTED)):
            report.outcome = "failed"
            report.longrepr = f"skipped, and conftest.py does not accept the reason: {reason!r}"
    return report


def _file_of(nodeid: str) -> str:
    return nodeid.split("::")[0]


def _function_of(nodeid: str) -> str:
    return nodeid.split("[")[0]
