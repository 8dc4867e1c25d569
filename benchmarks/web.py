"""What the package of web/ weighs, what a first visit loads, and how long fills take beside Python.

    make web && python benchmarks/web.py

Times are seconds of processor time, of all threads, because those are steadier than a clock on a busy machine. All fill
without copies and grain, which web/ has not.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from partialconv.conventions import Hole
from partialconv.inference import Inpainter
from partialconv.masks import stroke_hole
from partialconv.zoo import model_path

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
IN_BROWSER = """async ([height, width]) => {
    const {MODEL, WASM} = await import("./built.js"), {Inpainter} = await import("./partialconv/index.js");
    const bytes = async (name) => new Uint8ClampedArray(await (await fetch(name)).arrayBuffer());
    window.inpainter ??= await Inpainter.load(MODEL.url, {wasm: WASM, providers: ["wasm"]});
    window.photo = new ImageData(await bytes("photo.raw"), width, height);
    window.hole = await bytes("hole.raw");
}"""


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as folder:
        print_sizes(Path(folder))
        print("\n| photo | Python, s | node, s | Chromium, s | node / Python | Chromium / Python |")
        print("|---|---:|---:|---:|---:|---:|")
        for name, hole in (("512x512", stroke_hole((512, 512), 0, (0.1, 0.2))), ("12 megapixels", _scratches())):
            times = _times(hole, Path(folder))
            python, node, browser = (times[key] for key in ("python", "node", "chromium"))
            ratios = f"{node / python:.1f} | {browser / python:.1f}"
            print(f"| {name} | {python:.2f} | {node:.2f} | {browser:.2f} | {ratios} |", flush=True)


def print_sizes(folder: Path) -> None:
    """The npm package, and what a first visit of the page loads."""
    packed = json.loads(_run("npm", "pack", "--dry-run", "--json", "--silent", cwd=WEB))
    about = next(iter(packed.values())) if isinstance(packed, dict) else packed[0]
    print(
        f"npm package: {about['size']:,} bytes packed, {about['unpackedSize']:,} unpacked, {len(about['files'])} files"
    )
    print(_run("node", "site/build.js", str(folder / "site"), cwd=WEB).partition(": ")[2].strip())


def _times(hole: Hole, folder: Path) -> dict[str, float]:
    height, width = hole.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / (20 + phase) + y / 31 + phase) * 90 + 125 for phase in range(3)]
    photo = np.stack(waves, axis=-1).astype(np.uint8)
    (folder / "site" / "photo.raw").write_bytes(np.dstack([photo, np.full(hole.shape, 255, np.uint8)]).tobytes())
    (folder / "site" / "hole.raw").write_bytes(hole.astype(np.uint8).tobytes())
    inpainter = Inpainter()
    python = _measured(time.process_time, lambda: inpainter.fill(photo, hole, grain=False, copy=False))
    given = [model_path(), folder / "site" / "photo.raw", folder / "site" / "hole.raw", height, width]
    node = json.loads(_run("node", "bench/fill.js", *map(str, given), cwd=WEB))
    return {"python": python, "node": node["fill"], "chromium": _in_chromium(folder / "site", height, width)}


def _in_chromium(site: Path, height: int, width: int) -> float:
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(site), "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as host,
        sync_playwright() as playwright,
    ):
        try:
            assert host.stdout
            path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(0)
            page.goto(host.stdout.readline().split("(")[1].split(")")[0] + "style.css")
            page.evaluate(IN_BROWSER, [height, width])
            session = browser.new_browser_cdp_session()

            def seconds() -> float:
                found: list[dict[str, Any]] = session.send("SystemInfo.getProcessInfo")["processInfo"]
                return sum(float(one["cpuTime"]) for one in found if one["type"] == "renderer")

            taken = _measured(seconds, lambda: page.evaluate("() => inpainter.fill(photo, hole).then(() => 0)"))
            browser.close()
            return taken
        finally:
            host.terminate()


def _measured(clock: Callable[[], float], work: Callable[[], object]) -> float:
    started = clock()
    work()
    return clock() - started


def _scratches() -> Hole:
    """Eight scratches in a photo of 4000x3000 pixels."""
    hole = np.zeros((3000, 4000), bool)
    for number in range(8):
        along = np.arange(400)
        hole[300 + 300 * number + along // 5, 200 + 420 * number + along] = True
        hole[301 + 300 * number + along // 5, 200 + 420 * number + along] = True
    return hole


def _run(program: str, *arguments: str, cwd: Path) -> str:
    path = shutil.which(program)
    if path is None:
        sys.exit(f"{program} is not installed: install Node.js.")
    return subprocess.run(
        [path, *arguments], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True, env=os.environ
    ).stdout


if __name__ == "__main__":
    main()
