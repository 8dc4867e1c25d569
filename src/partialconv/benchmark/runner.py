"""Running methods over all pairs, one after the other, and keeping what is done."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from partialconv.benchmark.metrics import Judge
from partialconv.benchmark.pairing import Pair, Pairing, Pixels
from partialconv.benchmark.worker import MethodError, MethodProcess
from partialconv.conventions import Hole, Progress
from partialconv.errors import InputError
from partialconv.imageio import unfinished, write_whole

Key = tuple[str, str, str, str]  # method, identity, photo, mask
Record = dict[str, Any]


@dataclass(frozen=True)
class Results:
    """What was measured.

    Args:
        records: For each method that did all its pairs, a record for each pair: scores, seconds, peak_mb.
        identities: Of these methods.
        problems: A line for each method that could not be opened or failed.
        num_missing: Pairs of these methods that are left for other processes.
    """

    records: dict[str, list[Record | None]]
    identities: dict[str, str]
    problems: tuple[str, ...]
    num_missing: int


def run(
    pairing: Pairing,
    methods: dict[str, str],
    judge: Judge,
    folder: Path,
    part: tuple[int, int] = (1, 1),
    report: Progress | None = None,
) -> Results:
    """Run methods over pairs; what the folder has of them already is not done again.

    Args:
        pairing: Photos and holes.
        methods: Names, and sources as in `open_method`.
        judge: Scores the filled photos.
        folder: Of the report; a line of results*.jsonl is added for each pair done.
        part: (k, n): do each n-th pair, from the k-th on. Several processes may do their parts at a time.
        report: Called with a method, the number of its pairs done, and the number of all.

    Raises:
        InputError: a results file is damaged, or cannot be written.
    """
    done = read_records(folder, judge)
    records: dict[str, list[Record | None]] = {}
    identities, problems = {}, []
    log_path = folder / ("results.jsonl" if part[1] == 1 else f"results-{part[0]}-of-{part[1]}.jsonl")
    if log_path.exists():  # a run that was stopped may have left an unfinished line
        whole, newline, _ = log_path.read_text(encoding="utf-8").rpartition("\n")
        write_whole(log_path, (whole + newline).encode())
    for method, source in methods.items():
        try:
            with MethodProcess(method, source, pairing.load(pairing.pairs[0])[1].shape) as worker:
                identities[method] = worker.identity
                found = [done.get(_key(worker, pair)) for pair in pairing.pairs]
                todo = [p for p in pairing.pairs if found[p.number] is None and p.number % part[1] == part[0] - 1]
                with log_path.open("a", encoding="utf-8") as log:
                    for count, pair in enumerate(todo):
                        if report:
                            report(method, count + len(found) - len(todo), len(found))
                        found[pair.number] = record = measure(worker, pairing, pair, judge, folder)
                        log.write(json.dumps(record) + "\n")
                        log.flush()
                records[method] = found
        except MethodError as error:
            problems.append(f"{error}; the method is left out.")
    missing = sum(record is None for found in records.values() for record in found)
    return Results(records, identities, tuple(problems), missing)


def measure(worker: MethodProcess, pairing: Pairing, pair: Pair, judge: Judge, folder: Path) -> Record:
    """Fill the hole of a pair, score the composite; what a network saw goes into features/."""
    photo, hole = pairing.load(pair)
    filled = worker.fill(photo, hole)
    scores, seen = judge.score(composite_of(filled.picture, photo, hole), photo, hole)
    if seen is not None:
        (folder / "features").mkdir(exist_ok=True)
        arrays = {name: array for name, array in vars(seen).items() if array is not None}
        path = features_path(folder, worker.name, worker.identity, pair, judge)
        with unfinished(path, overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    key = dict(zip(("method", "identity", "photo", "mask"), _key(worker, pair), strict=True))
    measured = {"scores": scores, "seconds": filled.seconds, "peak_mb": filled.peak_mb}
    return {**key, "judge": judge.identity, **measured}


def composite_of(filled: Pixels, photo: Pixels, hole: Hole) -> Pixels:
    """Known pixels of the photo, the hole of what a method gave."""
    return np.where(hole[..., None], filled, photo)


def features_path(folder: Path, method: str, identity: str, pair: Pair, judge: Judge) -> Path:
    """File of what the network saw in a pair."""
    text = "\n".join((method, identity, pair.photo_sha256, pair.mask_sha256, judge.identity))
    return folder / "features" / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


def read_records(folder: Path, judge: Judge) -> dict[Key, Record]:
    """Read what was measured already, by the same weights.

    Raises:
        InputError: a line other than an unfinished last one is damaged.
    """
    records: dict[Key, Record] = {}
    for path in sorted(folder.glob("results*.jsonl")):
        # the last line may be unfinished
        whole, _, _ = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
        records.update((record_key(r), r) for r in _parsed(whole.splitlines(), path) if r["judge"] == judge.identity)
    return records


def record_key(record: Record) -> Key:
    """Say which method and pair a record belongs to."""
    return record["method"], record["identity"], record["photo"], record["mask"]


def _parsed(lines: Iterable[str], path: Path) -> Iterable[Record]:
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            assert all(isinstance(record[name], str) for name in ("method", "identity", "photo", "mask", "judge"))
            assert {"method", "identity", "photo", "mask", "judge", "scores", "seconds", "peak_mb"} <= record.keys()
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
            raise InputError(f"{path}, line {number} is damaged: remove the file, or name another folder.") from error
        yield record


def _key(worker: MethodProcess, pair: Pair) -> Key:
    return worker.name, worker.identity, pair.photo_sha256, pair.mask_sha256
