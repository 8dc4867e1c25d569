"""Reading the plainest command lines without pydantic, which Typer imports to make of each value what it should be.

The classes of Typer's contexts have changed their place between its versions, so they are `Any` here.
"""

import inspect
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperCommand


class PlainCommand(TyperCommand):
    """Takes flags, texts and paths as they come; other values, help and mistakes are left to Typer."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the values of all parameters into the context."""
        values = None if ctx.resilient_parsing else self._plain(ctx, args)
        if values is None:
            return super().parse_args(ctx, args)
        ctx.params.update(values)
        return []

    def _plain(self, ctx: Any, args: list[str]) -> dict[str, Any] | None:
        try:
            given, left, _ = self.make_parser(ctx).parse_args(args=[*args])
        except Exception:  # Typer says better what is wrong
            return None
        wanted = inspect.signature(self.callback).parameters if self.callback is not None else {}
        values: dict[str, Any] = {}
        for param in self.get_params(ctx):
            name, value = str(param.name), given.get(str(param.name))
            kinds = _kinds(wanted[name].annotation) if name in wanted else ()
            if value is None and not param.required:
                value = param.get_default(ctx)
            elif isinstance(value, str) and Path in kinds:
                value = Path(value)
            elif not (isinstance(value, str) and str in kinds) and not (isinstance(value, bool) and bool in kinds):
                return None
            if name in wanted:
                values[name] = value
        return None if left else values


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types of a parameter that is `Annotated`."""
    kind = get_args(annotation)[0]
    return get_args(kind) or (kind,)
