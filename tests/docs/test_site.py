"""The site of the documentation: how pages are laid out, and what is built of them."""

import re
import shutil
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import griffe
import pytest

from deploy.docs import ROOT, lay_out, pages
from deploy.docstrings import expected
from tests.server.browser import PHONE, chromium, find_chromium

SITE = ROOT / "build" / "docs"
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/a.md", "docs/sub/b.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("# A page\n")
    (tmp_path / "docs" / "picture.jpg").write_bytes(b"picture")
    (tmp_path / "NOTICE").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("README.md", "[a](docs/a.md#part)", "[a](a.md#part)"),
        ("README.md", '<img src="docs/picture.jpg" width="49%">', '<img src="picture.jpg" width="49%">'),
        ("README.md", "[![p](docs/picture.jpg)](docs/a.md)", "[![p](picture.jpg)](a.md)"),
        ("docs/a.md", "[b](sub/b.md)", "[b](sub/b.md)"),
        ("docs/a.md", "[start](../README.md)", "[start](index.md)"),
        ("docs/sub/b.md", "![p](../picture.jpg)", "![p](../picture.jpg)"),
        ("docs/sub/b.md", "[rooms](../../ARCHITECTURE.md)", "[rooms](../architecture.md)"),
        ("docs/a.md", "[licences](../NOTICE)", "licences (`NOTICE`)"),
        ("docs/a.md", "[NOTICE](../NOTICE)", "NOTICE"),
        ("docs/a.md", "[here](#part) [there](https://example.org/)", "[here](#part) [there](https://example.org/)"),
        ("docs/a.md", "`KINDS[name](rng, size)`", "`KINDS[name](rng, size)`"),
        ("docs/a.md", "```python\na[0](b)\n```", "```python\na[0](b)\n```"),
        ("docs/a.md", "<!-- ::: partialconv.fill -->", "::: partialconv.fill"),
    ],
)
def test_links_fit_the_site(repository: Path, page: str, text: str, expected: str) -> None:
    (repository / page).write_text(text)
    lay_out(repository, repository / "out")
    place = {"README.md": "index.md"}.get(page, page.removeprefix("docs/"))
    assert (repository / "out" / place).read_text() == expected
    assert (repository / "out" / "picture.jpg").read_bytes() == b"picture"


def test_a_link_that_leads_nowhere_is_one_line(repository: Path) -> None:
    (repository / "docs" / "a.md").write_text("[b](c.md)")
    with pytest.raises(SystemExit, match=r"docs/a\.md: the link to c\.md leads nowhere\."):
        lay_out(repository, repository / "out")


class Loaded(HTMLParser):
    """What a page loads by itself, and the text of its paragraphs and cells."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.paragraphs: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag in LOADING and found.get("rel") not in ("canonical", "prev", "next"):
            self.addresses.append(found.get(LOADING[tag]) or "")
        if tag == "p":
            self.paragraphs.append("")
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "p" in self.inside and "code" not in self.inside:
            self.paragraphs[-1] += data


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium: install the distribution's package")
def test_the_site_is_built_and_loaded_without_another_host() -> None:
    """Built without a network; nothing of it is elsewhere; it is Markdown no more; and a phone shows it all."""
    alone = ["unshare", "--net", "--map-root-user"] if shutil.which("unshare") else []
    build = [*alone, sys.executable, str(ROOT / "deploy" / "docs.py")]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = sorted(SITE.rglob("*.html"))
    assert len(built) > 25
    for path in built:
        page = Loaded()
        page.feed(path.read_text("utf-8"))
        assert [address for address in page.addresses if re.match(r"(\w+:)?//", address)] == [], path
        # GitHub makes a list or a table of these, but Python-Markdown does not
        raw = r"^(\* |- |\d+\. |\|)|:::|\]\("
        assert [text for text in page.paragraphs if re.search(raw, text, re.MULTILINE)] == [], path
    for path in SITE.rglob("*.css"):
        assert re.findall(r"url\(['\"]?(?:https?:)?//[^)]*", path.read_text("utf-8")) == [], path

    handler = partial(Quiet, directory=str(SITE))
    foreign, wide = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium() as browser:
        Thread(target=server.serve_forever, daemon=True).start()
        own = f"http://127.0.0.1:{server.server_port}/"
        visitor = browser.new_context(viewport=PHONE).new_page()  # type: ignore[arg-type]
        visitor.on("request", lambda asked: foreign.append(asked.url) if is_foreign(asked.url, own) else None)
        for path in built:
            visitor.goto(own + path.relative_to(SITE).as_posix())
            if visitor.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
                wide.append(path.name)
        server.shutdown()
    assert (foreign, wide) == ([], [])


def is_foreign(address: str, own: str) -> bool:
    return not address.startswith((own, "data:", "blob:"))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_docstrings_are_read_as_they_are_meant() -> None:
    text = "What.\n\nReturns:\n    One value,\n    over two lines.\n\nExample:\n    >>> 1\n    1\n"
    expected_text = "What.\n\nReturns:\n    One value,\n        over two lines.\n\nExamples:\n    >>> 1\n    1"
    assert expected(text) == expected_text
    named = "What.\n\nReturns:\n    out: The output,\n        (N, C).\n    valid_out: The mask."
    sections = griffe.Docstring(expected(named)).parse("google")
    assert [value.name for value in sections[1].value] == ["out", "valid_out"]
    (value,) = griffe.Docstring(expected(text)).parse("google")[1].value
    assert value.description == "One value,\nover two lines."


def test_every_page_is_in_the_table_of_contents() -> None:
    named = re.findall(r"^ +- [^:]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    placed = sorted(place.as_posix() for place in pages(ROOT).values() if place.suffix == ".md")
    assert sorted(named) == placed
