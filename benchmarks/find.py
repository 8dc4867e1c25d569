"""How well damage is found, and what a repair gains, on free photos with damage whose place is known.

    python benchmarks/find.py export runs/find -o find.onnx --photos DIR --damage DIR     # chooses the threshold
    python benchmarks/find.py measure find.onnx --photos DIR --damage DIR --lpips FILE -o TABLES.md --pictures DIR
    python benchmarks/find.py photos --photos DIR            # names of the test photos, as in find_photos.txt

Photos and their damage are those of `part_of` and of seeds: one photo in 16 chooses thresholds, with cut-outs of the
training part; another in 16 tests, with cut-outs and scans that were never trained on.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import partialconv
from partialconv.benchmark.lpips import Lpips
from partialconv.conventions import Hole
from partialconv.data.damage import KINDS, VISIBLE, Cutouts, Damaged, draw_damage, load_cutouts
from partialconv.data.damaged import Part, part_of, read_photos
from partialconv.data.photos import open_photos
from partialconv.data.spotting import Scores, count, scores_of
from partialconv.errors import InputError
from partialconv.masks.morphology import dilate
from partialconv.models.finder import MULTIPLE
from partialconv.training.finding import export_finder

Pixels = NDArray[np.uint8]
Probability = NDArray[np.float32]
Finding = Callable[[Pixels], Probability]
ROWS = {"dust": ("outlines", "dust"), "hairs": ("hairs",), "scratches": ("film",), "cracks": ("cracks", "folds")}
ROWS |= {"tears": ("tears",), "stamps": ("stamp",), "lettering": ("text",)}
THIN = ("dust", "hairs", "scratches", "cracks", "tears")  # whose mean F1 has a target
CLEAN, PHOTOS_EACH, PHOTOS_REPAIRED, UNDAMAGED_REPAIRED = 40, 12, 3, 12
SEEDS: dict[Part, int] = {"choice": 71, "test": 72, "train": 73}
LARGEST_FLAGGED = 0.0004  # of undamaged photos, where the threshold is chosen: false alarms harm more than misses
HALO_PX = 64  # what tiles overlap by
SECOND = (((2, 0), 1 / 4), ((0, 2), 1 / 4), ((1, 1), 1 / 4))  # derivatives, and what makes their kernels sum to 1
LEVELS = np.unique(np.concatenate([np.linspace(0.01, 0.99, 99), 1 - np.geomspace(1e-4, 1e-2, 9)]))
SHORTEST_PX = 400  # sides below it are those of small crops


@dataclass(frozen=True)
class Case:
    """A photo of the set; `row` is "clean" where there is no damage."""

    row: str
    damaged: Damaged


def make_cases(photos: list[Pixels], cutouts: Cutouts, part: Part, num_each: int = PHOTOS_EACH) -> Iterator[Case]:
    """The first `CLEAN` photos without damage, and `num_each` of them for every source of damage, in turn."""
    seed, number = SEEDS[part], 0
    for index, photo in enumerate(photos[:CLEAN]):
        yield Case("clean", draw_damage(photo, (seed, 0, index), cutouts, ()))
    for row, sources in ROWS.items():
        for index in range(num_each):
            source = sources[index % len(sources)]
            made = draw_damage(photos[number % len(photos)], (seed, 1, number), cutouts, (source,))
            number += 1
            if made.truth.any():
                yield Case(row, made)


class Network:
    """The network of a file, over whole photos."""

    def __init__(self, file: Path, threads: int = 1) -> None:
        import onnxruntime  # after partialconv, which switches its telemetry off

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.notes = self.session.get_modelmeta().custom_metadata_map
        self.threshold = float(self.notes["threshold"])

    def both(self, image: Pixels) -> tuple[Probability, Probability]:
        """Probability (H, W) and kinds (5, H, W)."""
        height, width = image.shape[:2]
        below, beside = -height % MULTIPLE, -width % MULTIPLE
        padded = np.pad(image, ((0, below), (0, beside), (0, 0)), mode="symmetric")
        x = padded.transpose(2, 0, 1)[None].astype(np.float32) / 255
        damage, kinds = self.session.run(None, {"image": x, "valid": np.ones_like(x[:, :1])})
        return damage[0, 0, :height, :width], kinds[0, :, :height, :width]

    def __call__(self, image: Pixels) -> Probability:
        """Probability (H, W)."""
        return self.both(image)[0]


def top_hat(image: Pixels) -> Probability:
    """What an opening or a closing by an ellipse of 9 pixels takes away."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    both = [cv2.morphologyEx(grey, kind, disc) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    return np.maximum(both[0], both[1]).astype(np.float32) / np.float32(255)


