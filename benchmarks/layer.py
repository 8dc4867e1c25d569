"""What partial convolution costs, beside nn.Conv2d, the dense form of the paper's recipe, and torch-pconv.

    python benchmarks/layer.py layers               # single layers; also: 256, 512 (the whole 8+8 network)
    python benchmarks/layer.py 512 --compile        # under torch.compile
    python benchmarks/layer.py 512 --dtype float16  # on a GPU, where there is one
    python benchmarks/layer.py 512 --processor      # processor time of one thread: on a busy machine

One process; in every round each form runs once, in random order. Printed are medians over the rounds: milliseconds of
nn.Conv2d, and of the others the ratio to nn.Conv2d in the same round. Everything is in channels_last. "saved" are the
bytes that forward keeps for backward, each tensor once, without parameters.

* dense: two convolutions, C with the weights, D with ones, as in the paper's supplement and in NVIDIA's layer with
  multi_channel=True: masks of as many channels as the features.
* torch-pconv: `pip install torch-pconv`; one mask for all channels, so for skip links it gets the OR of both masks, and
  computes something else there. Masks are fp32 and it takes fp32 alone.
"""

import argparse
import datetime
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from partialconv.masks import stroke_hole
from partialconv.models import PartialConvUNet
from partialconv.nn import PartialConv2d

try:
    from torch_pconv import PConv2d
except ImportError:
    PConv2d = None

PLAIN = "nn.Conv2d"
LAYERS = (  # channels of the inputs, of the output, kernel, stride, side
    ((3,), 64, 7, 2, 512),
    ((64,), 128, 5, 2, 256),
    ((64,), 64, 3, 1, 256),
    ((256,), 512, 3, 2, 64),
    ((512,), 512, 3, 1, 32),
    ((128, 64), 64, 3, 1, 256),
    ((512, 512), 512, 3, 1, 32),
)
Masks = list[Tensor]


class Ours(nn.Module):
    """The layer of this package."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.conv = PartialConv2d(c_in, c_out, kernel, stride, kernel // 2, bias=bias)

    def forward(self, x: list[Tensor], valid: Masks) -> tuple[Tensor, Tensor]:
        """Features and masks, one or two of each, to features and their mask."""
        return self.conv(x, valid)  # type: ignore[no-any-return]


class Plain(nn.Module):
    """The ordinary convolution, of the concatenation; takes masks and ignores them."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=bias)

    def forward(self, x: list[Tensor], valid: Masks) -> tuple[Tensor, Tensor]:
        """Features and masks, one or two of each, to features and their mask."""
        return self.conv(torch.cat(x, 1) if len(x) > 1 else x[0]), valid[0]


class Dense(nn.Module):
    """[C(M.X) - C(0)] / D(M) * sum(1) + C(0), with masks of all channels."""

    ones: Tensor

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=bias)
        self.register_buffer("ones", torch.ones_like(self.conv.weight))

    def forward(self, x: list[Tensor], valid: Masks) -> tuple[Tensor, Tensor]:
        """Features and masks, one or two of each, to features and their mask."""
        layout = torch.channels_last
        dense = [m.to(f.dtype).expand_as(f).contiguous(memory_format=layout) for f, m in zip(x, valid, strict=True)]
        joined, known = (torch.cat(t, 1) if len(t) > 1 else t[0] for t in (x, dense))
        out = self.conv(joined * known)
        with torch.no_grad():
            count = F.conv2d(known, self.ones, None, self.conv.stride, self.conv.padding)
            known = count.clamp(0, 1)
            ratio = self.ones[0].numel() / (count + 1e-8) * known
        if self.conv.bias is not None:
            bias = self.conv.bias.view(1, -1, 1, 1)
            return ((out - bias) * ratio + bias) * known, known
        return out * ratio, known


