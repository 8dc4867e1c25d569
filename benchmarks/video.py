"""How well a mark is taken out of clips, and how much the fill flickers: the truth is known, for the mark is drawn.

    python benchmarks/video.py bikes.mp4 dog.mp4 --photo PHOTO.jpg --frames 24 --lpips FILE -o TABLE.md --pictures DIR

Cases are marks over the clips that are named, a camera that moves over a photo, and one that stands still before it,
both with noise. Methods: `ours`, as `partialconv video` does it; the same network for each frame alone; and Telea's
method for each frame. Flicker is the mean absolute change from frame to frame inside the hole, in levels of 255, and
beside it stands that of the truth. DIR gets frames (truth, marked, the three methods) and below them one row of the
hole over time. Last, each clip is coded anew without a mark: how much that costs, and the size of the file.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.benchmark.lpips import Lpips
from partialconv.conventions import Hole
from partialconv.inference import Inpainter
from partialconv.video.behind import Behind
from partialconv.video.clip import open_clip
from partialconv.video.coding import choose_coding, write_clip
from partialconv.video.frames import rgb_of_frame
from partialconv.video.regions import regions_of

Pixels = NDArray[np.uint8]
Frames = list[Pixels]
NOISE, SEED = 2.0, 3
PANNED, SIZE = (8.3, 1.4), (360, 640)  # pixels a frame to the right and down; height and width
RADIUS_PX = 5  # of Telea's method


@dataclass(frozen=True)
class Case:
    """A clip and the mark over it.

    Args:
        name: Of the clip and the mark.
        truth: Frames without the mark.
        hole: Where it is.
    """

    name: str
    truth: Frames
    hole: Hole


def lettering(size: tuple[int, ...], top: float, left: float) -> Hole:
    """A time code in letters with an outline, at a place given as shares of the frame."""
    drawn, scale = np.zeros(size[:2], np.uint8), size[0] / 600
    where = round(left * size[1]), round(top * size[0])
    cv2.putText(drawn, "TAKE 12:34", where, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, max(2, round(6 * scale)))
    return cv2.dilate(drawn, np.ones((5, 5), np.uint8)) > 0


def logo(size: tuple[int, ...], top: float, left: float) -> Hole:
    """A box of a seventh of the frame's height."""
    hole, side = np.zeros(size[:2], bool), size[0] // 7
    row, column = round(top * size[0]), round(left * size[1])
    hole[row : row + side, column : column + side * 2] = True
    return hole


def cases(arguments: argparse.Namespace) -> Iterator[Case]:
    """All cases, one at a time."""
    for path in arguments.clips:
        frames = list(islice((rgb_of_frame(frame) for frame in open_clip(path).frames()), arguments.frames))
        size = frames[0].shape
        yield Case(f"{path.stem}, letters", frames, lettering(size, 0.95, 0.05))
        yield Case(f"{path.stem}, in the middle", frames, lettering(size, 0.5, 0.35))
    if arguments.photo:
        photo = np.asarray(Image.open(arguments.photo).convert("RGB"))
        for name, step in (("moving camera", PANNED), ("still camera", (0.0, 0.0))):
            frames = list(panned(photo, step, arguments.frames))
            yield Case(f"{name}, logo", frames, logo(frames[0].shape, 0.3, 0.5))


