"""Fills vectors of web/ on WebGPU, in Chromium with a GPU that is drawn in software, and says how far off they are.

    make web && python benchmarks/web_gpu.py

For correctness alone: such a GPU is slower than WASM.
"""

import base64
import functools
import gzip
import json
import os
import shutil
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from partialconv.zoo import model_path

WEB = Path(__file__).resolve().parents[1] / "web"
FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--use-vulkan=swiftshader"]
CHOSEN = (0, 3, 4)  # strokes, several crops, deep
SCRIPT = """async ([height, width, photo, hole]) => {
    const bytes = (text) => Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
    const {Inpainter} = await import("./src/index.js");
    window.inpainter ??= await Inpainter.load("half.onnx", {providers: ["webgpu"]});
    return Array.from((await window.inpainter.fill(new ImageData(bytes(photo), width, height), bytes(hole))).data);
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a log."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Print the largest differences."""
    with gzip.open(WEB / "test" / "vectors" / "fills.json.gz") as file:
        vectors = json.load(file)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        _lay_out(Path(folder))
        host = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=host.serve_forever, daemon=True).start()
        path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(0)
        page.goto(f"http://127.0.0.1:{host.server_port}/")
        for number in CHOSEN:
            vector = vectors[number]
            height, width = vector["size"]
            photo = np.frombuffer(base64.b64decode(vector["photo"]), np.uint8).reshape(height, width, 3)
            hole = np.repeat(np.arange(len(vector["hole"])) % 2, vector["hole"]).astype(np.uint8)
            rgba = np.dstack([photo, np.full((height, width), 255, np.uint8)])
            texts = [base64.b64encode(values.tobytes()).decode() for values in (rgba, hole)]
            filled = np.array(page.evaluate(SCRIPT, [height, width, *texts])).reshape(-1, 4)[hole > 0, :3]
            wanted = np.frombuffer(base64.b64decode(vector["filled"]), np.uint8).reshape(-1, 3).astype(int)
            print(f"vector {number}, {width}x{height}: within {np.abs(filled - wanted).max()}/255", flush=True)
        browser.close()
        host.shutdown()


def _lay_out(folder: Path) -> None:
    """The package, whose imports a browser cannot follow without a bundler, beside what it imports."""
    shutil.copytree(WEB / "src", folder / "src")
    ort = WEB / "node_modules" / "onnxruntime-web" / "dist"
    shutil.copy(ort / "ort.webgpu.bundle.min.mjs", folder / "src")
    shutil.copy(ort / "ort-wasm-simd-threaded.asyncify.wasm", folder / "src")
    runtime = folder / "src" / "runtime.js"
    runtime.write_text(
        runtime.read_text("utf-8").replace('"onnxruntime-web/webgpu"', '"./ort.webgpu.bundle.min.mjs"'), "utf-8"
    )
    shutil.copy(model_path(), folder / "half.onnx")
    (folder / "index.html").write_text('<link rel="icon" href="data:,">', "utf-8")


if __name__ == "__main__":
    main()
