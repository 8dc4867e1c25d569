"""What Griffe, which reads the docstrings for the site, has to be told of how they are written here."""

import re
from typing import Any

import griffe

NAMED = re.compile(r" {4}\w+: ")


class Habits(griffe.Extension):
    """Brings docstrings into the form that Griffe expects."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of whatever has one."""
        if obj.docstring:
            obj.docstring.value = expected(obj.docstring.value)


def expected(docstring: str) -> str:
    """A docstring as Griffe reads it.

    Griffe takes "Example:" for a remark, and only "Examples:" for code. Under "Returns:" it takes each line for a value
    of its own, unless the line is indented further than the one before.
    """
    lines, returns, begun = [], False, False
    for line in docstring.replace("\nExample:\n", "\nExamples:\n").splitlines():
        if line and not line.startswith(" "):
            returns, begun = line == "Returns:", False
        elif returns and line:
            continues, begun = begun and not NAMED.match(line), True
            line = "    " + line if continues else line
        lines.append(line)
    return "\n".join(lines)
