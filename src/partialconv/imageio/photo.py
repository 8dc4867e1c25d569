"""Reading a photo, and writing it back with its holes filled and all else kept."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from partialconv.errors import InputError
from partialconv.imageio.jpeg import requantise_blocks

JPEG_SUFFIXES = {".jpg", ".jpeg"}
SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 95, "subsampling": "4:4:4"},
    ".jpeg": {"quality": 95, "subsampling": "4:4:4"},
    ".png": {},
    ".webp": {"lossless": True, "exact": True},
    ".tif": {"compression": "tiff_lzw"},
    ".tiff": {"compression": "tiff_lzw"},
    ".bmp": {},
}
MODES = ("L", "LA", "RGB", "RGBA")


@dataclass(frozen=True)
class Photo:
    """A photo as it is stored: not turned by its EXIF orientation (but Pillow turns a TIFF on loading).

    Args:
        path: Where it came from.
        image: 8 bits, mode L, LA, RGB or RGBA; its `info` holds EXIF, ICC profile and resolution.
        jpeg: Whether the file is a JPEG.
    """

    path: Path
    image: Image.Image
    jpeg: bool

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8; 1 = as stored."""
        value = self.image.getexif().get(ExifTags.Base.Orientation, 1)
        return value if value in range(1, 9) else 1


def open_picture(path: Path) -> Image.Image:
    """Open and decode a still picture.

    Raises:
        InputError: the file is missing, no picture, broken, too large or animated.
    """
    if not path.is_file():
        raise InputError(f"no file {path}: check the name.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # of 89 megapixels; 179 are an error
            image = Image.open(path)
        with image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # a JPEG with previews behind it, as many cameras write
                raise InputError(f"{path} has {frames} frames, expected a still picture: save one frame.")
            image.load()
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no picture that can be read: save it as JPEG, PNG, WebP, TIFF or BMP.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has too many pixels: scale it down first.") from error
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} is broken ({error}): get a whole copy of it.") from error
    return image


def read_photo(path: Path) -> Photo:
    """Read a photo of 8 bits, grey or RGB, with or without alpha; a palette becomes RGB or RGBA.

    Raises:
        InputError: as in `open_picture`, or the photo is of another kind (16 bits, CMYK).
    """
    image = open_picture(path)
    jpeg = image.format in ("JPEG", "MPO")
    if image.mode in ("1", "P", "PA"):
        info = dict(image.info)
        transparent = "transparency" in info or image.mode == "PA"
        image = image.convert("L" if image.mode == "1" else "RGBA" if transparent else "RGB")
        image.info.update({key: value for key, value in info.items() if key != "transparency"})
    if image.mode not in MODES:
        raise InputError(f"{path} is of mode {image.mode}, expected 8-bit grey or RGB: convert it first.")
    with Image.open(path) as header:
        if ";16" in str(header.tile):  # Pillow decodes 16-bit colour to 8 bits; only the raw mode tells
            raise InputError(f"{path} has 16 bits a channel, expected 8: convert it first.")
    return Photo(path, image, jpeg)


def check_destination(path: Path, overwrite: bool) -> None:
    """Refuse, before any work is done, a file that cannot or must not be written.

    Raises:
        InputError: unknown suffix, missing folder, or the file exists and `overwrite` is False.
    """
    if path.suffix.lower() not in SAVE_OPTIONS:
        raise InputError(f"cannot write {path}: its name must end in one of {', '.join(SAVE_OPTIONS)}.")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}.")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists: name another file, or add --overwrite.")


def write_photo(
    photo: Photo, filled: Image.Image, hole: NDArray[np.bool_], path: Path, overwrite: bool = False
) -> None:
    """Write `filled` to `path`, with EXIF, ICC profile and resolution of `photo`.

    Every pixel outside the hole decodes to what it was, with two limits of the formats: from JPEG to JPEG the
    8x8 or 16x16 blocks that the hole touches are quantised anew, with the photo's own tables, and all others keep
    their coefficients; from another format to JPEG everything is compressed, at quality 95.

    Args:
        photo: The photo that was filled.
        filled: Same mode and size.
        hole: (H, W), True = hole, as stored.
        path: A file; its suffix chooses the format. An unfinished file is never left under this name.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: as in `check_destination`, or the system refuses the file.
    """
    check_destination(path, overwrite)
    suffix = path.suffix.lower()
    unfinished = path.with_name(f".{path.stem}.unfinished{suffix}")
    try:
        if photo.jpeg and suffix in JPEG_SUFFIXES:
            requantise_blocks(photo.path, np.asarray(filled), hole, unfinished)
        else:
            if suffix in (*JPEG_SUFFIXES, ".bmp") and filled.mode in ("LA", "RGBA"):
                raise InputError(f"{path.name} cannot hold transparency: write a .png, .webp or .tif file.")
            kept = {key: photo.image.info[key] for key in ("exif", "icc_profile", "dpi") if photo.image.info.get(key)}
            filled.save(unfinished, **(SAVE_OPTIONS[suffix] | kept))
        unfinished.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
