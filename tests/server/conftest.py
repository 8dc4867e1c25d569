"""One server for all tests that do not need one of their own."""

from collections.abc import Iterator

import httpx
import pytest

from tests.server.serving import make_app, serving


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serving(make_app()) as at:
        yield at


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as one:
        yield one
