"""Files that appear whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partialconv.errors import InputError

FORMAT_OF_SUFFIX = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}


def check_destination(path: Path, overwrite: bool) -> None:
    """Refuse, before any work is done, a file that cannot or must not be written.

    Raises:
        InputError: unknown suffix, missing or read-only folder, no regular file, or it exists and `overwrite` is False.
    """
    if path.suffix.lower() not in FORMAT_OF_SUFFIX:
        raise InputError(f"cannot write {path}: its name must end in one of {', '.join(FORMAT_OF_SUFFIX)}.")
    try:
        if not path.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
        if path.is_dir():
            raise InputError(f"cannot write {path}: it is a folder.")
        if os.path.lexists(path):
            if not overwrite:
                raise InputError(f"{path} exists: name another file, or add --overwrite.")
            if not path.is_file():
                raise InputError(f"cannot write {path}: it is no regular file.")
        if not os.access(path.resolve().parent, os.W_OK | os.X_OK):
            raise InputError(f"cannot write {path}: the folder is read-only.")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise InputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}.") from error


@contextmanager
def unfinished(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a new empty file in the folder of `path`, which takes the name of `path` if all goes well.

    It is removed otherwise. Two processes never write the same unfinished file. A link is followed, not replaced.

    Raises:
        InputError: the system refuses, or another process has made `path` meanwhile and `overwrite` is False.
    """
    target = path.resolve()
    temporary = target.with_name(f".{secrets.token_hex(8)}.unfinished")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        _rename(temporary, target, overwrite)
    except OSError as error:
        reason = error.strerror or f"is the disk full? ({error})"  # C libraries do not say
        raise InputError(f"cannot write {path}: {reason}.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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
