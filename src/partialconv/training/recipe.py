"""What a training run is made of, as a TOML file."""

import dataclasses
import difflib
import tomllib
import types
import typing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from partialconv.errors import InputError

HOLE_WEIGHT = 6.0  # Liu et al. 2018, eq. 7


@dataclass(frozen=True)
class ModelRecipe:
    """The network: see `PartialConvUNet`."""

    width: int = 64
    num_levels: int = 8


@dataclass(frozen=True)
class DataRecipe:
    """Crops of `crop_px` pixels, with hole ratios in (low, high].

    `thin_share` of the holes are made of strokes of 1 to 4 pixels alone: hairlines are few of the pixels, but not of
    the photos.
    """

    crop_px: int = 512
    hole_ratio: tuple[float, float] = (0.01, 0.6)
    thin_share: float = 0.0
    num_workers: int = 2


@dataclass(frozen=True)
class LossRecipe:
    """Weights of the loss terms; the defaults are the paper's.

    A smaller `valid` is for thin holes. The last layer sees features of half the resolution, which can hardly give a
    hairline its value without changing the known pixels beside it. Those are discarded, but `valid` forbids it.
    """

    valid: float = 1.0
    hole: float = HOLE_WEIGHT


@dataclass(frozen=True)
class TrainingRecipe:
    """The optimisation; defaults are the paper's where it gives one.

    `schedule` "cosine" takes the rate to zero at the last step. `ema_decay` 0 exports the weights of the last step.
    `precision` "auto" is bf16 where the hardware multiplies it faster than fp32, else fp32.
    """

    num_steps: int = 100_000
    batch_size: int = 6
    lr: float = 2e-4
    schedule: Literal["constant", "cosine"] = "constant"
    ema_decay: float = 0.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0
    log_every: int = 20
    checkpoint_every: int = 500
    samples_every: int = 500


@dataclass(frozen=True)
class Recipe:
    """A whole training run."""

    model: ModelRecipe = field(default_factory=ModelRecipe)
    data: DataRecipe = field(default_factory=DataRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        InputError: the file is missing, is no TOML, or has an unknown key or a value of a wrong type or range.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read recipe {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {path} is not TOML: {error}.") from error
    try:
        return recipe_from_dict(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def recipe_from_dict(content: dict[str, Any]) -> Recipe:
    """Check nested keys and values, e.g. {"model": {"width": 32}}; see `load_recipe` for errors."""
    recipe: Recipe = _build(Recipe, content, "recipe")
    training, data = recipe.training, recipe.data
    _expect(recipe.model.width >= 1 and recipe.model.num_levels >= 1, "model", "width and num_levels of at least 1")
    _expect(data.crop_px >= 16, "data.crop_px", "at least 16")
    _expect(0 <= data.hole_ratio[0] < data.hole_ratio[1] <= 1, "data.hole_ratio", "0 <= low < high <= 1")
    _expect(0 <= data.thin_share <= 1, "data.thin_share", "0 to 1")
    _expect(recipe.loss.valid >= 0 and recipe.loss.hole > 0, "loss", "weights of at least 0, hole more than 0")
    _expect(data.num_workers >= 0, "data.num_workers", "at least 0")
    _expect(training.lr > 0, "training.lr", "more than 0")
    _expect(0 <= training.ema_decay < 1, "training.ema_decay", "0 <= decay < 1")
    _expect(training.seed >= 0, "training.seed", "at least 0")
    for name in ("num_steps", "batch_size", "log_every", "checkpoint_every", "samples_every"):
        _expect(getattr(training, name) >= 1, f"training.{name}", "at least 1")
    return recipe


def recipe_changes(before: Recipe, after: Recipe) -> list[str]:
    """Every key whose value differs, as "table.key: old -> new"."""
    old, new = asdict(before), asdict(after)
    return [
        f"{table}.{key}: {old[table][key]} -> {new[table][key]}"
        for table, keys in new.items()
        for key in keys
        if old[table][key] != new[table][key]
    ]


def _build(kind: type[Any], content: Any, place: str) -> Any:
    if not isinstance(content, dict):
        raise InputError(f"{place} is {content!r}, expected a table [{place}].")
    hints = typing.get_type_hints(kind)
    for key in content:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(hints)}."
            raise InputError(f"unknown key {key!r} in {place}: {hint}")
    return kind(**{key: _value(hints[key], value, f"{place}.{key}") for key, value in content.items()})


def _value(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type[Any], hint), value, place.removeprefix("recipe."))
    if origin is Literal:
        _expect(value in arguments, place, f"one of {', '.join(map(str, arguments))}", value)
        return value
    if origin is tuple:
        _expect(isinstance(value, list | tuple) and len(value) == len(arguments), place, f"{len(arguments)} numbers")
        return tuple(_value(a, v, place) for a, v in zip(arguments, value, strict=True))
    accepted: type | types.UnionType = (int | float) if hint is float else hint
    _expect(
        isinstance(value, accepted) and not isinstance(value, bool), place, f"a value of type {hint.__name__}", value
    )
    return hint(value)


def _expect(condition: bool, place: str, expected: str, came: Any = None) -> None:
    if not condition:
        got = "" if came is None else f"is {came!r}, "
        raise InputError(f"recipe key {place.removeprefix('recipe.')} {got}must be {expected}.")
