"""The layout of the package: what no linter looks at."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "partialconv"


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 50
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_nothing_but_atomic_writes_unfinished_files_and_folders() -> None:
    """Others write into what it gives them, or into the temporary folder."""
    renaming = {"rename", "replace", "link"}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in renaming):
                continue
            # str.replace takes two arguments, Path.replace one; dataclasses.replace is a plain name
            if (len(node.args) == 1 and not node.keywords) or ast.unparse(node.func.value) == "os":
                found.add(str(path.relative_to(PACKAGE)))
    # the server gives a request's own temporary files other names
    assert found == {"imageio/atomic.py", "server/engine.py", "server/working.py"}
