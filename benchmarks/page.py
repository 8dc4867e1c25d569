"""How long the page takes from the end of a stroke to the filled photo on the screen, and where that time goes.

    python benchmarks/page.py [--runs 9] [--pause 1] [--brush 24]

Starts a server of its own and paints in a headless Chromium, with "Fill when I let go" switched on. Each stroke is in
another place, and each fill goes on from the one before. Needs playwright and a Chromium.
"""

import argparse
import datetime
import math
import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from serve import camera_photo, children, encoded, serving

SIZES = ((1152, 864), (4000, 3000))
STROKE_PX = 300  # of the photo, from end to end
MOST_MS = 120_000
# Marks, in milliseconds of one clock: the pointer goes up; the request goes out and its answer is there; pictures are
# decoded; the page says that it is ready, and has been drawn.
WATCH = """() => {
    const marks = window.marks = {};
    addEventListener("pointerup", () => { window.marks = {up: performance.now(), decoded: 0}; }, true);
    const send = window.fetch;
    window.fetch = async (...given) => {
        if (String(given[0]).includes("api/progress")) return send(...given);
        const marks = window.marks;
        marks.sent ??= performance.now();
        return send(...given);
    };
    const decode = window.createImageBitmap;
    window.createImageBitmap = async (...given) => {
        const bitmap = await decode(...given);
        window.marks.decoded = performance.now();
        return bitmap;
    };
    new MutationObserver(() => {
        const {marks} = window;
        if (document.body.dataset.state !== "ready" || !marks.sent) return;
        requestAnimationFrame(() => setTimeout(() => { marks.drawn = performance.now(); }));
    }).observe(document.body, {attributeFilter: ["data-state"]});
}"""
TOLD = """() => {
    const {marks} = window, all = performance.getEntriesByType("resource");
    const requests = all.filter(({name, startTime}) => startTime >= marks.sent - 1 && /api[/](?!progress)/.test(name));
    const steps = {};
    for (const {serverTiming} of requests) {
        for (const {name, duration} of serverTiming) steps[name] = (steps[name] ?? 0) + duration;
    }
    const answered = Math.max(...requests.map(({responseEnd}) => responseEnd));
    const bytes = requests.reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0);
    performance.clearResourceTimings();
    return {...marks, answered, bytes, steps};
}"""
STEPS = ("encode", "in", "queue", "read", "fill", "write", "way", "decode", "draw")


def processor_s(pid: int | None = None) -> float:
    """Processor seconds of the processes that one has started and that live, and of those that they have started."""
    total = 0.0
    for one in children(pid or os.getpid()):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + processor_s(one)
    return total


def measured(page: Page, width: int, height: int, runs: int, pause_s: float, brush_px: float) -> list[dict[str, float]]:
    """Seconds of each step of each fill, `all` of them, `processor` seconds, and `bytes` that came back."""
    slider = 100 * math.log(brush_px) / math.log(max(width, height) / 3)
    page.evaluate("value => { const e = document.querySelector('#size'); e.value = value; e.oninput(); }", slider)
    page.evaluate("() => { document.querySelector('#eager').checked = true; }")
    page.evaluate(WATCH)
    found = []
    for run in range(runs + 1):
        page.mouse.move(5, 5)
        page.wait_for_timeout(1000 * pause_s)
        column, row = run % 4, run // 4 % 3
        x, y = width * (column + 1) / 5 - STROKE_PX / 4, height * (row + 1) / 4
        left, top, scale = page.evaluate("() => { const v = window.partialconv.view; return [v.x, v.y, v.scale]; }")
        places = [(left + scale * px, top + scale * py) for px, py in ((x, y), (x + STROKE_PX / 2, y + 30))]
        page.mouse.move(*places[0])
        page.mouse.down()
        page.mouse.move(*places[1], steps=20)
        before = processor_s()
        page.mouse.up()
        page.wait_for_function("n => document.querySelectorAll('#history li').length > n", arg=run + 1 if run else 1)
        page.wait_for_function("() => window.marks.drawn")
        busy = processor_s() - before
        told = page.evaluate(TOLD)
        steps = {name: told["steps"].get(name, 0) / 1000 for name in ("in", "queue", "read", "fill", "write")}
        steps["encode"] = (told["sent"] - told["up"]) / 1000
        steps["way"] = (told["answered"] - told["sent"]) / 1000 - sum(v for k, v in steps.items() if k != "encode")
        steps["decode"] = max(0.0, told["decoded"] - told["answered"]) / 1000
        steps["draw"] = (told["drawn"] - max(told["decoded"], told["answered"])) / 1000
        steps["processor"] = busy
        found.append(steps | {"all": (told["drawn"] - told["up"]) / 1000, "bytes": told["bytes"]})
    return found[1:]  # the first one warms up


def main() -> None:
    """Measure, and print a page of Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--pause", type=float, default=1.0, help="Seconds between a fill and the next stroke.")
    parser.add_argument("--brush", type=float, default=24, help="Width of the brush, in pixels of the photo.")
    given = parser.parse_args()
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("no Chromium: install one, or name it in CHROMIUM.")
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder, serving() as (address, _):
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for width, height in SIZES:
            photo = Path(folder, f"{width}.jpg")
            photo.write_bytes(encoded(camera_photo(width, height), "JPEG", quality=92))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(MOST_MS)
            page.goto(address)
            page.wait_for_selector("body[data-loaded]")
            page.set_input_files("#file", str(photo))
            page.wait_for_selector("body[data-state=ready]")
            fills = measured(page, width, height, given.runs, given.pause, given.brush)
            middle = {name: statistics.median(one[name] for one in fills) for name in fills[0]}
            cells = " | ".join(f"{middle[step]:.3f}" for step in STEPS)
            about = f"{width * height / 1e6:.0f} MP, JPEG of {photo.stat().st_size / 1e6:.1f} MB"
            longest = max(one["all"] for one in fills)
            rows.append(
                f"| {about} | **{middle['all']:.2f}** | {longest:.2f} | {middle['processor']:.2f} | {cells} |"
                f" {middle['bytes'] / 1e3:.0f} |"
            )
            page.close()
        browser.close()
    date = datetime.datetime.now(tz=datetime.UTC).date()
    print("# From stroke to filled, in the page\n")
    print(f"`python {' '.join(['benchmarks/page.py', *sys.argv[1:]])}`, {date}, {os.cpu_count()} cores", end=" ")
    print(f"{platform.machine()}, Chromium, server and this command on one machine. Seconds, medians of {given.runs};")
    print(f"strokes of {STROKE_PX / 2:.0f} pixels with a brush of {given.brush:g}, {given.pause:g} s after a fill.\n")
    print(
        f"| photo | all | longest | processor | {' | '.join(STEPS)} | kB back |\n|---"
        + "|---:" * (len(STEPS) + 4)
        + "|"
    )
    print("\n".join(rows))
    print(
        "\n`encode`: the hole, in the page. `in`, `queue`, `read`, `fill`, `write`: of the server. `way`: the rest of"
    )
    print("the request. `decode`: of what came, in the page. `draw`: until it is on the screen.")


if __name__ == "__main__":
    main()
