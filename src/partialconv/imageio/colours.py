"""Between the colours of a file and RGB: what the network sees, and what its answer is in the file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio.ink import Rgb, Samples, ink_of_rgb, rgb_of_ink
from partialconv.imageio.photo import Photo, highest

AT_ONCE = 1 << 16  # colours compared with a palette at a time


def rgb_of(photo: Photo) -> Rgb:
    """RGB of a photo, (H, W, 3), uint8 or uint16; may be a read-only view of its samples."""
    samples = photo.samples
    if photo.mode == "1":
        samples = np.uint8(255) * samples
    if photo.mode == "P":
        assert photo.palette is not None
        return photo.palette[:, :3][samples]
    if photo.mode == "CMYK":
        return rgb_of_ink(samples, photo.info.get("icc_profile"))
    if photo.mode in ("1", "L", "LA"):
        grey = samples[..., 0] if photo.mode == "LA" else samples
        return np.broadcast_to(grey[..., None], (*photo.size, 3))
    return samples[..., :3]


class Filled:
    """A photo with its hole filled, read in bands; outside the hole it is the samples of the photo themselves.

    Alpha stays. A grey sample is the mean of red, green and blue. In a palette, colours of the hole take the entries
    that no pixel outside of it uses, and where these are too few each pixel the nearest one that is as opaque as it
    was; invisible pixels keep their index. A colour that would mean transparent is moved by one step. RGB becomes
    CMYK by the photo's profile, or, without one that can be used, with as much black as possible.

    Args:
        photo: What was filled.
        rgb: (H, W, 3), uint8, uint16 or float in [0, 1]; only the hole is looked at.
        hole: (H, W), True = hole, as stored.
        opaque: Whether the hole becomes opaque; its alpha stays otherwise.

    Raises:
        InputError: the sizes differ.
    """

    def __init__(self, photo: Photo, rgb: Rgb, hole: NDArray[np.bool_], opaque: bool = False) -> None:
        if rgb.shape != (*photo.size, 3) or hole.shape != photo.size:
            raise InputError(
                f"the filled photo is {rgb.shape} and the hole {hole.shape}, expected {photo.size} as {photo.path}."
            )
        self.photo, self.hole, self.opaque = photo, hole, opaque
        # the colours of the hole row by row, and where each row begins: a whole photo of them need not be kept
        marked = np.flatnonzero(hole.any(axis=1))
        rows = slice(int(marked[0]), int(marked[-1]) + 1) if len(marked) else slice(0)
        self._colours = rgb[rows][hole[rows]]
        if photo.mode == "CMYK":  # once, for a JPEG is written in two passes
            self._colours = ink_of_rgb(_as(np.dtype(np.uint8), self._colours), photo.info.get("icc_profile"))
        self._starts = np.concatenate([[0], np.cumsum(np.count_nonzero(hole, axis=1))])
        self.palette = photo.palette
        if photo.mode == "P":
            self.palette, self._usable = _extended(photo, self._colours, hole, opaque)

    def rows(self, start: int, stop: int) -> Samples:
        """Samples of some rows, of the dtype of the photo's; a view where there is no hole."""
        old, hole = self.photo.samples[start:stop], self.hole[start:stop]
        if not hole.any():
            return old
        new = old.copy()
        colours = self._colours[self._starts[start] : self._starts[min(stop, len(self.hole))]]
        new[hole] = self._samples(old[hole], colours)
        return new

    def _samples(self, old: Samples, rgb: Rgb) -> Samples:
        """The samples of (N, 3) colours that take the place of `old`."""
        mode, dtype = self.photo.mode, old.dtype
        if mode == "P":
            return self._indices(old, _as(np.dtype(np.uint8), rgb))
        if mode == "1":
            return self._visible(old, np.asarray(_as(np.dtype(np.uint8), rgb).mean(axis=1) > 127))
        if mode == "CMYK":
            return rgb  # which is ink already
        values = _as(dtype, rgb)
        if mode in ("L", "LA"):
            grey = values.mean(axis=1)
            grey = (grey if dtype.kind == "f" else np.rint(grey)).astype(dtype)
            if self.photo.bits < 8:
                step = 255 // (2**self.photo.bits - 1)
                grey = ((grey + step // 2) // step * step).astype(dtype)
            values = grey if mode == "L" else np.stack([grey, self._alpha(old)], axis=1)
        elif mode == "RGBA":
            values = np.column_stack([values, self._alpha(old)])
        return self._visible(old, values)

    def _alpha(self, old: Samples) -> Samples:
        return np.full_like(old[:, -1], highest(old.dtype)) if self.opaque else old[:, -1]

    def _visible(self, old: Samples, new: Samples) -> Samples:
        """Keep transparent what was, and nothing else, in a photo with a transparent colour."""
        if self.photo.key is None:
            return new
        key = np.array(self.photo.key, old.dtype)
        wide_old, wide_new = old.reshape(len(old), -1), new.reshape(len(new), -1)
        hit = (wide_new == key).all(axis=1)
        step = 255 // (2**self.photo.bits - 1) if self.photo.bits in (2, 4) else 1
        wide_new[hit, 0] = step if key[0] == 0 else int(key[0]) - step
        if not self.opaque:
            hidden = (wide_old == key).all(axis=1)
            wide_new[hidden] = wide_old[hidden]
        return wide_new.reshape(new.shape)

    def _indices(self, old: Samples, rgb: Rgb) -> Samples:
        assert self.palette is not None and self.photo.palette is not None
        alpha = _alpha_of(self.photo.palette, old, self.opaque)
        new = old.copy()
        for value in np.unique(alpha[alpha > 0]):
            usable = self._usable[self.palette[self._usable, 3] == value]
            if not len(usable):  # no entry is opaque, and none is free
                usable = self._usable[self.palette[self._usable, 3] == self.palette[self._usable, 3].max()]
            here = alpha == value
            new[here] = _nearest(usable, self.palette, rgb[here])
        return new


def _alpha_of(palette: NDArray[np.uint8], indices: Samples, opaque: bool) -> NDArray[np.uint8]:
    """The alpha that pixels of a hole will have; 0 for those that stay as they are."""
    return np.full(indices.shape, 255, np.uint8) if opaque else palette[indices, 3]


def _nearest(usable: NDArray[np.intp], palette: NDArray[np.uint8], rgb: Rgb) -> NDArray[np.intp]:
    """For each of some colours the usable index whose colour is nearest."""
    colours, inverse = np.unique(rgb, axis=0, return_inverse=True)
    candidates = palette[usable, :3].astype(np.int32)
    nearest = np.empty(len(colours), np.intp)
    for start in range(0, len(colours), AT_ONCE):
        some = colours[start : start + AT_ONCE].astype(np.int32)
        # |a - b|^2 without |a|^2, which is the same for all candidates
        distance = (candidates**2).sum(axis=1) - 2 * some @ candidates.T
        nearest[start : start + AT_ONCE] = distance.argmin(axis=1)
    return usable[nearest][inverse.reshape(-1)]


def image_of(filled: Filled) -> Image.Image:
    """A filled photo as a PIL image of its mode.

    Raises:
        InputError: it has 16 bits a channel and colours, which PIL images cannot hold.
    """
    photo = filled.photo
    if photo.bits == 16 and photo.mode != "L":
        raise InputError(
            f"{photo.path} has 16 bits a channel, which PIL images cannot hold: give an array, or use the command line."
        )
    samples = np.ascontiguousarray(filled.rows(0, photo.size[0]))
    image = Image.fromarray(samples, "CMYK") if photo.mode == "CMYK" else Image.fromarray(samples)
    if filled.palette is not None:
        image.putpalette(np.ascontiguousarray(filled.palette[:, :3]).tobytes())
    image.info.update(photo.info)
    if filled.palette is not None and (filled.palette[:, 3] < 255).any():
        image.info["transparency"] = filled.palette[:, 3].tobytes()
    return image


def _as(dtype: np.dtype[Any], rgb: Rgb) -> Rgb:
    """Colours in another depth."""
    if rgb.dtype == dtype:
        return rgb
    values = (rgb.astype(np.float64) * (highest(dtype) / highest(rgb.dtype))).clip(0, highest(dtype))
    return np.asarray(values if dtype.kind == "f" else np.rint(values), dtype)


def _extended(
    photo: Photo, colours: Rgb, hole: NDArray[np.bool_], opaque: bool
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The palette with the colours of a hole in entries that nothing else uses, and which entries it may take."""
    assert photo.palette is not None
    capacity = min(256, len(photo.palette) if photo.format == "BMP" else 2**photo.bits)
    palette = np.zeros((max(capacity, len(photo.palette)), 4), np.uint8)
    palette[:, 3] = 255
    palette[: len(photo.palette)] = photo.palette
    old = photo.samples[hole]
    alpha = _alpha_of(photo.palette, old, opaque)
    used = np.zeros(len(palette), bool)
    used[np.unique(photo.samples[~hole])] = used[np.unique(old[alpha == 0])] = True
    values = _as(np.dtype(np.uint8), colours)
    for level in np.unique(alpha[alpha > 0]):
        known = used & (palette[:, 3] == level)
        free = np.flatnonzero(~used & (opaque | (palette[:, 3] == level)))
        free = free[np.argsort(palette[free, 3] != level, kind="stable")]  # what is transparent stays so, if it can
        have = {bytes(colour) for colour in palette[known, :3]}
        every = values[alpha == level]
        new = [colour for colour in np.unique(every, axis=0) if bytes(colour) not in have]
        if len(new) > len(free) > 0:
            quantised = Image.fromarray(np.ascontiguousarray(every[None])).quantize(len(free))
            new = list(np.frombuffer(bytes(quantised.im.getpalette("RGB", "RGB")), np.uint8).reshape(-1, 3))
        for index, colour in zip(free, new, strict=False):
            palette[index] = *colour, level
            used[index] = True
    return palette, np.flatnonzero(used)
