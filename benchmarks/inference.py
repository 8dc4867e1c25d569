"""How long the network takes, in every runtime, beside ordinary convolutions and beside NVIDIA's form of the layer.

    python benchmarks/inference.py [--model MODEL] [--memory]

All forms of one network take turns in one process, on one photo with strokes as holes. Printed are the median and the
best time of the turns, and the median of the ratios to the twin and to the dense form in the same turn. The twin is the
same network of ordinary convolutions (no masks, BatchNorm folded) in PyTorch, eager, channels last. "Dense masks" is
the partial network as NVIDIA's layer computes it: masks of as many channels as the features, counted by a convolution
with ones. Then `partialconv fill` of a small hole in a photo of 12 megapixels, as a new process and inside one. With
--memory alone the peak memory of runs in ONNX Runtime, each in a process of its own.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from partialconv.filling.api import fill_image
from partialconv.imageio import read_photo, write_photo
from partialconv.inference import Inpainter, open_runtime
from partialconv.masks import read_hole, stroke_hole
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import deploy, fold_batchnorm
from partialconv.models.edge import feather
from partialconv.models.graph import build_graph
from partialconv.models.unet import Block
from partialconv.zoo import model_path

SIZES = ((64, 0), (64, 24), (32, 0), (32, 24))  # width, detail_width; the last is the shipped network's
OURS = (("onnxruntime", "fp32"), ("torch", "fp32"), ("openvino", "fp32"), ("torch", "bf16"), ("openvino", "bf16"))
MEASURE_PEAK = """
import sys
from pathlib import Path
import numpy as np
from partialconv.inference import open_runtime
def peak():  # a new process would inherit that of getrusage
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
runtime, px = open_runtime("onnxruntime", Path(sys.argv[1])), int(sys.argv[2])
loaded = peak()
image, valid = np.full((1, 3, px, px), 0.5, np.float32), np.ones((1, 1, px, px), np.float32)
for _ in range(2):
    runtime(image, valid)
