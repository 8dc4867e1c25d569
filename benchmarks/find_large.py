"""Finding damage in large photos: what each size at which they are looked at adds, and what it takes.

    python benchmarks/find_large.py scales find.onnx --photos DIR --damage DIR
    python benchmarks/find_large.py cost find.onnx --photos DIR --megapixels 12
    python benchmarks/find_large.py cost find.onnx --photos DIR --megapixels 24 100 --hollow     # memory alone, quickly

Large photos are made: `scales` takes the middle of a test photo, ages and damages it as `benchmarks/find.py` does, and
enlarges the result three times, with grain, so that the damage is three times as wide; beside it, damage is drawn in
its usual size over enlarged photos. `cost` mirrors photos until they fill the number of pixels.
"""

import argparse
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from find import LEVELS, ROWS, SHORTEST_PX
from numpy.typing import NDArray
from PIL import Image

from partialconv.conventions import FloatArray, Hole
from partialconv.data.damage import Cutouts, draw_damage, load_cutouts
from partialconv.data.damaged import read_photos
from partialconv.data.spotting import count, scores_of
from partialconv.errors import InputError
from partialconv.finding import DamageFinder
from partialconv.finding.finder import DOUBT
from partialconv.finding.scales import doubled, halved

Pixels = NDArray[np.uint8]
FACTOR, MIDDLE_PX, GRAIN, SEED = 3, 400, 3.0, 74
NUM_CLEAN, NUM_WIDE, NUM_FINE = 8, 2, 1  # pictures of each kind of damage
MB = 1e6


