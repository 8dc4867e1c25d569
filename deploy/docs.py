"""Build the documentation site into build/docs, from the Markdown that GitHub shows.

    python deploy/docs.py        # part of `make docs`

Pages are copied to build/pages first. On the way, links between them are made to fit. A link to a file that is no page
of the site becomes its text, with the file's name. A comment such as `<!-- ::: partialconv.fill -->`, which GitHub does
not show, becomes the reference that mkdocstrings writes from the docstrings.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
# code first, because nothing in it is a link
PARTS = re.compile(
    r"(?P<code>^ *```.*?^ *```|`[^`\n]+`)"
    r"|(?P<reference><!-- (?P<identifier>::: .*?) -->)"
    r'|(?P<image><img src="(?P<source>[^"]+)")'
    r"|\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)


def pages(root: Path) -> dict[Path, Path]:
    """The site's files: where each comes from, and its place in the site."""
    found = {root / name: Path(place) for name, place in PAGES.items()}
    found |= {path: path.relative_to(root / "docs") for path in (root / "docs").rglob("*") if path.is_file()}
    return found


def converted(text: str, page: Path, places: dict[Path, Path], root: Path) -> str:
    """A page of the repository as a page of the site.

    Args:
        text: Markdown.
        page: The file that it comes from, one of `places`.
        places: From files of the repository to their place in the site.
        root: Of the repository.

    Raises:
        SystemExit: a link leads nowhere.
    """

    def part(found: re.Match[str]) -> str:
        if found["code"]:
            return found[0]
        if found["reference"]:
            return found["identifier"]
        target = found["source"] or found["target"]
        if not target or "://" in target:
            return found[0]
        file = (page.parent / target).resolve()
        if not file.exists():
            raise SystemExit(f"{page.relative_to(root)}: the link to {target} leads nowhere.")
        text = PARTS.sub(part, found["text"] or "")
        if file not in places:
            name = file.relative_to(root).as_posix()
            return text if name in text else f"{text} (`{name}`)"
        place = Path(os.path.relpath(places[file], places[page].parent)).as_posix()
        return f'<img src="{place}"' if found["image"] else f"[{text}]({place}{found['anchor'] or ''})"

    return PARTS.sub(part, text)


def lay_out(root: Path, into: Path) -> None:
    """Write all pages and pictures of the site."""
    shutil.rmtree(into, ignore_errors=True)
    places = pages(root)
    for file, place in places.items():
        target = into / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            target.write_text(converted(file.read_text("utf-8"), file, places, root), "utf-8")
        else:
            shutil.copy(file, target)


def main() -> int:
    """Lay out the pages and build the site."""
    lay_out(ROOT, ROOT / "build" / "pages")
    shutil.rmtree(ROOT / "build" / "docs", ignore_errors=True)
    zensical = Path(sys.executable).parent / "zensical"
    return subprocess.run([zensical, "build", "--clean", "--strict"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
