"""Reading a photo as it is stored: its samples untouched, and all that its file says about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile

from partialconv.errors import InputError
from partialconv.imageio.colours import Samples, highest, rgb_of
from partialconv.imageio.deep import deep_samples
from partialconv.imageio.opening import decode, explained, open_header

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
BAND_ROWS = 256
TURNS: dict[int, Callable[[Samples], Samples]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}
BACK = {6: 8, 8: 6}  # the others are their own inverse
# description, make, model, software, date, artist, copyright
DESCRIPTIVE = (270, 271, 272, 305, 306, 315, 33432)
KEPT_INFO = ("exif", "icc_profile", "dpi", "xmp", "comment")


@dataclass(frozen=True)
class Photo:
    """A photo as it is stored: not turned by its EXIF orientation, in the colours of its file.

    Args:
        path: Where it came from.
        format: As Pillow names it; a JPEG with previews is a JPEG.
        mode: "1", L, LA, P, RGB, RGBA or CMYK; see `MODES`.
        samples: (H, W) or (H, W, C): bool for "1", indices for P, else uint8 or uint16 (float32 in [0, 1] if it came
            from no file); full ink is 255.
        bits: Of a sample in the file: 1, 2, 4, 8 or 16.
        orientation: Of EXIF, 1 to 8; 1 = as stored.
        info: EXIF, ICC profile, resolution, XMP and comment, under Pillow's names.
        palette: RGBA of the indices, (N, 4); None but for P.
        key: The colour that means transparent, one value a channel, in a PNG without alpha.
    """

    path: Path
    format: str
    mode: str
    samples: Samples
    bits: int
    orientation: int
    info: Mapping[str, Any]
    palette: NDArray[np.uint8] | None = None
    key: tuple[int, ...] | None = None

    @property
    def jpeg(self) -> bool:
        """Whether the file is a JPEG."""
        return self.format == "JPEG"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.samples.shape[0], self.samples.shape[1]

    @property
    def shown(self) -> "Photo":
        """The photo turned as its EXIF orientation says."""
        if self.orientation == 1:
            return self
        exif = Image.Exif()
        exif.load(self.info.get("exif", b""))
        exif[ExifTags.Base.Orientation] = 1
        info = {**self.info, "exif": exif.tobytes()}
        return replace(self, samples=TURNS[self.orientation](self.samples), orientation=1, info=info)

    def transparent(self, below: int = 128) -> NDArray[np.bool_]:
        """Where alpha, of 255, is less: (H, W); nowhere in a photo without it."""
        if self.palette is not None:
            return (self.palette[:, 3] < below)[self.samples]
        if self.mode in ("LA", "RGBA"):
            alpha = self.samples[..., -1]
            return np.asarray(alpha < below / 255 * highest(alpha.dtype))
        if self.key is not None:
            return np.asarray((self.samples.reshape(*self.size, -1) == np.array(self.key, np.int64)).all(axis=2))
        return np.zeros(self.size, bool)

    @property
    def image(self) -> Image.Image:
        """A copy to look at, as stored: 8 bits, mode L, LA, RGB or RGBA; its `info` holds EXIF and ICC profile."""
        info: dict[Any, Any] = dict(self.info)
        if self.mode == "CMYK":
            info.pop("icc_profile", None)  # this is RGB
        if self.mode == "P" and self.palette is not None:
            alpha = (self.palette[:, 3] < 255).any()
            pixels = self.palette[:, : 4 if alpha else 3][self.samples]
        elif self.mode == "CMYK":
            pixels = rgb_of(self)
        else:
            pixels = np.uint8(255) * self.samples if self.mode == "1" else self.samples
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.info = info
        return image


def read_photo(path: Path) -> Photo:
    """Read a photo: bilevel, palette, grey, RGB or CMYK of 8 bits, grey or RGB of 16, with or without alpha.

    Raises:
        InputError: as in `open_picture`, or the photo is of another kind.
    """
    with open_header(path) as image, explained(path):
        bits, key = _bits(image), _key(image)
        turned = _orientation(image) if image.format == "TIFF" else 1  # Pillow turns a TIFF when it decodes it
        if bits == 16 and image.mode in ("RGB", "RGBA"):
            mode, samples = deep_samples(path, image)
            photo = Photo(path, "", mode, samples, bits, 1, {}, None, key)
        else:
            decode(image)
            photo = photo_of_image(image, path, bits)
        info = {name: image.info[name] for name in KEPT_INFO if image.info.get(name)}
        kind = "JPEG" if image.format == "MPO" else image.format or ""
        if kind == "TIFF":
            info["exif"] = _exif_of_tiff(image.getexif(), turned)
        orientation = _orientation(image) if turned == 1 else turned
    samples = photo.samples
    if turned != 1:
        samples = np.ascontiguousarray(TURNS[BACK.get(turned, turned)](samples))
    return replace(photo, format=kind, samples=samples, orientation=orientation, info=info, key=key)


def photo_of_image(image: Image.Image, path: Path = Path("the image"), bits: int | None = None) -> Photo:
    """Take the samples of a decoded PIL image.

    Args:
        image: Of a mode of `MODES`, or of 16-bit grey.
        path: To speak of in errors.
        bits: Of a sample; those of the mode if None.

    Raises:
        InputError: another mode.
    """
    deep = image.mode.startswith("I;16")
    mode = "L" if deep else image.mode
    bits = bits or (16 if deep else 1 if mode == "1" else 8)
    if mode not in MODES or bits not in (1, 2, 4, 8, 16) or (bits == 16) != deep:
        raise InputError(
            f"{path} has {bits} bits a sample in mode {mode}, expected up to 8, or 16 in grey and RGB: convert it."
        )
    info: dict[Any, Any] = dict(image.info)
    return Photo(path, "", mode, _samples(image), bits, 1, info, _palette(image))


def _samples(image: Image.Image) -> Samples:
    """The pixels of a PIL image as an array; taken in bands, for Pillow would hold three copies on the way."""
    first = np.asarray(image.crop((0, 0, image.width, 1)))
    deep = first.dtype.itemsize == 2  # of either byte order
    samples = np.empty((image.height, *first.shape[1:]), np.uint16 if deep else first.dtype)
    for top in range(0, image.height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, image.height)
        samples[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return samples


def _orientation(image: ImageFile) -> int:
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _bits(image: ImageFile) -> int:
    """Bits of a sample in the file: Pillow's mode hides them."""
    if image.format == "PNG":
        raw = str(image.tile[0].args)
        return int(raw.rpartition(";")[2].rstrip("B")) if ";" in raw else 1 if raw == "1" else 8
    if image.format == "TIFF":
        stored = image.tag_v2.get(258, (1,))  # type: ignore[attr-defined]
        return max(stored) if isinstance(stored, tuple) else int(stored)
    return 16 if image.mode.startswith("I") else 1 if image.mode == "1" else 8


