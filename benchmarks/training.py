"""Images per second of training, partial against ordinary convolutions, with and without VGG's terms; and of loading.

    python benchmarks/training.py [--data DIR]

All variants take turns, one step each, in one process; medians and ratios of their times. "Saved" is what autograd
keeps between forward and backward, the bulk of the memory that training needs; it does not depend on the machine.
Nor do the operations of a step, forward and backward, from which --peak estimates the time on other machines.
"""

import argparse
import datetime
import itertools
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from partialconv.training.allocator import keep_memory

keep_memory()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from partialconv.data import HoledPhotos, open_photos  # noqa: E402
from partialconv.data.resident import ResidentPhotos  # noqa: E402
from partialconv.masks import stroke_hole  # noqa: E402
from partialconv.models.features import VGG16Features  # noqa: E402
from partialconv.training.distributed import World  # noqa: E402
from partialconv.training.learner import Learner  # noqa: E402
from partialconv.training.recipe import Recipe  # noqa: E402

HOLE_RATIO = (0.01, 0.5)
NUM_IMAGES = 6_000_000  # a million steps of the paper's batch of 6
USED, PARALLEL = 0.3, 0.9  # assumed: share of the peak that convolutions reach, and that 8 or more devices keep


@dataclass
class Variant:
    """One way to train, and what it took."""

    label: str
    step: Callable[[], None]
    saved_mb: float
    gflop: float  # of a step
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.seconds)


def saved_megabytes(work: Callable[[], Tensor], parameters: Iterable[Tensor]) -> float:
    """Memory that autograd keeps for the backward pass of `work`, without the weights, in MB of 10^6 bytes."""
    weights = {p.untyped_storage().data_ptr() for p in parameters}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = work()
    del result
    return sum(saved.values()) / 1e6


def make(recipe: Recipe, label: str, world: World, vgg: Path, batch: tuple[Tensor, Tensor]) -> Variant:
    """A variant, its memory measured, its network warm."""
    learner = Learner(recipe, world, vgg, None)
    target, valid = batch

    def forward() -> Tensor:
        with torch.autocast(world.device.type, learner.dtype, enabled=learner.dtype != torch.float32):
            terms = learner.loss(learner.wrapped(target, valid), target, valid.float())
        return learner.loss.total(terms)

    def step() -> None:
        learner.step(target, valid, 1e-4, 1)
        if world.device.type == "cuda":
            torch.cuda.synchronize()

    frozen = [*learner.net.parameters(), *learner.loss.parameters()]
    saved = saved_megabytes(forward, frozen)
    with FlopCounterMode(display=False) as counter:
        step()
    return Variant(label, step, saved, counter.get_total_flops() / 1e9)


def estimate(cost: dict[tuple[int, str], float], peak: float) -> None:
    """Print hours of training at 512 px on devices of `peak` TFLOP/s, if they reach `USED` of it."""
    print(
        f"\nEstimated, not measured: {NUM_IMAGES:,} images of 512 px on devices of {peak:g} TFLOP/s, {USED:.0%} used\n"
    )
    print("| width | terms | GFLOP/image | images/s, 1 device | hours, 1 | hours, 8 | hours, 64 |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    for (width, terms), gflop in cost.items():
        speed = peak * 1000 * USED / gflop
        hours = NUM_IMAGES / speed / 3600
        several = " | ".join(f"{hours / (num * PARALLEL):.1f}" for num in (8, 64))
        print(f"| {width} | {terms} | {gflop:.0f} | {speed:.0f} | {hours:.1f} | {several} |")


def loading(data: Path, crop_px: int, batch_size: int, num_batches: int) -> None:
    """Print how fast samples come from files and from memory."""
    photos = open_photos(data, crop_px)
    indices = [range(n * batch_size, (n + 1) * batch_size) for n in range(num_batches)]
    dataset = HoledPhotos(photos, crop_px, HOLE_RATIO, seed=0)
    for num_workers in (1, 2):
        loader = DataLoader(dataset, batch_sampler=indices, num_workers=num_workers)  # type: ignore[arg-type]
        batches = iter(loader)
        next(batches)  # the workers have started
        began = time.perf_counter()
        num = sum(len(batch[0]) for batch in batches)
        print(f"| files, {num_workers} worker(s) | {num / (time.perf_counter() - began):.0f} |")
    resident = ResidentPhotos(photos, crop_px, HOLE_RATIO, 0, torch.device("cpu"), num_holes=64)
    began = time.perf_counter()
    num = sum(len(batch.photo) for batch in resident.batches(iter(indices)))
    print(f"| resident, one thread | {num / (time.perf_counter() - began):.0f} |")


def synthetic_photos(folder: Path) -> Path:
    """Thirty-two photos of 341x256 pixels, for want of real ones."""
    rng = np.random.default_rng(0)
    for number in range(32):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 21, 3), dtype=np.uint8))
        coarse.resize((341, 256)).save(folder / f"{number}.webp", quality=80)
    return folder


