"""Take the pictures of the page that the docs show (needs the development set and a Chromium).

partialconv serve &
python benchmarks/screenshots.py [http://127.0.0.1:8000]
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
DESKTOP, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
MOST_MS = 120_000  # for a fill on a machine that is busy


def take(page: Page, name: str) -> None:
    """Write docs/NAME.jpg."""
    page.wait_for_timeout(500)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").save(DOCS / f"{name}.jpg", quality=88)
    print(DOCS / f"{name}.jpg")


def open_sample(page: Page, address: str, number: int) -> None:
    """Open the page and one of its samples."""
    page.goto(address)
    page.wait_for_selector("body[data-loaded]")
    page.click(f"#samples li:nth-child({number}) button")
    page.wait_for_selector("#fill:not([disabled])")


def main() -> None:
    """Visit the page as a desktop and as a phone."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=DESKTOP, color_scheme="light")
        page.set_default_timeout(MOST_MS)
        page.goto(address)
        page.wait_for_selector("body[data-loaded]")
        take(page, "server-start")
        open_sample(page, address, 1)
        page.wait_for_selector("body[data-finding]")
        take(page, "server-find")
        open_sample(page, address, 2)
        take(page, "server-paint")
        page.click("#fill")
        page.wait_for_selector("#history li:nth-child(2)")
        page.click("#compare")
        page.wait_for_function("() => !document.querySelector('#message').matches('.shown')")
        take(page, "server-compare")
        phone = browser.new_page(
            viewport=PHONE, color_scheme="dark", device_scale_factor=2, is_mobile=True, has_touch=True
        )
        phone.set_default_timeout(MOST_MS)
        open_sample(phone, address, 2)
        take(phone, "server-phone")
        open_sample(phone, address, 1)
        phone.wait_for_selector("body[data-finding]")
        take(phone, "server-find-phone")
        browser.close()


if __name__ == "__main__":
    main()
