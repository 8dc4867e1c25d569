"""Super-resolution with a network that fills holes: pixels spread out on a finer grid, and all between them filled.

    python examples/super_resolution.py [--model MODEL] [--data FOLDER] [--lpips FILE] [-o FOLDER] [PHOTO...]

Every n-th pixel of every n-th row of a photo is kept, and the photo is made again from these: by the network of
weights/super_resolution, and by bicubic interpolation, which is told where they are. This is how the extension of the
paper places pixels. They are taken without smoothing, so that fine patterns alias; a camera, or a program that makes
photos smaller, smooths first, and a network for such photos has to be trained on them.

Prints PSNR, in dB, of each photo, or with `--data` the means over a folder with their intervals of 95 %; LPIPS, too,
with AlexNet's weights. Writes with `-o`, side by side: the photo, bicubic, network. Needs PyTorch and the extra bench.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from partialconv.benchmark.lpips import find_lpips
from partialconv.benchmark.statistics import interval
from partialconv.masks.mixture import grid_hole
from partialconv.models import PartialConvUNet

HERE = Path(__file__).resolve().parent
PHOTOS = sorted(HERE.glob("*.jpg"))
SHIPPED = HERE.parent / "weights" / "super_resolution"
STEPS = (2, 4)
Pixels = NDArray[np.float32]
Measure = Callable[[Pixels, Pixels], float]


def spread(count: int, step: int, size: int) -> Pixels:
    """Weights of `count` pixels that stand `step` apart, in `size` places, (size, count); beyond the last, that one.

    Source: Keys 1981, with a = -0.5, which is exact for parabolas; the -0.75 of PyTorch gave less PSNR here.
    """
    weights = np.zeros((size, count))
    for place in range(size):
        for tap in range(place // step - 1, place // step + 3):
            t = abs(place / step - tap)
            cubic = 1.5 * t**3 - 2.5 * t**2 + 1 if t < 1 else -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
            weights[place, min(max(tap, 0), count - 1)] += cubic
    return weights.astype(np.float32)


def bicubic(kept: Pixels, step: int, size: tuple[int, int]) -> Pixels:
    """Interpolate between pixels that stand `step` apart: (h, w, 3) to (*size, 3), in [0, 1]."""
    rows, columns = (spread(small, step, large) for small, large in zip(kept.shape[:2], size, strict=True))
    larger: Pixels = np.einsum("yh,hwc,xw->yxc", rows, kept, columns, optimize=True)
    return larger.clip(0, 1)


@torch.inference_mode()
def filled(net: PartialConvUNet, photo: Pixels, step: int) -> Pixels:
    """The photo from every `step`-th of its pixels, (H, W, 3) in [0, 1]."""
    hole = grid_hole((photo.shape[0], photo.shape[1]), step)
    image = torch.from_numpy(np.where(hole[..., None], 0, photo)).permute(2, 0, 1)[None]
    output = net(image, torch.from_numpy(~hole)[None, None])[0].permute(1, 2, 0).clamp(0, 1)
    return np.where(hole[..., None], output.numpy(), photo)


def psnr(one: Pixels, other: Pixels) -> float:
    """Of values in [0, 1], in dB."""
    return float(-10 * np.log10(np.square(one - other).mean()))


def measures(lpips: Path | None) -> dict[str, tuple[Measure, int]]:
    """What is measured, with its number of decimals."""
    found: dict[str, tuple[Measure, int]] = {"PSNR, dB": (psnr, 2)}
    learned = None if lpips is None else find_lpips(lpips)
    if learned is not None and not isinstance(learned, str):
        found["LPIPS"] = (lambda one, other: learned.distance(eight_bits(one), eight_bits(other)), 4)
    return found


def eight_bits(picture: Pixels) -> NDArray[np.uint8]:
    """Of values in [0, 1]."""
    return np.rint(picture * 255).astype(np.uint8)


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*", default=PHOTOS)
    parser.add_argument("--model", default=SHIPPED, help="name, file or run; weights/super_resolution unless said")
    parser.add_argument("--data", type=Path, help="means over the photos of this folder")
    parser.add_argument("--lpips", type=Path, help="AlexNet's weights")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    net, measured = PartialConvUNet.from_pretrained(given.model), measures(given.lpips)
    photos = given.photos if given.data is None else sorted(path for path in given.data.iterdir() if path.is_file())
    heads = [f"{name}: {what}" for name in measured for what in ("network", "bicubic")]
    heads += [f"{name}: difference" for name in measured] if given.data is not None else []
    print(f"| photo | times | {' | '.join(heads)} |\n|---|---:|{'---:|' * len(heads)}")
    for step in STEPS:
        columns: list[list[float]] = []
        for path in photos:
            photo: Pixels = (np.asarray(Image.open(path).convert("RGB")) / 255).astype(np.float32)
            fill, smooth = filled(net, photo, step), bicubic(photo[::step, ::step], step, photo.shape[:2])
            scores = [measure(result, photo) for measure, _ in measured.values() for result in (fill, smooth)]
            columns.append(scores + [scores[i] - scores[i + 1] for i in range(0, len(scores), 2)])
            if given.data is None:
                places = [places for _, places in measured.values() for _ in range(2)]
                cells = [f"{score:.{n}f}" for score, n in zip(scores, places, strict=True)]
                print(f"| {path.name} | {step} | {' | '.join(cells)} |", flush=True)
            if given.output is not None:
                given.output.mkdir(parents=True, exist_ok=True)
                pair = np.concatenate([photo, smooth, fill], axis=1)
                Image.fromarray(eight_bits(pair)).save(given.output / f"{path.stem}_{step}x.png")
        if given.data is not None:
            places = [n for _, n in measured.values() for _ in range(2)] + [n for _, n in measured.values()]
            cells = []
            for values, n in zip(zip(*columns, strict=True), places, strict=True):
                found = interval(values, [path.name for path in photos])
                cells.append(f"{found.mean:.{n}f} [{found.low or 0:.{n}f}, {found.high or 0:.{n}f}]")
            print(f"| mean of {len(photos)} | {step} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
