"""Many photos as one small file, to carry to a machine that is lent for minutes."""

import io
import math
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from partialconv.data.photos import PhotoSource
from partialconv.data.samples import shrink_to
from partialconv.errors import InputError
from partialconv.imageio import unfinished

QUALITY = 80  # of WebP
BLOCK, END = 512, 10240  # of the tar format: padding of each file, and of the archive


@dataclass(frozen=True)
class Packed:
    """What went into a pack.

    Args:
        num: Photos in it.
        num_wanted: Photos of the part that was asked for.
        num_bytes: Size of the file.
        skipped: Names of photos that could not be decoded.
    """

    num: int
    num_wanted: int
    num_bytes: int
    skipped: list[str]


def pack(
    photos: PhotoSource,
    destination: Path,
    max_mb: float | None = None,
    px: int = 256,
    part: tuple[int, int] = (1, 1),
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[Iterator[bytes | None], int], Iterator[bytes | None]] = lambda results, _: results,
) -> Packed:
    """Write photos into one tar file, which is a WebDataset shard that training reads like any other.

    Photos are taken in an order given by the seed, part k of n every n-th of them, until the file is full: what does
    not fit is a random share. WebP and JPEG files that are small enough go in as they are, others as WebP of quality
    80, shrunk to a shorter side of `px`. The file takes its name when it is whole.

    Args:
        photos: What to pack.
        destination: A name ending in .tar.
        max_mb: Largest size of the file, in units of 10^6 bytes; None = all photos, whatever their size.
        px: Shorter side of the packed photos, in pixels.
        part: (k, n), 1 <= k <= n.
        seed: Of the order; all parts need the same.
        overwrite: Replace an existing file.
        progress: Wraps the iteration over encoded photos, whose number it is told.

    Raises:
        InputError: wrong arguments, or not one photo fits.
    """
    index, num_parts = part
    if not 1 <= index <= num_parts:
        raise InputError(f"part is {index}/{num_parts}, expected k/n with 1 <= k <= n.")
    limit_mb = math.inf if max_mb is None else max_mb
    if px < 16 or limit_mb <= 0:
        raise InputError(f"px is {px} and max_mb {limit_mb:g}, expected at least 16, and more than 0.")
    if destination.suffix != ".tar" or not destination.parent.is_dir():
        raise InputError(f"cannot write {destination}: expected a name ending in .tar in an existing folder.")
    if destination.exists() and not overwrite:
        raise InputError(f"{destination} exists: name another file, or add --overwrite.")
    order = np.random.default_rng(seed).permutation(len(photos))[index - 1 :: num_parts]
    room = limit_mb * 1e6 - END
    num, skipped = 0, []
    with unfinished(destination, overwrite) as temporary:
        with ThreadPoolExecutor() as pool, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
            encoded = _in_order(pool, partial(_encode, photos, px), [int(n) for n in order])
            for number, content in zip(order, progress(encoded, len(order)), strict=True):
                if content is None:
                    skipped.append(photos.names[number])
                    continue
                room -= BLOCK + -(-len(content) // BLOCK) * BLOCK
                if room < 0:
                    break
                stem = PurePath(photos.names[number]).stem.replace(".", "_")[:60]
                member = tarfile.TarInfo(f"{number:07d}-{stem}{_suffix(content)}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
                num += 1
        if num == 0:
            raise InputError(f"no photo fits into {limit_mb:g} MB: raise --max-mb, or lower --px.")
    return Packed(num, len(order), destination.stat().st_size, skipped)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[int], bytes | None], numbers: list[int]
) -> Iterator[bytes | None]:
    """Results in order, a few dozen ahead: `map` would encode everything, full or not."""
    waiting = iter(numbers)
    ahead = [pool.submit(work, number) for number in islice(waiting, 32)]
    while ahead:
        yield ahead.pop(0).result()
        ahead += [pool.submit(work, number) for number in islice(waiting, 1)]


def _encode(photos: PhotoSource, px: int, number: int) -> bytes | None:
    try:
        with photos.openers[number]() as file:
            content = file.read()
        with Image.open(io.BytesIO(content)) as header:
            upright = header.getexif().get(274, 1) == 1
            if header.format in ("WEBP", "JPEG") and header.mode == "RGB" and upright and min(header.size) <= px:
                header.load()
                return content
        buffer = io.BytesIO()
        shrink_to(photos.read(number), px).save(buffer, "WEBP", quality=QUALITY)
        return buffer.getvalue()
    except Exception:  # decoders break on broken files in every way
        return None


def _suffix(content: bytes) -> str:
    return ".webp" if content[8:12] == b"WEBP" else ".jpg"
