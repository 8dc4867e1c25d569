"""Build the wheel of a model that is too large for the package: partialconv-model-NAME.

    make model NAME=full                               # dist/partialconv_model_full-0.1.0-py3-none-any.whl
    python deploy/model.py full weights/full -o dist   # or the folder of a run, and any name that has a card

The wheel holds the exported network, its card and the licences, and names them by an entry point, so that `--model
NAME`, `partialconv models` and `PartialConvUNet.from_pretrained` find it once it is installed.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from partialconv import __version__
from partialconv.export import export, trained
from partialconv.zoo import GROUP

ROOT = Path(__file__).resolve().parents[1]
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "partialconv-model-{name}"
version = "{version}"
description = "The model {name} of partialconv: {summary}"
readme = "{name}.md"
license = "BSD-3-Clause"
license-files = ["LICENSE", "NOTICE"]
requires-python = ">=3.11"
authors = [{{ name = "the partialconv authors" }}]
dependencies = ["partialconv>={version}"]

[project.entry-points."{group}"]
{name} = "{package}:MODEL"
"""
MODULE = '''\
"""The model {name} of partialconv."""

MODEL = {model!r}
'''


def build_model(name: str, run: Path, card: Path, out: Path) -> Path:
    """Export a run and build the wheel around it.

    Args:
        name: Of the model: lower-case letters, digits and underscores.
        run: Its folder.
        card: Markdown; its first paragraph begins with a sentence about the model.
        out: The folder to write to.

    Returns:
        The wheel.
    """
    package = f"partialconv_model_{name}"
    summary = card.read_text(encoding="utf-8").split("\n\n")[1].split(". ")[0].split(":")[0].strip().replace('"', "'")
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        inside = top / package
        inside.mkdir()
        export(run, inside / f"{name}.onnx")
        model = {
            "name": name,
            "sha256": hashlib.sha256((inside / f"{name}.onnx").read_bytes()).hexdigest(),
            "num_parameters": sum(parameter.numel() for parameter in trained(run)[0].parameters()),
            "summary": summary,
            "package": package,
        }
        (inside / "__init__.py").write_text(MODULE.format(name=name, model=model), encoding="utf-8")
        for path in (ROOT / "LICENSE", ROOT / "NOTICE", card):
            shutil.copy(path, top / (f"{name}.md" if path == card else path.name))
        shutil.copy(card, inside / f"{name}.md")
        values = {"name": name, "version": __version__, "summary": summary, "group": GROUP, "package": package}
        (top / "pyproject.toml").write_text(PROJECT.format(**values), encoding="utf-8")
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(top)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(out.glob(f"{package}-*.whl"))


def main() -> int:
    """Read the command line, build, and say what was built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("run", type=Path, nargs="?", help="weights/NAME by default")
    parser.add_argument("-o", "--output", type=Path, default=Path("dist"))
    given = parser.parse_args()
    run, card = given.run or ROOT / "weights" / given.name, ROOT / "docs" / "models" / f"{given.name}.md"
    wheel = build_model(given.name, run, card, given.output)
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