def main() -> None:
    """Print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of photos for the loader; synthetic ones by default")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--peak", type=float, nargs="*", default=[], help="TFLOP/s of devices to estimate for")
    parser.add_argument("--no-vgg", action="store_true", help="leave the variants with VGG's terms out")
    arguments = parser.parse_args()

    world = World.of_environment()
    holes = [stroke_hole((arguments.crop, arguments.crop), n, HOLE_RATIO) for n in range(arguments.batch)]
    valid = ~torch.from_numpy(np.stack(holes))[:, None].to(world.device)
    target = torch.rand(arguments.batch, 3, arguments.crop, arguments.crop, device=world.device)
    batch = target.contiguous(memory_format=torch.channels_last), valid
    base = Recipe()
    base = replace(base, training=replace(base.training, batch_size=arguments.batch, compile=arguments.compile))
    without = replace(base.loss, perceptual=0, style_out=0, style_comp=0)
    name = torch.cuda.get_device_name() if world.device.type == "cuda" else platform.processor() or platform.machine()
    print(f"{datetime.date.today()}, {name}, {os.cpu_count()} cores, PyTorch {torch.__version__}, ", end="")
    print(f"batch {arguments.batch} of {arguments.crop} px, {arguments.rounds} rounds\n")
    print("| width | terms | partial, images/s | ordinary, images/s | time, partial / ordinary ", end="")
    print("| saved, MB | saved, partial / ordinary | GFLOP/image |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    cost: dict[tuple[int, str], float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        vgg = Path(scratch) / "vgg.safetensors"
        save_file(VGG16Features().state_dict(), vgg)  # its speed does not depend on its weights
        losses = {"L1, tv": without} if arguments.no_vgg else {"L1, tv": without, "all six": base.loss}
        for width, (terms, loss) in itertools.product(arguments.widths, losses.items()):
            pair = [
                make(
                    replace(base, model=replace(base.model, width=width, conv=conv), loss=loss), conv, world, vgg, batch
                )
                for conv in ("partial", "plain")
            ]
            for _, variant in itertools.product(range(arguments.rounds), pair):
                began = time.perf_counter()
                variant.step()
                variant.seconds.append(time.perf_counter() - began)
            partial, plain = pair
            ratios = [a / b for a, b in zip(partial.seconds, plain.seconds, strict=True)]
            speeds = " | ".join(f"{arguments.batch / v.median:.2f}" for v in pair)
            print(f"| {width} | {terms} | {speeds} | {statistics.median(ratios):.2f} ", end="")
            print(f"| {partial.saved_mb:.0f} | {partial.saved_mb / plain.saved_mb:.2f} ", end="")
            print(f"| {partial.gflop / arguments.batch:.0f} |", flush=True)
            cost[width, terms] = partial.gflop / arguments.batch * (512 / arguments.crop) ** 2
        for peak in arguments.peak:
            estimate(cost, peak)
        print("\n| loading | images/s |\n|---|---:|")
        photos = Path(scratch) / "photos"
        photos.mkdir()
        loading(arguments.data or synthetic_photos(photos), arguments.crop, arguments.batch, 24)


if __name__ == "__main__":
    main()
