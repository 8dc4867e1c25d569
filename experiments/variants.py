"""Partial convolutions against ordinary ones, and other choices, each changed alone and trained from the same seeds.

    partialconv masks flow VIDEO... -o runs/flow
    partialconv pack PHOTOS -o runs/study/photos.tar --px 160
    python experiments/variants.py --photos runs/study/photos.tar --flow runs/flow --test-video NAME --val DIR
        --vgg FILE --lpips FILE --out runs/study [--seeds 3] [--variants partial,plain] [--sheet FILE]

Flow masks of one video are kept for the test, the others are for training. A run that is there is not made again, so
the command can be stopped and repeated. Within a seed all variants see the same photos in the same order, and all but
the plain ones, whose mask is one more channel, start from the same weights. They are judged on centre crops of other
photos with holes of the twelve cells of the paper's Table 1, from strokes and from flow: one pass of the network,
composite rounded to 8 bits.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor

from partialconv.benchmark.lpips import Lpips
from partialconv.benchmark.metrics import METRICS, Judge
from partialconv.benchmark.pairing import BIN_NAMES, BORDERS, Pairing, pair_up
from partialconv.benchmark.statistics import Scores, cells_of, interval
from partialconv.conventions import valid_from_hole
from partialconv.masks.sets import benchmark_orders, write_set
from partialconv.models import PartialConvUNet, unet
from partialconv.nn import PartialConv2d
from partialconv.training.allocator import keep_memory
from partialconv.training.checkpoint import holds_checkpoint, load_checkpoint
from partialconv.training.recipe import Recipe, load_recipe
from partialconv.training.trainer import train

BASE = Path(__file__).parent / "recipes" / "study.toml"
FEATURE_TERMS = {"perceptual": 0.05, "style_out": 120.0, "style_comp": 120.0, "vgg_window_px": 64, "vgg_every": 2}
CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "partial": {},
    "plain": {"model": {"conv": "plain"}},
    "zeros": {},  # as partial, but for `zero_borders`
    "strokes": {"data": {"holes": {"strokes": 1.0}}},
    "flow": {"data": {"holes": {"flow": 1.0}}},
    "partial-vgg": {"loss": FEATURE_TERMS},
    "plain-vgg": {"model": {"conv": "plain"}, "loss": FEATURE_TERMS},
}
COMPARISONS = (
    ("partial", "plain"),
    ("partial-vgg", "plain-vgg"),
    ("partial", "zeros"),
    ("partial-vgg", "partial"),
    ("strokes", "partial"),
    ("flow", "partial"),
    ("flow", "strokes"),
)
# PSNR of PConv minus PSNR of Conv, dB; Liu et al. 2018, Table 1
PUBLISHED_GAPS = (0.54, 0.55, 0.41, 0.43, 0.31, 0.35, 0.22, 0.29, 0.14, 0.25, -0.03, 0.10)
MASKS_PER_CELL, MASK_SEED = 64, 77
FIRST_PICTURE = 20  # of each cell


class ZeroBordered(PartialConv2d):
    """A partial convolution whose padding counts as known pixels of value 0, as an ordinary convolution's does."""

    def forward(  # type: ignore[override]
        self, x: Tensor | Sequence[Tensor], valid: Tensor | Sequence[Tensor], *, zeroed: bool = False
    ) -> tuple[Tensor, Tensor]:
        """See `PartialConv2d`."""
        several = [x] if isinstance(x, Tensor) else list(x)
        masks = [valid] if isinstance(valid, Tensor) else list(valid)
        around = self._reversed_padding_repeated_twice
        before, self.padding = self.padding, (0, 0)
        try:
            padded = [F.pad(piece, around) for piece in several]
            known = [F.pad(mask != 0, around, value=1) for mask in masks]
            return super().forward(padded, known, zeroed=zeroed)
        finally:
            self.padding = before


@contextlib.contextmanager
def borders_of(variant: str) -> Iterator[None]:
    """Build networks with the borders of a variant."""
    with mock.patch.object(unet, "PartialConv2d", ZeroBordered) if variant == "zeros" else contextlib.nullcontext():
        yield


def recipe_of(variant: str, seed: int, flow: Path) -> Recipe:
    """The recipe of a run."""
    recipe = load_recipe(BASE)
    tables = {name: dataclasses.replace(getattr(recipe, name), **keys) for name, keys in CHANGES[variant].items()}
    recipe = dataclasses.replace(recipe, **tables)
    data = dataclasses.replace(recipe.data, flow_masks=str(flow))
    return dataclasses.replace(recipe, data=data, training=dataclasses.replace(recipe.training, seed=seed))