class TorchPconv(nn.Module):
    """The layer from PyPI."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.conv: nn.Module = PConv2d(c_in, c_out, kernel, stride, kernel // 2, bias=bias)

    def forward(self, x: list[Tensor], valid: Masks) -> tuple[Tensor, Tensor]:
        """Features and masks, one or two of each, to features and their mask."""
        known = valid[0] if len(valid) == 1 else torch.maximum(*valid)
        out, known = self.conv(torch.cat(x, 1) if len(x) > 1 else x[0], known[:, 0].float())
        return out, known[:, None]


class UNet(nn.Module):
    """The paper's network of any of these layers, with the nonlinearities and BatchNorms of ours."""

    def __init__(self, layer: type[nn.Module], like: PartialConvUNet) -> None:
        super().__init__()
        encoder, decoder, _ = like.blocks()
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for part, blocks in ((self.encoder, encoder), (self.decoder, decoder)):
            for b in blocks:
                shape = (b.conv.in_channels, b.conv.out_channels, b.conv.kernel_size[0], b.conv.stride[0])
                part.append(nn.ModuleList([layer(*shape, b.conv.bias is not None), b.norm, b.activation]))

    def forward(self, image: Tensor, valid: Tensor) -> Tensor:
        """Image in [0, 1] and mask to the output."""
        x, known = image * 2 - 1, valid
        skips = []
        encoder, decoder = (cast(list[tuple[Any, Any, Any]], part) for part in (self.encoder, self.decoder))
        for conv, norm, activation in encoder:
            skips.append((x, known))
            x, known = conv([x], [known])
            x = activation(norm(x))
        for conv, norm, activation in decoder:
            skip, skip_known = skips.pop()
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            if not isinstance(conv, Plain):
                known = F.interpolate(known.to(x.dtype), scale_factor=2, mode="nearest")
            x, known = conv([x, skip], [known, skip_known])
            x = activation(norm(x))
        return (x + 1) / 2


FORMS: dict[str, type[nn.Module]] = {PLAIN: Plain, "ours": Ours, "dense": Dense, "torch-pconv": TorchPconv}


