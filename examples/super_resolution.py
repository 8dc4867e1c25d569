"""Super-resolution with a network that fills holes: pixels spread out on a finer grid, and all between them filled.

    python examples/super_resolution.py [--model MODEL] [-o FOLDER] [PHOTO...]

Every n-th pixel of every n-th row of a photo is kept, and the photo is made again from these: by the network, and by
bicubic interpolation, which is told where they are. Prints PSNR, in dB, and writes pictures of both with `-o`. The
shipped model was trained on holes with known surroundings, not on grids: recipes/super_resolution.toml is for that.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from partialconv.inference import open_runtime
from partialconv.masks.mixture import grid_hole
from partialconv.zoo import model_path

PHOTOS = sorted(Path(__file__).parent.glob("*.jpg"))
STEPS = (2, 4)
Pixels = NDArray[np.float32]


def bicubic(kept: Pixels, step: int, size: tuple[int, int]) -> Pixels:
    """Interpolate between pixels that stand `step` apart: (h, w, 3) to (*size, 3), in [0, 1]."""
    places = [
        torch.arange(extent) / step / (small - 1) * 2 - 1 for extent, small in zip(size, kept.shape[:2], strict=True)
    ]
    y, x = torch.meshgrid(*places, indexing="ij")
    grid = torch.stack([x, y], -1)[None].float()
    picture = torch.from_numpy(kept).permute(2, 0, 1)[None]
    larger = F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=True)
    return larger[0].permute(1, 2, 0).clamp(0, 1).numpy()


def psnr(one: Pixels, other: Pixels) -> float:
    """Of values in [0, 1], in dB."""
    return float(-10 * np.log10(np.square(one - other).mean()))


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*", default=PHOTOS)
    parser.add_argument("--model", default="half")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    run = open_runtime("onnxruntime", model_path(given.model))
    print("| photo | times | network, dB | bicubic, dB |\n|---|---:|---:|---:|")
    for path in given.photos:
        photo: Pixels = (np.asarray(Image.open(path).convert("RGB")) / 255).astype(np.float32)
        for step in STEPS:
            hole = grid_hole((photo.shape[0], photo.shape[1]), step)
            valid = (~hole).astype(np.float32)[None, None]
            image = np.ascontiguousarray((photo * ~hole[..., None]).transpose(2, 0, 1))[None]
            output = run(image, valid)[0].transpose(1, 2, 0).clip(0, 1)
            filled = np.where(hole[..., None], output, photo)
            smooth = np.where(hole[..., None], bicubic(photo[::step, ::step], step, hole.shape), photo)
            print(f"| {path.name} | {step} | {psnr(filled, photo):.2f} | {psnr(smooth, photo):.2f} |", flush=True)
            if given.output is not None:
                given.output.mkdir(parents=True, exist_ok=True)
                pair = np.concatenate([photo, smooth, filled], axis=1)
                Image.fromarray(np.rint(pair * 255).astype(np.uint8)).save(given.output / f"{path.stem}_{step}x.png")


if __name__ == "__main__":
    main()
