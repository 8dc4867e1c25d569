"""Time of a training step on the CPU with and without `training.allocator.keep_memory`.

    python benchmarks/allocator.py

Each measurement is a process of its own, since the setting cannot be taken back; the two kinds take turns.
"""

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import time

NUM_STEPS, BATCH_SIZE, SIDE, WIDTH = 12, 8, 256, 32
WARM_UP = 6  # steps until the heap has grown


def measure(keep: bool) -> float:
    """Median seconds of a step of the half-width network."""
    if keep:
        from partialconv.training.allocator import keep_memory

        keep_memory()
    import torch

    from partialconv.models import PartialConvUNet

    net = PartialConvUNet(WIDTH).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    photo = torch.rand(BATCH_SIZE, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    valid = torch.nn.functional.interpolate(torch.rand(BATCH_SIZE, 1, 16, 16), size=SIDE) > 0.3
    times = []
    for _ in range(NUM_STEPS):
        began = time.perf_counter()
        net(photo, valid).sub(photo).abs().mean().backward()
        net.zero_grad()
        times.append(time.perf_counter() - began)
    return statistics.median(times[WARM_UP:])


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=["kept", "returned"], help="measure once, in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print(measure(arguments.one == "kept"))
        return
    results: dict[str, list[float]] = {"returned": [], "kept": []}
    for _ in range(arguments.rounds):
        for kind, seconds in results.items():
            output = subprocess.run(
                [sys.executable, __file__, "--one", kind], capture_output=True, text=True, check=True
            )
            seconds.append(float(output.stdout))
    returned, kept = (statistics.median(seconds) for seconds in results.values())
    print(f"{datetime.date.today()}, {os.cpu_count()} cores: forward and backward, width {WIDTH}, ", end="")
    print(f"{BATCH_SIZE} x {SIDE} px, median of {arguments.rounds} processes of {NUM_STEPS - WARM_UP} steps")
    print(f"memory returned {returned:.3f} s, memory kept {kept:.3f} s, ratio {kept / returned:.2f}")


if __name__ == "__main__":
    main()
