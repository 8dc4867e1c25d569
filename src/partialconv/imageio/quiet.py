"""Keeping decoders from writing to standard error: what they say comes back as an exception, or does no harm."""

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

DECODERS = r"(PIL|tifffile|jpeglib)(\.|$)"
_HUSHING = threading.Lock()
_num_hushing = 0


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore the warnings of decoders alone.

    `warnings.catch_warnings` would swallow what other threads warn of meanwhile, and put back old filters under them.
    """
    global _num_hushing
    with _HUSHING:
        _num_hushing += 1
        warnings.filterwarnings("ignore", module=DECODERS)
        ours = warnings.filters[0]
    try:
        yield
    finally:
        with _HUSHING:
            _num_hushing -= 1
            if _num_hushing == 0:
                with suppress(ValueError):  # somebody has put other filters in their place
                    cast("list[object]", warnings.filters).remove(ours)


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