def median_difference(image: Pixels) -> Probability:
    """Difference from the median of 9 x 9 pixels."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.absdiff(grey, cv2.medianBlur(grey, 9)).astype(np.float32) / np.float32(255)


def ridges(image: Pixels) -> Probability:
    """Frangi's vesselness of light and dark lines, at widths of 1 to 3 pixels, with beta 0.5 and c 0.05."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)
    best = np.zeros(grey.shape, np.float32)
    for sigma in (1, 2, 3):
        soft = cv2.GaussianBlur(grey, (0, 0), sigma)
        xx, yy, xy = (cv2.Sobel(soft, cv2.CV_32F, *order, scale=s) for order, s in SECOND)
        half, root = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        low, high = np.abs(half) - root, np.abs(half) + root  # of the larger eigenvalue the sign does not matter
        strength = sigma**4 * (low**2 + high**2)
        line = np.exp(-((low / np.maximum(high, 1e-9)) ** 2) / 0.5) * (1 - np.exp(-strength / (2 * 0.05**2)))
        best = np.maximum(best, line)
    return np.asarray(best, np.float32)


CLASSICAL: dict[str, Finding] = {"top-hat": top_hat, "median difference": median_difference, "Frangi": ridges}


def choose(scores: list[Scores], largest_flagged: float = 1.0) -> int:
    """The number of the best F1 among those that flag at most so much of undamaged photos; else the fewest flagged."""
    allowed = [n for n, score in enumerate(scores) if score.flagged <= largest_flagged]
    if not allowed:
        return min(range(len(scores)), key=lambda n: scores[n].flagged)
    return max(allowed, key=lambda n: scores[n].f1)


class Curves:
    """Scores of one method on a set.

    Args:
        cases: The set.
        method: Gives a probability, or any strength in [0, 1], for each pixel.
        levels: Thresholds, ascending.
    """

    def __init__(self, cases: list[Case], method: Finding, levels: NDArray[np.float64] = LEVELS) -> None:
        sums = {row: np.zeros((len(levels), 6)) for row in ("clean", *ROWS)}
        begun, counting = perf_counter(), 0.0
        for case in cases:
            found = method(case.damaged.image)
            now = perf_counter()
            sums[case.row] += count(found, case.damaged.truth, levels)
            counting += perf_counter() - now
        self.seconds = (perf_counter() - begun - counting) / len(cases)
        self.rows = {row: scores_of(sums[row] + sums["clean"]) for row in ROWS}

    def mean(self) -> list[Scores]:
        """The mean over the rows of precision and recall at each level: no kind counts more for being large."""
        parts = ("precision", "recall", "flagged")
        return [
            Scores(*(float(np.mean([getattr(score, part) for score in scores])) for part in parts))
            for scores in zip(*self.rows.values(), strict=True)
        ]


def cases_of(part: Part, arguments: argparse.Namespace) -> list[Case]:
    """The whole set; small crops are left out."""
    photos = [p for p in read_photos([arguments.photos], part, 256) if min(p.shape[:2]) >= SHORTEST_PX]
    return list(make_cases(photos, load_cutouts(arguments.damage, held_out=part == "test"), part))


def export(arguments: argparse.Namespace) -> None:
    """Choose the threshold, then write the file with it."""
    export_finder(arguments.run, arguments.output, 0.5)
    cases = cases_of("choice", arguments)
    network = Network(arguments.output)
    scores = Curves(cases, network).mean()
    best = choose(scores, LARGEST_FLAGGED)
    export_finder(arguments.run, arguments.output, float(LEVELS[best]))
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {size:.2f} MB, step {network.notes['step']}, threshold {LEVELS[best]:.4f}")
    print(f"choice set: F1 {scores[best].f1:.3f}, {scores[best].flagged:.3%} of undamaged photos flagged")


