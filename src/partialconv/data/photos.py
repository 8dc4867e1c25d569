"""Where training photos come from: a folder, or WebDataset shards (tar files), here or behind a URL."""

import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePath
from typing import BinaryIO

import fsspec
from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import track

from partialconv.errors import InputError, TooLargeError, reason_of
from partialconv.imageio import decode_picture, unfinished
from partialconv.imageio.opening import content_of, header_of_content

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
UNSUITABLE_MODES = {"F", "I", "I;16", "I;16B", "I;16L"}  # Pillow would clip them to white
Opener = Callable[[], BinaryIO]
CHECK_AT_MOST = 50_000  # opening millions of files takes longer than it saves; broken ones show while training
HEAD_BYTES = 1 << 16  # hold the header of most files
CACHE = Path("~/.cache/partialconv/shards")


@dataclass(frozen=True)
class PhotoSource:
    """Photos by number; picklable, and safe to read from several processes.

    Args:
        names: What to call each photo in messages.
        openers: Open the file of each photo.
        notes: What there is to say about the source, a line each.
    """

    names: list[str]
    openers: list[Opener]
    notes: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, number: int) -> Image.Image:
        """Decode photo `number` as RGB, upright.

        Raises:
            InputError: the file cannot be read or decoded, for whatever reason; the message names it.
        """
        name = self.names[number]
        try:
            with self.openers[number]() as file:
                content = content_of(file, name)
            return ImageOps.exif_transpose(decode_picture(content, name)).convert("RGB")
        except InputError:
            raise
        except Exception as error:  # decoders break on broken files in every way
            raise InputError(f"{name} cannot be decoded: {reason_of(error)}.") from error


def open_photos(where: str | Path, crop_px: int, cache: Path = CACHE) -> PhotoSource:
    """Find the photos of a folder or of shards.

    Photos that do not open, or whose shorter side is below half of `crop_px`, are left out and named in the notes:
    enlarged more than twice they would teach blur. With more than `CHECK_AT_MOST` photos none is opened here.

    Args:
        where: A folder, searched recursively; or a tar file, with ranges in braces ("photos-{000..127}.tar"), as a
            path or URL; several of either kind, separated by spaces.
        crop_px: Side of the training crops.
        cache: Folder for copies of remote shards.

    Raises:
        InputError: nothing there, or no usable photo.
    """
    names: list[str] = []
    openers: list[Opener] = []
    places = [str(where)] if Path(where).is_dir() else expand_braces(str(where))
    for is_folder, several in groupby(places, lambda place: Path(place).is_dir()):
        if is_folder:
            paths = [path for folder in several for path in _photo_paths(Path(folder))]
            names += [str(p) for p in paths]
            openers += [partial(_open_file, p) for p in paths]
            continue
        shards = list(several)
        for shard in shards:
            if ".tar" not in shard:
                raise InputError(f"no folder {shard}: give folders of photos, or WebDataset shards (.tar).")
        found_names, found_openers = _index(_copied(shards, cache.expanduser()))
        names, openers = names + found_names, openers + found_openers
    notes: list[str] = []
    found = len(names)
    if found <= CHECK_AT_MOST:
        kept, small = [], 0
        for number, opener in enumerate(openers):
            problem, side = _inspect(opener, crop_px)
            small += problem is None and side < crop_px
            if problem is None:
                kept.append(number)
            else:
                notes.append(f"skipped, {problem}: {names[number]}")
        names, openers = [names[n] for n in kept], [openers[n] for n in kept]
        if small:
            notes.append(f"{small} of {len(names)} photos are smaller than the crop of {crop_px} pixels: enlarged.")
    if not names:
        why = "; ".join(notes[:3]) or f"expected {', '.join(sorted(PHOTO_SUFFIXES))} files"
        raise InputError(f"no readable photo in {where} ({why}).")
    return PhotoSource(names, openers, notes)


