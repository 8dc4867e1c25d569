"""Keeping C libraries from writing to standard error: what they say comes back as an exception, or does no harm."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def quiet() -> Iterator[None]:
    """Send what is written to standard error nowhere, while no other thread could have something to say there."""
    try:
        sys.stderr.flush()
        kept = os.dup(2) if threading.active_count() == 1 else None
    except (AttributeError, OSError, ValueError):  # there is no standard error
        kept = None
    if kept is None:
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
