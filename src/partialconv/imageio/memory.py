"""The memory that this process may still take, and who has asked for it."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partialconv.errors import TooLargeError

KEPT_SHARE = 0.05  # of what is free, left to the rest of the machine
PAGE = "MemAvailable:"
GROUPS = (  # of Linux: limit and use, of versions 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_bytes() -> int | None:
    """The memory that can still be taken: of the machine, its container and the limit of this process.

    Returns:
        Bytes; None where the system does not say.
    """
    found = [number for number in (_of_machine(), *map(_of_group, GROUPS), _of_process()) if number is not None]
    return max(0, int(min(found) * (1 - KEPT_SHARE))) if found else None


def check_memory(needed_bytes: int, what: str) -> None:
    """Refuse what this machine has no memory for.

    Args:
        needed_bytes: An estimate from above.
        what: Needs it, for the message.

    Raises:
        TooLargeError: there is less.
    """
    free = available_bytes()
    if free is not None and needed_bytes > free:
        raise TooLargeError(
            f"{what} needs about {needed_bytes / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: "
            "scale it down, or take a machine with more."
        )


class Memory:
    """Shares the free memory among threads: what does not fit now waits for the others, if there are any.

    Example:
        >>> memory = Memory()
        >>> with memory.reserved(1000, "a small photo"):
        ...     memory.held_bytes
        1000
    """

    def __init__(self) -> None:
        self.held_bytes = 0
        self._free: int | None = None
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, needed_bytes: int, what: str) -> Iterator[None]:
        """Hold some memory.

        Args:
            needed_bytes: An estimate from above.
            what: Needs it, for the message.

        Raises:
            TooLargeError: there is less, although nobody else holds any.
        """
        with self._changed:
            while True:
                if self.held_bytes == 0:
                    self._free = available_bytes()
                    check_memory(needed_bytes, what)
                    break
                if self._free is None or self.held_bytes + needed_bytes <= self._free:
                    break
                self._changed.wait()
            self.held_bytes += needed_bytes
        try:
            yield
        finally:
            with self._changed:
                self.held_bytes -= needed_bytes
                self._changed.notify_all()


def _of_machine() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith(PAGE):
                return 1024 * int(line.split()[1])
    if sys.platform != "win32":
        with contextlib.suppress(OSError, ValueError):  # ValueError: macOS does not know this name
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_group(files: tuple[str, str]) -> int | None:
    with contextlib.suppress(OSError, ValueError):  # "max" is no number, and no limit
        limit, used = (int(Path(file).read_text(encoding="ascii")) for file in files)
        return limit - used
    return None


def _of_process() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    with contextlib.suppress(OSError, ValueError, IndexError):
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            return limit - pages * os.sysconf("SC_PAGE_SIZE")
    return None
