"""What was measured on wide holes, as data and as tables in Markdown."""

import datetime
import os
from collections.abc import Sequence
from typing import Any

from partialconv.benchmark.report import processor
from partialconv.benchmark.statistics import interval, median_interval
from partialconv.benchmark.tables import cell, grid, spread
from partialconv.benchmark.wide import MEASURES, Record

COMPARED = ("hole_psnr", "lpips", "detail")
MEDIANS = ("detail", "seconds")
SHOWN = {"drawn": ("hole_psnr", "lpips", "levels", "tint", "seconds")}
DEFAULT = ("hole_psnr", "lpips", "detail", "seconds")
Rows = dict[str, list[Record]]  # method to a record of each scene


def summary(set_name: str, split: str, rows: Rows) -> dict[str, Any]:
    """All that tables show, and each scene's scores, for JSON.

    Args:
        set_name: Of `SETS`.
        split: Of `SPLITS`.
        rows: Records of the same scenes, in the same order, of each method; the others are compared with the first.
    """
    reference = next(iter(rows.values()))
    return {
        "set": set_name,
        "split": split,
        "date": datetime.date.today().isoformat(),
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "scenes": len(reference),
        "photos": len({record["photo"] for record in reference}),
        "identities": {name: records[0]["identity"] for name, records in rows.items()},
        "means": {name: means(records) for name, records in rows.items()},
        "differences": {name: differences(records, reference) for name, records in list(rows.items())[1:]},
        "kinds": {
            kind: {name: means([r for r in records if r["kind"] == kind]) for name, records in rows.items()}
            for kind in dict.fromkeys(record["kind"] for record in reference)
        },
        "records": rows,
    }


def means(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Mean (median of detail and seconds) and interval over photos of each measure that all or some scenes have."""
    found = {}
    for measure in MEASURES:
        having = [record for record in records if measure in record["scores"]]
        if having:
            of = median_interval if measure in MEDIANS else interval
            found[measure] = vars(of([r["scores"][measure] for r in having], [r["photo"] for r in having]))
    return found


def differences(records: Sequence[Record], reference: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Mean of paired differences, of the same scenes."""
    found = {}
    for measure in COMPARED:
        pairs = [(a, b) for a, b in zip(records, reference, strict=True) if measure in a["scores"]]
        if pairs:
            values = [a["scores"][measure] - b["scores"][measure] for a, b in pairs]
            found[measure] = vars(interval(values, [a["photo"] for a, _ in pairs]))
    return found


def markdown(data: dict[str, Any], heading: bool = True) -> str:
    """The tables of one set."""
    machine = data["machine"]
    lines = [
        *([f"## {data['set']}, {data['split']}", ""] if heading else []),
        f"{data['scenes']} scenes of {data['photos']} photos; {data['date']}, {machine['cores']} cores "
        f"{machine['processor']}.",
        "Means with intervals of 95 % over photos; detail and seconds are medians.",
        "",
    ]
    shown = [m for m in SHOWN.get(data["set"], DEFAULT) if any(m in found for found in data["means"].values())]
    if len(data["kinds"]) == 1:
        rows = [
            [cell(name), *(spread(found[m], MEASURES[m].digits) if m in found else "" for m in shown)]
            for name, found in data["means"].items()
        ]
        lines += grid(["", *(MEASURES[m].label for m in shown)], rows, 1)
        lines += ["", f"Minus {cell(next(iter(data['means'])))}, paired:", ""]
        compared = [m for m in COMPARED if m in shown]
        rows = [
            [cell(name), *(spread(found[m], MEASURES[m].digits, signed=True) if m in found else "" for m in compared)]
            for name, found in data["differences"].items()
        ]
        lines += grid(["", *(MEASURES[m].label for m in compared)], rows, 1)
    else:
        for measure in shown:
            digits = MEASURES[measure].digits
            rows = [
                [kind, *(f"{found[measure]['mean']:.{digits}f}" if measure in found else "" for found in by.values())]
                for kind, by in data["kinds"].items()
                if any(measure in found for found in by.values())
            ]
            lines += [*grid([MEASURES[measure].label, *map(cell, data["means"])], rows, 1), ""]
    lines += ["", *(f"* {cell(name)}: {identity}" for name, identity in data["identities"].items())]
    return "\n".join(lines) + "\n"
