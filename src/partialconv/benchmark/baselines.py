"""Methods to compare that come with the package: classical ones and the shipped network.

Each opens what it needs when it is opened, and says in one line what is missing.
"""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole, valid_from_hole
from partialconv.errors import InputError

Pixels = NDArray[np.uint8]
Fill = Callable[[Pixels, Hole], Pixels]
RADIUS_PX = 3  # of Telea and Navier-Stokes, as in OpenCV's example
PATCH_PX = 3  # of pypatchmatch, as in its examples
OLDEST_OPENCV = (4, 10)  # older ones darken holes at the border


@dataclass(frozen=True)
class Method:
    """A way to fill holes.

    Args:
        identity: What it is, with version or hash: results of another identity are not its results.
        fill: From RGB, uint8 (H, W, 3), black in the hole, and the hole, bool (H, W), to a filled picture of that kind.
            Known pixels of the result are ignored.
    """

    identity: str
    fill: Fill


def network(file: Path | None = None, grain: bool = True) -> Method:
    """A network of `partialconv export`; the shipped one if `file` is None. Fills with grain, or what it gives bare."""
    import onnxruntime

    from partialconv.inference import Inpainter
    from partialconv.zoo import model_path

    path = model_path(file)
    fill = partial(Inpainter(path).fill, grain=grain)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    versions = f"partialconv {version('partialconv')}, ONNX Runtime {onnxruntime.__version__}"
    return Method(f"{path.name} sha256 {digest}, {'with' if grain else 'no'} grain, {versions}", fill)


def _plain() -> Method:
    raise InputError(
        "the twin of ordinary convolutions is not shipped: train recipes/paper_plain.toml, export it, "
        "and name the file with --method plain=FILE.onnx"
    )


def _mean() -> Method:
    def fill(photo: Pixels, hole: Hole) -> Pixels:
        return np.broadcast_to(np.rint(photo[valid_from_hole(hole)].mean(0)).astype(np.uint8), photo.shape)

    return Method("mean colour of the known pixels", fill)


def _opencv(algorithm: str) -> Method:
    cv2 = _library("cv2", "opencv-contrib-python-headless")
    if tuple(map(int, cv2.__version__.split(".")[:2])) < OLDEST_OPENCV:
        raise InputError(f"OpenCV {cv2.__version__} darkens holes at the border: install 4.10 or newer.")

    def fill(photo: Pixels, hole: Hole) -> Pixels:
        filled = cv2.inpaint(photo, hole.astype(np.uint8), RADIUS_PX, getattr(cv2, f"INPAINT_{algorithm}"))
        return np.asarray(filled, np.uint8)

    return Method(f"OpenCV {cv2.__version__}, {algorithm}, radius {RADIUS_PX}", fill)


def _xphoto(algorithm: str) -> Method:
    cv2 = _library("cv2", "opencv-contrib-python-headless")
    if not hasattr(cv2, "xphoto"):
        raise ImportError(
            "this OpenCV has no xphoto: install opencv-contrib-python-headless instead of opencv-python-headless"
        )
    lab = algorithm == "SHIFTMAP"  # which compares colours, and is documented for CIELab

    def fill(photo: Pixels, hole: Hole) -> Pixels:
        known = valid_from_hole(hole).astype(np.uint8) * 255  # not zero = known, the other way round than cv2.inpaint
        picture = cv2.cvtColor(photo, cv2.COLOR_RGB2Lab) if lab else photo
        filled = np.zeros_like(picture)
        cv2.setRNGSeed(0)
        cv2.xphoto.inpaint(picture, known, filled, getattr(cv2.xphoto, f"INPAINT_{algorithm}"))
        return np.asarray(cv2.cvtColor(filled, cv2.COLOR_Lab2RGB) if lab else filled, np.uint8)

    return Method(f"OpenCV {cv2.__version__} xphoto, {algorithm}", fill)


def _biharmonic() -> Method:
    restoration = _library("skimage.restoration", "scikit-image")

    def fill(photo: Pixels, hole: Hole) -> Pixels:
        filled = restoration.inpaint_biharmonic(photo, hole, channel_axis=-1)
        return np.asarray(np.rint(filled.clip(0, 1) * 255), np.uint8)

    return Method(f"scikit-image {version('scikit-image')}, biharmonic", fill)


def _patchmatch(patch_px: int = PATCH_PX) -> Method:
    patch_match = _library("patchmatch.patch_match", "pypatchmatch")

    def fill(photo: Pixels, hole: Hole) -> Pixels:
        patch_match.set_random_seed(0)
        return np.asarray(patch_match.inpaint(photo, hole.astype(np.uint8) * 255, patch_size=patch_px), np.uint8)

    return Method(f"pypatchmatch {version('pypatchmatch')}, patch size {patch_px}", fill)


def _library(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{package} is not installed: pip install {package}") from error


BUILT_IN: dict[str, Callable[[], Method]] = {
    "ours": network,
    "bare": partial(network, grain=False),
    "plain": _plain,
    "telea": partial(_opencv, "TELEA"),
    "ns": partial(_opencv, "NS"),
    "biharmonic": _biharmonic,
    "patchmatch": _patchmatch,
    "patchmatch5": partial(_patchmatch, 5),
    "fsr": partial(_xphoto, "FSR_FAST"),
    "fsr-best": partial(_xphoto, "FSR_BEST"),
    "shiftmap": partial(_xphoto, "SHIFTMAP"),
    "mean": _mean,
}
