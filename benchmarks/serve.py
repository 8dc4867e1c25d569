"""How fast `partialconv serve` answers, how light the page is, and what 64 clients do to it.

    python benchmarks/serve.py [--seconds 60] [--clients 64] > benchmarks/serve.md

Starts a server of its own, as a user does, and talks to it over HTTP, from processes of this machine: client and server
share its cores. What is measured, and how, is said in what it prints. First paint needs playwright and a Chromium.
"""

import argparse
import asyncio
import datetime
import io
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from partialconv.conventions import Hole
from partialconv.inference import plan
from partialconv.masks import Stroke, draw_strokes
from partialconv.server.static import load_page

EXAMPLE = Path(__file__).parents[1] / "examples" / "rocket.jpg"


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, int]]:
    """Address and process id of a server."""
    command = [sys.executable, "-m", "partialconv", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        match = re.search(r"http://\S+", process.stdout.readline())
        assert match, "the server did not start"
        try:
            yield match[0].rstrip("/"), process.pid
        finally:
            process.terminate()
            process.wait(60)


def encoded(image: Image.Image, file_format: str, **options: int) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def camera_photo(width: int, height: int) -> Image.Image:
    """An example photo enlarged, with the noise of a camera, so that its JPEG is as large as one."""
    with Image.open(EXAMPLE) as photo:
        pixels = np.asarray(photo.resize((width, height), Image.Resampling.BICUBIC)).astype(np.float32)
    pixels += np.random.default_rng(0).normal(0, 5, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def scribble(width: int, height: int, reach: int) -> Hole:
    """Strokes to and fro over `reach` pixels in the middle, so dense that they share one crop."""
    left, top = (width - reach) // 2, (height - reach) // 2
    rows = np.linspace(top, top + reach, reach // 22).astype(int).tolist()
    points = [(x, y) for n, y in enumerate(rows) for x in ((left, left + reach), (left + reach, left))[n % 2]]
    return draw_strokes([Stroke(tuple(points), 10)], (height, width))


def round_trips(address: str, photo: bytes, hole: bytes, runs: int) -> tuple[list[float], dict[str, float]]:
    """Seconds of each fill, from sending to having the last byte; and the server's own medians of the steps, in s."""
    seconds, steps = [], []
    with httpx.Client(base_url=address, timeout=60) as client:
        for run in range(runs + 3):
            started = time.perf_counter()
            answer = client.post("/api/fill", files={"photo": photo, "hole": hole})
            elapsed = time.perf_counter() - started
            answer.raise_for_status()
            if run >= 3:  # what comes before warms up
                seconds.append(elapsed)
                timing = re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"])
                steps.append({step: float(value) / 1000 for step, value in timing})
    return seconds, {step: statistics.median(one[step] for one in steps) for step in steps[0]}


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    return [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]


def memory_mb(pid: int) -> float:
    """Resident memory of a process and of those that it started, in MB."""
    found = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text()) for one in (pid, *children(pid))]
    return sum(int(match[1]) for match in found if match) * 1024 / 1e6


async def load(
    address: str, pid: int, clients: int, seconds: float, photo: bytes, hole: bytes
) -> tuple[Counter[int], list[float], list[float]]:
    """Statuses, latencies in s, memory in MB once a second; a client that is told to wait waits as long as told."""
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    memory: list[float] = []
    end = time.perf_counter() + seconds

    async def one(client: httpx.AsyncClient) -> None:
        while time.perf_counter() < end:
            started = time.perf_counter()
            answer = await client.post("/api/fill", files={"photo": photo, "hole": hole})
            statuses[answer.status_code] += 1
            if answer.status_code == 200:
                latencies.append(time.perf_counter() - started)
            else:
                await asyncio.sleep(float(answer.headers.get("retry-after", "1")))

    async def watch() -> None:
        while time.perf_counter() < end:
            memory.append(memory_mb(pid))
            await asyncio.sleep(1)

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        await asyncio.gather(watch(), *(one(client) for _ in range(clients)))
    return statuses, latencies, memory


def first_paint_s(address: str, runs: int = 7) -> float | None:
    """Median of the first contentful paint in new, empty browsers' contexts, in s; None without a Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if path is None:
        return None
    script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(runs):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("body[data-loaded]")
            times.append(float(page.evaluate(script)) / 1000)
            context.close()
        browser.close()
    return statistics.median(times)


def crops(hole: bytes) -> str:
    """What the network sees of a hole."""
    with Image.open(io.BytesIO(hole)) as image:
        stages = plan(np.asarray(image)).stages
    shapes = [crop.window.shape for stage in stages for batch in stage.batches for crop in batch]
    return f"{len(shapes)} crops: " * (len(shapes) > 1) + ", ".join(f"{h}x{w}" for h, w in shapes)


def main() -> None:
    """Measure, and print a page of Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--reach", type=int, default=400, help="Size of the scribble in the large photo.")
    given = parser.parse_args()

    large = encoded(camera_photo(4000, 3000), "JPEG", quality=92)
    large_hole = encoded(Image.fromarray(scribble(4000, 3000, given.reach)), "PNG")
    small = encoded(camera_photo(512, 512), "JPEG", quality=92)
    small_hole = encoded(Image.fromarray(scribble(512, 512, 200)), "PNG")
    with serving() as (address, pid):
        seconds, steps = round_trips(address, large, large_hole, given.runs)
        small_seconds, small_steps = round_trips(address, small, small_hole, given.runs)
        paint = first_paint_s(address)
    with serving() as (address, pid):
        statuses, latencies, memory = asyncio.run(load(address, pid, given.clients, given.seconds, small, small_hole))

    page = load_page()
    weight = sum(len(file.data) for name, file in page.items() if not name.startswith("/samples/"))
    samples = sum(len(file.data) for name, file in page.items() if name.startswith("/samples/"))
    date = datetime.datetime.now(tz=datetime.UTC).date()
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    extra = " with AVX-512" * ("avx512f" in flags) + " and AMX" * ("amx" in flags)
    print(f"# `partialconv serve`, measured\n\n`python benchmarks/serve.py`, {date}, {os.cpu_count()} cores", end="")
    print(f" {platform.machine()}{extra}. Client and server share the machine.\n")
    steps_of_all = ("in", "queue", "read", "fill", "write")
    print(f"## One client\n\n| | p50, s | p95, s | {' | '.join(steps_of_all)} |\n|---" + "|---:" * 7 + "|")
    for name, values, medians in (
        (f"12 megapixels, JPEG of {len(large) / 1e6:.1f} MB, {crops(large_hole)}", seconds, steps),
        (f"512x512, JPEG of {len(small) / 1e3:.0f} kB, {crops(small_hole)}", small_seconds, small_steps),
    ):
        p50, p95 = np.percentile(values, [50, 95])
        cells = " | ".join(f"{medians[step]:.3f}" for step in steps_of_all)
        print(f"| {name} | {p50:.3f} | {p95:.3f} | {cells} |")
    print(f"\n{given.runs} fills each after 3 to warm up, from sending to the last byte; steps: medians, in s.")
    print("\n## The page\n")
    print(f"* {weight / 1e3:.1f} kB in {len(page) - 6} files; the samples, loaded besides, {samples / 1e3:.0f} kB")
    shown = "not measured" if paint is None else f"{paint:.3f} s, median of 7 new contexts"
    print(f"* first contentful paint: {shown}")
    p50, p95 = np.percentile(latencies, [50, 95])
    others = {status: number for status, number in statuses.items() if status not in (200, 503)}
    print(f"\n## {given.clients} clients for {given.seconds:g} s\n")
    print("Each sends the 512x512 photo again once it is answered; told 503, it waits as long as Retry-After says.\n")
    print(f"* {statuses[200]} fills, {statuses[200] / given.seconds:.2f} a second; p50 {p50:.2f} s, p95 {p95:.2f} s")
    print(f"* {statuses[503]} answers 503; others: {others or 'none'}")
    early, late = np.median(memory[5:15]), np.median(memory[-10:])
    print(f"* memory of the server: {early:.0f} MB after 10 s, {late:.0f} MB at the end, {max(memory):.0f} MB at most")


if __name__ == "__main__":
    main()
