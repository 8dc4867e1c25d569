"""What a fill will cost, found out by doing everything but most runs of the network."""

import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partialconv.conventions import FloatArray
from partialconv.filling.job import Filling, FillJob, fill_file, open_inpainter
from partialconv.filling.report import summary_of
from partialconv.filling.watching import Watcher
from partialconv.imageio.formats import SUFFIX_OF_FORMAT
from partialconv.inference import Inpainter, Plan, Runtime

NETWORK_BYTES = 800  # for each pixel of the largest batch, beside its weights
MOST_SAMPLED_S = 3.0  # of runs of the network; what is left is computed from these
SAMPLES = 2  # runs of each shape


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
        """For people."""
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
        """For JSON."""
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
    opened_s = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        suffix = job.output.suffix.lower() or SUFFIX_OF_FORMAT["PNG"]
        trial = replace(job, output=Path(folder, f"trial{suffix}"), confidence=None)
        filling: Filling = fill_file(trial, Inpainter(runtime=sampler), watcher)
    seconds = opened_s + sum(filling.timings_s.values()) - sampler.sampled_s + sampler.expected_s
    steps = filling.steps
    return Estimate(seconds, steps.largest_batch * NETWORK_BYTES / 1e6, steps, filling.report.hole_ratio)


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
