"""Looking at a fill while it runs."""

import time

from partialconv.masks import Diagnosis


class Watcher:
    """Is told what happens in a fill, by the thread that fills; what it raises ends the fill."""

    def begin(self, step: str) -> None:
        """A step begins: "read", "fill" or "write"."""

    def found(self, diagnosis: Diagnosis) -> None:
        """The hole was read, and can be used."""


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
