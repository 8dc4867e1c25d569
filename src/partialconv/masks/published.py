"""Masks that others published, brought into this project's form: white = hole, one bit a pixel, with a manifest."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

from partialconv.errors import InputError, reason_of
from partialconv.imageio import decode_picture
from partialconv.imageio.opening import read_content
from partialconv.masks.doctor import examine, looks_inverted
from partialconv.masks.levels import HoleColor
from partialconv.masks.sets import MaskRow, new_folder, write_manifest, write_mask

# what the colour of the hole is in each of them; they disagree
PUBLISHED: MappingProxyType[str, HoleColor] = MappingProxyType(
    {"nvidia-test": "white", "nvidia-training": "black", "qd-imd": "black", "white": "white", "black": "black"}
)
MOST_BYTES = 1 << 28  # of one mask in an archive
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}


def import_masks(source: Path, out: Path, kind: str, report: Callable[[int], None] | None = None) -> list[MaskRow]:
    """Copy published masks into a set.

    Args:
        source: A folder, searched recursively, a zip or a tar file.
        out: A folder that is not there yet, or empty.
        kind: One of `PUBLISHED`: "nvidia-test" (white = hole), "nvidia-training" (white = valid), "qd-imd"
            (black = hole), or "white" or "black" for any others, by the colour of the hole.
        report: Called with the number of masks done.

    Returns:
        The lines of the manifest: in the order of names, or of the members of a tar file.

    Raises:
        InputError: no such source, no picture in it, a broken one, or most of them look inverted.

    Source: Liu et al. 2018, section 3.1; QD-IMD: Iskakov 2018.
    """
    if kind not in PUBLISHED:
        raise InputError(f"unknown kind of masks {kind!r}, expected one of {', '.join(PUBLISHED)}.")
    if not source.exists():
        raise InputError(f"no file or folder {source}: check the name.")
    rows, inverted = [], 0
    with new_folder(out) as folder:
        for number, (name, content) in enumerate(_pictures(source)):
            picture = decode_picture(content, f"{name} in {source}")
            diagnosis = examine(picture, hole_color=PUBLISHED[kind])
            inverted += looks_inverted(diagnosis.hole)
            rows.append(write_mask(folder, f"{number:05d}.png", diagnosis.hole))
            if report:
                report(len(rows))
        if not rows:
            raise InputError(f"no pictures in {source}, expected {', '.join(sorted(SUFFIXES))} files.")
        if inverted > len(rows) / 2:
            other = "black" if PUBLISHED[kind] == "white" else "white"
            raise InputError(f"{inverted} of {len(rows)} masks look inverted as {kind}: try --kind {other}.")
        write_manifest(folder, rows)
    return rows


def _pictures(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each picture, without the copies that macOS hides in archives."""
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if _wanted(p)):
            yield str(path.relative_to(source)), read_content(path)
        return
    try:
        yield from _packed(source)
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source} is broken ({reason_of(error)}): get a whole copy of it.") from error


def _packed(source: Path) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if _wanted(Path(entry.filename)):
                    _check_size(entry.filename, entry.file_size)
                    yield entry.filename, archive.read(entry)
    elif tarfile.is_tarfile(source):
        with tarfile.open(source) as packed:  # in its own order: a compressed one cannot be read in another
            for member in packed:
                stream = packed.extractfile(member) if member.isfile() and _wanted(Path(member.name)) else None
                if stream:
                    _check_size(member.name, member.size)
                    yield member.name, stream.read()
    else:
        raise InputError(f"{source} is not a folder, zip or tar file.")


def _check_size(name: str, num_bytes: int) -> None:
    if num_bytes > MOST_BYTES:
        raise InputError(f"{name} has {num_bytes / 1e6:.0f} MB, expected at most {MOST_BYTES / 1e6:.0f} of a mask.")


def _wanted(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(part.startswith((".", "__MACOSX")) for part in path.parts)