def table_of_finds(network: Network, arguments: argparse.Namespace, cases: list[Case]) -> list[str]:
    """Precision, recall, F1 of each kind for each method, at its best threshold of the choice set."""
    chosen_on, lines = cases_of("choice", arguments), []
    lines += ["| method | threshold | " + " | ".join(ROWS) + " | mean of five | flagged | s |"]
    lines += ["|---|---:|" + "---:|" * (len(ROWS) + 3)]
    details = ["| method | " + " | ".join(f"{row}: P / R" for row in ROWS) + " |", "|---|" + "---:|" * len(ROWS)]
    methods: dict[str, Finding] = {"ours": network, **CLASSICAL}
    for name, method in ((name, methods[name]) for name in arguments.methods.split(",")):
        before, curves = Curves(chosen_on, method).mean(), Curves(cases, method)
        few = int(np.abs(LEVELS - network.threshold).argmin()) if name == "ours" else choose(before, LARGEST_FLAGGED)
        for title, level in (("few false alarms", few), ("best F1", choose(before))):
            scores = {row: curve[level] for row, curve in curves.rows.items()}
            mean, flagged = np.mean([scores[row].f1 for row in THIN]), scores["dust"].flagged
            cells = " | ".join(f"{score.f1:.2f}" for score in scores.values())
            numbers = f"{mean:.3f} | {flagged:.2%} | {curves.seconds:.2f}"
            lines.append(f"| {name}, {title} | {LEVELS[level]:.3f} | {cells} | {numbers} |")
            cells = " | ".join(f"{score.precision:.2f} / {score.recall:.2f}" for score in scores.values())
            details.append(f"| {name}, {title} | {cells} |")
        print(*lines[-2:], sep="\n", flush=True)
    right = np.zeros((len(KINDS), len(KINDS)), int)
    for case in cases:
        damage, kinds = network.both(case.damaged.image)
        there = (case.damaged.truth) & (damage >= network.threshold)
        np.add.at(right, (case.damaged.kinds[there], kinds.argmax(0)[there]), 1)
    lines += ["", *details, "", "Kinds of what was found and is damage, in per cent: rows are the truth.", ""]
    lines += ["| | " + " | ".join(KINDS) + " |", "|---|" + "---:|" * len(KINDS)]
    for kind, counts in zip(KINDS, 100 * right / np.maximum(1, np.sum(right, 1))[:, None], strict=True):
        lines.append(f"| {kind} | " + " | ".join(f"{share:.0f}" for share in counts) + " |")
    return lines


def psnr(first: Pixels, second: Pixels) -> float:
    """Of whole pictures, in dB."""
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return float(10 * np.log10(255**2 / max(float(error), 1e-9)))


def repaired(image: Pixels, hole: Hole) -> Pixels:
    """The photo with the hole filled; as it is where the hole is empty."""
    return np.asarray(partialconv.fill(image, hole)) if hole.any() else image


def table_of_repairs(network: Network, cases: list[Case], lpips: Lpips, pictures: Path | None) -> list[str]:
    """PSNR and LPIPS of the damaged photo, of the repairs, and of a fill of the true hole."""
    titles = ("damage", "photos", "damaged: PSNR, LPIPS", "without the pixel around", "repaired", "true hole filled")
    lines = [f"| {' | '.join(titles)} |", "|---|---:|---:|---:|---:|---:|"]
    every: list[NDArray[np.float64]] = []
    for row in ROWS:
        values = []
        for number, case in enumerate([case for case in cases if case.row == row][:PHOTOS_REPAIRED]):
            image, target = case.damaged.image, case.damaged.undamaged
            hole = network(image) >= network.threshold
            holes = (hole, dilate(hole, 1), case.damaged.truth)
            results = [image, *(repaired(image, one) for one in holes)]
            values.append([(psnr(result, target), lpips.distance(result, target)) for result in results])
            if pictures is not None:
                marked = image.copy()
                marked[hole] = (255, 0, 255)
                both = np.concatenate([image, marked, results[2], target], 1)
                Image.fromarray(both).save(pictures / f"{row}-{number}.jpg", quality=88)
        mean = np.mean(values, 0)
        every += [np.array(value) for value in values]
        cells = [f"{p:.1f}, {d:.3f}" for p, d in mean]
        lines.append(f"| {row} | {len(values)} | {' | '.join(cells)} |")
    cells = [f"{p:.1f}, {d:.3f}" for p, d in np.mean(every, 0)]
    return [*lines, f"| all | {len(every)} | {' | '.join(cells)} |"]


