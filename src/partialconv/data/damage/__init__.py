"""Damage drawn over photos, with the truth of what it changed: dust, hairs, scratches, cracks, stamps, text.

Needs OpenCV: the extra `bench`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from partialconv.conventions import Hole
from partialconv.data.damage.ageing import Picture, Pixels, age, finish
from partialconv.data.damage.cutouts import ARTEFACTS, Alpha, Cutouts, draw_outlines, load_cutouts, paste
from partialconv.data.damage.letters import date_stamp, lettering
from partialconv.data.damage.lines import crack_paths, film_scratches, fold_path, smooth_noise, stroke, tear
from partialconv.models.finder import KINDS

__all__ = ["KINDS", "SOURCES", "Cutouts", "Damaged", "draw_damage", "load_cutouts"]
NOTHING = 255
VISIBLE = 14  # levels of 255 that a pixel must change by in one channel to count as damaged,
HIDDEN = 0.35  # and this share of the contrast around it: grain and texture hide weak damage
WINDOW_PX = 7  # in which contrast is measured


@dataclass(frozen=True)
class Damaged:
    """A photo with damage.

    Args:
        image: (H, W, 3), RGB.
        undamaged: The same photo, aged and compressed likewise, without damage.
        truth: (H, W), True where damage changed a pixel visibly.
        kinds: (H, W), number of the kind in `KINDS`, `NOTHING` where the truth is False.
    """

    image: Pixels
    undamaged: Pixels
    truth: Hole
    kinds: NDArray[np.uint8]


class _Sheet:
    """Collects layers over a picture."""

    def __init__(self, picture: Picture) -> None:
        self.before = picture
        self.picture = picture.copy()
        self.strongest = np.zeros(picture.shape[:2], np.float32)
        self.kinds = np.full(picture.shape[:2], NOTHING, np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        height, width, _ = self.picture.shape
        return height, width

    def lay(self, alpha: Alpha, colour: NDArray[np.float32], kind: str) -> None:
        """Cover with `colour`, (3,) or (H, W, 3)."""
        self.picture += alpha[..., None] * (colour - self.picture)
        stronger = alpha >= np.maximum(self.strongest, 0.02)
        self.kinds[stronger] = KINDS.index(kind)
        np.maximum(self.strongest, alpha, out=self.strongest)


def _tint(rng: np.random.Generator, light: bool) -> NDArray[np.float32]:
    """A colour near white or near black; now and then one between."""
    level = rng.uniform(205, 255) if light else rng.uniform(0, 50)
    if rng.random() < 0.12:
        level = rng.uniform(60, 200)
    return np.clip(level + rng.normal(0, 5, 3), 0, 255).astype(np.float32)


def _strength(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.4, 1.0))


def _outlines(sheet: _Sheet, rng: np.random.Generator, cutouts: Cutouts, light: bool) -> None:
    """What lies in a window of a scan of an empty frame."""
    scan = cutouts.scans[int(rng.integers(len(cutouts.scans)))]
    weak = rng.uniform(0.4, 0.8)
    layers = draw_outlines(sheet.size, scan, rng, rng.uniform(0.3, 1.0), (weak, 1.0))
    blur = rng.uniform(0.3, 0.8) if rng.random() < 0.6 else 0
    for alpha, kind in zip(layers, KINDS, strict=False):
        soft = cv2.GaussianBlur(alpha, (0, 0), blur) if blur else alpha
        sheet.lay(np.asarray(soft, np.float32), _tint(rng, light), kind)


def _artefacts(sheet: _Sheet, rng: np.random.Generator, cutouts: Cutouts, light: bool, kind: str) -> None:
    """Cut-outs of one archive, small ones more often."""
    name = ARTEFACTS[kind][int(rng.integers(len(ARTEFACTS[kind])))]
    alpha = np.zeros(sheet.size, np.float32)
    height, width = sheet.size
    share = height * width / 192**2
    num, low, high = {
        "dots": (10, 2, 16), "spots": (4, 25, 120), "smut": (2, 10, 60), "dirt": (2, 40, 160),
        "sprinkles": (1, 60, 200), "stain": (1, 30, 150), "hair": (3, 40, 220), "hair-short": (5, 12, 70),
        "lint": (2, 15, 80), "scratches": (2, 40, 200),
    }[name]  # fmt: skip
    chosen = cutouts.artefacts[name]
    for _ in range(1 + int(rng.poisson(num * share))):
        length = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        place = (rng.random() * width, rng.random() * height)
        paste(alpha, chosen[int(rng.integers(len(chosen)))], place, length, rng.uniform(0, 360))
    sheet.lay(alpha * np.float32(_strength(rng)), _tint(rng, light), kind)


def _specks(sheet: _Sheet, rng: np.random.Generator, cutouts: Cutouts, light: bool) -> None:
    _artefacts(sheet, rng, cutouts, light, "dust")


def _hairs(sheet: _Sheet, rng: np.random.Generator, cutouts: Cutouts, light: bool) -> None:
    _artefacts(sheet, rng, cutouts, light, "scratches")


def _film(sheet: _Sheet, rng: np.random.Generator, _: Cutouts, light: bool) -> None:
    sheet.lay(film_scratches(sheet.size, rng) * np.float32(_strength(rng)), _tint(rng, light), "scratches")


def _cracks(sheet: _Sheet, rng: np.random.Generator, _: Cutouts, __: bool) -> None:
    """Cracks of paper: white fibres, a dark core, or both."""
    paths, style = crack_paths(sheet.size, rng), rng.random()
    if style < 0.75:  # fibres, wider and broken
        beside = [(path + rng.normal(0, 0.4, 2).astype(np.float32), w + rng.uniform(0.5, 2)) for path, w in paths]
        wide = stroke(sheet.size, beside)
        broken = smooth_noise(sheet.size, rng, rng.uniform(2, 6)) * 1.3 + rng.uniform(-0.4, 0.4)
        sheet.lay(wide * np.clip(broken, 0, 1) * np.float32(_strength(rng)), _tint(rng, True), "cracks")
    if style > 0.4:
        core = stroke(sheet.size, [(path, max(0.5, w * 0.6)) for path, w in paths])
        sheet.lay(core * np.float32(_strength(rng)), _tint(rng, style > 0.55 and rng.random() < 0.3), "cracks")


def _folds(sheet: _Sheet, rng: np.random.Generator, _: Cutouts, light: bool) -> None:
    """A worn line, often with a shadow beside it."""
    paths = fold_path(sheet.size, rng)
    worn = np.clip(smooth_noise(sheet.size, rng, rng.uniform(3, 14)) * 1.5 + rng.uniform(-0.4, 0.5), 0, 1)
    if rng.random() < 0.4:
        shadow = stroke(sheet.size, [(path + np.float32(1.2), width + 2) for path, width in paths])
        sheet.lay(shadow * np.float32(rng.uniform(0.1, 0.4)), _tint(rng, not light), "cracks")
    sheet.lay(stroke(sheet.size, paths) * worn * np.float32(_strength(rng)), _tint(rng, light), "cracks")


def _tears(sheet: _Sheet, rng: np.random.Generator, _: Cutouts, light: bool) -> None:
    gap, fibres = tear(sheet.size, rng)
    sheet.lay(fibres * np.float32(rng.uniform(0.6, 1)), _tint(rng, True), "cracks")
    sheet.lay(gap, _tint(rng, light), "cracks")


def _stamp(sheet: _Sheet, rng: np.random.Generator, _: Cutouts, __: bool) -> None:
    colours = ((255, 150, 50), (255, 110, 30), (255, 60, 40), (255, 200, 90), (255, 255, 255), (190, 255, 120))
    colour = np.array(colours[int(rng.choice(6, p=[0.3, 0.2, 0.2, 0.1, 0.15, 0.05]))]) + rng.normal(0, 10, 3)
    alpha = date_stamp(sheet.size, rng) * np.float32(rng.uniform(0.6, 1))
    sheet.lay(alpha, np.clip(colour, 0, 255).astype(np.float32), "stamp")


def _text(sheet: _Sheet, rng: np.random.Generator, _: Cutouts, __: bool) -> None:
    rim, letters = lettering(sheet.size, rng)
    strength, choice = np.float32(_strength(rng)), rng.random()
    bright = bool(choice < 0.75)
    colour = _tint(rng, bright)
    if 0.6 <= choice < 0.75:  # yellow
        colour = np.array([255, rng.uniform(190, 240), rng.uniform(0, 90)], np.float32)
    if rng.random() < 0.15:
        colour = rng.uniform(0, 255, 3).astype(np.float32)
    sheet.lay(rim * strength, _tint(rng, not bright), "text")
    sheet.lay(letters * strength, colour, "text")


def _contrast(picture: Picture) -> NDArray[np.float32]:
    """Standard deviation of the grey values around each pixel, (H, W)."""
    grey = picture.mean(2)
    mean, square = (cv2.blur(x, (WINDOW_PX, WINDOW_PX)) for x in (grey, grey * grey))
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)


Drawer = Callable[[_Sheet, np.random.Generator, Cutouts, bool], None]
SOURCES: Mapping[str, Drawer] = MappingProxyType(
    {
        "outlines": _outlines,
        "dust": _specks,
        "hairs": _hairs,
        "film": _film,
        "cracks": _cracks,
        "folds": _folds,
        "tears": _tears,
        "stamp": _stamp,
        "text": _text,
    }
)
SHARES = (0.27, 0.12, 0.14, 0.09, 0.13, 0.06, 0.05, 0.07, 0.07)


def draw_damage(
    photo: Pixels,
    seed: int | tuple[int, ...],
    cutouts: Cutouts,
    sources: tuple[str, ...] | None = None,
) -> Damaged:
    """Age a photo and damage it.

    Args:
        photo: (H, W, 3), RGB.
        seed: Same seed, same damage.
        cutouts: Of `load_cutouts`.
        sources: Names of `SOURCES`, drawn in this order; none leaves the photo undamaged. By default one to three at
            random.

    Returns:
        All of it in the size of `photo`.

    Source: ours; artefacts and outlines of Ivanova et al. 2023.
    """
    rng = np.random.default_rng(seed)
    sheet = _Sheet(age(photo, rng))
    if sources is None:
        num = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
        sources = tuple(rng.choice(list(SOURCES), num, replace=False, p=SHARES))
    mostly_light = bool(rng.random() < 0.6)
    for name in sources:
        SOURCES[name](sheet, rng, cutouts, mostly_light if rng.random() < 0.85 else not mostly_light)
    truth = np.abs(sheet.picture - sheet.before).max(2) >= VISIBLE + HIDDEN * _contrast(sheet.before)
    image, undamaged = finish([sheet.picture, sheet.before], rng)
    return Damaged(image, undamaged, truth, np.where(truth, sheet.kinds, NOTHING).astype(np.uint8))
