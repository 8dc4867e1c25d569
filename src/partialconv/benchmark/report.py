"""The report as data, report.json; everything else is drawn from it."""

import datetime
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from partialconv.benchmark.inception import Moments, frechet_distance, inception_score
from partialconv.benchmark.metrics import METRICS, Judge
from partialconv.benchmark.pairing import Pair, Pairing
from partialconv.benchmark.runner import Results, features_path
from partialconv.benchmark.statistics import COVERAGE, RESAMPLES, Scores, summarise
from partialconv.errors import InputError
from partialconv.imageio import read_text, write_whole

FORMAT = 1
MOST_BYTES = 1 << 30
PACKAGES = ("numpy", "onnxruntime", "torch", "torchmetrics", "opencv-contrib-python-headless", "scikit-image", "pillow")
ReportData = dict[str, Any]


def build_report(pairing: Pairing, results: Results, judge: Judge, folder: Path, notes: Sequence[str]) -> ReportData:
    """Put together what was measured; the first method is the one that the others are compared with.

    Raises:
        InputError: no method did all its pairs.
    """
    if not results.records:
        raise InputError(f"no method could be run: {' '.join(results.problems)}")
    pairs = pairing.pairs
    scores, methods = {}, {}
    for name, found in results.records.items():
        records = [record for record in found if record is not None]
        assert len(records) == len(pairs)
        metrics = [metric for metric in METRICS if all(metric in record["scores"] for record in records)]
        scores[name] = {metric: [record["scores"][metric] for record in records] for metric in metrics}
        seconds = [record["seconds"] for record in records]
        methods[name] = {
            "identity": results.identities[name],
            "seconds": {"median": median(seconds), "mean": fmean(seconds)},
            "peak_mb": max(record["peak_mb"] for record in records),
            **_of_features(folder, name, results.identities[name], pairs, judge),
        }
    reference = next(iter(scores))
    size = pairing.load(pairs[0])[1].shape
    return {
        "format": FORMAT,
        "date": datetime.date.today().isoformat(),
        "partialconv": version("partialconv"),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.system()},
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "intervals": {"coverage": COVERAGE, "resamples": RESAMPLES},
        "pairing": {
            "photos": len({pair.photo_sha256 for pair in pairs}),
            "masks": len({pair.mask_sha256 for pair in pairs}),
            "size": list(size),
            "sha256": pairing.sha256,
        },
        "notes": [*pairing.notes, *notes, *results.problems],
        "reference": reference,
        "methods": methods,
        "cells": {name: summarise(scores[name], pairs) for name in scores},
        "differences": {
            name: summarise(scores[name], pairs, scores[reference]) for name in scores if name != reference
        },
        "pairs": [asdict(pair) for pair in pairs],
        "scores": scores,
    }


def write_json(data: ReportData, path: Path) -> None:
    """Write report.json; it takes its name when it is whole."""
    write_whole(path, (json.dumps(data, indent=1) + "\n").encode())


def read_report(path: Path) -> ReportData:
    """Read a report.json, or that of a folder.

    Raises:
        InputError: it is missing, or none.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        data = json.loads(read_text(file, MOST_BYTES))
        whole = data["format"] == FORMAT and _is_whole(data)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file} is not a report.json of `partialconv bench`, or is damaged.") from error
    if not whole:
        raise InputError(f"{file} is not a report.json of `partialconv bench`, of format {FORMAT}, or damaged.")
    return data  # type: ignore[no-any-return]


def _is_whole(data: ReportData) -> bool:
    """Whether each method has a score of each pair in its metrics, which is what others compute with."""
    pairs = pairs_of(data)
    texts = [(p.photo_sha256, p.mask_sha256, p.photo, p.mask, p.bin, p.border) for p in pairs]
    numbers = [[float(value) for value in values] for scores in data["scores"].values() for values in scores.values()]
    return (
        all(isinstance(text, str) for row in texts for text in row)
        and all(len(values) == len(pairs) for values in numbers)
        and data["methods"].keys() == data["scores"].keys()
        and all(isinstance(about["identity"], str) for about in data["methods"].values())
    )


def pairs_of(data: ReportData) -> list[Pair]:
    """The pairs of a report."""
    return [Pair(**pair) for pair in data["pairs"]]


def scores_of(data: ReportData, method: str) -> Scores:
    """The scores of a method in a report, for each pair."""
    scores: Scores = data["scores"][method]
    return scores


def _of_features(folder: Path, name: str, identity: str, pairs: Sequence[Pair], judge: Judge) -> dict[str, float]:
    """Frechet distance and Inception score over all pairs, as far as the network gives what they need."""
    if judge.network is None:
        return {}
    comps: Moments | None = None
    targets: Moments | None = None
    classes = []
    for pair in pairs:
        try:
            with np.load(features_path(folder, name, identity, pair, judge)) as arrays:
                seen = dict(arrays)
        except Exception as error:  # NumPy and zipfile raise much over a broken file
            raise InputError(f"{folder / 'features'} is incomplete: name another folder.") from error
        if "features" in seen:
            comps = comps or Moments(len(seen["features"]))
            targets = targets or Moments(len(seen["features"]))
            comps.update(seen["features"][None])
            targets.update(seen["target_features"][None])
        if "classes" in seen:
            classes.append(seen["classes"])
    found = {}
    if comps and targets and comps.count > 1:
        found["fid"] = frechet_distance(comps, targets)
    if classes:
        found["inception_score"] = inception_score(np.stack(classes))
    return found


def processor() -> str:
    """Name of this machine's processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
