"""The page without a server, in a headless Chromium: from a plain file host, and with that one gone."""

import base64
import gzip
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.server.browser import DESKTOP, NEEDS_CHROMIUM, chromium, download, drag, fill, open_photo
from tests.server.serving import picture

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
PATIENCE_MS = 300_000

pytestmark = [
    NEEDS_CHROMIUM,
    pytest.mark.skipif(not (WEB / "node_modules").is_dir(), reason="web/ is not installed: run make web"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is served, with the page in a folder of it."""
    folder: Path = tmp_path_factory.mktemp("host")
    node = shutil.which("node")
    assert node
    subprocess.run([node, WEB / "site" / "build.js", folder / "tools" / "inpaint"], check=True, capture_output=True)
    return folder


@contextmanager
def hosting(folder: Path) -> Iterator[str]:
    """`python -m http.server`; the address of the page."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as host:
        try:
            assert host.stdout
            address = host.stdout.readline().split("(")[1].split("/)")[0]
            yield f"{address}/tools/inpaint/"
        finally:
            host.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """The page; at the end, nothing was asked of another host, and nothing was complained of."""
    wrong: list[str] = []
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    context.on("request", lambda asked: None if asked.url.startswith((address, "blob:")) else wrong.append(asked.url))
    page.goto(address)
    page.wait_for_selector("body[data-loaded]")
    yield page
    context.close()
    assert wrong == []


def test_a_fill_in_a_worker_is_that_of_python(browser: Browser, root: Path) -> None:
    """The package itself, with the first vectors of each kind."""
    with gzip.open(WEB / "test" / "vectors" / "fills.json.gz") as file:
        vectors = json.load(file)[:5]
    with hosting(root) as address, opened(browser, address) as page:
        for vector in vectors:
            height, width = vector["size"]
            photo = np.frombuffer(base64.b64decode(vector["photo"]), np.uint8).reshape(height, width, 3)
            hole = np.repeat(np.arange(len(vector["hole"])) % 2 == 1, vector["hole"]).reshape(height, width)
            filled = _filled(page, photo, hole)
            np.testing.assert_array_equal(filled[~hole], photo[~hole])
            wanted = np.frombuffer(base64.b64decode(vector["filled"]), np.uint8).reshape(-1, 3)
            assert np.abs(filled[hole].astype(int) - wanted).max() <= 1


def test_fills_without_a_server_and_goes_on_without_a_network(browser: Browser, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "my photo.png"
    before = np.asarray(picture(150, 200)) // 2 + 60
    Image.fromarray(before).save(path, dpi=(300, 300))
    with ExitStack() as host:
        address = host.enter_context(hosting(root))
        with opened(browser, address) as page:
            assert "MB" in page.inner_text("#welcome")
            page.wait_for_function("document.querySelector('#loading').textContent.includes('without a network')")
            filled = _fill_and_compare(page, path, before)
            host.close()  # nobody answers any more
            page.reload()
            page.wait_for_selector("body[data-loaded]")
            np.testing.assert_array_equal(_fill_and_compare(page, path, before), filled)


def test_formats_that_a_browser_writes(browser: Browser, root: Path, tmp_path: Path) -> None:
    """JPEG with its EXIF data, upright; WebP; a PNG with alpha and palette to the pixel; of 16 bits with a word."""
    turned = Image.Exif()
    turned[0x0112], turned[0x010F] = 6, "camera"
    image = picture(100, 140)
    image.save(tmp_path / "turned.jpg", exif=turned, quality=95)
    image.save(tmp_path / "photo.webp", quality=95)
    faint = image.convert("RGBA")
    faint.putalpha(Image.fromarray((np.asarray(image)[..., 0] // 2 + 3).astype(np.uint8)))
    faint.save(tmp_path / "faint.png")
    Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    with hosting(root) as address, opened(browser, address) as page:
        name, data = _filled_file(page, tmp_path / "turned.jpg", "compressed anew")
        assert name == "turned-filled.jpg"
        with Image.open(io.BytesIO(data)) as filled:
            assert filled.size == (100, 140) and filled.getexif()[0x010F] == "camera"
            assert filled.getexif()[0x0112] == 1
            shown = np.asarray(image.transpose(Image.Transpose.ROTATE_270)).astype(int)
            assert np.abs(np.asarray(filled).astype(int) - shown)[:15].mean() < 6
        name, data = _filled_file(page, tmp_path / "photo.webp", "compressed anew")
        assert name == "photo-filled.webp" and data[8:12] == b"WEBP"
        name, data = _filled_file(page, tmp_path / "faint.png", "Filled")
        with Image.open(io.BytesIO(data)) as filled:
            same = (np.asarray(filled) == np.asarray(faint)).all(axis=-1)
            assert filled.mode == "RGBA" and same[:15].all() and not same.all()
        name, data = _filled_file(page, tmp_path / "deep.png", "8 bits")
        assert name == "deep-filled.png"


def test_finds_what_python_finds(browser: Browser, root: Path) -> None:
    """The map that the page reads, by way of a PNG."""
    with gzip.open(WEB / "test" / "vectors" / "finds.json.gz") as file:
        vector = json.load(file)[0]
    photo = np.frombuffer(base64.b64decode(vector["photo"]), np.uint8).reshape(*vector["size"], 3)
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "PNG")
    script = """async (text) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), shares = [];
        const {find} = await import("./server.js");
        const {file} = await find(new Blob([bytes]), undefined, undefined, (share) => shares.push(share));
        return [Array.from(new Uint8Array(await file.arrayBuffer())), shares.at(-1)];
    }"""
    with hosting(root) as address, opened(browser, address) as page:
        found, share = page.evaluate(script, base64.b64encode(data.getvalue()).decode())
        page.click("#samples li:first-child button")  # in which the page looks for damage by itself
        page.wait_for_selector("body[data-finding]")
        assert int(page.inner_text("#found").split()[0]) > 10
        fill(page)
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(bytes(found)))).astype(int), -1, 0)
    levels, kinds = (np.frombuffer(base64.b64decode(vector[key]), np.uint8) for key in ("levels", "kinds"))
    assert share == 1 and not blue.any()
    assert np.abs(red.reshape(-1) - levels).max() <= 1
    some = levels > 1
    assert some.any() and (green.reshape(-1)[some] == 50 * (1 + kinds[some].astype(int))).mean() > 0.99


def test_what_a_browser_cannot_read_is_refused_in_one_line(browser: Browser, root: Path, tmp_path: Path) -> None:
    picture().save(tmp_path / "photo.tif")
    with hosting(root) as address, opened(browser, address) as page:
        page.set_input_files("#file", str(tmp_path / "photo.tif"))
        page.wait_for_function("document.querySelector('#message').textContent.includes('version with a server')")
        assert page.get_attribute("body", "data-state") == "empty"


def _filled(page: Page, photo: Any, hole: Any) -> Any:
    """What the package makes of a photo, loaded as the page loads it."""
    rgba = np.dstack([photo, np.full(hole.shape, 255, np.uint8)])
    script = """async ([height, width, photo, hole]) => {
        const bytes = (text) => Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
        const {MODEL, WASM} = await import("./built.js"), {Inpainter} = await import("./partialconv/index.js");
        window.inpainter ??= await Inpainter.load(MODEL.url, {sha256: MODEL.sha256, wasm: WASM, providers: ["wasm"]});
        const filled = await window.inpainter.fill(new ImageData(bytes(photo), width, height), bytes(hole));
        return Array.from(filled.data);
    }"""
    given = [*hole.shape, *(base64.b64encode(one.tobytes()).decode() for one in (rgba, hole.astype(np.uint8)))]
    return np.array(page.evaluate(script, given), np.uint8).reshape(rgba.shape)[..., :3]


def _fill_and_compare(page: Page, path: Path, before: Any) -> Any:
    """Paint, fill, download; the filled picture, whose pixels outside the paint are those of the photo."""
    open_photo(page, path)
    drag(page, (60, 60), (120, 80))
    page.click("#more")
    _, painted = download(page, "#save-hole")
    page.keyboard.press("Escape")
    hole = np.asarray(Image.open(io.BytesIO(painted)).convert("L")) > 127
    fill(page)
    name, data = download(page, "#download")
    assert name == "my photo-filled.png"
    with Image.open(io.BytesIO(data)) as filled:
        assert filled.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        after = np.asarray(filled)
    changed = (after != before).any(axis=-1)
    assert hole.any() and not changed[~hole].any() and changed[hole].mean() > 0.5
    return after


def _filled_file(page: Page, path: Path, said: str) -> tuple[str, bytes]:
    page.once("dialog", lambda dialog: dialog.accept())
    open_photo(page, path)
    drag(page, (30, 50), (60, 60))
    fill(page)
    assert said in page.inner_text("#message")
    return download(page, "#download")
