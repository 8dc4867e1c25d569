"""A small benchmark that needs no files: photos that scikit-image ships, masks by seed."""

from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile

from partialconv.benchmark.pairing import Pairing, pair_up
from partialconv.errors import InputError
from partialconv.masks.sets import MANIFEST, benchmark_orders, new_folder, write_set

# in scikit-image's wheel: public domain (NASA, SpaceX) or CC0 by their photographers, as its documentation says
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "rocket.jpg", "brick.png")
SIZE_PX = 192
SEED = 1


def built_in_pairing(folder: Path) -> Pairing:
    """Six photos, a stroke mask in each of the 12 cells: 72 pairs of 192x192 pixels; photos and masks go to `folder`.

    Raises:
        InputError: scikit-image is not installed, or has other photos.
    """
    photos, masks = folder / "photos", folder / "masks"
    if not photos.exists():
        spec = find_spec("skimage")
        if spec is None or spec.origin is None:
            raise InputError("--builtin needs the photos of scikit-image: pip install scikit-image.")
        data = Path(spec.origin).parent / "data"
        for name in PHOTOS:
            if not (data / name).is_file():
                raise InputError(f"this scikit-image has no {name}, which --builtin needs: install 0.24 or newer.")
        with new_folder(photos) as unfinished:
            for name in PHOTOS:
                copyfile(data / name, unfinished / name)
    if not masks.exists():
        write_set(benchmark_orders(1, SEED, SIZE_PX), masks, {"strokes": 1.0}, size_px=SIZE_PX)
    return pair_up(photos, masks / MANIFEST)
