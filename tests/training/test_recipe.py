"""Recipes: defaults, files, and what is said about a wrong one."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from partialconv.errors import InputError
from partialconv.training.recipe import Recipe, load_recipe, recipe_from_dict

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path) != Recipe()


def test_defaults_are_the_papers() -> None:
    recipe = Recipe()
    assert (recipe.model.width, recipe.model.num_levels) == (64, 8)
    assert (recipe.training.lr, recipe.training.batch_size, recipe.data.crop_px) == (2e-4, 6, 512)
    assert (recipe.loss.valid, recipe.loss.hole, recipe.data.thin_share) == (1, 6, 0)


def test_a_recipe_survives_its_dictionary() -> None:
    recipe = recipe_from_dict({"model": {"width": 8}, "data": {"hole_ratio": [0.1, 0.2]}, "training": {"lr": 1}})
    assert recipe.training.lr == 1.0 and isinstance(recipe.training.lr, float)
    assert recipe_from_dict(asdict(recipe)) == recipe


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"modle": {}}, "unknown key 'modle' in recipe: did you mean model?"),
        ({"training": {"leraning_rate": 1}}, "unknown key 'leraning_rate' in training: known keys: num_steps"),
        ({"training": {"num_step": 1}}, "did you mean num_steps?"),
        ({"model": 3}, "model is 3, expected a table"),
        ({"model": {"width": "big"}}, "model.width is 'big', must be a value of type int"),
        ({"model": {"width": True}}, "must be a value of type int"),
        ({"model": {"width": 0}}, "width and num_levels of at least 1"),
        ({"training": {"schedule": "linear"}}, "one of constant, cosine"),
        ({"data": {"hole_ratio": [0.1]}}, "data.hole_ratio must be 2 numbers"),
        ({"data": {"hole_ratio": [0.5, 0.1]}}, "0 <= low < high <= 1"),
        ({"training": {"num_steps": 0}}, "training.num_steps must be at least 1"),
        ({"data": {"thin_share": 1.5}}, "data.thin_share must be 0 to 1"),
        ({"loss": {"valid": -1}}, "weights of at least 0"),
        ({"training": {"seed": -1}}, "training.seed must be at least 0"),
        ({"training": {"lr": -1.0}}, "more than 0"),
        ({"training": {"ema_decay": 1.0}}, "0 <= decay < 1"),
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