print(f"{loaded:.0f} {peak() - loaded:.0f}")
"""
Call = Callable[[], object]


class DenseMasks:
    """A folded network with masks of as many channels as the features, counted by a whole convolution."""

    def __init__(self, net: PartialConvUNet) -> None:
        self.net = net
        encoder, decoder, _ = net.blocks()
        self.ones = {id(block): torch.ones_like(block.conv.weight) for block in (*encoder, *decoder)}

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """As the network."""
        encoder, decoder, detail = self.net.blocks()
        x, mask = (image * 2 - 1) * valid, valid.expand_as(image)
        skips = []
        for block in encoder:
            skips.append((x, mask))
            x, mask = self._block(block, x, mask)
        for block in decoder:
            skip, skip_mask = skips.pop()
            x, mask = (F.interpolate(t, scale_factor=2) for t in (x, mask))
            x, mask = self._block(block, torch.cat([x, skip], 1), torch.cat([mask, skip_mask], 1))
        if detail:
            output, known = feather(x[:, :3], skip * valid, valid), mask[:, :3]
            x = torch.cat([x, torch.where(valid > 0, skip, output), valid], 1)
            for block in detail:
                x, _ = block([x], [None])
            x = output + x * known
        return (x + 1) / 2

    def _block(self, block: Block, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        conv = block.conv
        count = F.conv2d(mask, self.ones[id(block)], None, conv.stride, conv.padding)
        known = count.clamp(0, 1)
        ratio = conv.weight[0].numel() / (count + 1e-8) * known
        out = F.conv2d(x * mask, conv.weight, None, conv.stride, conv.padding) * ratio
        if conv.bias is not None:
            out = (out + conv.bias.view(1, -1, 1, 1)) * known
        return block.activation(out), known


def network(width: int, detail_width: int, conv: Literal["partial", "plain"] = "partial") -> PartialConvUNet:
    """A random network; with detail layers, those of the shipped one."""
    dilations = (2, 4, 1) if detail_width > 0 else ()
    return PartialConvUNet(width, conv=conv, detail_width=detail_width, detail_dilations=dilations)


def forms(width: int, detail_width: int, px: int, folder: Path) -> dict[str, Call]:
    """The same network in every form, ready to run."""
    torch.manual_seed(0)
    net = deploy(network(width, detail_width))
    twin = fold_batchnorm(network(width, detail_width, conv="plain"))
    valid = 1 - torch.from_numpy(stroke_hole((px, px), 1, (0.1, 0.3)))[None, None].float()
    image = torch.rand(1, 3, px, px)
    last = image.contiguous(memory_format=torch.channels_last)

    def eager(module: Callable[[Tensor, Tensor], Tensor]) -> Call:
        def call() -> Tensor:
            with torch.inference_mode():
                return module(last, valid)

        return call

    calls = {"twin, PyTorch eager": eager(twin.to(memory_format=torch.channels_last))}  # type: ignore[call-overload]
    dense = DenseMasks(net.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    calls["dense masks, PyTorch eager"] = eager(dense)
    path = folder / f"{width}_{detail_width}.onnx"
    path.write_bytes(build_graph(net.to(memory_format=torch.contiguous_format), {}).SerializeToString())  # type: ignore[call-overload]
    arrays = image.numpy(), valid.numpy()
    with torch.inference_mode():
        expected = net(image, valid).numpy()
        tolerance = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(dense(image, valid).numpy(), expected, atol=tolerance)
    for name, precision in OURS:
        runtime = open_runtime(name, path, precision=precision)
        if precision == "fp32":
            np.testing.assert_allclose(runtime(*arrays) * (1 - arrays[1]), expected * (1 - arrays[1]), atol=tolerance)
        calls[f"{name} {precision}"] = lambda runtime=runtime: runtime(*arrays)  # type: ignore[misc]
    return calls


def race(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of every call, taking turns; the first two turns, in which OpenVINO compiles, do not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            time.sleep(0.02)  # the threads of the one before still spin for a while
            start = time.perf_counter()
            call()
            if turn > 1:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(times: list[float], others: list[float]) -> float:
    """The median over the turns."""
    return statistics.median(a / b for a, b in zip(times, others, strict=True))


def synthetic(folder: Path) -> tuple[Path, Path]:
    """A JPEG of 12 megapixels, and a picture of two scratches whose crop has about 512x512 pixels."""
    y, x = np.mgrid[:3000, :4000]
    noise = np.random.default_rng(0).normal(0, 6, (3000, 4000))
    waves: list[NDArray[np.floating]] = [128 + 80 * np.sin(x / 90 + y / 150 + phase) + noise for phase in range(3)]
    Image.fromarray(np.stack(waves, -1).clip(0, 255).astype(np.uint8)).save(folder / "photo.jpg", quality=90)
    hole = np.zeros((3000, 4000), bool)
    hole[1500:1503, 1700:1712] = hole[1500:1509, 1704:1706] = True
    Image.fromarray(hole).save(folder / "holes.png")
    return folder / "photo.jpg", folder / "holes.png"


def fill_in_process(inpainter: Inpainter, photo: Path, holes: Path, output: Path) -> None:
    """What the command `fill` does once everything is loaded."""
    source = read_photo(photo)
    hole = read_hole(holes, source).accept(False)
    write_photo(source, fill_image(inpainter, source.image, hole), hole, output, True)


def memory(models: dict[str, Path]) -> None:
    """Print what processes hold with a session loaded, and how much more at the peak of two runs."""
    print("| | loaded, MiB | 512x512 | 1024x1024 | 2048x2048 |\n|---|---:|---:|---:|---:|")
    for label, model in models.items():
        peaks = []
        for px in (512, 1024, 2048):
            command = [sys.executable, "-c", MEASURE_PEAK, str(model), str(px)]
            peaks.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        print(f"| {label} | {peaks[0][0]} | {' | '.join(peak for _, peak in peaks)} |", flush=True)


def main() -> None:
    """Measure and print a table for docs/inference.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--px", type=int, default=512, help="a multiple of 256")
    parser.add_argument("--model", type=Path, help="for `fill`; the shipped one if not given")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    versions = f"PyTorch {torch.__version__}, {options.threads} threads, {platform.machine()}"
    print(f"{date.today()}, {versions}; {options.px}x{options.px}, median of {options.rounds} turns\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.memory:
            models = {"the model": options.model or model_path()}
            for width, detail_width in SIZES:
                path = models[f"width {width}, detail {detail_width}"] = folder / f"{width}_{detail_width}.onnx"
                path.write_bytes(build_graph(deploy(network(width, detail_width)), {}).SerializeToString())
            memory(models)
            return
        for width, detail_width in SIZES:
            print(f"| width {width}, detail {detail_width} | s | best | of the twin | of dense masks |")
            print("|---|---:|---:|---:|---:|")
            times = race(forms(width, detail_width, options.px, folder), options.rounds)
            twin, dense, *_ = times.values()
            for form, values in times.items():
                of_twin, of_dense = (ratio(values, others) for others in (twin, dense))
                seconds = f"{statistics.median(values):.3f} | {min(values):.3f}"
                print(f"| {form} | {seconds} | {of_twin:.2f} | {of_dense:.2f} |")
            print(flush=True)
        photo, holes = synthetic(folder)
        inpainter = Inpainter(options.model)
        command = [sys.executable, "-m", "partialconv", "fill", str(photo), str(holes), "--overwrite"]
        command += ["-o", str(folder / "out.jpg"), *(["--model", str(options.model)] if options.model else [])]
        both = race(
            {
                "new process": lambda: subprocess.run(command, check=True),
                "inside a process": lambda: fill_in_process(inpainter, photo, holes, folder / "out.jpg"),
            },
            options.rounds,
        )
        print("| `fill`, 12 megapixels, a crop of 512x512 | s |\n|---|---:|")
        for form, values in both.items():
            print(f"| {form} | {statistics.median(values):.2f} |")


if __name__ == "__main__":
    main()