def _exif_of_tiff(tags: Image.Exif, orientation: int) -> bytes:
    """Tags of a TIFF that speak of the photo, without those that lay out its file."""
    exif = Image.Exif()
    exif.update({tag: tags[tag] for tag in DESCRIPTIVE if tag in tags})
    for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if found := tags.get_ifd(part):
            exif.get_ifd(part).update(found)
    if orientation != 1:
        exif[ExifTags.Base.Orientation] = orientation
    return exif.tobytes()


def _key(image: ImageFile) -> tuple[int, ...] | None:
    key = image.info.get("transparency")
    if image.format != "PNG" or image.mode == "P" or key is None:
        return None
    if image.mode == "1":
        return (int(key > 0),)
    scale = {"L;2": 85, "L;4": 17}.get(str(image.tile[0].args), 1)
    return tuple(key) if isinstance(key, tuple) else (int(key) * scale,)


def _palette(image: Image.Image) -> NDArray[np.uint8] | None:
    if image.mode != "P" or image.palette is None:
        return None
    colours = np.frombuffer(bytes(image.im.getpalette("RGB", "RGB")), np.uint8).reshape(-1, 3)
    alpha = np.full(256, 255, np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, bytes):
        alpha[: len(transparent)] = np.frombuffer(transparent, np.uint8)[:256]
    elif isinstance(transparent, int):
        alpha[transparent] = 0
    return np.column_stack([colours, alpha[: len(colours)]])
