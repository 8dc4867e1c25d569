"""Photos that stay decoded between the fills of one visit, in the process of `working` alone."""

import threading
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass
class _Entry(Generic[Value]):
    value: Value
    num_bytes: int
    used: float = field(default_factory=time.monotonic)


class Kept(Generic[Value]):
    """Keeps values by names that nobody can guess; drops first what was not used for longest; safe between threads.

    Args:
        max_bytes: Of all values together. A value that is larger is not kept.
        max_s: A value that nobody asks for is dropped after so many seconds.
    """

    def __init__(self, max_bytes: int, max_s: float) -> None:
        self.max_bytes, self.max_s = max_bytes, max_s
        self._entries: dict[str, _Entry[Value]] = {}  # the one that was used last is the last one
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def put(self, name: str, value: Value, num_bytes: int) -> bool:
        """Keep a value, in place of an older one of this name and of those that were not used for longest.

        Args:
            name: That nobody can guess.
            value: What to keep.
            num_bytes: Its memory.

        Returns:
            Whether it is kept.
        """
        with self._lock:
            self._entries.pop(name, None)
            if num_bytes > self.max_bytes:
                return False
            self._entries[name] = _Entry(value, num_bytes)
            while self._num_bytes() > self.max_bytes:
                del self._entries[next(iter(self._entries))]
            self._watch()
            return True

    def get(self, name: str) -> Value | None:
        """The value of a name, which counts as its use; None if there is none any more."""
        with self._lock:
            entry = self._entries.pop(name, None)
            if entry is None:
                return None
            entry.used = time.monotonic()
            self._entries[name] = entry
            return entry.value

    def drop(self, name: str) -> None:
        """Forget a value."""
        with self._lock:
            self._entries.pop(name, None)

    def clear(self) -> int:
        """Forget everything.

        Returns:
            The bytes that it took.
        """
        with self._lock:
            num_bytes = self._num_bytes()
            self._entries.clear()
            return num_bytes

    def _num_bytes(self) -> int:
        return sum(entry.num_bytes for entry in self._entries.values())

    def _watch(self) -> None:
        """Look again when the oldest value may be too old."""
        if self._timer is None and self._entries:
            oldest = next(iter(self._entries.values())).used
            self._timer = threading.Timer(max(0.0, oldest + self.max_s - time.monotonic()), self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            self._timer = None
            latest = time.monotonic() - self.max_s
            self._entries = {name: entry for name, entry in self._entries.items() if entry.used > latest}
            self._watch()
