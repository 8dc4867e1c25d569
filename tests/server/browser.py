"""A Chromium for the tests of the page, and a hand that paints in it."""

import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Visit = Callable[..., Page]  # what the fixture `visit` gives
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def find_chromium() -> str | None:
    """Of the distribution; or what CHROMIUM names."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


NEEDS_CHROMIUM = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium: install the distribution's package, or name one in CHROMIUM"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", *camera])
        yield browser
        browser.close()


def to_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the photo is seen."""
    left, top, scale = page.evaluate("() => { const v = window.partialconv.view; return [v.x, v.y, v.scale]; }")
    return left + x * scale, top + y * scale


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Press the mouse, move it over points of the photo, let go."""
    places = [to_screen(page, *point) for point in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def touch(page: Page, *fingers: list[tuple[float, float]]) -> None:
    """Move fingers over points of the screen, all at once."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, at: int | None) -> None:
        points = [] if at is None else [{"x": f[at][0], "y": f[at][1], "id": i} for i, f in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", 0)
    for at in range(1, len(fingers[0])):
        send("touchMove", at)
    send("touchEnd", None)


def line(*corners: tuple[float, float], steps: int = 12) -> list[tuple[float, float]]:
    share = np.linspace(0, 1, steps)[:, None]
    legs = [np.array(a) + share * (np.array(b) - a) for a, b in itertools.pairwise(corners)]
    return [(float(x), float(y)) for leg in legs for x, y in leg]


def download(page: Page, selector: str) -> tuple[str, bytes]:
    with page.expect_download() as found:
        page.click(selector)
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()


def download_hole(page: Page) -> NDArray[np.bool_]:
    page.click("#more")
    name, data = download(page, "#save-hole")
    page.keyboard.press("Escape")
    assert name.endswith("-hole.png")
    values = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    assert set(np.unique(values)) <= {0, 255}
    return np.asarray(values == 255)


def open_photo(page: Page, path: Path) -> None:
    page.set_input_files("#file", str(path))
    page.wait_for_function("name => document.querySelector('#name').textContent.startsWith(name)", arg=path.name)


def fill(page: Page) -> None:
    """Press the button, and wait for one more state in the history."""
    states = page.locator("#history li").count()
    page.click("#fill")
    page.wait_for_function("n => document.querySelectorAll('#history li').length > Math.max(n, 1)", arg=states)
    page.wait_for_selector("[data-state=ready]")


def hole_on_page(page: Page) -> NDArray[np.bool_]:
    """The hole as the page holds it, proposals included."""
    width, height, marked = page.evaluate("""() => {
      const {hole} = window.partialconv.view, marked = [];
      hole.levels.forEach((level, at) => { if (level > 127) marked.push(at); });
      return [hole.width, hole.height, marked];
    }""")
    hole = np.zeros(width * height, bool)
    hole[marked] = True
    return hole.reshape(height, width)
