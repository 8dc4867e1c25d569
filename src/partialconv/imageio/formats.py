"""The formats that photos are written in."""

FORMAT_OF_SUFFIX = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
PHOTO_SUFFIXES = tuple(FORMAT_OF_SUFFIX)
