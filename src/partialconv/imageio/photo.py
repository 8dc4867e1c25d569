"""Reading a photo as it is stored: its samples untouched, and all that its file says about them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile

from partialconv.errors import InputError
from partialconv.imageio.attached import without_claims
from partialconv.imageio.deep import deep_bands
from partialconv.imageio.formats import FORMAT_OF_SUFFIX
from partialconv.imageio.header import Header
from partialconv.imageio.ink import Samples, rgb_of_ink
from partialconv.imageio.memory import check_memory
from partialconv.imageio.mending import mended
from partialconv.imageio.opening import bands, decode, exif_of, explained, open_header, read_content
from partialconv.imageio.strips import strips_of

DTYPES = ("uint8", "uint16", "float32", "float64")  # of arrays
MODE_OF_CHANNELS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
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
        content: Of its file, which is read once; a JPEG that lacked its end has one here.
        remarks: What is wrong with the file, although it can be filled; sentences without a full stop.
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
    content: bytes = field(default=b"", repr=False)
    remarks: tuple[str, ...] = ()

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

    @property
    def erased(self) -> NDArray[np.bool_]:
        """What an eraser has touched, (H, W): all that is less opaque than the most opaque pixels."""
        if self.palette is not None:
            alpha = self.palette[self.samples, 3]
        elif self.mode in ("LA", "RGBA"):
            alpha = self.samples[..., -1]
        elif self.key is not None:
            return np.asarray((self.samples.reshape(*self.size, -1) == np.array(self.key, np.int64)).all(axis=2))
        else:
            return np.zeros(self.size, bool)
        return np.asarray((alpha < alpha.max()) | (alpha == 0))

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
            pixels = rgb_of_ink(self.samples, self.info.get("icc_profile"))
        else:
            pixels = np.uint8(255) * self.samples if self.mode == "1" else self.samples
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.info = info
        return image


def read_photo(path: Path, output: Path | None = None) -> Photo:
    """Read a photo: bilevel, palette, grey, RGB or CMYK of 8 bits, grey or RGB of 16, with or without alpha.

    Args:
        path: Its file.
        output: Where its fill is to be written, for some encoders need more memory than others.

    Raises:
        InputError: as in `open_picture`, or the photo is of another kind, or there is too little memory to fill it.
    """
    content, remark = mended(read_content(path), path)
    with open_header(content, path) as (image, header), explained(path):
        target = None if output is None else FORMAT_OF_SUFFIX.get(output.suffix.lower())
        check_memory(header.fill_bytes(target), str(path))
        photo, rows = stored(content, path, image, header)
        samples = assembled(photo.size, rows)
    if photo.palette is not None and samples.max(initial=0) >= len(photo.palette):
        raise InputError(
            f"{path} is broken: its palette has {len(photo.palette)} colours, its pixels go up to {samples.max()}: "
            "save it again."
        )
    return replace(photo, samples=samples, remarks=(remark,) if remark else ())


def stored(content: bytes, path: Path, image: ImageFile, header: Header) -> tuple[Photo, Iterator[Samples]]:
    """Decode an opened photo: all but its samples, which are empty of height and width, and these in bands.

    Raises:
        InputError: the photo is of another kind.
    """
    bits, key = header.bits, _key(image)
    turned = _orientation(image) if image.format == "TIFF" else 1  # Pillow turns a TIFF when it decodes it
    colours, palette = image.mode in ("RGB", "RGBA"), None
    strips = strips_of(content, len(image.mode)) if image.format == "TIFF" and colours and bits in (8, 16) else None
    if strips is not None:
        mode, rows = image.mode, strips
    elif bits == 16 and colours:
        mode, rows = deep_bands(content, path, image)
    else:
        decode(image)
        mode, palette, rows = _mode(image, path, bits), _palette(image), bands(image)
    info = {name: image.info[name] for name in KEPT_INFO if image.info.get(name)}
    if header.format == "JPEG" and "xmp" in info:
        info["xmp"] = without_claims(info["xmp"])  # another format has nothing behind its picture
    if header.format == "TIFF":
        info["exif"] = _exif_of_tiff(exif_of(image), turned)
    orientation, size = (_orientation(image) if turned == 1 else turned), (image.height, image.width)
    if turned >= 5:
        size = size[::-1]
    if turned != 1 and strips is None:
        rows = iter(
            [np.ascontiguousarray(TURNS[BACK.get(turned, turned)](assembled((image.height, image.width), rows)))]
        )
    empty = np.empty((*size, 0), np.uint8)
    return Photo(path, header.format, mode, empty, bits, orientation, info, palette, key, content), rows


def assembled(size: tuple[int, int], rows: Iterator[Samples]) -> Samples:
    """Bands of rows as one array, without a second copy of all."""
    first = next(rows)
    samples = np.empty((size[0], *first.shape[1:]), first.dtype)
    samples[: len(first)] = first
    place = len(first)
    for band in rows:
        samples[place : place + len(band)] = band
        place += len(band)
    return samples


def photo_of_image(image: Image.Image, path: Path = Path("the image"), bits: int | None = None) -> Photo:
    """Take the samples of a decoded PIL image.

    Args:
        image: Of a mode of `MODES`, or of 16-bit grey.
        path: To speak of in errors.
        bits: Of a sample; those of the mode if None.

    Raises:
        InputError: another mode.
    """
    mode = _mode(image, path, bits)
    found = bits or (16 if image.mode.startswith("I;16") else 1 if mode == "1" else 8)
    info: dict[Any, Any] = dict(image.info)
    samples = assembled((image.height, image.width), bands(image))
    return Photo(path, "", mode, samples, found, 1, info, _palette(image))


def photo_of_array(pixels: NDArray[Any]) -> Photo:
    """Take the samples of an array.

    Args:
        pixels: uint8, uint16, or float in [0, 1]; (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB
            or (H, W, 4) RGBA.

    Raises:
        InputError: an array of another kind.
    """
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.dtype not in DTYPES or pixels.ndim not in (2, 3) or channels not in MODE_OF_CHANNELS or not pixels.size:
        raise InputError(
            f"the image is an array {pixels.dtype} {pixels.shape}, expected uint8, uint16 or float in [0, 1], "
            "(H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA: convert it."
        )
    samples = pixels[..., 0] if channels == 1 and pixels.ndim == 3 else pixels
    if samples.dtype == np.float64:
        samples = samples.astype(np.float32)
    bits = 8 * samples.dtype.itemsize
    return Photo(Path("the image"), "", MODE_OF_CHANNELS[channels], samples, bits, 1, {})


def _mode(image: Image.Image, path: Path, bits: int | None) -> str:
    """The mode of a photo, one of `MODES`."""
    deep = image.mode.startswith("I;16")
    mode = "L" if deep else image.mode
    bits = bits or (16 if deep else 1 if mode == "1" else 8)
    if mode not in MODES or bits not in (1, 2, 4, 8, 16) or (bits == 16) != deep:
        raise InputError(
            f"{path} has {bits} bits a sample in mode {mode}, expected up to 8, or 16 for grey and RGB: convert it."
        )
    return mode


def _orientation(image: ImageFile) -> int:
    exif = exif_of(image)
    if image.format != "TIFF" and "exif" in image.info:
        exif = Image.Exif()  # without the orientation of XMP, which Pillow adds and no viewer follows
        exif.load(image.info["exif"])
    elif image.format != "TIFF" and "Raw profile type exif" not in image.info:
        return 1
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


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


def highest(dtype: np.dtype[Any]) -> int:
    """The value of white, or of opaque: 1 for floats."""
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)
