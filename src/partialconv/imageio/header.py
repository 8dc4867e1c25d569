"""What a picture will need, from its header alone."""

from dataclasses import dataclass

from PIL.ImageFile import ImageFile

# bytes of a pixel where Pillow holds it; 4 in all other modes
PILLOW_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
CHANNELS = {"LA": 2, "RGB": 3, "YCbCr": 3, "RGBA": 4, "CMYK": 4}
FILL_BYTES = 500_000_000  # of the network and its largest batch of crops, whatever the photo


@dataclass(frozen=True)
class Header:
    """A picture that was not decoded yet.

    Args:
        format: As Pillow names it; a JPEG with previews is a JPEG.
        size: Height and width.
        mode: As Pillow names it.
        bits: Of a sample in the file, 1 to 16.
        file_bytes: Of the file.
        unit_bytes: Of its largest strip or tile.
    """

    format: str
    size: tuple[int, int]
    mode: str
    bits: int
    file_bytes: int
    unit_bytes: int

    @property
    def num_pixels(self) -> int:
        """Height times width."""
        return self.size[0] * self.size[1]

    @property
    def sample_bytes(self) -> int:
        """Of a pixel where this package holds it."""
        return CHANNELS.get(self.mode, 1) * (2 if self.bits == 16 else 1)

    @property
    def read_bytes(self) -> int:
        """The most memory that reading it takes, in bytes, from above: its file, decoder and samples."""
        pillow = PILLOW_BYTES.get(self.mode, 4)
        pixel = pillow + self.sample_bytes + 1
        if self.bits == 16 and self.sample_bytes > 2:
            pixel += pillow  # decoded twice
        if self.format in ("WEBP", "AVIF", "HEIF"):
            pixel += 16  # canvases of the decoder, and its answer on the way
        return 2 * self.file_bytes + self.num_pixels * pixel + 2 * self.unit_bytes

    def fill_bytes(self, target: str | None = None) -> int:
        """The most memory that filling it takes, in bytes, from above: reading, filling, writing and looking again.

        Args:
            target: Format of the result, as Pillow names it; that of the photo if None.
        """
        target = target or self.format
        deep = 2 if self.bits == 16 else 1
        # samples; their RGB and its filled copy; the hole, what is left of it, and its plan
        pixel = self.sample_bytes + 3 * deep * (2 if self.mode in ("P", "CMYK") else 1) + 8
        writing = self.sample_bytes + 4 * deep
        if target == "JPEG":
            writing = 4 * max(3, CHANNELS.get(self.mode, 3)) + 1  # coefficients of 2 bytes, twice
        elif target == "WEBP":
            writing = 36
        needed = 2 * self.file_bytes + self.num_pixels * (pixel + writing) + 3 * self.unit_bytes
        return FILL_BYTES + max(self.read_bytes, needed)


def header_of(image: ImageFile, file_bytes: int, unit_bytes: int = 0) -> Header:
    """The header of an opened picture."""
    kind = "JPEG" if image.format == "MPO" else image.format or ""
    return Header(kind, (image.height, image.width), image.mode, bits_of(image), file_bytes, unit_bytes)


def bits_of(image: ImageFile) -> int:
    """Bits of a sample in the file: Pillow's mode hides them."""
    if image.format == "PNG":
        raw = str(image.tile[0].args)
        return int(raw.rpartition(";")[2].rstrip("B")) if ";" in raw else 1 if raw == "1" else 8
    if image.format == "TIFF":
        stored = image.tag_v2.get(258, (1,))  # type: ignore[attr-defined]
        return max(stored) if isinstance(stored, tuple) else int(stored)
    return 16 if image.mode.startswith("I") else 1 if image.mode == "1" else 8