def split_flow(flow: Path, test_video: str, out: Path) -> tuple[Path, Path]:
    """Copy raw masks into one folder for training and one of `test_video` for the test."""
    parts = out / "flow-train", out / "flow-test"
    for part, of_test in zip(parts, (False, True), strict=True):
        if part.exists():
            continue
        with tempfile.TemporaryDirectory(dir=out) as unfinished:
            folder = Path(unfinished) / part.name
            (folder / "raw").mkdir(parents=True)
            for path in sorted((flow / "raw").iterdir()):
                if path.name.startswith(test_video) == of_test:
                    shutil.copy(path, folder / "raw")
            folder.rename(part)
    return parts


def test_sets(val: Path, flow: Path, out: Path, side: int) -> dict[str, Pairing]:
    """Pairs of each kind of holes, as many of each cell as there are photos."""
    pairings = {}
    for kind in ("strokes", "flow"):
        folder = out / f"test-{kind}"
        if not folder.exists():
            orders = benchmark_orders(MASKS_PER_CELL, MASK_SEED, side)
            write_set(orders, folder, {kind: 1.0}, flow if kind == "flow" else None, side, num_workers=2)
        pairings[kind] = pair_up(val, folder)
    return pairings


def network_of(run: Path, variant: str) -> PartialConvUNet:
    """The trained network of a run."""
    with borders_of(variant):
        return load_checkpoint(run).network()


