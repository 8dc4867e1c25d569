"""One server for all tests that do not need one of their own, and a browser for those of the page."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.server.browser import DESKTOP, Visit, chromium
from tests.server.serving import make_app, serving


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serving(make_app()) as at:
        yield at


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as one:
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Opens the page; at the end, nothing was asked of another server and nothing was complained of."""
    contexts, wrong = [], []

    def open_page(viewport: dict[str, int] = DESKTOP, at: str = address + "/", **options: Any) -> Page:
        context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if is_complaint(said) else None)
        page.on("request", lambda asked: wrong.append(asked.url) if is_foreign(asked.url, at) else None)
        page.goto(at)
        page.wait_for_selector("body[data-loaded]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def is_complaint(said: ConsoleMessage) -> bool:
    """Not what the browser says of a refusal, which the page tells in its own words."""
    refusal = re.match("Failed to load resource: the server responded with a status of (4|501)", said.text)
    return said.type in ("error", "warning") and not refusal


def is_foreign(url: str, home: str) -> bool:
    return not url.startswith((home.partition("#")[0], "blob:", "data:"))
