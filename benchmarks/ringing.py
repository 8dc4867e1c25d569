"""What growing a hole over the ringing of a JPEG gains: specks and hairs are drawn on photos, saved and removed.

python benchmarks/ringing.py PHOTOS [COUNT] prints, for each quality, the change of the PSNR in blocks that the holes
touch, by how smooth the photo is there (mean squared difference to its blur of 3 pixels). The hole is filled by Telea's
method, so that a run takes seconds; the truth is the photo without the specks, saved in the same way.
"""

import io
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from partialconv.imageio import Photo, read_photo, with_ringing

SIDE, FINE, NUM_MARKS = 384, 4, 12
SMOOTHNESS = ((0.0, 4.0), (4.0, 30.0), (30.0, 200.0), (200.0, np.inf))
CASES = ((75, 2), (90, 0))  # quality and subsampling
Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]


def opened(path: Path) -> Pixels:
    """A corner of a photo, made small, so that its own JPEG blocks are gone."""
    image = Image.open(path).convert("RGB")
    scale = SIDE / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS).crop((0, 0, SIDE, SIDE)))


def marks(rng: np.random.Generator, kind: str) -> Values:
    """The opacity of some marks, 0 to 1."""
    fine = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    for _ in range(NUM_MARKS):
        start = rng.integers(80, SIDE * FINE - 80, 2)
        if kind == "dust":
            axes = tuple(int(axis) for axis in rng.integers(4, 14, 2))
            cv2.ellipse(fine, tuple(map(int, start)), axes, int(rng.integers(180)), 0, 360, 255, -1)
        else:
            steps = rng.normal(0, 25, (12, 2)) + rng.normal(0, 15, 2)
            cv2.polylines(fine, [(start + steps.cumsum(axis=0)).astype(np.int32)], False, 255, int(rng.integers(4, 12)))
    return cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(float) / 255


def saved(pixels: Pixels, quality: int, subsampling: int) -> bytes:
    """As a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def errors(photo: Photo, hole: NDArray[np.bool_], truth: Values) -> Values:
    """Squared errors of a fill, (H, W)."""
    filled = cv2.inpaint(np.ascontiguousarray(photo.samples), hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return np.asarray(((filled - truth) ** 2).mean(axis=2))


def in_blocks(values: Values, unit: int) -> Values:
    """Means over blocks."""
    return np.asarray(values.reshape(SIDE // unit, unit, SIDE // unit, unit).mean(axis=(1, 3)))


def main() -> None:
    """Print the table."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 16
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".jpg", ".png", ".webp")]
    found: dict[tuple[str, int], list[Values]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number, path in enumerate(paths[:: max(1, len(paths) // count)][:count]):
            clean, rng = opened(path), np.random.default_rng(number)
            for kind in ("dust", "hair"):
                opacity = marks(rng, kind)
                colour = float(rng.choice([15, 240])) * np.array([1, 0.97, 0.9])
                dirty = np.rint(clean * (1 - opacity[..., None]) + opacity[..., None] * colour).astype(np.uint8)
                hole = cv2.dilate((opacity > 0.02).astype(np.uint8), np.ones((3, 3))) > 0
                for quality, subsampling in CASES:
                    file = Path(scratch, "a.jpg")
                    file.write_bytes(saved(dirty, quality, subsampling))
                    photo, unit = read_photo(file), 16 if subsampling == 2 else 8
                    truth = np.asarray(Image.open(io.BytesIO(saved(clean, quality, subsampling)))).astype(float)
                    grey = truth.mean(axis=2)
                    texture = in_blocks((grey - cv2.GaussianBlur(grey, (0, 0), 3)) ** 2, unit)
                    touched = in_blocks(hole.astype(float), unit) > 0
                    before, after = (
                        in_blocks(errors(photo, one, truth), unit)[touched] for one in (hole, with_ringing(photo, hole))
                    )
                    found.setdefault((kind, quality), []).append(np.stack([texture[touched], before, after]))
    print("marks  quality  " + "  ".join(f"{low:g} to {high:g}".rjust(12) for low, high in SMOOTHNESS))
    for (kind, quality), parts in found.items():
        texture, before, after = np.concatenate(parts, axis=1)
        cells = []
        for low, high in SMOOTHNESS:
            here = (texture >= low) & (texture < high)
            gain = 10 * np.log10(before[here].mean() / after[here].mean()) if here.any() else np.nan
            cells.append(f"{gain:+.2f} dB".rjust(12))
        print(f"{kind:5}  {quality:7}  " + "  ".join(cells))


if __name__ == "__main__":
    main()