class Bench:
    """Settings of the run, and how to measure under them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.rounds: int = arguments.rounds
        self.compile: bool = arguments.compile
        self.clock: Callable[[], float] = time.process_time if arguments.processor else time.perf_counter
        self.device = torch.device(arguments.device)
        self.dtype: torch.dtype = getattr(torch, arguments.dtype)

    def forms(self) -> list[str]:
        """Those that run under these settings."""
        left_out = PConv2d is None or self.dtype != torch.float32 or self.compile
        return [name for name in FORMS if name != "torch-pconv" or not left_out]

    def tensor(self, *shape: int) -> Tensor:
        """Random features."""
        return torch.randn(shape, device=self.device, dtype=self.dtype).contiguous(memory_format=torch.channels_last)

    def valid(self, side: int) -> Tensor:
        """A stroke hole of the fourth bin, bool."""
        known = ~torch.from_numpy(stroke_hole((side, side), 0, (0.3, 0.4)))
        return known[None, None].to(self.device)

    def put(self, module: nn.Module) -> nn.Module:
        """On the device, in the dtype and in channels_last."""
        return module.to(self.device, self.dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def time(self, calls: dict[str, Callable[[], object]]) -> dict[str, float]:
        """Milliseconds of nn.Conv2d, and ratios to it."""
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(self.rounds + 2):  # two to warm up
            order = random.Random(number).sample(list(calls), len(calls))  # who comes after whom matters to caches
            for name in order:
                self.wait()
                began = self.clock()
                calls[name]()
                self.wait()
                if number > 1:
                    seconds[name].append(self.clock() - began)
        plain = seconds.pop(PLAIN)
        ratios = {name: statistics.median(a / b for a, b in zip(s, plain, strict=True)) for name, s in seconds.items()}
        return {PLAIN: 1e3 * statistics.median(plain), **ratios}

    def wait(self) -> None:
        """Until the device is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def measure(self, modules: dict[str, nn.Module], inputs: dict[str, tuple[Any, ...]]) -> list[list[str]]:
        """One line for each quantity."""

        def step(module: nn.Module, given: tuple[Any, ...]) -> None:
            module.zero_grad()
            out = module(*given)
            (out if isinstance(out, Tensor) else out[0]).square().mean().backward()

        def inference(module: nn.Module, given: tuple[Any, ...]) -> None:
            with torch.inference_mode():
                module(*given)

        saved = {name: float(saved_bytes(module, inputs[name])) for name, module in modules.items()}
        flops = {name: float(count_flops(module, inputs[name])) for name, module in modules.items()}
        run = {name: torch.compile(module) for name, module in modules.items()} if self.compile else modules
        training = self.time({n: lambda m=m, n=n: step(m, inputs[n]) for n, m in run.items()})  # type: ignore[misc]
        for module in modules.values():
            module.eval()
        forward = self.time({n: lambda m=m, n=n: inference(m, inputs[n]) for n, m in run.items()})  # type: ignore[misc]
        for sizes, unit in ((saved, 1e6), (flops, 1e9)):
            plain = sizes[PLAIN]
            sizes.update({name: size / plain for name, size in sizes.items()})
            sizes[PLAIN] = plain / unit
        quantities = {"forward, ms": forward, "forward + backward, ms": training, "saved, MB": saved, "GFLOP": flops}
        return [
            [quantity, f"{values[PLAIN]:.2f}", *(f"{values[n]:.2f}x" if n in values else "-" for n in [*FORMS][1:])]
            for quantity, values in quantities.items()
        ]

    def layers(self) -> None:
        """Print the table of single layers."""
        header("layer")
        for channels, c_out, kernel, stride, side in LAYERS:
            modules = {n: self.put(FORMS[n](sum(channels), c_out, kernel, stride, True)) for n in self.forms()}
            features = [self.tensor(1, c, side, side).requires_grad_() for c in channels]
            masks = [self.valid(side), ~self.valid(side).flip(-1)][: len(channels)]
            shape = f"{' + '.join(map(str, channels))} to {c_out}, {kernel}x{kernel} / {stride}, {side} px"
            for line in self.measure(modules, dict.fromkeys(modules, (features, masks))):
                print("| " + " | ".join([shape, *line]) + " |")

    def network(self, side: int) -> None:
        """Print the table of the whole network."""
        header("network")
        ours = PartialConvUNet()
        modules = {n: self.put(ours if n == "ours" else UNet(FORMS[n], ours)) for n in self.forms()}
        image, valid = self.tensor(1, 3, side, side), self.valid(side)
        for line in self.measure(modules, dict.fromkeys(modules, (image, valid))):
            print("| " + " | ".join([f"8 + 8, {side} px", *line]) + " |")


def saved_bytes(module: nn.Module, given: tuple[Any, ...]) -> int:
    """What forward keeps for backward, without parameters."""
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept: dict[int, int] = {}
    alive = []  # or their addresses would be used again

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(t)
        return t

    with saved_tensors_hooks(pack, lambda t: t):
        module(*given)
    return sum(kept.values())


def count_flops(module: nn.Module, given: tuple[Any, ...]) -> int:
    """Floating point operations of the convolutions of one forward pass."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*given)
    return int(counter.get_total_flops())


def header(what: str) -> None:
    """Print the head of a table."""
    names = [what, "", *FORMS]
    print("| " + " | ".join(names) + " |")
    print("|---|---" + "|---:" * len(FORMS) + "|")


def processor() -> str:
    """The name of the CPU."""
    try:
        with Path("/proc/cpuinfo").open() as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Print one table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("layers", "256", "512"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compile", action="store_true", help="under torch.compile")
    parser.add_argument("--processor", action="store_true", help="processor time of one thread")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    arguments = parser.parse_args()
    if PConv2d is None:
        print("torch-pconv is missing: pip install torch-pconv", file=sys.stderr)
    if arguments.processor:
        torch.set_num_threads(1)
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else processor()
    mode = ("compiled" if arguments.compile else "eager") + (", processor time" if arguments.processor else "")
    print(
        f"{device}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, {arguments.dtype}, {mode}, ", end=""
    )
    print(f"{arguments.rounds} rounds, {datetime.date.today()}\n")
    torch.manual_seed(0)
    bench = Bench(arguments)
    if arguments.part == "layers":
        bench.layers()
    else:
        bench.network(int(arguments.part))


if __name__ == "__main__":
    main()
