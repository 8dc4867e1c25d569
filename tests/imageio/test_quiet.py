"""Decoders are kept quiet, and nobody else is."""

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.imageio.opening import explained
from partialconv.imageio.quiet import without_warnings


def warn_as(module: str) -> None:
    exec("import warnings; warnings.warn('a warning')", {"__name__": module})


def test_only_decoders_are_quiet() -> None:
    with pytest.warns(UserWarning, match="a warning") as caught, without_warnings():
        for module in ("PIL", "PIL.TiffImagePlugin", "tifffile.tifffile"):
            warn_as(module)
        warn_as("PILlow")
        warn_as("mine")
    assert [str(warning.message) for warning in caught] == ["a warning"] * 2


def test_the_warnings_of_other_threads_are_not_lost() -> None:
    """One thread is in a decoder when another one warns, and leaves it after that one has set filters of its own."""
    inside, leave = threading.Event(), threading.Event()

    def decode() -> None:
        with explained("a file"):
            inside.set()
            leave.wait(10)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread = threading.Thread(target=decode)
        thread.start()
        inside.wait(10)
        warn_as("mine")
        leave.set()
        thread.join()
        warn_as("PIL.Image")
    assert len(caught) == 2


def test_filters_are_left_as_they_were(tmp_path: Path) -> None:
    from partialconv.imageio import read_photo

    Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / "a.png")
    before = list(warnings.filters)
    threads = [threading.Thread(target=read_photo, args=(tmp_path / "a.png",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
