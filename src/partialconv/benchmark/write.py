"""From results to the three files of a report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from partialconv.benchmark.cases import choose_cases, fill_cases
from partialconv.benchmark.metrics import Judge
from partialconv.benchmark.page import page
from partialconv.benchmark.pairing import Pairing
from partialconv.benchmark.report import ReportData, build_report, write_json
from partialconv.benchmark.runner import Results
from partialconv.benchmark.tables import markdown
from partialconv.imageio import write_whole


def write_report(
    pairing: Pairing,
    methods: dict[str, str],
    results: Results,
    judge: Judge,
    folder: Path,
    notes: Sequence[str] = (),
    report: Callable[[str, int, int], None] | None = None,
) -> ReportData:
    """Write report.json, report.md and report.html; an earlier report stays until the new one is whole."""
    data = build_report(pairing, results, judge, folder, notes)
    cases = choose_cases(data)
    html = page(data, pairing, cases, fill_cases(data, pairing, cases, methods, folder, report))
    for name, text in (("report.html", html), ("report.md", markdown(data))):
        write_whole(folder / name, text.encode())
    write_json(data, folder / "report.json")
    return data
