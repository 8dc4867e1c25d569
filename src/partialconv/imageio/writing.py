"""Writing a filled photo: all but its hole as it was."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio.atomic import check_destination, unfinished
from partialconv.imageio.attached import attached_to
from partialconv.imageio.bmp import patch_bmp
from partialconv.imageio.colours import Filled, image_of
from partialconv.imageio.comparing import check_written
from partialconv.imageio.formats import FORMAT_OF_SUFFIX
from partialconv.imageio.jpeg import requantise_blocks
from partialconv.imageio.markers import parse_jpeg
from partialconv.imageio.opening import explained
from partialconv.imageio.photo import Photo
from partialconv.imageio.png import write_png
from partialconv.imageio.quiet import quiet
from partialconv.imageio.recompressing import jpeglib_is_usable, loss_of, recompress
from partialconv.imageio.structure import structure_of
from partialconv.imageio.tiff import XMP, patch_tiff, write_deep_tiff

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True, "exact": True, "method": 2},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
}
# what each format has words for, besides what all have
KEPT = {
    "JPEG": ("exif", "icc_profile", "dpi", "xmp", "comment"),
    "WEBP": ("exif", "icc_profile", "xmp"),
    "TIFF": ("exif", "icc_profile", "dpi"),
    "BMP": ("dpi",),
}
WEBP_MAX_PX = 16383


def write_photo(
    photo: Photo,
    filled: Image.Image | NDArray[Any],
    hole: NDArray[np.bool_],
    path: Path,
    overwrite: bool = False,
    opaque: bool = False,
) -> tuple[str, ...]:
    """Write a filled photo to `path`; its suffix chooses the format.

    Every pixel outside the hole decodes to what it was; size, mode, depth, EXIF, ICC profile, XMP and resolution stay.
    In the format of the photo, its file is copied but for the pixels of the hole: see `requantise_blocks`,
    `write_png`, `patch_tiff` and `patch_bmp`. Two limits are those of the formats: from JPEG to JPEG the blocks that
    the hole touches are quantised anew; from another format to JPEG everything is compressed, at quality 95. WebP is
    written lossless. Where jpeglib is missing, JPEG to JPEG is `recompress`.

    Args:
        photo: The photo that was filled.
        filled: (H, W, 3) RGB, uint8, uint16 or float in [0, 1]; or a PIL image. Only the hole is looked at.
        hole: (H, W), True = hole, as stored.
        path: A file. An unfinished one is never left under this name.
        overwrite: Whether an existing file may be replaced.
        opaque: Whether the hole becomes opaque; its alpha stays otherwise.

    Returns:
        What the user should know about the result; sentences without a full stop.

    Raises:
        InputError: as in `check_destination`; or the format cannot hold the photo; or the system refuses the file; or
            what was written would not show the photo outside of the hole, see `check_written`.
    """
    check_destination(path, overwrite)
    return write_filled(Filled(photo, _colours(filled), hole, opaque), path, overwrite)


def write_filled(result: Filled, path: Path, overwrite: bool = False) -> tuple[str, ...]:
    """Write a filled photo as `write_photo` does, which needs nothing of the fill but its pixels in the hole.

    Returns:
        What the user should know about the result; sentences without a full stop.

    Raises:
        InputError: see `write_photo`.
    """
    return _write(result, path, overwrite, keep=False)[0]


def rewritten(result: Filled, path: Path) -> Photo:
    """Write a filled photo, and give what `read_photo` gives of the file, which was decoded to be looked at anyway.

    Raises:
        InputError: see `write_photo`.
    """
    _, photo = _write(result, path, overwrite=False, keep=True)
    assert photo is not None
    return photo


def _write(result: Filled, path: Path, overwrite: bool, keep: bool) -> tuple[tuple[str, ...], Photo | None]:
    check_destination(path, overwrite)
    num_names = path.stat().st_nlink if path.exists() else 1
    photo = result.photo
    target = FORMAT_OF_SUFFIX[path.suffix.lower()]
    _check_format(photo, target, path)
    patched = False
    exact = not (target == photo.format == "JPEG") or jpeglib_is_usable()
    with unfinished(path, overwrite) as temporary, quiet():
        if target == "PNG":
            with temporary.open("wb") as file:
                write_png(result, file)
        elif not exact:
            recompress(result, temporary)
            patched = True
        elif target == photo.format:
            patched = _patched(result, target, temporary)
        if target != "PNG" and not patched:
            _save(result, target, temporary)
        written = check_written(result, temporary, path, exact, keep)
    remarks = _about_attached(photo, target, path)
    if photo.format == "TIFF" and not patched:
        remarks += _left_out(photo, path)
    if not exact:
        remarks += (loss_of(photo.path, path),)
    if num_names > 1:
        many = f"{num_names - 1} other name{'s' if num_names > 2 else ''}"
        remarks += (f"{path} had {many} (hard links), under which the old file stays",)
    return remarks, written


def _left_out(photo: Photo, path: Path) -> tuple[str, ...]:
    """What else a TIFF holds that is not in another file."""
    structure, shape = structure_of(photo.content), photo.samples.shape
    found = []
    if structure.num_samples > (shape[2] if len(shape) == 3 else 1):
        found.append("further channels, as of infrared,")
    if structure.num_companions:
        found.append("further pages")
    return (f"{path} does not hold the {' and '.join(found)} of {photo.path}",) if found else ()


def _about_attached(photo: Photo, target: str, path: Path) -> tuple[str, ...]:
    """What became of the gain map and the video behind the picture of a JPEG."""
    attached = attached_to(parse_jpeg(photo.content)) if photo.format == "JPEG" else ()
    if not attached:
        return ()
    names = " and ".join(attached)
    if target == "JPEG":
        return (f"{path} keeps {names} behind its picture as {photo.path} has it: what was in the hole is still there",)
    return (f"{path} cannot hold {names} that {photo.path} has behind its picture: left out",)


def _patched(filled: Filled, target: str, temporary: Path) -> bool:
    """Copy the file of the photo but for its hole, if there is a way."""
    with explained(filled.photo.path, but=OSError):
        if target == "JPEG":
            requantise_blocks(filled, temporary)
            return True
        if target == "BMP":
            return patch_bmp(filled, temporary)
        return target == "TIFF" and patch_tiff(filled, temporary)


def _colours(filled: Image.Image | NDArray[Any]) -> NDArray[Any]:
    """RGB of what came, without a copy if it is RGB."""
    if isinstance(filled, Image.Image):
        filled = np.asarray(filled if filled.mode in ("L", "LA", "RGB", "RGBA") else filled.convert("RGB"))
    if filled.ndim == 2 or filled.shape[2] == 2:
        grey = filled if filled.ndim == 2 else filled[..., 0]
        return np.broadcast_to(grey[..., None], (*grey.shape, 3))
    return filled[..., :3]


def _check_format(photo: Photo, target: str, path: Path) -> None:
    """Refuse what would lose something."""
    transparent = photo.key is not None or (photo.palette is not None and bool((photo.palette[:, 3] < 255).any()))
    alpha = photo.mode in ("LA", "RGBA") or transparent
    refused = None
    if photo.mode == "CMYK" and target not in ("JPEG", "TIFF"):
        refused = "CMYK colours", ".tif or .jpg"
    elif photo.bits == 16 and target not in ("PNG", "TIFF"):
        refused = "16 bits a channel", ".png or .tif"
    elif photo.bits == 16 and target == "TIFF" and (photo.mode == "LA" or transparent):
        refused = "16-bit grey with transparency", ".png"
    elif alpha and target in ("JPEG", "BMP") and target != photo.format:
        refused = "transparency", ".png, .webp or .tif"
    elif target == "WEBP" and max(photo.size) > WEBP_MAX_PX:
        refused = f"more than {WEBP_MAX_PX} pixels a side", ".png or .tif"
    if refused is not None:
        raise InputError(f"{path.name} cannot hold {refused[0]}: write a {refused[1]} file.")


def _save(filled: Filled, target: str, temporary: Path) -> None:
    """Let Pillow write the whole photo."""
    photo = filled.photo
    options = SAVE_OPTIONS[target] | {name: photo.info[name] for name in KEPT[target] if name in photo.info}
    if target == "TIFF":
        tags = options["exif"] = Image.Exif()
        tags.load(photo.info.get("exif", b""))
        if xmp := photo.info.get("xmp"):
            tags[XMP] = bytes(xmp)
        if photo.bits == 16 and photo.mode != "L":
            write_deep_tiff(filled, temporary, {k: v for k, v in options.items() if k != "compression"})
            return
    picture = _picture(filled, target)
    if picture.mode not in ("1", "L", "LA") and options.get("icc_profile", b"")[16:20] == b"GRAY":
        del options["icc_profile"]  # it does not speak of red, green and blue
    if target == "JPEG" and picture.mode in ("L", "CMYK"):
        del options["subsampling"]
    picture.save(temporary, target, **options)


def _picture(filled: Filled, target: str) -> Image.Image:
    """The filled photo in a mode that the format can hold."""
    photo = filled.photo
    transparent = photo.key is not None or (filled.palette is not None and bool((filled.palette[:, 3] < 255).any()))
    if photo.mode == "P" and filled.palette is not None and (transparent or target in ("JPEG", "WEBP")):
        colours = filled.palette[:, : 4 if transparent else 3]
        return Image.fromarray(colours[filled.rows(0, photo.size[0])])
    picture = image_of(filled)
    if photo.key is not None:
        colours = np.asarray(picture).reshape(*photo.size, -1)
        hidden = (colours == np.array(photo.key)).all(axis=2)
        picture = Image.fromarray(np.dstack([colours, np.where(hidden, 0, 255).astype(np.uint8)]))
    if target == "WEBP" and picture.mode in ("1", "L", "LA"):
        return picture.convert("RGBA" if picture.mode == "LA" else "RGB")
    return picture.convert("L") if target == "JPEG" and picture.mode == "1" else picture
