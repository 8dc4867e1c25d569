"""What commands show while they run, and flags that many of them have."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import rich.progress

    from partialconv.conventions import Progress
    from partialconv.masks import Finding

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


def tell(findings: "Iterable[Finding | str]") -> None:
    """Print findings as lines on standard error."""
    for finding in findings:
        print(f"partialconv: warning: {finding}", file=sys.stderr)


@contextmanager
def bars() -> "Iterator[Progress]":
    """A bar for each method on the terminal; gives what moves them: method, number done, number of all."""
    tasks: dict[str, int] = {}
    with _progress() as progress:

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name)
            progress.update(tasks[name], completed=done + 1, total=total)  # type: ignore[arg-type]

        yield advance


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """A bar on the terminal; gives what moves it: number done, number of all (None = not known), of what."""
    with _progress() as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total, name: progress.update(
            task, completed=done, total=total, description=f"{what} of {name}"
        )


def _progress() -> "rich.progress.Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
