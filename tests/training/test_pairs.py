"""Any two options of a recipe together: they work, or are refused in one line."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from partialconv.models.features import VGG16Features
from partialconv.training.checkpoint import load_checkpoint
from partialconv.training.recipe import recipe_from_dict
from partialconv.training.trainer import train

BASE: dict[str, dict[str, Any]] = {
    "model": {"width": 4, "num_levels": 3},
    "data": {"crop_px": 32, "hole_ratio": [0.05, 0.3], "num_workers": 0},
    "loss": {"perceptual": 0, "style_out": 0, "style_comp": 0},
    "training": {"batch_size": 2, "precision": "fp32"},
    "initial": {"num_steps": 1},
    "finetune": {"num_steps": 1},
}
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "plain": {"model": {"conv": "plain"}},
    "detail": {"model": {"detail_width": 4, "detail_dilations": [1, 2]}},
    "scaled": {"model": {"mean": [0.4, 0.5, 0.5], "std": [0.2, 0.2, 0.3], "first_bias": True}},
    "resident": {"data": {"resident": True}},
    "colours": {"data": {"colour_jitter": 0.1, "toned": 0.5}},
    "drawn": {"data": {"drawn": 0.5, "whole": 0.5}},
    "kinds": {"data": {"holes": {"strokes": 0.5, "boxes": 0.5}}},
    "features": {"loss": {"perceptual": 0.05, "style_out": 1, "style_comp": 1, "vgg_window_px": 16, "vgg_every": 2}},
    "bf16": {"training": {"precision": "bf16"}},
    "fp16": {"training": {"precision": "fp16"}},
    "average": {"training": {"ema_decay": 0.9}},
    "clipped": {"training": {"clip_norm": 1.0}},
    "compile": {"training": {"compile": True}},
    "recompute": {"training": {"gradient_checkpointing": True}},
    "coarse_frozen": {"training": {"coarse_frozen": True}},
    "norm_frozen": {"training": {"norm_frozen": True}},
    "synchronised": {"training": {"synchronise_norm": True}},
    "cosine": {"initial": {"schedule": "cosine", "features": False}},
    "one phase": {"finetune": {"num_steps": 0}},
    "patches": {"adversarial": {"weight": 0.1, "matching": 0.1, "width": 4, "num_levels": 2, "r1_every": 1}},
    "judge of features": {"adversarial": {"weight": 0.1, "kind": "vgg16", "width": 4, "loss": "softplus"}},
    "taught": {"distillation": {"repeats": 1}},
}
EXCLUDED = {frozenset(("bf16", "fp16")), frozenset(("patches", "judge of features"))}  # values of one option
MOST = 8


def rows() -> list[tuple[str, ...]]:
    """Sets of at most `MOST` options, chosen greedily, in which every pair stands together once."""
    missing = {frozenset(pair) for pair in combinations(OPTIONS, 2)} - EXCLUDED
    found = []
    while missing:
        row: list[str] = []
        while len(row) < MOST:
            fits = [n for n in OPTIONS if n not in row and not any(frozenset((n, other)) in EXCLUDED for other in row)]
            left = {name: sum(name in pair for pair in missing) for name in fits}
            new = {name: sum(frozenset((name, other)) in missing for other in row) for name in fits}
            row.append(max(fits, key=lambda name: (new[name], left[name])))
        missing -= {frozenset(pair) for pair in combinations(row, 2)}
        found.append(tuple(row))
    return found


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file({name: value.contiguous() for name, value in VGG16Features().state_dict().items()}, path)
    return path


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiles as far as graphs go: what C++ is made of them is not ours. Draws few holes in advance."""
    monkeypatch.setattr("partialconv.data.resident.NUM_HOLES", 8)
    monkeypatch.setattr("partialconv.data.resident.NUM_DRAWN", 4)
    real: Callable[..., None] = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: real(self, backend="aot_eager"))


@pytest.mark.parametrize("row", rows(), ids=" ".join)
@pytest.mark.filterwarnings("ignore::UserWarning:torch")
def test_pairs_of_options(
    row: tuple[str, ...], finished: Path, photos: Path, vgg: Path, traced: None, tmp_path: Path
) -> None:
    content = {table: dict(keys) for table, keys in BASE.items()}
    for name in row:
        for table, keys in OPTIONS[name].items():
            content.setdefault(table, {}).update(keys)
    if "taught" in row:
        content["distillation"] |= {"error": str(finished), "texture": str(finished)}
    recipe = recipe_from_dict(content)
    torch._dynamo.reset()
    steps = recipe.num_steps
    assert train(recipe, photos, tmp_path / "run", vgg=vgg) == (steps, True)
    state = load_checkpoint(tmp_path / "run")
    assert all(bool(value.isfinite().all()) for value in state.best.values())
    if "compile" in row:
        return  # resuming compiles everything once more, and is the same
    longer = replace(recipe, initial=replace(recipe.initial, num_steps=2))
    assert train(longer, photos, tmp_path / "run", resume=True, vgg=vgg) == (steps + 1, True)
