"""Files and folders that appear whole or not at all; nothing else writes unfinished ones."""

import contextlib
import os
import re
import secrets
import shutil
import stat
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio.formats import FORMAT_OF_SUFFIX

ABANDONED_S = 3600  # nothing takes longer between two writes
UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.unfinished")
_ACTIVE: set[Path] = set()
_BEGINNING = threading.Lock()
ROUNDS = 2  # of discarding: a writer may make anew what it was just about to open


def check_destination(path: Path, overwrite: bool, suffixes: Collection[str] = tuple(FORMAT_OF_SUFFIX)) -> None:
    """Refuse, before any work is done, a file that cannot or must not be written.

    Args:
        path: The file.
        overwrite: Whether it may be replaced.
        suffixes: One of which its name must have; those of photos, if none are given.

    Raises:
        InputError: unknown suffix, missing or read-only folder, no regular file, or it exists and `overwrite` is False.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"cannot write {path}: its name must end in one of {', '.join(suffixes)}.")
    try:
        if not path.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
        if path.is_dir():
            raise InputError(f"cannot write {path}: it is a folder.")
        if os.path.lexists(path):
            if not overwrite:
                raise InputError(f"{path} exists: name another file, or add --overwrite.")
            if not path.is_file():
                raise InputError(f"cannot write {path}: it is not a regular file.")
        if not os.access(path.resolve().parent, os.W_OK | os.X_OK):
            raise InputError(f"cannot write {path}: the folder is read-only.")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise InputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}.") from error


@contextmanager
def unfinished(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a new empty file in the folder of `path`, which takes the name of `path` if all goes well.

    It is removed otherwise. It gets the mode of a file that it replaces, and its owner and group where the system
    allows that. Two processes never write the same unfinished file. A link is followed, not replaced.
    What killed processes left in the folder is removed, too: see `sweep`.

    Raises:
        InputError: the system refuses, or another process has made `path` meanwhile and `overwrite` is False.
    """
    target = path.resolve()
    temporary = _named_for(target)
    try:
        with _BEGINNING:
            temporary.touch(exist_ok=False)
            _ACTIVE.add(temporary)
        sweep(temporary)
        replaced = _replaced(target)
        if replaced is not None:
            temporary.chmod(0o600)  # nobody else reads it before it has its owner
        yield temporary
        if replaced is not None:
            _take_after(temporary, replaced)
        _rename(temporary, target, overwrite)
    except OSError as error:
        raise InputError(f"cannot write {path}: {_reason(error)}.") from error
    finally:
        _discard(temporary)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """Give a new empty folder beside `path`, which takes the name of `path` if all goes well.

    Args:
        path: Nothing, or an empty folder. Missing folders above it are made.

    Raises:
        InputError: there is something, or the system refuses.
    """
    try:
        if os.path.lexists(path) and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} exists and is not empty: name a new folder.")
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _named_for(target)
        with _BEGINNING:
            temporary.mkdir()
            _ACTIVE.add(temporary)
    except (OSError, RuntimeError) as error:
        raise InputError(f"cannot write {path}: {_reason(error)}.") from error
    try:
        sweep(temporary)
        yield temporary
        if target.exists():
            target.rmdir()
        temporary.rename(target)
    except OSError as error:
        raise InputError(f"cannot write {path}: {_reason(error)}.") from error
    finally:
        _discard(temporary)


def sweep(mine: Path) -> None:
    """Remove what killed runs left beside a new unfinished file or folder.

    Only what bears such a name, belongs to the same user, and was not changed for `ABANDONED_S` before `mine` by the
    clock of the file system.
    """
    with contextlib.suppress(OSError):
        own = mine.lstat()
        for entry in os.scandir(mine.parent):
            if UNFINISHED.fullmatch(entry.name) and entry.name != mine.name:
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if found.st_uid == own.st_uid and own.st_mtime - found.st_mtime > ABANDONED_S:
                        _remove(Path(entry.path))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or replace it; whoever reads it meanwhile sees the old one or the new one.

    Raises:
        InputError: the system refuses.
    """
    with unfinished(path, overwrite=True) as temporary:
        temporary.write_bytes(content)


def write_picture(path: Path, picture: Image.Image, overwrite: bool = True) -> None:
    """Write a picture that is no photo, as `write_whole` does; the suffix, of `FORMAT_OF_SUFFIX`, chooses the format.

    Raises:
        InputError: the system refuses; or `path` exists and `overwrite` is False.
    """
    with unfinished(path, overwrite) as temporary:
        picture.save(temporary, FORMAT_OF_SUFFIX[path.suffix.lower()], compress_level=3)


def discard_unfinished() -> None:
    """Remove the unfinished files of this process, which is about to end while other threads write them.

    No further one is begun: that would be left behind.
    """
    _BEGINNING.acquire(timeout=1)  # for good
    for _ in range(ROUNDS):
        for temporary in tuple(_ACTIVE):
            with contextlib.suppress(OSError):
                _remove(temporary)


def _named_for(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(8)}.unfinished")


def _discard(temporary: Path) -> None:
    _ACTIVE.discard(temporary)
    with contextlib.suppress(OSError):
        _remove(temporary)


def _remove(temporary: Path) -> None:
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"is the disk full? ({error})"  # C libraries do not say


def _replaced(target: Path) -> os.stat_result | None:
    """The file that is going to be replaced, if there is one."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _take_after(temporary: Path, replaced: os.stat_result) -> None:
    """Give a file the mode of another one, and its owner and group as far as the system allows."""
    mode = stat.S_IMODE(replaced.st_mode)
    own = temporary.stat()
    if sys.platform != "win32" and (own.st_uid, own.st_gid) != (replaced.st_uid, replaced.st_gid):
        try:
            os.chown(temporary, replaced.st_uid, replaced.st_gid)
        except OSError:  # for nobody but root
            try:
                os.chown(temporary, -1, replaced.st_gid)
            except OSError:
                mode &= ~0o070 | (mode & 0o007) << 3  # another group may do no more than everybody
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
    temporary.chmod(mode)


def _rename(temporary: Path, target: Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            os.link(temporary, target)  # unlike a renaming it fails where something is
            return
        except FileExistsError as error:
            raise InputError(f"{target} exists: name another file, or add --overwrite.") from error
        except OSError:  # a file system without links
            pass
    temporary.replace(target)
