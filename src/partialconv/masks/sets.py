"""Sets of masks on disk: the paper's test set, a training set, and the manifest that every set has."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.imageio import encode_png, read_text, unfinished_folder
from partialconv.masks.mixture import check_mixture, sample_hole

BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
NUM_TRAINING = 55_116  # of the published set
CLEAR_PX = 50  # at 512 pixels
MANIFEST = "manifest.csv"
MOST_BYTES = 1 << 28  # of a manifest: two million masks


@dataclass(frozen=True)
class MaskRow:
    """A line of a manifest.

    Args:
        file: Name within the folder of the set.
        seed: Draws this mask again; empty where it was not drawn but imported.
        ratio: Share of hole pixels, to six digits.
        bin: "0.01-0.1" to "0.5-0.6" with the upper end inside, else empty.
        border: "clear" where no hole pixel is nearer to the border than 50 pixels of 512, else "any".
        sha256: Of the file.
    """

    file: str
    seed: str
    ratio: str
    bin: str
    border: str
    sha256: str


@dataclass(frozen=True)
class MaskOrder:
    """A mask to draw: see `sample_hole`."""

    file: str
    seed: int
    hole_ratio: tuple[float, float]
    clear_px: int


def benchmark_orders(count: int, seed: int, size_px: int = 512) -> list[MaskOrder]:
    """Order the paper's test set: for each bin `count` masks kept away from the border, then `count` anywhere."""
    orders: list[MaskOrder] = []
    for hole_ratio in BINS:
        for clear_px in (scaled_border(size_px), 0):
            for _ in range(count):
                number = len(orders)
                orders.append(MaskOrder(f"{number:05d}.png", _seed(seed, 0, number), hole_ratio, clear_px))
    return orders


def training_orders(count: int, seed: int) -> list[MaskOrder]:
    """Order a training set: the six bins in turn, holes anywhere; no mask of a benchmark of the same seed."""
    return [
        MaskOrder(f"{number:05d}.png", _seed(seed, 1, number), BINS[number % len(BINS)], 0) for number in range(count)
    ]


def free_orders(count: int, seed: int) -> list[MaskOrder]:
    """Order masks of any ratio up to the last bin's, holes anywhere."""
    return [
        MaskOrder(f"{number:05d}.png", _seed(seed, 2, number), (BINS[0][0], BINS[-1][1]), 0) for number in range(count)
    ]


def write_set(
    orders: list[MaskOrder],
    out: Path,
    mixture: Mapping[str, float],
    flow_masks: Path | None = None,
    size_px: int = 512,
    num_workers: int = 1,
    report: Callable[[int], None] | None = None,
) -> list[MaskRow]:
    """Draw masks and write them with their manifest: files and bytes do not depend on the number of workers.

    Args:
        orders: What to draw.
        out: A folder that is not there yet, or empty; it appears when all is done.
        mixture: Weight of each kind of holes; see `sample_hole`.
        flow_masks: Folder of raw flow masks, for the kind "flow".
        size_px: Side of the square masks.
        num_workers: Processes.
        report: Called with the number of masks done.

    Returns:
        The lines of the manifest.

    Raises:
        InputError: the folder is not empty, or a mask cannot have its ratio; then nothing is left behind.
    """
    check_mixture(mixture, flow_masks)
    if not orders or size_px < 32 or num_workers < 1:
        raise InputError(
            f"{len(orders)} masks of {size_px} pixels by {num_workers} workers: expected at least 1, 32 and 1."
        )
    with new_folder(out) as folder:
        draw = partial(_draw, folder=folder, mixture=dict(mixture), flow_masks=flow_masks, size_px=size_px)
        rows = []
        for row in _map(draw, orders, num_workers):
            rows.append(row)
            if report:
                report(len(rows))
        write_manifest(folder, rows)
    return rows


