"""The options of a fill as flags of a command."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from partialconv.filling.options import FillOptions, Option, options

Command = Callable[..., None]


def takes_options(*names: str) -> Callable[[Command], Command]:
    """Give a command a flag for each option of a fill; it gets them together, as its argument `options`.

    Args:
        names: Of the options; none for all of them.

    Source: `FillOptions`, which has their defaults, ranges and help texts.
    """

    def decorate(command: Command) -> Command:
        chosen = [option for option in options() if not names or option.name in names]
        signature = inspect.signature(command)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
            if parameter.name != "options"
        ]
        parameters = [*own, *map(_parameter, chosen)]

        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            values = {option.name: arguments.pop(option.name) for option in chosen}
            command(**arguments, options=FillOptions(**values))

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameter(option: Option) -> inspect.Parameter:
    flag = option.flag
    if option.default is True:
        flag += f"/--no-{flag.removeprefix('--')}"
    kind = str | None if Path in get_args(option.kind) else option.kind
    most: dict[str, Any] = {"min": 0, "max": option.about.most} if option.kind is int else {}
    shown = option.about.unset or option.default not in (None, False)
    about = typer.Option(flag, help=option.about.help, show_default=shown, **most)
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=Annotated[kind, about]
    )
