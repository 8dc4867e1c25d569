"""What commands show while they run, and flags that many of them have."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import rich.progress

    from partialconv.conventions import Progress

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


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


class Showing:
    """A bar of one fill, which appears after a while.

    Nothing is drawn where standard error is no terminal.
    """

    def __init__(self, after_s: float) -> None:
        self._bar: rich.progress.Progress | None = None
        self._step, self._share = "", 0.0
        self._lock = threading.Lock()
        self._timer = threading.Timer(after_s, self._start)
        self._timer.daemon = True
        if sys.stderr.isatty():
            self._timer.start()

    def begin(self, step: str) -> None:
        """A step begins: "read", "find", "fill" or "write"."""
        with self._lock:
            self._step, self._share = step, 0.0
            self._draw()

    def progress(self, share: float) -> None:
        """So much of the step is done, 0 to 1."""
        with self._lock:
            self._share = share
            self._draw()

    def print(self, *lines: str) -> None:
        """Print lines on standard error, above the bar."""
        with self._lock:
            for line in lines:
                if self._bar is None:
                    print(line, file=sys.stderr)
                else:
                    self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Take the bar away."""
        self._timer.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            self._bar = None

    def _start(self) -> None:
        bar = _fill_bar()
        with self._lock:
            if self._timer.finished.is_set():  # cancelled while it began
                return
            self._bar = bar
            bar.start()
            self._task = bar.add_task("")
            self._draw()

    def _draw(self) -> None:
        if self._bar is not None:
            words = {"read": "reading", "find": "looking", "fill": "filling", "write": "writing"}
            total = 1.0 if self._share else None
            self._bar.update(self._task, description=words.get(self._step, ""), completed=self._share, total=total)


@contextmanager
def progress_after(seconds: float = 1.0) -> Iterator[Showing]:
    """Show a bar once the block has taken that long."""
    showing = Showing(seconds)
    try:
        yield showing
    finally:
        showing.end()


def _fill_bar() -> "rich.progress.Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _progress() -> "rich.progress.Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
