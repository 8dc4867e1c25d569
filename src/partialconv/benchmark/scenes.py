"""What wide holes are measured on: object-shaped holes and lettering over photos, and pictures that are no photos.

Each set is split: "choice", by which methods may be tuned, and "report", for the numbers that are told. They share no
photo and no seed.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from partialconv.benchmark.drawn import KINDS, Drawn, draw
from partialconv.benchmark.lettering import lettering_hole
from partialconv.benchmark.pairing import Pixels
from partialconv.conventions import Hole
from partialconv.data import find_photos
from partialconv.errors import InputError
from partialconv.imageio import read_photo
from partialconv.masks.silhouettes import silhouette_hole

SETS = ("objects", "lettering", "drawn")
SPLITS = ("choice", "report")
CHOICE_SHARE = 3  # one photo in that many is for choosing
SEEDS = {"choice": range(6), "report": range(100, 108)}
# in scikit-image's wheel: public domain, or CC0 by their photographers, as its documentation says
TONED_PHOTOS = {"choice": ("astronaut", "coffee", "brick"), "report": ("chelsea", "rocket", "hubble_deep_field")}
TONED_PX = 512
# colours of black, middle grey and white; between them tones are interpolated
TONES = {
    "grey": ((0, 0, 0), (128, 128, 128), (255, 255, 255)),
    "sepia": ((20, 10, 2), (145, 118, 92), (255, 240, 215)),
    "cyanotype": ((5, 20, 60), (95, 128, 163), (235, 245, 250)),
}
JPEG_QUALITY = 90
MOST_PIXELS = 12_000_000


@dataclass(frozen=True)
class Scene:
    """A picture with a hole, whose truth is known.

    Args:
        name: Of its files; unique in its set.
        kind: Scenes of a kind are averaged.
        photo: What intervals are drawn over: scenes of one photo are not independent.
        load: Gives the picture.
    """

    name: str
    kind: str
    photo: str
    load: Callable[[], Drawn]


def open_scenes(name: str, split: str, photos: Path | None = None) -> list[Scene]:
    """List the scenes of a set.

    Args:
        name: "objects": a hole of 6 to 18 % in the shape of an object in each photo of a folder; "lettering": a line of
            words or a date in each; "drawn": pictures that are no photos, and grey and toned photos of scikit-image.
        split: "choice" (a third of the photos) or "report" (the others). A photo's own bytes decide on its hole; on its
            place in the split decide those of all photos of the folder.
        photos: Folder, for the first two. Photos of more than 12 megapixels are reduced to that, others are used
            as they are; none is enlarged.

    Raises:
        InputError: there is no such set or split, or no photos.
    """
    if name not in SETS or split not in SPLITS:
        raise InputError(f"no set {name!r}, {split!r}: choose of {', '.join(SETS)}, and of {', '.join(SPLITS)}.")
    if name == "drawn":
        return [
            *(Scene(f"{k} {s}", k, f"{k} {s}", partial(draw, k, s)) for k in KINDS for s in SEEDS[split]),
            *(_toned_scene(kind, split, s) for kind in (*TONES, "sepia jpeg") for s in SEEDS[split]),
        ]
    if photos is None:
        raise InputError(f"the set {name!r} needs a folder of photos: name it.")
    paths, _ = find_photos(photos)
    hashed = sorted({hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}.items())
    stems = Counter(path.stem.replace(" ", "-") for _, path in hashed)
    twice = {stem for stem, count in stems.items() if count > 1}
    names = {d: f"{path.stem}-{d[:8]}" if path.stem.replace(" ", "-") in twice else path.stem for d, path in hashed}
    num_choice = len(hashed) // CHOICE_SHARE
    chosen = hashed[:num_choice] if split == "choice" else hashed[num_choice:]
    if not chosen:
        raise InputError(f"{photos} has {len(hashed)} different photos: the set needs {CHOICE_SHARE} and more.")
    return [Scene(names[digest], name, digest, partial(_photo, name, path, digest)) for digest, path in chosen]


def _photo(name: str, path: Path, digest: str) -> Drawn:
    image = ImageOps.exif_transpose(read_photo(path).image).convert("RGB")
    if image.width * image.height > MOST_PIXELS:
        scale = (MOST_PIXELS / (image.width * image.height)) ** 0.5
        image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.LANCZOS)
    photo = np.array(image)
    seed = int(digest[:12], 16)
    return Drawn(photo, hole_of(name, photo.shape[:2], seed))


def hole_of(name: str, size: tuple[int, int], seed: int) -> Hole:
    """The hole of "objects" or "lettering" for a seed."""
    return silhouette_hole(size, seed) if name == "objects" else lettering_hole(size, seed)[1]


def _toned_scene(kind: str, split: str, seed: int) -> Scene:
    names = TONED_PHOTOS[split]
    return Scene(f"{kind} {seed}", kind, names[seed % len(names)], partial(toned, kind, names[seed % len(names)], seed))


def toned(kind: str, photo: str, seed: int) -> Drawn:
    """A photo of scikit-image in tones of one colour, kept as RGB, with an object-shaped hole.

    Args:
        kind: One of `TONES`; with " jpeg" behind it, stored as a JPEG file in between, which
            scatters colours about the tone; all that occur are then allowed.
        photo: File name without its end.
        seed: Of the hole.
    """
    name, _, stored = kind.partition(" ")
    tones = tone_curve(name)
    spec = find_spec("skimage")
    found = sorted((Path(spec.origin).parent / "data").glob(f"{photo}.*")) if spec and spec.origin else []
    if not found:
        raise InputError(f"no {photo} of scikit-image: pip install scikit-image, 0.24 or newer.")
    image = Image.open(found[0]).convert("L")
    image = ImageOps.fit(image, (min(TONED_PX, image.width), min(TONED_PX, image.height)), Image.Resampling.BOX)
    target: Pixels = tones[np.array(image)]
    if stored:
        target = _stored(target)
        tones = np.unique(target.reshape(-1, 3), axis=0)
    return Drawn(target, silhouette_hole(target.shape[:2], (seed, len(kind))), tones)


def tone_curve(name: str) -> Pixels:
    """The 256 colours of a tone, (256, 3), from its black to its white."""
    grey = np.arange(256)
    curve = [np.interp(grey, (0, 128, 255), channel) for channel in zip(*TONES[name], strict=True)]
    return np.rint(np.stack(curve, -1)).astype(np.uint8)


def _stored(picture: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.array(Image.open(file).convert("RGB"))