def enlarged(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A photo of three times the size, with grain."""
    size = photo.shape[1] * FACTOR, photo.shape[0] * FACTOR
    large = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS), np.float32)
    return np.asarray(np.rint(large + rng.normal(0, GRAIN, large.shape)).clip(0, 255), np.uint8)


def middle(photo: Pixels) -> Pixels:
    """The middle of a photo."""
    top, left = ((side - MIDDLE_PX) // 2 for side in photo.shape[:2])
    return photo[top : top + MIDDLE_PX, left : left + MIDDLE_PX]


def cases(photos: list[Pixels], cutouts: Cutouts) -> list[tuple[str, Pixels, Hole]]:
    """Undamaged photos, and photos with wide and with fine damage, with the truth."""
    made = []
    for number in range(NUM_CLEAN):
        image = draw_damage(middle(photos[number]), (SEED, 0, number), cutouts, ()).image
        rng = np.random.default_rng((SEED, 1, number))
        made.append(("clean", enlarged(image, rng), np.zeros((FACTOR * MIDDLE_PX,) * 2, bool)))
    number = NUM_CLEAN
    for name, num in (("wide", NUM_WIDE), ("fine", NUM_FINE)):
        for sources in ROWS.values():
            for index in range(num):
                photo, rng = middle(photos[number % len(photos)]), np.random.default_rng((SEED, 1, number))
                source = (sources[index % len(sources)],)
                if name == "wide":
                    drawn = draw_damage(photo, (SEED, 2, number), cutouts, source)
                    image, truth = enlarged(drawn.image, rng), drawn.truth.repeat(FACTOR, 0).repeat(FACTOR, 1)
                else:
                    drawn = draw_damage(enlarged(photo, rng), (SEED, 2, number), cutouts, source)
                    image, truth = drawn.image, drawn.truth
                made.append((name, image, truth))
                number += 1
    return made


def probabilities(finder: DamageFinder, image: Pixels) -> list[FloatArray]:
    """Of a photo, of its half and of its quarter, each brought to the size of the photo."""
    found, picture = [], image
    for scale in range(3):
        probability = finder.marked(picture).probability.astype(np.float32)
        for _ in range(scale):
            height, width = probability.shape
            probability = doubled(np.pad(probability, 1, mode="edge"), (2 * height, 2 * width))
        found.append(probability)
        picture, _ = halved(picture, None)
    return found


def less(probability: FloatArray, logits: float) -> FloatArray:
    """Probabilities with other logits."""
    odds = probability / np.maximum(1 - probability, 1e-6) * np.float32(np.exp(-logits))
    return np.asarray(odds / (1 + odds), np.float32)


RULES: dict[str, Callable[[FloatArray, FloatArray, FloatArray], NDArray[np.floating]]] = {
    "full size": lambda full, half, quarter: full,  # noqa: ARG005
    "half": lambda full, half, quarter: half,  # noqa: ARG005
    "quarter": lambda full, half, quarter: quarter,  # noqa: ARG005
    "the highest of the three": lambda full, half, quarter: np.maximum(np.maximum(full, half), quarter),
    "the higher of full size and half, less by 1 there": lambda full, half, quarter: np.maximum(full, less(half, 1)),  # noqa: ARG005
    "and quarter less by 2, as shipped": lambda full, half, quarter: np.maximum(
        full, np.maximum(less(half, DOUBT), less(quarter, 2 * DOUBT))
    ),
    "mean of the three": lambda full, half, quarter: (full + half + quarter) / 3,
}


def scales(arguments: argparse.Namespace) -> None:
    """A table of the rules."""
    finder = DamageFinder(arguments.model, num_scales=1)
    photos = [p for p in read_photos([arguments.photos], "test", 256) if min(p.shape[:2]) >= SHORTEST_PX]
    levels = np.unique(np.append(LEVELS, finder.threshold))
    sums = {(rule, name): np.zeros((len(levels), 6)) for rule in RULES for name in ("clean", "wide", "fine")}
    made = cases(photos, load_cutouts(arguments.damage, held_out=True))
    for number, (name, image, truth) in enumerate(made):
        maps = probabilities(finder, image)
        for rule, merge in RULES.items():
            sums[rule, name] += count(merge(*maps), truth, levels)
        print(f"{number + 1} of {len(made)}", file=sys.stderr)
    here = int(np.searchsorted(levels, finder.threshold))
    print(f"{len(made)} pictures, threshold {levels[here]:.3f}; precision / recall / F1, and the same at the threshold")
    print("that flags as much of undamaged photos as the full size alone does.")
    print("\n| rule | wide damage | fine damage | flagged | at | wide damage | fine damage |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    allowed = scores_of(sums["full size", "clean"])[here].flagged
    for rule in RULES:
        wide, fine = (scores_of(sums[rule, name] + sums[rule, "clean"]) for name in ("wide", "fine"))
        like = next((n for n in range(len(levels)) if wide[n].flagged <= allowed), len(levels) - 1)
        cells = [
            " / ".join(f"{value:.2f}" for value in (score.precision, score.recall, score.f1))
            for score in (wide[here], fine[here], wide[like], fine[like])
        ]
        numbers = f"{cells[0]} | {cells[1]} | {wide[here].flagged:.3%} | {levels[like]:.3f} | {cells[2]} | {cells[3]}"
        print(f"| {rule} | {numbers} |")


class Hollow:
    """In place of the network: finds nothing, and takes no time and no memory of its own."""

    def run(self, _: list[str], given: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Probability 0 everywhere, and shares of 0."""
        count, _channels, height, width = given["image"].shape
        return np.zeros((count, 1, height, width), np.float32), np.zeros((count, 5, height, width), np.float32)


def cost(arguments: argparse.Namespace) -> None:
    """Seconds and the most memory of finding, beside the photo."""
    photos = read_photos([arguments.photos], "test", 256)
    finder = DamageFinder(arguments.model)
    if arguments.hollow:
        finder.session = Hollow()
    print("| megapixels | seconds | of the processor | peak of the process in MB | before | of them the photo |")
    print("|---:|---:|---:|---:|---:|---:|")
    for megapixels in sorted(arguments.megapixels):
        height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
        width = round(megapixels * 1e6 / height)
        small = photos[0]
        pads = [(0, max(0, side - have)) for side, have in zip((height, width), small.shape[:2], strict=True)]
        image = np.pad(small, [*pads, (0, 0)], mode="symmetric")[:height, :width]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB
        begun, worked = perf_counter(), process_time()
        finder.scan(image).found()
        took, used = perf_counter() - begun, process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB
        print(
            f"| {megapixels:g} | {took:.1f} | {used:.1f} | {peak:.0f} | {before:.0f} | {image.nbytes / MB:.0f} |",
            flush=True,
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("scales", "cost"))
    parser.add_argument("model", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--damage", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[12])
    parser.add_argument("--hollow", action="store_true", help="without the network")
    arguments = parser.parse_args()
    if arguments.command == "scales" and arguments.damage is None:
        parser.error("expected --damage")
    (scales if arguments.command == "scales" else cost)(arguments)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