def panned(photo: Pixels, step: tuple[float, float], num_frames: int) -> Iterator[Pixels]:
    """A camera that moves over a photo, with noise that is new in each frame."""
    noise = np.random.default_rng(SEED)
    for number in range(num_frames):
        shift = np.array([[1, 0, -20 - step[0] * number], [0, 1, -20 - step[1] * number]], np.float64)
        frame = cv2.warpAffine(photo, shift, SIZE[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        yield np.clip(np.rint(frame + noise.normal(0, NOISE, frame.shape)), 0, 255).astype(np.uint8)


def filled(case: Case, inpainter: Inpainter) -> dict[str, tuple[Frames, float]]:
    """The crops of a case around its hole by each method, with seconds a frame."""
    (box,) = regions_of(case.hole)
    hole = case.hole[box.slices]
    marked = [frame[box.slices].copy() for frame in case.truth]
    for frame in marked:
        frame[hole] = 255

    def ours() -> Frames:
        part = Behind(hole, inpainter.fill)
        return part.block(marked, part.motions(marked), 0, len(marked), None)

    def alone() -> Frames:
        return [inpainter.fill(frame, hole) for frame in marked]

    def telea() -> Frames:
        marks = hole.astype(np.uint8)
        return [np.asarray(cv2.inpaint(frame, marks, RADIUS_PX, cv2.INPAINT_TELEA), np.uint8) for frame in marked]

    results = {}
    for name, method in (("ours", ours), ("each frame alone", alone), ("telea", telea)):
        begun = time.perf_counter()
        frames = method()
        results[name] = frames, (time.perf_counter() - begun) / len(frames)
    return results


def flicker(frames: Frames, hole: Hole) -> float:
    """Mean absolute change from frame to frame in the hole."""
    return float(np.mean([np.abs(one[hole].astype(float) - other[hole]).mean() for one, other in pairwise(frames)]))


def psnr(frames: Frames, truth: Frames, hole: Hole) -> float:
    """Mean over the frames, in the hole alone, in dB."""
    errors = [np.square(one[hole].astype(float) - other[hole]).mean() for one, other in zip(frames, truth, strict=True)]
    return float(np.mean(10 * np.log10(255**2 / np.maximum(errors, 1e-3))))


def recoded(path: Path) -> tuple[float, float]:
    """What coding a clip anew keeps, PSNR of all pixels in dB, and the new size of the file as a share of the old."""
    clip = open_clip(path)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / path.name
        write_clip(clip, target, choose_coding(clip, target, "high"), "high", False, lambda frame, _: frame)
        errors = [
            np.square(rgb_of_frame(one).astype(float) - rgb_of_frame(other)).mean()
            for one, other in zip(open_clip(target).frames(), clip.frames(), strict=True)
        ]
        kept = float(np.mean(10 * np.log10(255**2 / np.maximum(errors, 1e-3))))
        return kept, target.stat().st_size / path.stat().st_size


def picture(frames: list[Frames], hole: Hole) -> Image.Image:
    """The middle frame of each, and below them one row of the hole over time."""
    row, middle = int(np.nonzero(hole)[0].mean()), len(frames[0]) // 2
    over_time = [np.repeat(np.stack([frame[row] for frame in each]), 3, axis=0) for each in frames]
    return Image.fromarray(np.vstack([np.hstack([each[middle] for each in frames]), np.hstack(over_time)]))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--lpips", type=Path, required=True, help="Its weights, as for `partialconv bench`.")
    parser.add_argument("--every", type=int, default=6, help="LPIPS of each so many-th frame.")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    inpainter, lpips = Inpainter(), Lpips(arguments.lpips)
    lines = ["| case | method | PSNR in the hole, dB | LPIPS | flicker | flicker of the truth | s a frame |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|")
    print("\n".join(lines), flush=True)
    for case in cases(arguments):
        (box,) = regions_of(case.hole)
        hole, truth = case.hole[box.slices], [frame[box.slices] for frame in case.truth]
        results = filled(case, inpainter)
        for name, (frames, seconds) in results.items():
            some = slice(None, None, arguments.every)
            distance = np.mean(
                [lpips.distance(one, other) for one, other in zip(frames[some], truth[some], strict=True)]
            )
            lines.append(
                f"| {case.name} | {name} | {psnr(frames, truth, hole):.2f} | {distance:.4f} | "
                f"{flicker(frames, hole):.2f} | {flicker(truth, hole):.2f} | {seconds:.2f} |"
            )
            print(lines[-1], flush=True)
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            shown = [truth, *(frames for frames, _ in results.values())]
            picture(shown, hole).save(arguments.pictures / f"{case.name.replace(', ', '-').replace(' ', '_')}.png")
    lines += ["", "| clip, coded anew at the quality high | PSNR, dB | size of before |", "|---|---:|---:|"]
    lines += [
        f"| {path.stem} | {kept:.1f} | {size:.2f} |" for path in arguments.clips for kept, size in [recoded(path)]
    ]
    print("\n".join(lines[-len(arguments.clips) - 3 :]))
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
