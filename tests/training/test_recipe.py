"""Recipes: defaults, files, and what is said about a wrong one."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from partialconv.errors import InputError
from partialconv.training.recipe import Recipe, load_recipe, recipe_from_dict, recipe_toml

ROOT = Path(__file__).parents[2]
FINDER = "find.toml"  # a recipe of another command; tests/training/test_finding.py reads it
RECIPES = sorted(
    path
    for folder in ("recipes", "experiments/recipes")
    for path in (ROOT / folder).glob("*.toml")
    if path.name != FINDER
)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path) != Recipe()


def test_defaults_are_the_papers() -> None:
    recipe = Recipe()
    assert (recipe.model.width, recipe.model.num_levels) == (64, 8)
    assert (recipe.initial.lr, recipe.finetune.lr, recipe.training.batch_size) == (2e-4, 5e-5, 6)
    assert (recipe.data.crop_px, recipe.data.holes, recipe.data.colour_jitter) == (512, {"strokes": 1}, 0)
    assert recipe.loss.weights() == {
        "valid": 1, "hole": 6, "perceptual": 0.05, "style_out": 120, "style_comp": 120, "tv": 0.1
    }  # fmt: skip
    assert (recipe.loss.vgg_window_px, recipe.loss.vgg_every, recipe.model.conv) == (0, 1, "partial")
    assert recipe.initial.schedule == recipe.finetune.schedule == "constant"
    assert recipe.training.ema_decay == recipe.training.clip_norm == 0


def test_a_printed_recipe_is_the_same_recipe() -> None:
    recipe = recipe_from_dict(
        {
            "data": {"hole_ratio": [0.1, 0.2], "resident": True, "holes": {"lama-thin": 1, "thin": 0.5}},
            "model": {"detail_width": 8, "detail_dilations": [2, 4, 1]},
            "initial": {"lr": 1e-5},
        }
    )
    assert recipe.model.build().detail_dilations == (2, 4, 1)
    assert recipe_from_dict(tomllib.loads(recipe_toml(recipe))) == recipe


def test_a_recipe_survives_its_dictionary() -> None:
    recipe = recipe_from_dict({"model": {"width": 8}, "data": {"hole_ratio": [0.1, 0.2]}, "initial": {"lr": 1}})
    assert recipe.initial.lr == 1.0 and isinstance(recipe.initial.lr, float)
    assert recipe_from_dict(asdict(recipe)) == recipe


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"modle": {}}, "unknown key 'modle' in recipe: did you mean model?"),
        ({"training": {"leraning_rate": 1}}, "unknown key 'leraning_rate' in training: known keys: batch_size"),
        ({"initial": {"num_step": 1}}, "did you mean num_steps?"),
        ({"model": 3}, "model is 3, expected a table"),
        ({"model": {"width": "big"}}, "model.width is 'big', must be a valid integer"),
        ({"model": {"width": True}}, "model.width is True, must be a valid integer"),
        ({"model": {"width": 0}}, "model.width is 0, must be at least 1."),
        ({"model": {"detail_dilations": [1]}}, "model.detail_dilations must be none without detail_width"),
        ({"model": {"detail_width": 8, "detail_dilations": [0]}}, "model.detail_dilations.0 is 0, must be at least 1"),
        ({"model": {"detail_width": 8, "detail_dilations": 2}}, "model.detail_dilations is 2, must be a list"),
        ({"initial": {"schedule": "linear"}}, "initial.schedule is 'linear', must be 'constant' or 'cosine'."),
        ({"data": {"hole_ratio": [0.1]}}, "data.hole_ratio is [0.1], and has too few values"),
        ({"data": {"hole_ratio": [0.5, 0.1]}}, "0 <= low < high <= 1"),
        ({"initial": {"num_steps": 0}, "finetune": {"num_steps": 0}}, "initial.num_steps must be at least 1"),
        ({"tracking": {"log_every": 0}}, "tracking.log_every is 0, must be at least 1"),
        ({"model": {"conv": "dense"}}, "must be 'partial' or 'plain'."),
        ({"data": {"resident": 1}}, "data.resident is 1, must be a valid boolean"),
        ({"data": {"colour_jitter": 1.0}}, "data.colour_jitter is 1.0, must be less than 1"),
        ({"loss": {"vgg_window_px": 8}}, "0, or at least 16"),
        ({"training": {"precision": "half"}}, "must be 'auto', 'fp32', 'bf16' or 'fp16'"),
        (
            {"data": {"holes": {"lines": 1}}},
            "data.holes: unknown kind of holes 'lines', expected names among strokes",
        ),
        ({"data": {"holes": {"flow": 1}}}, "data.holes: holes from flow need a folder"),
        ({"data": {"hole_ratio": [0.1, 0.2, 0.3]}}, "data.hole_ratio is [0.1, 0.2, 0.3], must have at most 2 items"),
        ({"data": {"whole": float("nan")}}, "data.whole is nan, must be a finite number"),
        ({"data": {"flow_masks": "a\nb"}}, "data.flow_masks is 'a\\nb', must match"),
        ({"initial": {"num_steps": 10**30}}, "initial.num_steps"),
        ({"data": {"holes": 0.5}}, "data.holes is 0.5, must be a table"),
        ({"loss": {"valid": -1}}, "loss.valid is -1, must be at least 0"),
        ({"training": {"seed": -1}}, "training.seed is -1, must be at least 0"),
        ({"finetune": {"lr": -1.0}}, "finetune.lr is -1.0, must be greater than 0"),
        ({"training": {"ema_decay": 1.0}}, "training.ema_decay is 1.0, must be less than 1"),
        ({"distillation": {"error": "runs/a"}}, "distillation must be of two runs, error and texture, or of none"),
        ({"distillation": {"share": [0.5, 1.5]}}, "distillation.share.1 is 1.5, must be at most 1"),
        ({"distillation": {"repeats": -1}}, "distillation.repeats is -1, must be at least 0"),
    ],
)
def test_a_wrong_recipe_is_one_clear_line(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        recipe_from_dict(content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read recipe"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "key.toml").write_text("[model]\nwide = 3")
    with pytest.raises(InputError, match="key.toml: unknown key 'wide'"):
        load_recipe(tmp_path / "key.toml")
    (tmp_path / "bad.toml").write_text("width: 3")
    with pytest.raises(InputError, match="is not TOML"):
        load_recipe(tmp_path / "bad.toml")
