"""What a filled photo is called where nobody says so."""

from pathlib import Path

from partialconv.imageio import read_header
from partialconv.imageio.formats import FORMAT_OF_SUFFIX, SUFFIX_OF_FORMAT


def output_for(photo: Path, output: Path | None = None) -> Path:
    """The file to write: photo-filled.jpg for photo.jpg.

    Args:
        photo: A photo. Where its suffix does not name its format, or one that is only read, the result gets another.
        output: A file, which is taken as it is; or a folder; None = the folder of the photo.

    Raises:
        InputError: the photo cannot be read.
    """
    if output is not None and not output.is_dir():
        return output
    return (output or photo.parent) / f"{photo.stem}-filled{suffix_for(photo)}"


def suffix_for(photo: Path) -> str:
    """The suffix of the format that the fill of a photo is written in, the photo's own where that is right.

    Raises:
        InputError: the photo cannot be read.
    """
    kind = read_header(photo).format
    same = FORMAT_OF_SUFFIX.get(photo.suffix.lower()) == kind
    return photo.suffix if same else SUFFIX_OF_FORMAT.get(kind, SUFFIX_OF_FORMAT["PNG"])
