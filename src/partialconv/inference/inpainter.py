"""From a photo and a hole to a filled photo, as arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import FloatArray, Hole, valid_from_hole
from partialconv.errors import InputError
from partialconv.inference.continuing import continue_certain, drawn_boxes
from partialconv.inference.copying import copy_detail, wide_boxes
from partialconv.inference.feather import feather
from partialconv.inference.grain import add_grain
from partialconv.inference.planner import Box, Crop, Plan, halved_hole, pixels_of, plan
from partialconv.inference.runtime import Runtime, open_runtime
from partialconv.inference.scales import doubled, halved, rounded
from partialconv.inference.tones import keep_tones
from partialconv.zoo import model_path

UNCLOSED = 0.5  # what the network gives where it reached no known pixel
PEAKS = {"uint8": 255, "uint16": 65535, "float32": 1}
STRIP_PX = 256
MIRROR_PX = 16  # 48 gave the same
NEAR_PX = 8  # holes nearer to the border see its mirror image; 1 to 32 gave the same
Sides = tuple[bool, bool, bool, bool]
Photo = TypeVar("Photo", NDArray[np.uint8], NDArray[np.uint16], NDArray[np.float32])


class Inpainter:
    """Fills the holes of photos; safe to share between threads.

    The network sees the holes and some pixels around them, not the whole photo: see `planner.plan`. Memory is bounded
    by the largest batch of crops.

    Args:
        model: An exported network, or the name of a shipped one; the default one if None.
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

    def __init__(self, model: str | Path | None = None, runtime: str | Runtime = "onnxruntime") -> None:
        self.runtime: Runtime = open_runtime(runtime, model_path(model)) if isinstance(runtime, str) else runtime

    def plan(self, hole: Hole) -> Plan:
        """What `fill` is going to do with a hole.

        Args:
            hole: (H, W), True = fill.

        Raises:
            InputError: as in `fill`.
        """
        if hole.dtype != np.bool_ or hole.ndim != 2:
            raise InputError(f"the hole is {hole.dtype} {hole.shape}, expected bool (H, W).")
        if not hole.any():
            raise InputError("the hole is empty: mark the pixels to fill.")
        if hole.all():
            raise InputError("the hole covers the whole photo: at least one pixel must stay unmasked.")
        return plan(hole)

    def fill(
        self,
        photo: Photo,
        hole: Hole,
        grain: bool = True,
        copy: bool = True,
        tell: Callable[[float], None] | None = None,
        steps: Plan | None = None,
    ) -> Photo:
        """Fill the hole of a photo.

        Args:
            photo: RGB, (H, W, 3), uint8, uint16 or float32 in [0, 1]. What lies under the hole is ignored.
            hole: (H, W), True = fill.
            grain: Whether the fill gets the grain of what is around it, see `grain.add_grain`; without, it is what the
                network gives: smoother, and nearer to the truth by PSNR.
            copy: Whether wide parts of the hole get detail of the known pixels, see `copying.copy_detail`.
            tell: Called with the share of the work that is done, 0 to 1; what it raises ends the fill.
            steps: What `plan` says of the hole, if it is known already.

        Returns:
            A new array; every pixel outside the hole is that of `photo`.

        Raises:
            InputError: the arrays are of other kinds or sizes, or the hole is empty or full.
            ArithmeticError: the network gives no values, as a broken model may.
        """
        if photo.dtype.name not in PEAKS or photo.ndim != 3 or photo.shape[2] != 3:
            raise InputError(f"the photo is {photo.dtype} {photo.shape}, expected uint8, uint16 or float32 (H, W, 3).")
        if hole.dtype != np.bool_ or hole.shape != photo.shape[:2]:
            raise InputError(f"the hole is {hole.dtype} {hole.shape}, expected bool {photo.shape[:2]}.")
        filled, peak = photo.copy(), PEAKS[photo.dtype.name]
        steps = steps or self.plan(hole)
        wide: list[Box] = wide_boxes(steps, hole) if copy else []
        drawn: list[Box] = drawn_boxes(filled, hole, steps.boxes) if copy else []
        left, noiseless = hole, None
        if wide or drawn:
            certain, noiseless = continue_certain(filled, hole, [*wide, *drawn], peak)
            if certain.any():
                left = hole & ~certain
                steps = plan(left) if left.any() else steps
        if left.any():
            progress = _Progress(tell, steps, bool(wide))
            self._follow(steps, filled, left, progress)
            if copy:
                copy_detail(filled, left, steps, peak, progress.copied)
        if noiseless is not None and noiseless.any():
            left = left | noiseless
            steps = plan(left)
        if left.any():
            if grain:
                add_grain(filled, left, steps, peak)
            keep_tones(filled, left, steps, peak)
        if tell is not None:
            tell(1)
        return filled

    def _follow(self, steps: Plan, photo: NDArray[Any], hole: Hole, progress: "_Progress") -> None:
        """Fill a photo in place."""
        left = hole.copy()
        if steps.coarser is not None and steps.deep is not None and steps.region is not None:
            region = steps.region.slices
            coarse = halved(photo[region], hole[region])
            self._follow(steps.coarser, coarse, halved_hole(hole[region]), progress)
            _take_deep(coarse, steps.deep, steps.region, photo, left)
        while num_left := np.count_nonzero(left):
            for batch in steps.batches:
                self._run(batch, photo, left)
                progress.ran(batch)
            if np.count_nonzero(left) == num_left:
                raise ArithmeticError(f"the network gave nothing for {num_left} pixels; nothing was filled.")

    def _run(self, batch: tuple[Crop, ...], photo: NDArray[Any], left: Hole) -> None:
        """Fill what is left of the hole in some crops as far as the network reaches, in place."""
        batch = tuple(crop for crop in batch if left[crop.box.slices].any())
        if not batch:
            return
        valid = np.stack([valid_from_hole(left[crop.window.slices])[None] for crop in batch]).astype(np.float32)
        peak = np.float32(PEAKS[photo.dtype.name])
        image = np.stack([photo[crop.window.slices].transpose(2, 0, 1) for crop in batch]).astype(np.float32) / peak
        sides = [_open_sides(crop, left.shape) for crop in batch]
        output = np.empty_like(image)
        for some in sorted(set(sides)):
            same = np.array([side == some for side in sides])
            output[same] = self._mirrored(image[same], valid[same], some)
        if not np.isfinite(output).all():
            raise ArithmeticError("the network gave values that are not finite; nothing was filled.")
        reached = (output != UNCLOSED).any(axis=1)
        filled = output if self.runtime.feathered else feather(output, image, valid)
        values = rounded(filled.clip(0, 1) * peak, photo.dtype)
        for crop, its_values, its_reached in zip(batch, values.transpose(0, 2, 3, 1), reached, strict=True):
            box, window = crop.box, crop.window
            inner = Box(box.top - window.top, box.left - window.left, box.bottom - window.top, box.right - window.left)
            done = left[box.slices] & its_reached[inner.slices]
            photo[box.slices][done] = its_values[inner.slices][done]
            left[box.slices][done] = False

    def _mirrored(self, image: FloatArray, valid: FloatArray, sides: Sides) -> FloatArray:
        """Run the network on crops, continued by their mirror image on some sides.

        Beyond the border of a photo nothing is known, and in a hole in its corner small crops have so few known pixels
        that their weight runs away: garish blocks, otherwise.
        """
        if not any(sides):
            return self.runtime(image, valid)
        top, left, bottom, right = (MIRROR_PX * side for side in sides)
        wider = [(0, 0), (0, 0), (top, bottom), (left, right)]
        known = np.where(valid > 0, image, np.float32(0))
        output = self.runtime(np.pad(known, wider, mode="symmetric"), np.pad(valid, wider, mode="symmetric"))
        return np.asarray(output[..., top : top + image.shape[2], left : left + image.shape[3]])


