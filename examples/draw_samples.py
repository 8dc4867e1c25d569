"""Draw the damaged sample photos of the painting page, and their holes (needs the development set).

    python examples/draw_samples.py

From the photos of this folder; see README.md for their authors and licences. The damage is in the photo, and the hole
is that damage grown by a few pixels, because JPEG rings around it.
"""

from pathlib import Path

import numpy as np
from draw_holes import scratches, text, wires
from PIL import Image

from partialconv.imageio import encode_png
from partialconv.masks.morphology import dilate

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "src" / "partialconv" / "server" / "page" / "samples"
DAMAGE = {
    "scratches": ("chelsea", scratches, (236, 228, 212), 0.9),
    "lettering": ("coffee", text, (255, 255, 255), 0.7),
    "wires": ("rocket", wires, (24, 26, 30), 0.95),
}
GROWTH_PX = 2
SMOOTHING = 2  # damage is drawn larger, and scaled down


def main() -> None:
    """Write NAME.jpg and NAME.holes.png for every sample."""
    PAGE.mkdir(exist_ok=True)
    for name, (source, draw, color, opacity) in DAMAGE.items():
        with Image.open(FOLDER / f"{source}.jpg") as photo:
            pixels, (width, height) = np.asarray(photo).astype(np.float32), photo.size
        drawn = Image.fromarray(draw(SMOOTHING * height, SMOOTHING * width)).convert("L")
        share = np.asarray(drawn.resize((width, height), Image.Resampling.BOX))[..., None] / np.float32(255)
        pixels += opacity * share * (np.array(color, np.float32) - pixels)
        Image.fromarray(pixels.round().astype(np.uint8)).save(PAGE / f"{name}.jpg", quality=85)
        (PAGE / f"{name}.holes.png").write_bytes(encode_png(dilate(share[..., 0] > 0, GROWTH_PX)))
        print(PAGE / f"{name}.jpg")


if __name__ == "__main__":
    main()
