"""The server's own temporary folder: a folder in it for each request, and nothing left of servers that were killed."""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from partialconv.server.limits import no_space

PREFIX = "partialconv-serve-"
LOCK = "lock"
OLD_S = 60.0  # an unlocked folder that is younger may be one that is being made


class Scratch:
    """Makes folders for requests; photos that a killed server left behind are removed when the next one starts."""

    def __init__(self) -> None:
        self._top: Path | None = None
        self._lock: int | None = None

    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """A new folder, to be used in a `with` block.

        Raises:
            Problem: 507, it cannot be made.
        """
        try:
            if self._top is None or not self._top.is_dir():
                self._make()
            return tempfile.TemporaryDirectory(dir=self._top, ignore_cleanup_errors=True)
        except OSError as error:
            raise no_space() from error

    def close(self) -> None:
        """Remove everything."""
        if self._lock is not None:
            os.close(self._lock)
        if self._top is not None:
            shutil.rmtree(self._top, ignore_errors=True)
        self._top = self._lock = None

    def _make(self) -> None:
        self.close()
        _sweep()
        self._top = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = _locked(self._top / LOCK, os.O_CREAT)


def _sweep() -> None:
    """Remove this user's folders of servers that live no more; not on Windows, where no lock says which those are."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                about = folder.lstat()
                if folder.is_symlink() or about.st_uid != os.getuid() or time.time() - about.st_mtime < OLD_S:
                    continue
                lock = _locked(folder / LOCK)
                if lock is not None:
                    os.close(lock)
                    shutil.rmtree(folder, ignore_errors=True)


def _locked(path: Path, flags: int = 0) -> int | None:
    """A file that stays locked as long as this process lives; None if another one holds it, or on Windows."""
    if sys.platform == "win32":
        return None
    import fcntl

    lock = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