def find_photos(folder: Path) -> tuple[list[Path], list[Path]]:
    """List the photos below `folder`, sorted by name.

    Returns:
        The readable photos, and the files that look like photos but do not open, or have no 8-bit form.

    Raises:
        InputError: there is no such folder, or no readable photo in it.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}: give a folder of photos.")
    paths = _photo_paths(folder)
    broken = [path for path in paths if _inspect(partial(_open_file, path), 0)[0]]
    readable = [path for path in paths if path not in set(broken)]
    if not readable:
        raise InputError(f"no readable photo in {folder}, expected {', '.join(sorted(PHOTO_SUFFIXES))} files.")
    return readable, broken


def expand_braces(pattern: str) -> list[str]:
    """Expand "a-{000..002}.tar b.tar" to its file names.

    Example:
        >>> expand_braces("a-{08..10}.tar b.tar")
        ['a-08.tar', 'a-09.tar', 'a-10.tar', 'b.tar']
    """
    expanded: list[str] = []
    for word in pattern.split() if " " in pattern and not Path(pattern).exists() else [pattern]:
        head, brace, rest = word.partition("{")
        bounds, _, tail = rest.partition("}")
        first, dots, last = bounds.partition("..")
        if not brace or not dots or not (first.isdigit() and last.isdigit()):
            expanded.append(word)
            continue
        numbers: Iterable[int] = range(int(first), int(last) + 1)
        expanded += [e for n in numbers for e in expand_braces(f"{head}{n:0{len(first)}d}{tail}")]
    return expanded


def _photo_paths(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)


def _inspect(opener: Opener, crop_px: int) -> tuple[str | None, int]:
    """What is wrong with a photo, judged by its header, and its shorter side."""
    try:
        with opener() as file:
            content = file.read(HEAD_BYTES)
            try:
                header = header_of_content(content, "it")
            except TooLargeError:
                raise
            except InputError:  # the header may lie further back, or be larger
                header = header_of_content(content_of(file, "it"), "it")
    except TooLargeError as error:
        return str(error).rstrip("."), 0
    except Exception:  # as in `PhotoSource.read`
        return "not readable", 0
    side = min(header.size)
    if header.mode in UNSUITABLE_MODES:
        return f"no 8-bit form of mode {header.mode}", side
    if 2 * side < crop_px:
        return f"{header.size[1]}x{header.size[0]}, below half of the crop of {crop_px} pixels", side
    return None, side


def _open_file(path: Path) -> BinaryIO:
    return path.open("rb")


def _open_slice(shard: Path, offset: int, size: int) -> BinaryIO:
    with shard.open("rb") as file:
        file.seek(offset)
        return io.BytesIO(file.read(size))


def _index(shards: list[Path]) -> tuple[list[str], list[Opener]]:
    """Names and openers of all photos in tar files, read in place, in any order."""
    names: list[str] = []
    openers: list[Opener] = []
    for shard in shards:
        try:
            with tarfile.open(shard, "r:") as archive:
                for member in archive:
                    if member.isfile() and PurePath(member.name).suffix.lower() in PHOTO_SUFFIXES:
                        names.append(f"{shard.name}/{member.name}")
                        openers.append(partial(_open_slice, shard, member.offset_data, member.size))
        except (OSError, tarfile.TarError) as error:
            raise InputError(f"cannot read shard {shard}: {error}; expected an uncompressed tar file.") from error
    return names, openers


def _copied(shards: list[str], cache: Path) -> list[Path]:
    """The paths of shards; remote ones are copied to `cache` first, each taking its name when it is whole."""
    paths = [cache / _cached_name(shard) if "://" in shard else Path(shard) for shard in shards]
    missing = [(u, p) for u, p in zip(shards, paths, strict=True) if "://" in u and not p.is_file()]
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(8) as pool:
            copies = pool.map(lambda pair: _copy(*pair), missing)
            for _ in track(copies, f"shards to {cache}", len(missing), console=Console(stderr=True)):
                pass
    return paths


def _cached_name(url: str) -> str:
    return f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{url.rsplit('/', 1)[1]}"


def _copy(url: str, path: Path) -> None:
    with unfinished(path, overwrite=True) as temporary:
        try:
            with fsspec.open(url, "rb") as source, temporary.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        except Exception as error:  # each file system has errors of its own
            raise InputError(f"cannot fetch {url}: {reason_of(error)}.") from error
