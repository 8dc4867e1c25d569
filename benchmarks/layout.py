"""Networks under wide holes: whole scenes on few pixels, and pictures that are no photos.

    python benchmarks/layout.py RUN... --photos DIR [--px 128] [--lpips FILE] [--sheet FILE.png]

Each run's best weights fill the picture in one piece: no planner, no grain. Of each photo a square of its middle,
reduced to `--px`, under one seeded hole of each wide kind (10-70 %); of each kind of drawn picture, as many of seeds
that training never takes. "copy" is PatchMatch. Means over pictures of hole-PSNR in dB and LPIPS; "detail" is the
median energy of fine detail in the hole (above sigma 2) as a share of the truth's, where that has some.
"""

import argparse
import datetime
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from partialconv.benchmark.lpips import Lpips
from partialconv.benchmark.methods import open_method
from partialconv.benchmark.metrics import Judge
from partialconv.conventions import Hole, composite
from partialconv.data import find_photos
from partialconv.data.drawn import PAINTERS, draw_picture
from partialconv.masks import sample_hole
from partialconv.training.checkpoint import load_checkpoint

Pixels = NDArray[np.uint8]
KINDS = ("silhouettes", "blobs", "boxes", "halves")
RATIOS, SEED = (0.1, 0.7), 3018
SHEET_ROWS = 3  # of each kind


def of_run(run: Path) -> Callable[[Pixels, Hole], Pixels]:
    """Fill with the best weights of a run."""
    net = load_checkpoint(run).network()

    @torch.no_grad()
    def fill(picture: Pixels, hole: Hole) -> Pixels:
        target = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
        valid = torch.from_numpy(~hole)[None, None]
        comp = composite(target, net(target, valid).clamp(0, 1), valid.float())
        return np.asarray((comp[0].permute(1, 2, 0) * 255).round().numpy().astype(np.uint8))

    return fill


def detail(filled: Pixels, picture: Pixels, hole: Hole) -> float:
    """Energy above sigma 2 in the hole, as a share of the truth's; NaN where that is below one level."""
    energies = []
    for pixels in (filled, picture):
        values = pixels.astype(float)
        energies.append(float(((values - gaussian_filter(values, (2, 2, 0)))[hole] ** 2).mean()))
    return energies[0] / energies[1] if energies[1] >= 1 else float("nan")


def cases(photos: list[Path], px: int, num: int) -> dict[str, list[tuple[Pixels, Hole]]]:
    """Pictures and holes by the name of their kind."""
    found: dict[str, list[tuple[Pixels, Hole]]] = {}
    pictures = [np.asarray(ImageOps.fit(Image.open(path).convert("RGB"), (px, px))) for path in photos[:num]]
    for kind in KINDS:
        holes = [sample_hole((px, px), (SEED, n, KINDS.index(kind)), {kind: 1}, RATIOS) for n in range(len(pictures))]
        found[kind] = list(zip(pictures, holes, strict=True))
    for kind in PAINTERS:
        drawn = [draw_picture((px, px), (SEED, n), kind) for n in range(num // 2)]
        holes = [sample_hole((px, px), (SEED, n), dict.fromkeys(KINDS, 1.0), RATIOS) for n in range(num // 2)]
        found[kind] = list(zip(drawn, holes, strict=True))
    return found


def main() -> None:
    """Print a table in Markdown, and save a sheet of some fills."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of `partialconv train`, or of weights/")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--px", type=int, default=128)
    parser.add_argument("--num", type=int, default=48, help="photos")
    parser.add_argument("--lpips", type=Path, help="AlexNet's weights")
    parser.add_argument("--sheet", type=Path, help="photo with its hole, fills of the runs and of PatchMatch, photo")
    arguments = parser.parse_args()
    judge = Judge(None if arguments.lpips is None else Lpips(arguments.lpips))
    methods = {run.name: of_run(run) for run in arguments.runs} | {"copy": open_method("patchmatch").fill}
    machine = f"{platform.processor() or platform.machine()}, PyTorch {torch.__version__}"
    print(f"{datetime.date.today()}, {machine}; {arguments.px} pixels; hole-PSNR, LPIPS, detail\n")
    print("| kind | " + " | ".join(methods) + " |")
    print("|---" + "|---:" * len(methods) + "|")
    rows = []
    for kind, several in cases(find_photos(arguments.photos)[0], arguments.px, arguments.num).items():
        cells = []
        fills = []
        for fill in methods.values():
            filled = [fill(picture, hole) for picture, hole in several]
            scores = [judge.score(f, *case)[0] for f, case in zip(filled, several, strict=True)]
            means = [np.mean([score[name] for score in scores]) for name in ("hole_psnr", "lpips") if name in scores[0]]
            shares = np.array([detail(f, *case) for f, case in zip(filled, several, strict=True)])
            share = [f"{np.nanmedian(shares):.2f}"] if np.isfinite(shares).any() else []
            cells.append(", ".join([f"{means[0]:.2f}", *(f"{mean:.4f}" for mean in means[1:]), *share]))
            fills.append(filled)
        print(f"| {kind} | " + " | ".join(cells) + " |", flush=True)
        for n in range(SHEET_ROWS):
            picture, hole = several[n]
            holed = np.where(hole[..., None], np.uint8(255), picture)
            rows.append(np.concatenate([holed, *(each[n] for each in fills), picture], axis=1))
    if arguments.sheet:
        half = -(-len(rows) // 2)
        rows += [np.zeros_like(rows[0])] * (2 * half - len(rows))
        columns = [np.concatenate(rows[:half]), np.concatenate(rows[half:])]
        Image.fromarray(np.concatenate(columns, axis=1)).save(arguments.sheet)


if __name__ == "__main__":
    main()
