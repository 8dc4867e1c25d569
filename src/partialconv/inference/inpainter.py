"""From a photo and a hole to a filled photo, as arrays."""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import valid_from_hole
from partialconv.errors import InputError
from partialconv.inference.runtime import Runtime, open_runtime
from partialconv.zoo import model_path

CONTEXT_PX = 256  # half the receptive field of the deepest level
TILE_PX = 1024
UNCLOSED = 0.5  # what the network gives where it reached no known pixel
Window = tuple[slice, slice]


class Inpainter:
    """Fills the holes of photos; safe to share between threads.

    The network sees the holes and `CONTEXT_PX` pixels around them, not the whole photo. Holes that spread over more
    than `TILE_PX` pixels are filled tile by tile, each tile going by those before it; so are the pixels of a hole too
    wide for the network to close at once. Memory is bounded by the size of a tile.

    Args:
        model: An exported network; the shipped one if None.
        runtime: What runs it: a name, see `open_runtime`, or a runtime that is open already; `model` is then not read.

    Raises:
        InputError: the file is missing or is no such network.

    Example:
        >>> import numpy as np
        >>> inpainter = Inpainter()
        >>> photo, hole = np.full((64, 64, 3), 200, np.uint8), np.zeros((64, 64), bool)
        >>> hole[20:30, 20:30] = True
        >>> inpainter.fill(photo, hole).shape
        (64, 64, 3)
    """

    def __init__(self, model: Path | None = None, runtime: str | Runtime = "onnxruntime") -> None:
        path = model_path() if model is None else model
        self.runtime: Runtime = open_runtime(runtime, path) if isinstance(runtime, str) else runtime

    def fill(self, photo: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fill the hole of a photo.

        Args:
            photo: RGB, (H, W, 3). What lies under the hole is ignored.
            hole: (H, W), True = fill.

        Returns:
            A new array; every pixel outside the hole is that of `photo`.

        Raises:
            InputError: the arrays are of other kinds or sizes, or the hole is empty or full.
            ArithmeticError: the network gives no values, as a broken model may.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
            raise InputError(f"the photo is {photo.dtype} {photo.shape}, expected uint8 (H, W, 3).")
        if hole.dtype != np.bool_ or hole.shape != photo.shape[:2]:
            raise InputError(f"the hole is {hole.dtype} {hole.shape}, expected bool {photo.shape[:2]}.")
        if not hole.any():
            raise InputError("the hole is empty: mark the pixels to fill.")
        if hole.all():
            raise InputError("the hole covers the whole photo: leave some pixels to go by.")
        filled, left = photo.copy(), hole.copy()
        tiles = _tiles(hole)
        while num_left := np.count_nonzero(left):
            for tile in tiles:
                if left[tile].any():
                    self._fill_tile(filled, left, tile)
            if np.count_nonzero(left) == num_left:
                raise ArithmeticError(f"the network gave nothing for {num_left} pixels; nothing was filled.")
        return filled

    def _fill_tile(self, photo: NDArray[np.uint8], left: NDArray[np.bool_], tile: Window) -> None:
        """Fill what is left of the hole in a tile as far as the network reaches, in place."""
        box = _bounding_box(left, tile)
        window = _with_context(box)
        valid = valid_from_hole(left[window])[None, None].astype(np.float32)
        if not valid.any():
            return
        crop = np.ascontiguousarray(photo[window].transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)
        output = self.runtime(crop, valid)[0].transpose(1, 2, 0)
        inner = tuple(slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, window, strict=True))
        values = output[inner]
        if not np.isfinite(values).all():
            raise ArithmeticError("the network gave values that are not finite; nothing was filled.")
        done = left[box] & (values != UNCLOSED).any(axis=-1)
        photo[box][done] = np.rint(values[done].clip(0, 1) * 255).astype(np.uint8)
        left[box][done] = False


def _tiles(hole: NDArray[np.bool_]) -> list[Window]:
    """Cut the bounding box of the hole into tiles of at most `TILE_PX`."""
    box = _bounding_box(hole, (slice(0, hole.shape[0]), slice(0, hole.shape[1])))
    rows, columns = (
        [slice(start, min(start + TILE_PX, span.stop)) for start in range(span.start, span.stop, TILE_PX)]
        for span in box
    )
    return list(itertools.product(rows, columns))


def _bounding_box(marked: NDArray[np.bool_], tile: Window) -> Window:
    """Rows and columns of the marked pixels in a tile."""
    rows, columns = (np.flatnonzero(marked[tile].any(axis=axis)) for axis in (1, 0))
    top, left = tile[0].start, tile[1].start
    return slice(top + int(rows[0]), top + int(rows[-1]) + 1), slice(
        left + int(columns[0]), left + int(columns[-1]) + 1
    )


def _with_context(box: Window) -> Window:
    rows, columns = (slice(max(0, span.start - CONTEXT_PX), span.stop + CONTEXT_PX) for span in box)
    return rows, columns
