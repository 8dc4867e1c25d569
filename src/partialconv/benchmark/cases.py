"""The pictures of a report: best, median and worst cases of the first method, beside all others."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from partialconv.benchmark.metrics import METRICS
from partialconv.benchmark.pairing import BIN_NAMES, Pair, Pairing, Pixels
from partialconv.benchmark.report import ReportData, pairs_of, scores_of
from partialconv.benchmark.runner import composite_of
from partialconv.benchmark.worker import MethodError, MethodProcess
from partialconv.imageio import write_picture

SHOWN_BINS = (BIN_NAMES[0], BIN_NAMES[2], BIN_NAMES[5])
RANKED_BY = "hole_psnr"


@dataclass(frozen=True)
class Case:
    """A pair to show.

    Args:
        title: Says why.
        pair: The photo and the hole.
    """

    title: str
    pair: Pair


def choose_cases(data: ReportData) -> list[Case]:
    """In three bins of hole ratio, the pairs with the best, median and worst hole-PSNR of the first method."""
    values = scores_of(data, data["reference"])[RANKED_BY]
    cases: list[Case] = []
    for bin_name in SHOWN_BINS:
        ranked = sorted((p for p in pairs_of(data) if p.bin == bin_name), key=lambda p: (-values[p.number], p.number))
        places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1} if ranked else {}
        for word, place in places.items():
            pair = ranked[place]
            title = f"Hole ratio {bin_name}: {word} of {data['reference']} by {METRICS[RANKED_BY].label.split(',')[0]}"
            if pair not in [case.pair for case in cases]:
                cases.append(Case(title, pair))
    return cases


def fill_cases(
    data: ReportData,
    pairing: Pairing,
    cases: list[Case],
    methods: dict[str, str],
    folder: Path,
    report: Callable[[str, int, int], None] | None = None,
) -> dict[str, list[Pixels | None]]:
    """What each method makes of the cases; kept in cases/ of the report, so that it is asked once.

    Returns:
        For each method a composite for each case, None where it failed.
    """
    (folder / "cases").mkdir(exist_ok=True)
    filled: dict[str, list[Pixels | None]] = {}
    for name, about in data["methods"].items():
        paths = [_path(folder, name, about["identity"], case.pair) for case in cases]
        todo = [(case, path) for case, path in zip(cases, paths, strict=True) if not path.exists()]
        if todo:
            try:
                with MethodProcess(name, methods[name], pairing.load(todo[0][0].pair)[1].shape) as worker:
                    for number, (case, path) in enumerate(todo):
                        if report:
                            report(f"pictures of {name}", number, len(todo))
                        photo, hole = pairing.load(case.pair)
                        comp = composite_of(worker.fill(photo, hole).picture, photo, hole)
                        write_picture(path, Image.fromarray(comp))
            except MethodError:
                pass  # it filled them a moment ago; the page shows a gap
        filled[name] = [np.array(Image.open(path)) if path.exists() else None for path in paths]
    return filled


def _path(folder: Path, method: str, identity: str, pair: Pair) -> Path:
    text = "\n".join((method, identity, pair.photo_sha256, pair.mask_sha256))
    return folder / "cases" / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.png"