def write_mask(folder: Path, file: str, hole: Hole, seed: str = "") -> MaskRow:
    """Write one mask, and describe it."""
    content = encode_png(hole)
    (folder / file).write_bytes(content)
    ratio = float(hole.mean())
    frame = hole.copy()
    edge = scaled_border(min(hole.shape))
    frame[edge:-edge, edge:-edge] = False
    border = "any" if frame.any() else "clear"
    return MaskRow(file, seed, f"{ratio:.6f}", bin_of(ratio), border, hashlib.sha256(content).hexdigest())


def bin_of(ratio: float) -> str:
    """Name the bin of a hole ratio: "0.01-0.1" to "0.5-0.6", empty outside of them."""
    return next((f"{low:g}-{high:g}" for low, high in BINS if low < ratio <= high), "")


def scaled_border(size_px: int) -> int:
    """Width of the border of the paper's constraint for masks of another size than 512, in pixels."""
    return round(CLEAR_PX * size_px / 512)


def write_manifest(folder: Path, rows: list[MaskRow]) -> None:
    """Write the manifest of a set."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(MaskRow)])
    writer.writerows(astuple(row) for row in rows)
    (folder / MANIFEST).write_bytes(text.getvalue().encode())


def read_manifest(folder: Path) -> list[MaskRow]:
    """Read the manifest of a set.

    Raises:
        InputError: it is missing or damaged.
    """
    path = folder / MANIFEST
    try:
        lines = list(csv.reader(io.StringIO(read_text(path, MOST_BYTES), newline="")))
    except OSError as error:
        raise InputError(f"no {MANIFEST} in {folder}: give a folder of `partialconv masks benchmark`.") from error
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}): make the set again.") from error
    names = [field.name for field in fields(MaskRow)]
    if not lines or lines[0] != names or any(len(line) != len(names) for line in lines):
        raise InputError(f"{path} is damaged, expected lines of {','.join(names)}: make the set again.")
    rows = [MaskRow(*line) for line in lines[1:]]
    for number, row in enumerate(rows, 2):
        if problem := _problem(row):
            raise InputError(f"{path}, line {number} is damaged, {problem}: make the set again.")
    return rows


def _problem(row: MaskRow) -> str:
    """What is wrong with a line; "" for nothing."""
    if not row.file.isprintable() or not Path(row.file).parts or Path(row.file).is_absolute() or ".." in row.file:
        return f"its file is {row.file!r}, expected a name within the folder"
    if not re.fullmatch(r"[01]\.\d+", row.ratio) or float(row.ratio) > 1:
        return f"its ratio is {row.ratio!r}, expected 0 to 1"
    return "" if re.fullmatch("[0-9a-f]{64}", row.sha256) else f"its sha256 is {row.sha256!r}"


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that takes its name at the end, and vanishes if something fails.

    Raises:
        InputError: `out` is there and not an empty folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty: name another folder.")
    if not out.absolute().parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.absolute().parent}.")
    with unfinished_folder(out) as folder:
        yield folder


def _draw(
    order: MaskOrder, folder: Path, mixture: Mapping[str, float], flow_masks: Path | None, size_px: int
) -> MaskRow:
    try:
        hole = sample_hole((size_px, size_px), order.seed, mixture, order.hole_ratio, flow_masks, order.clear_px)
    except InputError as error:
        raise InputError(f"mask {order.file}: {error}") from error
    return write_mask(folder, order.file, hole, str(order.seed))


def _map(draw: Callable[[MaskOrder], MaskRow], orders: list[MaskOrder], num_workers: int) -> Iterable[MaskRow]:
    if num_workers == 1:
        yield from map(draw, orders)
        return
    with ProcessPoolExecutor(num_workers, get_context("spawn")) as pool:
        try:
            remaining = iter(orders)
            while part := list(islice(remaining, 64 * num_workers)):
                yield from pool.map(draw, part, chunksize=8)
        finally:
            pool.shutdown(cancel_futures=True)


def _seed(seed: int, purpose: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, purpose, number)).generate_state(1, np.uint64)[0])
