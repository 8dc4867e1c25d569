"""The work of a batch: every file of a folder, and what is to become of it."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from partialconv.errors import InputError
from partialconv.imageio.formats import PHOTO_SUFFIXES, written_name
from partialconv.imageio.infrared import without_infrared

HOLE_ENDINGS = re.compile(r"[._-](?:holes?|mask)[_-]?\d*$")  # x.holes.png, x_mask.png, x_mask001.png
SYSTEM_FILES = re.compile(r"\.ds_store|\._.*|thumbs\.db|desktop\.ini|\..*\.unfinished")
Verdict = Literal["failed", "left", "ignored"]


@dataclass(frozen=True)
class Item:
    """One file of a batch.

    Args:
        photo: The file.
        output: The file to write.
        hole: The picture of its hole; None = where the photo is transparent.
        problem: Why it cannot be filled; "" if nothing is known yet.
        verdict: What it counts as if there is a problem: a photo that "failed", something else that was "left", or a
            file of the operating system that is "ignored".
    """

    photo: Path
    output: Path
    hole: Path | None = None
    problem: str = ""
    verdict: Verdict = "failed"


def list_work(photos: Path, holes: Path | None, output: Path, infrared: bool = False) -> list[Item]:
    """Find the photos of a folder and of all folders in it, linked ones included, and the hole of each.

    Every file becomes an item, unless it is the hole of another one: what cannot be filled has a problem.

    Args:
        photos: The folder, or one photo.
        holes: One picture for all; or a folder, which may be `photos`, in which the hole of a/b.jpg is a/b.holes.png,
            a/b_mask.png, a/b_mask001.png or, unless it is `photos`, a/b.png (or of another of `PHOTO_SUFFIXES`),
            regardless of case and of Unicode normalisation; None = the transparent pixels of each photo.
        output: The folder to write to, under the same names; photos of formats that are only read become .png files.
        infrared: Whether files that are infrared images of others, see `infrared_beside`, are no items.

    Raises:
        InputError: a folder is missing or holds no photos, or `output` is in `photos`, or one of the two.
    """
    if not photos.exists():
        raise InputError(f"no folder {photos}: check the name.")
    if holes is not None and not holes.exists():
        raise InputError(f"no file or folder {holes}: check the name.")
    folder_of_holes = holes if holes is not None and holes.is_dir() else None
    inside = [folder for folder in (photos, folder_of_holes) if folder is not None and folder.is_dir()]
    if any(output.resolve() == folder.resolve() for folder in inside):
        raise InputError(f"{output} is a folder of what is to be read: name another one for the results.")
    together = folder_of_holes is not None and folder_of_holes.resolve() == photos.resolve()
    apart = {output.resolve()} | ({holes.resolve()} if holes is not None and not together else set())
    root = photos if photos.is_dir() else photos.parent
    found = list(_walk(root, apart)) if photos.is_dir() else [_Found(photos)]
    if infrared:
        kept = set(without_infrared([one.path for one in found]))
        found = [one for one in found if one.path in kept]
    names = _Names(root, [one.path for one in found if not one.problem])
    pictures = names if together else _Names(folder_of_holes, _pictures(folder_of_holes)) if folder_of_holes else None
    items, holes_beside = [], []
    for one in found:
        photo, name = one.path, one.path.relative_to(root)
        item = Item(photo, output / name.with_name(written_name(photo)), holes if pictures is None else None)
        problem, verdict = one.problem, one.verdict
        if not problem and photos.is_dir() and names.is_hole(photo):
            holes_beside.append(item)
            continue
        if not problem and photo.suffix.lower() not in PHOTO_SUFFIXES and photos.is_dir():
            problem = f"{photo} is not filled: expected a file ending in {', '.join(PHOTO_SUFFIXES)}."
            verdict = "left"
        hole = item.hole
        if not problem and pictures is not None:
            hole, problem = pictures.hole_of(name, together)
            problem = problem and f"no hole for {photo}: {problem}"
        items.append(Item(photo, item.output, hole, problem, verdict))
    used = {item.hole for item in items}
    for item in holes_beside:
        if item.photo not in used:
            problem = f"{item.photo} has the name of a hole, and was not used: rename it if it is a photo."
            items.append(Item(item.photo, item.output, None, problem, "left"))
    if not any(item.verdict == "failed" for item in items):
        raise InputError(f"{photos} holds no photos: expected files ending in {', '.join(PHOTO_SUFFIXES)}.")
    return list(_told_apart(items))


@dataclass(frozen=True)
class _Found:
    """A file of a folder, or something that is no file, with the reason why it is left."""

    path: Path
    problem: str = ""
    verdict: Verdict = "failed"


def _walk(root: Path, apart: set[Path]) -> Iterator[_Found]:
    """All files below a folder, by name; links to folders are followed, but no folder is entered twice."""
    entered = {Path(folder).resolve() for folder, _, _ in os.walk(root)}
    yield from _walk_into(root, apart, entered)


def _walk_into(folder: Path, apart: set[Path], entered: set[Path]) -> Iterator[_Found]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield _Found(folder, f"{folder} cannot be read: {error.strerror}.", "left")
        return
    for path in entries:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            yield _Found(path, f"{path} is a link to nothing.", "left")
            continue
        if SYSTEM_FILES.fullmatch(path.name.lower()):
            yield _Found(path, f"{path} is a file of the operating system.", "ignored")
        elif target in apart:
            continue
        elif path.is_dir():
            if not path.is_symlink():
                yield from _walk_into(path, apart, entered)
            elif target in entered:
                yield _Found(path, f"{path} is a link to {target}, a folder that is in the batch already.", "left")
            else:
                entered.update(Path(inner).resolve() for inner, _, _ in os.walk(target))
                yield from _walk_into(path, apart, entered)
        elif path.is_file():
            yield _Found(path)
        else:
            yield _Found(path, f"{path} is not a regular file.", "left")


def _pictures(folder: Path) -> list[Path]:
    return [one.path for one in _walk(folder, set()) if not one.problem]


class _Names:
    """Files by their names without suffix, regardless of case and Unicode normalisation."""

    def __init__(self, root: Path, paths: list[Path]) -> None:
        self.root = root
        self.photos: dict[str, list[Path]] = defaultdict(list)
        self.holes: dict[str, list[Path]] = defaultdict(list)  # by the name of the photo that they are of
        for path in paths:
            if path.suffix.lower() in PHOTO_SUFFIXES:
                key = _key(path.relative_to(root))
                self.photos[key].append(path)
                if ending := HOLE_ENDINGS.search(key):
                    self.holes[key[: ending.start()]].append(path)

    def is_hole(self, path: Path) -> bool:
        """Whether a file has the name of a hole of a photo that is there, too."""
        key = _key(path.relative_to(self.root))
        ending = HOLE_ENDINGS.search(key)
        return ending is not None and key[: ending.start()] in self.photos

    def hole_of(self, name: Path, together: bool) -> tuple[Path | None, str]:
        """The hole of a photo, or else what is wrong.

        Args:
            name: Of the photo, from the root of all photos.
            together: Whether photos and holes lie in the same folder.
        """
        key = _key(name)
        same = [] if together else self.photos[key]
        for found in ([path for path in self.holes[key] if path.stem.endswith(".holes")], self.holes[key], same):
            exact = [path for path in found if path.relative_to(self.root).with_suffix("").name.startswith(name.stem)]
            best = _first_format(exact or found)
            if len(best) == 1:
                return best[0], ""
            if best:
                return None, f"there are several, {', '.join(str(path) for path in best)}: keep one."
        expected = self.root / (name.with_suffix(".holes.png") if together else name.with_suffix(".png"))
        near = self._near(name, together)
        return None, f"expected {expected}" + (f"; {near} is nearly its name." if near else ".")

    def _near(self, name: Path, together: bool) -> Path | None:
        """A file whose name differs in spaces and punctuation, or in its folder, alone."""
        wanted = _letters(name.stem)
        for paths in [*self.holes.values(), *([] if together else self.photos.values())]:
            for path in paths:
                if _letters(HOLE_ENDINGS.sub("", path.stem)) == wanted:
                    return path
        return None


def _first_format(paths: list[Path]) -> list[Path]:
    """Those of one name in several formats are one hole; .png before the others."""
    by_stem: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        by_stem[path.with_suffix("")].append(path)
    return [min(same, key=lambda path: (path.suffix.lower() != ".png", path)) for same in by_stem.values()]


def _key(name: Path) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(name.with_suffix(""))).casefold())


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _told_apart(items: list[Item]) -> Iterator[Item]:
    """Give photos whose results would have one name, as a.gif and a.png, names of their own."""
    taken = {item.output for item in items if item.output.name == item.photo.name}
    for item in items:
        output = item.output
        if output.name != item.photo.name:
            if output in taken:
                output = output.with_name(f"{item.photo.name}.png")
            taken.add(output)
        yield Item(item.photo, output, item.hole, item.problem, item.verdict)
