"""The folder beside the result where what was filled is kept until the clip is written, so that a run can go on."""

import hashlib
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.errors import InputError
from partialconv.imageio import read_text, write_whole

Patch = NDArray[Any]  # RGB of all hole pixels of one frame, (number of hole pixels, 3), uint8 or uint16
SETTINGS = "settings.json"
NUM_HASHED = 1 << 20  # bytes at each end of the clip


class Unfinished:
    """What is filled of a clip, in blocks of consecutive frames, one file each.

    Args:
        target: The clip that will be written.
        settings: What a run must have in common with the one that it goes on with.
    """

    def __init__(self, target: Path, settings: dict[str, Any]) -> None:
        self.folder = target.with_name(f"{target.name}.unfinished")
        self.settings = settings

    def begin(self) -> int:
        """Make the folder, or find it.

        Returns:
            The number of blocks that are there; they are those of the same settings.

        Raises:
            InputError: the system refuses.
        """
        note = self.folder / SETTINGS
        try:
            if self.folder.is_dir() and self._noted(note) != self.settings:
                self.end()
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write {self.folder}: {error.strerror}.") from error
        write_whole(note, json.dumps(self.settings).encode())
        number = 0
        while self._block(number).is_file():
            number += 1
        return number

    def add(self, number: int, patches: list[Patch]) -> None:
        """Keep a block."""
        stacked = np.stack(patches)
        # most of what does not move is equal to the frame before
        changes = np.concatenate([stacked[:1], np.diff(stacked, axis=0)])
        head = json.dumps({"shape": changes.shape, "dtype": changes.dtype.name}).encode()
        write_whole(self._block(number), head + b"\n" + zlib.compress(changes.tobytes(), 1))

    def read(self, number: int) -> NDArray[Any]:
        """A block: (frames, hole pixels, 3).

        Raises:
            InputError: the file is damaged.
        """
        path = self._block(number)
        try:
            head, _, content = path.read_bytes().partition(b"\n")
            shape, dtype = (json.loads(head)[key] for key in ("shape", "dtype"))
            changes = np.frombuffer(zlib.decompress(content), dtype).reshape(shape)
        except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
            raise InputError(f"{path} is damaged: remove the folder {self.folder}, and begin again.") from error
        return np.asarray(np.cumsum(changes, axis=0, dtype=changes.dtype))

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _block(self, number: int) -> Path:
        return self.folder / f"{number:06d}.block"

    @staticmethod
    def _noted(note: Path) -> Any:
        try:
            return json.loads(read_text(note, 1 << 16))
        except (InputError, OSError, ValueError, RecursionError):
            return None


def digest_of(path: Path, *holes: Hole) -> str:
    """What tells a clip and a hole from others: size and both ends of the file, and the hole."""
    digest = hashlib.sha256(str(path.stat().st_size).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(NUM_HASHED))
        stream.seek(max(0, path.stat().st_size - NUM_HASHED))
        digest.update(stream.read(NUM_HASHED))
    for hole in holes:
        digest.update(np.packbits(hole).tobytes())
    return digest.hexdigest()