def table_of_undamaged(network: Network, cases: list[Case], pictures: Path | None) -> list[str]:
    """How much of undamaged photos is flagged, and visibly changed by a repair."""
    clean = [case.damaged.image for case in cases if case.row == "clean"]
    chosen = clean[:: max(1, len(clean) // UNDAMAGED_REPAIRED)][:UNDAMAGED_REPAIRED]
    flagged, changed = [], []
    for number, image in enumerate(chosen):
        hole = dilate(network(image) >= network.threshold, 1)  # as `partialconv.find` proposes it
        result = repaired(image, hole)
        flagged.append(float(hole.mean()))
        changed.append(float((np.abs(result.astype(int) - image).max(2) >= VISIBLE).mean()))
        if pictures is not None:
            marked = image.copy()
            marked[hole] = (255, 0, 255)
            Image.fromarray(np.concatenate([image, marked, result], 1)).save(
                pictures / f"clean-{number}.jpg", quality=88
            )
    worst = [sorted(values, reverse=True) for values in (flagged, changed)]
    return [
        f"Of {len(chosen)} undamaged photos, {np.mean(flagged):.3%} of the pixels would be filled",
        f"and {np.mean(changed):.3%} changed by {VISIBLE} levels or more; in per cent of each photo, sorted:",
        "filled " + ", ".join(f"{100 * x:.2f}" for x in worst[0]) + ";",
        "changed " + ", ".join(f"{100 * x:.2f}" for x in worst[1]) + ".",
    ]


def halo(network: Network, cases: list[Case]) -> str:
    """What a tile with `HALO_PX` around it says otherwise than the whole photo does."""
    flipped, largest, inner = 0, 0.0, 0
    for case in cases[:: max(1, len(cases) // 12)]:
        image = case.damaged.image
        size = [side // MULTIPLE * MULTIPLE for side in image.shape[:2]]
        top, left = (side // 3 // MULTIPLE * MULTIPLE for side in size)
        bottom, right = (min(side, first + 128 + 2 * HALO_PX) for side, first in zip(size, (top, left), strict=True))
        whole = network(image[: size[0], : size[1]])[top:bottom, left:right]
        tile = network(image[top:bottom, left:right])
        both = [x[HALO_PX:-HALO_PX, HALO_PX:-HALO_PX] for x in (whole, tile)]
        largest = max(largest, float(np.abs(both[0] - both[1]).max(initial=0)))
        flipped += int(((both[0] >= network.threshold) != (both[1] >= network.threshold)).sum())
        inner += both[0].size
    share = f"{flipped / inner:.4%} of the pixels are decided otherwise"
    return f"Tiles with {HALO_PX} px around them: {share}, probabilities differ by up to {largest:.3f}."


def measure(arguments: argparse.Namespace) -> None:
    """All tables."""
    network = Network(arguments.model, arguments.threads)
    if arguments.pictures is not None:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    cases = cases_of(arguments.part, arguments)
    kinds = {row: sum(case.row == row for case in cases) for row in ("clean", *ROWS)}
    lines = [", ".join(f"{num} {row}" for row, num in kinds.items()), ""]
    lines += [halo(network, cases), ""]
    lines += table_of_undamaged(network, cases, arguments.pictures)
    print(*lines, sep="\n", flush=True)
    if arguments.lpips is not None:
        repairs = table_of_repairs(network, cases, Lpips(arguments.lpips), arguments.pictures)
        print(*repairs, sep="\n", flush=True)
        lines += ["", *repairs]
    lines += ["", *table_of_finds(network, arguments, cases)]
    text = "\n".join(lines) + "\n"
    if arguments.output is not None:
        arguments.output.write_text(text, "utf-8")
    print(text)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("export", "measure", "photos"))
    parser.add_argument("run", nargs="?", type=Path, help="the folder of a training, or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--damage", type=Path)
    parser.add_argument("--lpips", type=Path, help="AlexNet's weights; without them repairs are not judged")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of what was found")
    parser.add_argument("--methods", default=",".join(("ours", *CLASSICAL)), help="of the table of finds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", choices=("test", "choice"), default="test", help="of the photos, to measure")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    arguments.model = arguments.run
    if arguments.command == "photos":
        names = [Path(name).name for name in open_photos(arguments.photos, 256).names if part_of(name) == "test"]
        print(*sorted(names), sep="\n")
    elif (
        arguments.run is None
        or arguments.damage is None
        or (arguments.command == "export" and arguments.output is None)
    ):
        parser.error("expected a run or file, --damage, and for export --output")
    else:
        (export if arguments.command == "export" else measure)(arguments)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
