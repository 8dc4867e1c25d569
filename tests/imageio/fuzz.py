"""Mutated files of every format through the readers and the writer, in a process that may die of them.

python -m tests.imageio.fuzz COUNT [SEED] prints what came of them; a line "fault" for everything but one clear line.
"""

import collections
import io
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import numpy as np
import tifffile
from PIL import Image

from partialconv.errors import InputError
from partialconv.imageio import opening, read_photo, rgb_of, write_photo
from partialconv.masks import read_hole
from tests.imageio.formats import EXIF, ICC, XMP, animation, png
from tests.imageio.test_jpeg import encode

MOST_S = 10
EXTREMES = (0, 1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1)
WRITE_EVERY = 5
MAX_PIXELS = 4_000_000  # of pictures that are decoded here, for speed: some headers are changed to huge sizes


def seeds() -> dict[str, bytes]:
    """Small files of every format that is read, and some that are refused."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (11, 13, 4), dtype=np.uint8)
    image = Image.fromarray(pixels)
    files = {}
    for kind, coding in (("4:2:0", "plain"), ("4:4:4", "progressive"), ("L", "restart"), ("CMYK 4:4:4", "optimised")):
        files[f"{kind[:4]} {coding}.jpg"] = encode((17, 19), kind, coding, 80, 1)
    files["deep.png"] = png(rng.integers(0, 65536, (9, 8, 3)), 16, 2, [(b"iCCP", b"n\0\0" + ICC)], [(b"eXIf", EXIF)])
    files["palette.png"] = png(
        rng.integers(0, 16, (9, 8)), 4, 3, [(b"PLTE", bytes(range(48))), (b"tRNS", b"\0\x80")], [(b"tEXt", b"a\0b")]
    )

    def saved(kind: str, picture: Image.Image, **options: object) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    files["rgba.png"] = saved("PNG", image, exif=EXIF, dpi=(72, 72))
    files["lossy.webp"] = saved("WEBP", image, exif=EXIF, icc_profile=ICC, xmp=XMP)
    files["lossless.webp"] = saved("WEBP", image, lossless=True)
    files["rgb.bmp"] = saved("BMP", image.convert("RGB"))
    files["palette.bmp"] = saved("BMP", image.convert("P"))
    for compression in ("raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"):
        files[f"{compression}.tif"] = saved("TIFF", image.convert("RGB"), compression=compression, exif=EXIF)
    files["fax.tif"] = saved("TIFF", image.convert("1"), compression="group4")
    deep = io.BytesIO()
    tifffile.imwrite(deep, rng.integers(0, 65536, (17, 18, 3)).astype(np.uint16), photometric="rgb", tile=(16, 16))
    files["deep.tif"] = deep.getvalue()
    files["still.gif"] = saved("GIF", image.convert("P"))
    files["grey.pgm"] = saved("PPM", image.convert("L"))
    for kind in ("GIF", "PNG", "WEBP"):
        files[f"animated.{kind.lower()}"] = animation(kind)
    return files


def mutate(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One to four changes: flipped bits, other bytes, a cut, a piece of another file, an extreme number."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        if not changed:
            break
        place = int(rng.integers(len(changed)))
        way = rng.integers(7)
        if way == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif way == 1:
            changed[place] = int(rng.integers(256))
        elif way == 2:
            del changed[place:]
        elif way == 3:
            length = int(rng.integers(1, 64))
            start = int(rng.integers(len(other)))
            changed[place : place + length] = other[start : start + length]
        elif way == 4:
            del changed[place : place + int(rng.integers(1, 16))]
        else:
            place = int(rng.integers(min(len(changed), 200)))
            size = int(rng.choice([1, 2, 4]))
            number = int(rng.choice(EXTREMES)) % 256**size
            changed[place : place + size] = number.to_bytes(size, "big" if rng.random() < 0.5 else "little")
    return bytes(changed)


def say(line: str) -> None:
    """Say it at once: the process may die."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Try as many mutated files as were asked for."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    opening.MAX_PIXELS = MAX_PIXELS
    rng = np.random.default_rng(seed)
    files = seeds()
    names = list(files)
    outcomes: collections.Counter[str] = collections.Counter()

    def too_slow(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_slow)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            name, other = names[number % len(names)], names[int(rng.integers(len(names)))]
            content = files[name] if number < len(names) else mutate(files[name], files[other], rng)
            path = Path(folder, f"mutated{Path(name).suffix}")
            path.write_bytes(content)
            signal.alarm(MOST_S)
            stage = "read_photo"
            try:
                photo = read_photo(path)
                outcomes["photos read"] += 1
                stage = "read_hole"
                read_hole(path)
                if number % WRITE_EVERY == 0:
                    stage = "write_photo"
                    hole = np.zeros(photo.size, bool)
                    hole[photo.size[0] // 2, photo.size[1] // 2] = True
                    suffix = {"JPEG": ".jpg", "TIFF": ".tif", "BMP": ".bmp", "WEBP": ".webp"}.get(photo.format, ".png")
                    write_photo(photo, rgb_of(photo), hole, Path(folder, "out" + suffix), overwrite=True)
                    outcomes["photos written"] += 1
            except InputError as error:
                outcomes[f"refused by {stage}"] += 1
                if "\n" in str(error):
                    say(f"fault {seed}:{number} {name} more than one line: {error!r}")
            except Exception as error:
                say(f"fault {seed}:{number} {name} {stage}: {type(error).__name__} {error}")
            finally:
                signal.alarm(0)
        left = [path.name for path in Path(folder).iterdir() if path.stem not in ("mutated", "out")]
        say(f"fault: left behind {left}" if left else f"{count} files: {dict(outcomes)}")


if __name__ == "__main__":
    main()
