"""The formats that photos are read from and written in."""

from pathlib import Path

FORMAT_OF_SUFFIX = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
# a fill of these is written as PNG: GIF has too few colours for it, the others would lose pixels outside of the hole
READ_ONLY = {".avif": "AVIF", ".gif": "GIF", ".heic": "HEIF", ".heif": "HEIF"}
PHOTO_SUFFIXES = (*FORMAT_OF_SUFFIX, *READ_ONLY)
SUFFIX_OF_FORMAT = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}


def written_name(photo: Path) -> str:
    """The name of a photo with the suffix that its fill is written under: its own, or .png for what is only read."""
    return f"{photo.stem}.png" if photo.suffix.lower() in READ_ONLY else photo.name
