"""Keeping C libraries from writing to standard error: what they say comes back as an exception, or does no harm."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = threading.Lock()
_kept: list[int] = []  # standard error itself, while somebody wants silence
_inside = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Send what the whole process writes to standard error nowhere; for short calls, from any number of threads."""
    global _inside
    with _LOCK:
        if _inside == 0:
            _redirect()
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0 and _kept:
                kept = _kept.pop()
                os.dup2(kept, 2)
                os.close(kept)


def _redirect() -> None:
    try:
        sys.stderr.flush()
        _kept.append(os.dup(2))
    except (AttributeError, OSError, ValueError):  # there is no standard error
        return
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
