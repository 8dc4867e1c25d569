"""What a fill will cost, found out by doing a part of it.

Everything is read and written, but only some runs of the network happen, grain is added to some of many crops, and wide
holes get no copies. What copies would take follows from a trial on noise: their time depends on the size of a hole, and
hardly on what is in the photo.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partialconv.conventions import FloatArray, Hole
from partialconv.filling.job import Filling, FillJob, fill_file, open_inpainter
from partialconv.filling.report import summary_of
from partialconv.filling.watching import Watcher
from partialconv.imageio.formats import SUFFIX_OF_FORMAT
from partialconv.inference import Inpainter, Plan, Runtime
from partialconv.inference.copying import MOST_PX, THICK_PX, copy_detail, thick_part, wide_boxes
from partialconv.inference.grain import add_grain
from partialconv.inference.inpainter import PEAKS, Photo
from partialconv.inference.patchmatch import is_available
from partialconv.inference.planner import plan
from partialconv.masks.morphology import dilate

NETWORK_BYTES = 800  # for each pixel of the largest batch, beside its weights
MOST_SAMPLED_S = 3.0  # of runs of the network; what is left is computed from these
SAMPLES = 2  # runs of each shape
MOST_GRAINED = 64  # crops that get their grain
TRIAL_PX = 64  # a side of the hole that is copied into to measure, in noise of three times that
# The time of PatchMatch grows with this power of a hole's pixels, and carrying a pixel takes this multiple of what
# PatchMatch takes for one of the trial; fitted to holes of 36 to 340 pixels a side on 2 cores of an AMD EPYC.
POWER, CARRIED = 0.7, 0.11


@dataclass(frozen=True)
class Estimate:
    """What a fill will cost on this machine.

    Args:
        seconds: Of reading, filling and writing.
        memory_mb: For the network, in units of 10^6 bytes.
        steps: What the network has to do.
        hole_ratio: Share of hole pixels, 0 to 1.
    """

    seconds: float
    memory_mb: float
    steps: Plan
    hole_ratio: float

    def lines(self) -> list[str]:
        """Describe it in lines of text, for people."""
        height, width = self.steps.size
        told = [f"hole: {self.hole_ratio:.2%} of {width}x{height} pixels"]
        for stage in self.steps.stages:
            windows = [crop.window for batch in stage.batches for crop in batch]
            if windows:
                largest = max(windows, key=lambda window: window.num_pixels)
                megapixels = sum(window.num_pixels for window in windows) / 1e6
                at = "full size" if stage.scale == 1 else f"1/{stage.scale} of the size"
                sizes = f"the largest {largest.shape[1]}x{largest.shape[0]}, {megapixels:.2f} megapixels"
                told.append(f"at {at}: {len(windows)} {'crop' if len(windows) == 1 else 'crops'}, {sizes}")
        return [*told, f"about {self.seconds:.2g} s and {max(1, self.memory_mb):.0f} MB on this machine"]

    def as_dict(self) -> dict[str, Any]:
        """Describe it as a dictionary, for JSON."""
        content = {"seconds": round(self.seconds, 3), "memory_mb": round(self.memory_mb), "hole_ratio": self.hole_ratio}
        return content | {"plan": asdict(summary_of(self.steps))}


def estimate_file(job: FillJob, watcher: Watcher | None = None) -> Estimate:
    """Fill a photo into a temporary file, with a network that mostly only pretends to run, and measure.

    Args:
        job: What would be done; its output is not written, and may exist.
        watcher: Is told what happens.

    Raises:
        InputError: as in `fill_file`.
    """
    began = time.perf_counter()
    sampler = _Sampler(open_inpainter(job.options).runtime)
    inpainter = _Trial(runtime=sampler)
    opened_s = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        suffix = job.output.suffix.lower() or SUFFIX_OF_FORMAT["PNG"]
        trial = replace(job, output=Path(folder, f"trial{suffix}"), confidence=None)
        filling: Filling = fill_file(trial, inpainter, watcher)
    seconds = opened_s + sum(filling.timings_s.values()) - sampler.sampled_s + sampler.expected_s
    seconds += inpainter.expected_s - inpainter.trial_s
    steps = filling.steps
    return Estimate(seconds, steps.largest_batch * NETWORK_BYTES / 1e6, steps, filling.report.hole_ratio)


class _Trial(Inpainter):
    """Fills without copies and most of the grain, and says how long they would have taken.

    Attributes:
        trial_s: What was done instead took so many seconds.
        expected_s: What was left out would have taken so many.
    """

    trial_s = expected_s = 0.0

    def fill(
        self,
        photo: Photo,
        hole: Hole,
        grain: bool = True,
        copy: bool = True,
        tell: Callable[[float], None] | None = None,
        steps: Plan | None = None,
    ) -> Photo:
        """As in `Inpainter.fill`, but without copies and most of the grain."""
        steps = steps or self.plan(hole)
        sizes = _copied_sizes(steps, hole) if copy and is_available() else []
        if sizes:
            began = time.perf_counter()
            _copy_into_noise()
            took = time.perf_counter() - began
            self.trial_s += took
            self.expected_s += took * sum(_cost(size) for size in sizes)
        crops = [crop for batch in steps.batches for crop in batch]
        if not grain or len(crops) <= MOST_GRAINED:
            return super().fill(photo, hole, grain, False, tell, steps)
        filled = super().fill(photo, hole, False, False, tell, steps)
        some = crops[:: -(-len(crops) // MOST_GRAINED)]
        peak = PEAKS[photo.dtype.name]
        began = time.perf_counter()
        add_grain(filled, hole, replace(steps, batches=(tuple(some),), deep=None), peak)
        took = time.perf_counter() - began
        self.trial_s += took
        self.expected_s += took * len(crops) / len(some)
        add_grain(filled, hole, replace(steps, batches=()), peak)
        return filled


def _copied_sizes(steps: Plan, hole: Hole) -> list[int]:
    """How many pixels each wide part of a hole has."""
    sizes = []
    for box in wide_boxes(steps, hole):
        window = box.grown(2 * THICK_PX, steps.size)
        part = hole[window.slices]
        thick = thick_part(part, box.moved(-window.top, -window.left))
        sizes.append(int(np.count_nonzero(dilate(thick, THICK_PX) & part)))
    return sizes


def _copy_into_noise() -> None:
    """Copy into a hole of the size that others are measured by."""
    noise = np.random.default_rng(0).integers(0, 256, (3 * TRIAL_PX, 3 * TRIAL_PX, 3), np.uint8)
    hole = np.zeros(noise.shape[:2], bool)
    hole[TRIAL_PX : 2 * TRIAL_PX, TRIAL_PX : 2 * TRIAL_PX] = True
    copy_detail(noise, hole, plan(hole), 255, lambda _: None)


def _cost(size: int) -> float:
    """What copying into a part of a hole costs, in trials."""
    smallest = size
    while smallest > MOST_PX:
        smallest //= 4
    carried = size if smallest < size else 0
    return float((smallest / TRIAL_PX**2) ** POWER + CARRIED * carried / TRIAL_PX**2)


class _Sampler:
    """A runtime that runs each shape a few times, and then only says how long it would have taken.

    Attributes:
        sampled_s: What the runs took that happened.
        expected_s: What all of them would have taken.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.feathered = runtime, runtime.feathered
        self.sampled_s = self.expected_s = 0.0
        self._rates: dict[tuple[int, ...], list[float]] = defaultdict(list)  # seconds for each pixel, by shape

    def __call__(self, image: FloatArray, valid: FloatArray) -> FloatArray:
        rates = self._rates[image.shape]
        if len(rates) < SAMPLES and (self.sampled_s < MOST_SAMPLED_S or not self.sampled_s):
            began = time.perf_counter()
            output = self.runtime(image, valid)
            took = time.perf_counter() - began
            self.sampled_s += took
            self.expected_s += took
            rates.append(took / valid.size)
            return output
        if not rates:
            rates = min((r for r in self._rates.items() if r[1]), key=lambda r: abs(np.prod(r[0]) - image.size))[1]
        self.expected_s += min(rates) * valid.size
        return np.full_like(image, 0.25)