class _Progress:
    """Tells which share of a fill is done; the network is taken for half of it where copies follow."""

    def __init__(self, tell: Callable[[float], None] | None, steps: Plan, copies: bool) -> None:
        self.tell, self.num_pixels = tell, max(1, steps.num_pixels)
        self.share, self.done = 0.5 if copies else 1.0, 0

    def ran(self, batch: tuple[Crop, ...]) -> None:
        """The network filled a batch."""
        self.done += sum(crop.window.num_pixels for crop in batch)
        self._say(self.share * min(1, self.done / self.num_pixels))

    def copied(self, share: float) -> None:
        """Of the copies, a share is done."""
        self._say(self.share + (1 - self.share) * share)

    def _say(self, share: float) -> None:
        if self.tell is not None:
            self.tell(share)


def _open_sides(crop: Crop, size: tuple[int, ...]) -> Sides:
    """Whether a hole is near the border of the photo: at the top, left, bottom and right."""
    box = crop.box
    distances = box.top, box.left, size[0] - box.bottom, size[1] - box.right
    top, left, bottom, right = (distance < NEAR_PX for distance in distances)
    return top, left, bottom, right


def _take_deep(coarse: NDArray[Any], deep: Hole, region: Box, photo: NDArray[Any], left: Hole) -> None:
    """Put the deep pixels of the doubled `coarse` into the photo, in strips, to save memory."""
    for top in range(region.top, region.bottom, STRIP_PX):
        strip = Box(top, region.left, min(region.bottom, top + STRIP_PX), region.right)
        wanted = pixels_of(deep, strip)
        if wanted.any():
            values = doubled(coarse, top - region.top, 0, *strip.shape)
            photo[strip.slices][wanted] = rounded(values[wanted], photo.dtype)
            left[strip.slices][wanted] = False