@torch.inference_mode()
def filled_by(net: PartialConvUNet, photo: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The composite, after one pass of the network."""
    target = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    output = net(target, valid_from_hole(torch.from_numpy(hole)[None, None]).float())
    filled = (output[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return np.where(hole[..., None], filled, photo)


def scores_of(run: Path, variant: str, pairing: Pairing, judge: Judge) -> Scores:
    """Scores of a run on every pair."""
    net, result = network_of(run, variant), Scores()
    for pair in pairing.pairs:
        photo, hole = pairing.load(pair)
        for name, value in judge.score(filled_by(net, photo, hole), photo, hole)[0].items():
            result.setdefault(name, []).append(value)
    return result


def sheet(runs: dict[str, Path], pairing: Pairing) -> Image.Image:
    """A row for each of some pairs: the hole, what each run makes of it, the photo."""
    nets = [network_of(run, variant) for variant, run in runs.items()]
    cells = cells_of(pairing.pairs)
    rows = []
    for place, name in enumerate(BIN_NAMES[1:]):
        photo, hole = pairing.load(pairing.pairs[cells[f"{name} clear"][FIRST_PICTURE + place]])
        holed = np.where(hole[..., None], np.uint8(255), photo)
        rows.append(np.hstack([holed, *(filled_by(net, photo, hole) for net in nets), photo]))
    return Image.fromarray(np.vstack(rows))


def difference_rows(
    first: list[Scores], second: list[Scores], pairing: Pairing, metric: str
) -> list[tuple[str, float, float, float]]:
    """For each cell the mean of paired differences, seeds averaged, with its interval over photos."""
    values = np.mean([np.subtract(a[metric], b[metric]) for a, b in zip(first, second, strict=True)], axis=0)
    rows = []
    for cell, numbers in cells_of(pairing.pairs).items():
        found = interval([values[n] for n in numbers], [pairing.pairs[n].photo_sha256 for n in numbers])
        if found.low is None or found.high is None:
            raise SystemExit("all test photos are the same: there is no interval.")
        rows.append((cell, found.mean, found.low, found.high))
    return rows


def report(scores: dict[str, dict[str, list[Scores]]], pairings: dict[str, Pairing]) -> Iterator[str]:
    """Lines of Markdown: scores by bin, then differences with intervals."""
    columns = [f"{name} {'N' if border == 'clear' else 'B'}" for name in BIN_NAMES for border in BORDERS]
    for kind, pairing in pairings.items():
        cells = cells_of(pairing.pairs)
        for metric in ("hole_psnr", "l1_percent", "ssim", "lpips"):
            yield f"\n| {METRICS[metric].label}, {kind} | " + " | ".join(columns) + " | all | each seed |"
            yield "|---" + "|---:" * (len(columns) + 2) + "|"
            digits = METRICS[metric].digits
            for variant, seeds in scores[kind].items():
                means = np.mean([seed[metric] for seed in seeds], axis=0)
                line = [f"{np.mean(means[cells[f'{n} {b}']]):.{digits}f}" for n in BIN_NAMES for b in BORDERS]
                each = ", ".join(f"{np.mean(seed[metric]):.{digits}f}" for seed in seeds)
                yield f"| {variant} | " + " | ".join([*line, f"{means.mean():.{digits}f}", each]) + " |"
    for one, other in COMPARISONS:
        for kind, pairing in pairings.items():
            if one not in scores[kind] or other not in scores[kind]:
                continue
            num = min(len(scores[kind][one]), len(scores[kind][other]))
            first, second = scores[kind][one][:num], scores[kind][other][:num]
            yield f"\n| {one} minus {other}, {kind}, {num} seeds | " + " | ".join(columns) + " | all | each seed |"
            yield "|---" + "|---:" * (len(columns) + 2) + "|"
            for metric in ("psnr", "l1_percent", "ssim", "lpips"):
                rows = {cell: values for cell, *values in difference_rows(first, second, pairing, metric)}
                digits = METRICS[metric].digits
                cell_names = [*(f"{n} {b}" for n in BIN_NAMES for b in BORDERS), "all all"]
                line = ["{:+.{d}f} ({:+.{d}f} to {:+.{d}f})".format(*rows[cell], d=digits) for cell in cell_names]
                gains = [np.mean(np.subtract(a[metric], b[metric])) for a, b in zip(first, second, strict=True)]
                line.append(", ".join(f"{gain:+.{digits}f}" for gain in gains))
                yield f"| {METRICS[metric].label} | " + " | ".join(line) + " |"
            if other.startswith("plain"):
                yield "| PSNR as published | " + " | ".join(f"{gap:+.2f}" for gap in PUBLISHED_GAPS) + " | +0.30 | |"


def main() -> None:
    """Train what is missing, then print tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("photos", "flow", "val", "vgg", "lpips", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--test-video", required=True, help="start of the names of its raw masks")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variants", default=",".join(CHANGES))
    parser.add_argument("--report", action="store_true", help="train nothing, show what is there")
    parser.add_argument("--sheet", type=Path, help="where to write pictures of the first seed's variants, on strokes")
    arguments = parser.parse_args()
    keep_memory()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    variants = arguments.variants.split(",")
    flow_train, flow_test = split_flow(arguments.flow, arguments.test_video, out)
    for seed in range(arguments.seeds):
        for variant in variants:
            run = out / f"{variant}-{seed}"
            recipe = recipe_of(variant, seed, flow_train)
            if arguments.report or (holds_checkpoint(run) and load_checkpoint(run).step == recipe.num_steps):
                continue
            print(f"{run.name}, {datetime.datetime.now():%H:%M}", flush=True)
            with borders_of(variant):
                outcome = train(recipe, str(arguments.photos), run, holds_checkpoint(run), vgg=arguments.vgg)
            if not outcome.finished:  # asked to stop
                return
    pairings = test_sets(arguments.val, flow_test, out, load_recipe(BASE).data.crop_px)
    judge = Judge(Lpips(arguments.lpips))
    variants = [variant for variant in variants if holds_checkpoint(out / f"{variant}-0")]
    scores: dict[str, dict[str, list[Scores]]] = {kind: {v: [] for v in variants} for kind in pairings}
    runs = [(v, s) for v in variants for s in range(arguments.seeds) if holds_checkpoint(out / f"{v}-{s}")]
    for variant, seed in track(runs, console=Console(stderr=True)):
        for kind, pairing in pairings.items():
            run = out / f"{variant}-{seed}"
            kept = run / f"scores-{kind}-{pairing.sha256[:8]}.json"
            if not kept.exists():
                kept.write_text(json.dumps(scores_of(run, variant, pairing, judge)))
            scores[kind][variant].append(json.loads(kept.read_text()))
    if arguments.sheet is not None:
        sheet({v: out / f"{v}-0" for v in variants}, pairings["strokes"]).save(arguments.sheet, quality=90)
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores {platform.machine()}, PyTorch {torch.__version__}; ", end=""
    )
    print(f"pairs: {', '.join(f'{len(p.pairs)} {kind}' for kind, p in pairings.items())}")
    print("\n".join(report(scores, pairings)))


if __name__ == "__main__":
    main()
