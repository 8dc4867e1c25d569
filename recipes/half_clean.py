"""Train a network of the shipped one's class from photos with free licences alone: weights/half_clean.

    python recipes/half_clean.py --photos DIR... --vgg VGG16 --out runs/half_clean [--minutes 125]

DIR are folders with the photos that recipes/half_clean_photos.csv names with their licences, found by name and checked
by hash. They are reduced, a network is trained on them in two phases, from new weights, the ends of both phases are
averaged, and the average is exported. A step that is done is not done again, so a run that was stopped goes on.
"""

import argparse
import csv
import hashlib
import io
import subprocess
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
SIDES_PX = (256, 384)  # shorter sides of the copies; photos that are about as small already are taken as they are
SHARE = 0.5  # of the end of the second phase in the average: between both by PSNR, and near the second by LPIPS


def main() -> None:
    """Do what is left of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of the listed photos")
    parser.add_argument("--vgg", type=Path, required=True, help="VGG16's weights, see docs/training.md")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=125, help="for training")
    arguments = parser.parse_args()
    out: Path = arguments.out
    folders = reduce_photos(arguments.photos, out / "photos")
    train = ["train", HERE / "half_clean.toml", "--data", " ".join(map(str, folders)), "--vgg", arguments.vgg]
    again = ["--resume"] if (out / "run" / "checkpoint.safetensors").exists() else []
    partialconv(*train, "--out", out / "run", "--time-limit", arguments.minutes, *again)
    if not (out / "mixed").exists():
        partialconv("average", out / "run" / "initial", out / "run", "-o", out / "mixed", "--share", SHARE)
    partialconv("export", out / "mixed", "-o", out / "half_clean.onnx", "--overwrite")


def reduce_photos(sources: list[Path], out: Path) -> list[Path]:
    """Copies of the listed photos in folders by their shorter side; "asis" for those that are small."""
    for name in [*map(str, SIDES_PX), "asis"]:
        (out / name).mkdir(parents=True, exist_ok=True)
    with (HERE / "half_clean_photos.csv").open(newline="", encoding="utf-8") as listed:
        rows = list(csv.DictReader(listed))
    for row in rows:
        content = _content(row, sources)
        if row["reduced"] == "no":
            (out / "asis" / row["file"]).write_bytes(content)
            continue
        photo = Image.open(io.BytesIO(content)).convert("RGB")
        for side in SIDES_PX:
            factor = side / min(photo.size)
            size = round(photo.width * factor), round(photo.height * factor)
            path = out / str(side) / Path(row["file"]).with_suffix(".webp")
            if not path.exists():
                photo.resize(size, Image.Resampling.LANCZOS).save(path, quality=92, method=2)
    return [out / name for name in [*map(str, SIDES_PX), "asis"]]


def _content(row: dict[str, str], sources: list[Path]) -> bytes:
    """The bytes of a listed photo."""
    name, place = row["file"], f"It is {row['original']} of {row['source']}."
    path = next((folder / name for folder in sources if (folder / name).is_file()), None)
    if path is None:
        raise SystemExit(f"{name} is in none of the folders of --photos. {place}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != row["sha256"]:
        raise SystemExit(f"{name} has other bytes than the photo that recipes/half_clean_photos.csv lists. {place}")
    return content


def partialconv(*arguments: object) -> None:
    """Run the command, and end with it if it fails."""
    done = subprocess.run([sys.executable, "-m", "partialconv", *map(str, arguments)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
