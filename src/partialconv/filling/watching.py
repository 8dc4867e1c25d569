"""Looking at a fill while it runs."""

import time

from partialconv.conventions import Progress
from partialconv.masks import Diagnosis


class Watcher:
    """Is told what happens in a fill, by the thread that fills; what it raises ends the fill."""

    def begin(self, step: str) -> None:
        """A step begins: "read", "find", "fill" or "write"."""

    def progress(self, share: float) -> None:
        """So much of the step "find" or "fill" is done, 0 to 1."""

    def found(self, diagnosis: Diagnosis) -> None:
        """The hole was read, and can be used."""

    def remarked(self, remark: str) -> None:
        """There is something to know about the photo or the result; a sentence without a full stop."""


def told(watcher: Watcher) -> Progress:
    """What tells a watcher how many of some pieces of a step are done."""
    return lambda _, done, total: watcher.progress(done / total)


class Stopwatch:
    """Measures steps, one after the other.

    Attributes:
        timings_s: Seconds of each step that has ended.
    """

    def __init__(self) -> None:
        self.timings_s: dict[str, float] = {}
        self._step, self._since = "", 0.0

    def begin(self, step: str) -> None:
        """End the step that runs, and begin another."""
        self.end()
        self._step, self._since = step, time.perf_counter()

    def end(self) -> None:
        """End the step that runs."""
        if self._step:
            self.timings_s[self._step] = time.perf_counter() - self._since
        self._step = ""
