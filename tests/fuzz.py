"""Mutated files of every kind but pictures through their readers, in a process that may die of them.

python -m tests.fuzz COUNT [SEED] [KIND ...] prints what came of COUNT files of each kind; a line "fault" for everything
but success or one clear line. Pictures and holes: `tests.imageio.fuzz`.
"""

import collections
import contextlib
import json
import os
import pickle
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from partialconv.benchmark.report import read_report
from partialconv.convert import read_state
from partialconv.errors import InputError
from partialconv.export import trained
from partialconv.inference import Inpainter, OnnxRuntime
from partialconv.masks.sets import MANIFEST, MaskRow, read_manifest, write_manifest
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import deploy
from partialconv.models.graph import build_graph
from partialconv.training.checkpoint import FILE_NAME, Checkpoint, load_checkpoint, save_checkpoint
from partialconv.training.pretrained import read_weights
from partialconv.training.recipe import ModelRecipe, Recipe, load_recipe, recipe_toml
from partialconv.zoo.networks import load_network
from tests.imageio.fuzz import mutate, say

MOST_S = 10
# what breaks parsers of text, put in at random
PIECES = (
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b'"', b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"-1", b"1e999", b"nan",
    b"NaN", b"inf", b"\r", b"\n", b"\x1b[2J", b"../../etc/passwd", b"x" * 140_000, b"null", b"true", b"4294967296",
)  # fmt: skip
Reader = Callable[[Path], object]


def small() -> Checkpoint:
    """A run of a tiny network."""
    torch.manual_seed(0)
    model = ModelRecipe(2, 2, detail_width=3)
    return Checkpoint(3, replace(Recipe(), model=model), model.build().state_dict())


def fill_with(path: Path) -> object:
    """Fill a small photo with a mutated network."""
    photo, hole = np.full((24, 24, 3), 90, np.uint8), np.zeros((24, 24), bool)
    hole[9:14, 9:14] = True
    return Inpainter(path).fill(photo, hole)


def kinds(folder: Path) -> Mapping[str, tuple[str, bytes, tuple[Reader, ...]]]:
    """Of each kind the name of its file, a good one, and what reads it."""
    run = small()
    save_checkpoint(run, folder)
    checkpoint = (folder / FILE_NAME).read_bytes()
    rows = [MaskRow(f"{n:05d}.png", "1", "0.050000", "0.01-0.1", "clear", f"{n:064x}") for n in range(5)]
    write_manifest(folder, rows)
    torch.save({"state_dict": run.model, "epoch": 3}, folder / "state.pth")
    torch.save(run.model, folder / "old.pth", _use_new_zipfile_serialization=False)
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in run.model.items()}
    np.savez(folder / "state.npz", **arrays)
    net = PartialConvUNet(2, 2)
    converted = {"width": 2, "num_levels": 2, "in_channels": 3, "mean": [0.5] * 3, "std": [0.5] * 3}
    save_file(net.state_dict(), folder / "network.safetensors", {"network": json.dumps(converted)})
    graph = build_graph(deploy(run.network()), {"step": "3"}).SerializeToString()
    pair = {"number": 0, "photo": "a", "photo_sha256": "1", "mask": "b", "mask_sha256": "2", "bin": "0.1-0.2"}
    report = {
        "format": 1,
        "methods": {"a": {"identity": "a"}},
        "scores": {"a": {"psnr": [3.5]}},
        "pairs": [pair | {"border": "any", "ratio": 0.15}],
    }
    return {
        "manifest": (MANIFEST, (folder / MANIFEST).read_bytes(), (lambda path: read_manifest(path.parent),)),
        "recipe": ("recipe.toml", recipe_toml(Recipe()).encode(), (load_recipe,)),
        "checkpoint": (FILE_NAME, checkpoint, (lambda path: load_checkpoint(path.parent).network(),)),
        "pth": ("state.pth", (folder / "state.pth").read_bytes(), (read_weights, read_state)),
        "old_pth": ("old.pth", (folder / "old.pth").read_bytes(), (read_weights, read_state)),
        "npz": ("state.npz", (folder / "state.npz").read_bytes(), (read_weights,)),
        "safetensors": ("s.safetensors", checkpoint, (read_weights, read_state)),
        "converted": ("n.safetensors", (folder / "network.safetensors").read_bytes(), (load_network,)),
        "network": ("network.onnx", graph, (OnnxRuntime, trained)),
        "onnx": ("network.onnx", graph, (fill_with,)),
        "report": ("report.json", json.dumps(report).encode(), (read_report,)),
        "pickle": ("objects.pth", pickle.dumps({"a": [1, (2, "b")], "c": asdict(run.recipe)}), (read_weights,)),
    }


def changed(content: bytes, other: bytes, text: bool, rng: np.random.Generator) -> bytes:
    """A mutated file; of text, often with one of `PIECES` in it, in the place of what is there or between."""
    if rng.random() < (0.5 if text else 0.1):
        place, piece = int(rng.integers(len(content))), PIECES[int(rng.integers(len(PIECES)))]
        return content[:place] + piece + content[place + int(rng.choice([0, 1, len(piece)])) :]
    return mutate(content, other, rng)


def main() -> None:
    """Try as many mutated files of each kind as were asked for."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    warnings.simplefilter("ignore")

    def too_slow(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_slow)
    with tempfile.TemporaryDirectory() as good, tempfile.TemporaryDirectory() as place:
        all_kinds = kinds(Path(good))
        contents = [content for _, content, _ in all_kinds.values()]
        for kind in sys.argv[3:] or all_kinds:
            name, content, readers = all_kinds[kind]
            rng = np.random.default_rng((seed, *kind.encode()))
            outcomes: collections.Counter[str] = collections.Counter()
            for number in range(count):
                path = Path(place, name)
                other = contents[int(rng.integers(len(contents)))]
                text = kind in ("manifest", "recipe", "report")
                path.write_bytes(content if number == 0 else changed(content, other, text, rng))
                for reader in readers:
                    signal.alarm(MOST_S)
                    try:
                        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # noqa: PTH123
                            reader(path)
                        outcomes["read"] += 1
                    except InputError as error:
                        outcomes["refused"] += 1
                        if not str(error).isprintable():
                            say(f"fault {kind} {seed}:{number} more than one line: {error!r}")
                    except ArithmeticError:
                        outcomes["no values"] += 1
                    except Exception as error:
                        say(f"fault {kind} {seed}:{number} {type(error).__name__}: {str(error)[:300]!r}")
                    finally:
                        signal.alarm(0)
                path.unlink()
            say(f"{kind}: {count} files: {dict(outcomes)}")


if __name__ == "__main__":
    main()
