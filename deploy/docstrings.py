"""What Griffe, which reads the docstrings for the site, has to be told of how they are written here."""

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Google's style writes "Example:"; Griffe takes that for a remark, and only "Examples:" for code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of whatever has one."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
