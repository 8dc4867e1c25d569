"""What a training run is made of, as a TOML file."""

import dataclasses
import difflib
import json
import reprlib
import tomllib
import types
import typing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from partialconv.data.samples import Variety
from partialconv.errors import InputError, reason_of
from partialconv.imageio import read_text
from partialconv.masks.mixture import check_kinds
from partialconv.models import PartialConvUNet
from partialconv.models.losses import OF_FEATURES, PAPER_WEIGHTS

MOST_BYTES = 1 << 20  # of a recipe
MOST_LEVELS = 16  # halvings: no photo is wider than 2^16


@dataclass(frozen=True)
class ModelRecipe:
    """The network: see `PartialConvUNet`. `conv` "plain" is the paper's baseline of ordinary convolutions.

    `first_bias`, `mean` and `std` are for networks of others, to go on from what `partialconv convert` wrote.
    """

    width: int = 64
    num_levels: int = 8
    conv: Literal["partial", "plain"] = "partial"
    detail_width: int = 0
    detail_dilations: tuple[int, ...] = ()
    first_bias: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @classmethod
    def of(cls, net: PartialConvUNet) -> Self:
        """What builds a network of the same layers.

        Raises:
            InputError: its images are not of 3 channels.
        """
        if net.in_channels != 3:
            raise InputError(f"the network is of images of {net.in_channels} channels, expected 3 to train on.")
        return cls(**{f.name: getattr(net, f.name) for f in dataclasses.fields(cls)})

    def build(self) -> PartialConvUNet:
        """The network, with new weights."""
        return PartialConvUNet(
            self.width,
            self.num_levels,
            conv=self.conv,
            detail_width=self.detail_width,
            detail_dilations=self.detail_dilations,
            first_bias=self.first_bias,
            mean=self.mean,
            std=self.std,
        )


@dataclass(frozen=True)
class DataRecipe:
    """Crops of `crop_px` pixels, with hole ratios in (low, high].

    `holes` gives the weight of each kind, see `masks.mixture.sample_hole`; more of the kind "thin" helps hairlines,
    which are few of the pixels, but not of the photos. The kind "flow" needs `flow_masks`, a folder of `partialconv
    masks flow`. `colour_jitter` is the largest relative change of brightness, contrast and saturation. `resident`
    keeps all photos on the training device: see `data.resident`.

    Shares of the samples, 0 to 1: `whole` shows nearly all of a photo, shrunk for it; `drawn` is pictures that are no
    photos, see `data.drawn`; `toned` makes photos grey, or tones of one colour.
    """

    crop_px: int = 512
    hole_ratio: tuple[float, float] = (0.01, 0.6)
    holes: dict[str, float] = field(default_factory=lambda: {"strokes": 1.0})
    flow_masks: str = ""
    colour_jitter: float = 0.0
    whole: float = 0.0
    drawn: float = 0.0
    toned: float = 0.0
    resident: bool = False
    num_workers: int = 2

    @property
    def variety(self) -> Variety:
        """The shares of what samples show besides crops of photos as they are."""
        return Variety(self.whole, self.drawn, self.toned)

    @property
    def flow_folder(self) -> Path | None:
        """The folder `flow_masks`, if one is named."""
        return Path(self.flow_masks) if self.flow_masks else None


@dataclass(frozen=True)
class LossRecipe:
    """Weights of the loss terms; the defaults are the paper's. Terms of weight 0 are not computed.

    A smaller `valid` is for thin holes. The last layer sees features of half the resolution, which can hardly give a
    hairline its value without changing the known pixels beside it. Those are discarded, but `valid` forbids it.

    Perceptual and style terms are nearly all of the cost of a step, so there are two ways to make them cheaper, both
    ours: `vgg_window_px` shows them a window around most of the hole (0 = the whole crop), `vgg_every` computes them
    at every n-th step only, with n times the weight.
    """

    valid: float = PAPER_WEIGHTS["valid"]
    hole: float = PAPER_WEIGHTS["hole"]
    perceptual: float = PAPER_WEIGHTS["perceptual"]
    style_out: float = PAPER_WEIGHTS["style_out"]
    style_comp: float = PAPER_WEIGHTS["style_comp"]
    tv: float = PAPER_WEIGHTS["tv"]
    vgg_window_px: int = 0
    vgg_every: int = 1

    def weights(self) -> dict[str, float]:
        """Weight of each term by name."""
        return {name: getattr(self, name) for name in PAPER_WEIGHTS}

    @property
    def uses_vgg(self) -> bool:
        """Whether any term needs VGG's features."""
        return any(getattr(self, name) > 0 for name in OF_FEATURES)


@dataclass(frozen=True)
class DistillationRecipe:
    """Two trained networks whose fills take the place of the truth in every loss term; none by default.

    Args:
        error: Folder of a run, trained with the pixel terms alone.
        texture: Folder of another, trained with all terms.
        share: Of the first in the mix of both, at the edge of the hole and deep inside, each 0 to 1; see
            `distillation.Teachers`.
        repeats: How often each crop is learned again later, beside new ones: steps are of (1 + repeats) batches, once
            there are so many. Wide teachers cost several times what a step with their crops does. What is remembered
            is no part of a checkpoint.
    """

    error: str = ""
    texture: str = ""
    share: tuple[float, float] = (0.8, 0.2)
    repeats: int = 0


@dataclass(frozen=True)
class AdversarialRecipe:
    """A discriminator that the network learns against; none by default. See `training.adversarial`.

    Args:
        weight: Of its verdict in the total loss; 0 = no discriminator.
        matching: Weight of the L1 term between its features of the composite and of the photo.
        kind: What it sees: "patches" of the picture itself, or the maps of "vgg16", frozen and mixed at random, on
            which it learns sooner, for a dearer step; it is shown `loss.vgg_window_px`, as VGG's terms are.
        loss: "hinge", or "softplus", the non-saturating loss.
        r1: Weight of the penalty on its gradient at photos; 0 = none.
        r1_every: The penalty is taken at every n-th step, with n times the weight.
        width: Channels of its first layer.
        num_levels: Halvings of "patches"; each doubles what a patch sees.
        hole_share: Least share of hole in what a patch sees, 0 to 1; other patches are not judged.
        rate: Its learning rate, as a multiple of the network's.
    """

    weight: float = 0.0
    matching: float = 0.0
    kind: Literal["patches", "vgg16"] = "patches"
    loss: Literal["hinge", "softplus"] = "hinge"
    r1: float = 0.001
    r1_every: int = 16
    width: int = 32
    num_levels: int = 4
    hole_share: float = 0.25
    rate: float = 1.0

    def weights(self) -> dict[str, float]:
        """Weight of each term by name."""
        return {"adversarial": self.weight, "matching": self.matching}


@dataclass(frozen=True)
class TrainingRecipe:
    """How to optimise, in both phases; defaults are the paper's where it gives one.

    Args:
        batch_size: Of all processes together.
        precision: Of the convolutions; "auto" is bf16 where the hardware multiplies it faster than fp32, else fp32.
            Weights, masks, losses and statistics stay in fp32.
        ema_decay: Of a moving average of the weights, which is then what is exported; 0 = none.
        clip_norm: Largest norm of the gradient; 0 = not clipped.
        compile: Compile network and VGG16 with torch.compile; not the discriminator, whose penalty needs second
            derivatives.
        gradient_checkpointing: Compute activations again in the backward pass, to save memory.
        coarse_frozen: Train the layers at full resolution alone, see `PartialConvUNet.freeze_coarse`.
        norm_frozen: Freeze every BatchNorm from the start, see `PartialConvUNet.freeze_norm`.
        synchronise_norm: Let BatchNorm see the batch of all processes; otherwise each sees its own share.
        seed: Of weights, order, crops and holes.
    """

    batch_size: int = 6
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    ema_decay: float = 0.0
    clip_norm: float = 0.0
    compile: bool = False
    gradient_checkpointing: bool = False
    coarse_frozen: bool = False
    norm_frozen: bool = False
    synchronise_norm: bool = False
    seed: int = 0


@dataclass(frozen=True)
class PhaseRecipe:
    """One phase; its number of steps is not in the paper.

    `schedule` "cosine" takes the rate to zero at its end. Without `features` the perceptual and style terms, nearly
    all of the cost of a step, are left out of this phase; without `adversarial` the discriminator is.
    """

    num_steps: int = 500_000
    lr: float = 2e-4
    schedule: Literal["constant", "cosine"] = "constant"
    features: bool = True
    adversarial: bool = True


@dataclass(frozen=True)
class FinetuneRecipe(PhaseRecipe):
    """The second phase: lower rate, BatchNorm of the encoder frozen."""

    lr: float = 5e-5


@dataclass(frozen=True)
class TrackingRecipe:
    """How often, in steps, to log, to save the state, to save pictures, and to validate."""

    log_every: int = 20
    checkpoint_every: int = 500
    samples_every: int = 500
    validate_every: int = 2000


@dataclass(frozen=True)
class Recipe:
    """A whole training run."""

    model: ModelRecipe = field(default_factory=ModelRecipe)
    data: DataRecipe = field(default_factory=DataRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)
    initial: PhaseRecipe = field(default_factory=PhaseRecipe)
    finetune: FinetuneRecipe = field(default_factory=FinetuneRecipe)
    tracking: TrackingRecipe = field(default_factory=TrackingRecipe)
    distillation: DistillationRecipe = field(default_factory=DistillationRecipe)
    adversarial: AdversarialRecipe = field(default_factory=AdversarialRecipe)

    def weights(self) -> dict[str, float]:
        """Weight of each term of the total loss by name."""
        return self.loss.weights() | self.adversarial.weights()

    @property
    def uses_vgg(self) -> bool:
        """Whether VGG16's weights are needed."""
        return self.loss.uses_vgg or (self.adversarial.weight > 0 and self.adversarial.kind == "vgg16")

    @property
    def num_steps(self) -> int:
        """Steps of both phases."""
        return self.initial.num_steps + self.finetune.num_steps


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        InputError: the file is missing, is no TOML, or has an unknown key or a value of a wrong type or range.
    """
    try:
        content = tomllib.loads(read_text(path, MOST_BYTES))
    except OSError as error:
        raise InputError(f"cannot read recipe {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"recipe {path} is not TOML: {reason_of(error)}.") from error
    try:
        return recipe_from_dict(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def recipe_from_dict(content: dict[str, Any]) -> Recipe:
    """Check nested keys and values, e.g. {"model": {"width": 32}}; see `load_recipe` for errors."""
    recipe: Recipe = _build(Recipe, content, "recipe")
    training, data, loss = recipe.training, recipe.data, recipe.loss
    model = recipe.model
    _expect(1 <= model.width <= 4096, "model.width", "1 to 4096", model.width)
    _expect(1 <= model.num_levels <= MOST_LEVELS, "model.num_levels", f"1 to {MOST_LEVELS}", model.num_levels)
    _expect(model.detail_width == 0 or 3 <= model.detail_width <= 4096, "model.detail_width", "0, or 3 to 4096")
    _expect(len(model.detail_dilations) <= 64, "model.detail_dilations", "at most 64")
    dilated = not model.detail_dilations or (model.detail_width > 0 and min(model.detail_dilations) >= 1)
    _expect(dilated, "model.detail_dilations", "none, or at least 1 and a detail_width")
    _expect({len(model.mean), len(model.std)} in ({0}, {3}), "model.mean", "none or 3 numbers, and model.std as many")
    _expect(min(model.std, default=1) > 0, "model.std", "above 0")
    _expect(16 <= data.crop_px <= 16384, "data.crop_px", "16 to 16384", data.crop_px)
    _expect(0 <= data.hole_ratio[0] < data.hole_ratio[1] <= 1, "data.hole_ratio", "0 <= low < high <= 1")
    try:
        check_kinds(data.holes, bool(data.flow_masks))  # the folder need not be there to export
    except InputError as error:
        raise InputError(f"recipe key data.holes: {error}") from error
    _expect(0 <= data.colour_jitter < 1, "data.colour_jitter", "0 <= jitter < 1")
    for name, share in asdict(data.variety).items():
        _expect(0 <= share <= 1, f"data.{name}", "a share from 0 to 1", share)
    _expect(0 <= data.num_workers <= 1024, "data.num_workers", "0 to 1024", data.num_workers)
    _expect(min(loss.weights().values()) >= 0 and loss.hole > 0, "loss", "weights of at least 0, hole more than 0")
    _expect(loss.vgg_window_px == 0 or loss.vgg_window_px >= 16, "loss.vgg_window_px", "0, or at least 16")
    _expect(loss.vgg_every >= 1, "loss.vgg_every", "at least 1")
    teachers = recipe.distillation
    named = bool(teachers.error) == bool(teachers.texture)
    _expect(named, "distillation", "of two runs, error and texture, or of none")
    _expect(0 <= min(teachers.share) <= max(teachers.share) <= 1, "distillation.share", "two numbers from 0 to 1")
    _expect(0 <= teachers.repeats <= 1024, "distillation.repeats", "0 to 1024", teachers.repeats)
    judge = recipe.adversarial
    _expect(min(judge.weight, judge.matching, judge.r1) >= 0, "adversarial", "weights of at least 0")
    _expect(judge.matching == 0 or judge.weight > 0, "adversarial.weight", "above 0 where matching is", judge.weight)
    for name, most in (("width", 4096), ("num_levels", 8), ("r1_every", 2**31)):
        size = getattr(judge, name)
        _expect(1 <= size <= most, f"adversarial.{name}", f"1 to {most}", size)
    fits = judge.weight == 0 or judge.kind == "vgg16" or 2**judge.num_levels <= data.crop_px
    _expect(fits, "adversarial.num_levels", "fewer: crops are too small", judge.num_levels)
    _expect(0 <= judge.hole_share <= 1, "adversarial.hole_share", "a share from 0 to 1", judge.hole_share)
    _expect(judge.rate > 0, "adversarial.rate", "more than 0", judge.rate)
    _expect(1 <= training.batch_size <= 65536, "training.batch_size", "1 to 65536", training.batch_size)
    _expect(0 <= training.ema_decay < 1, "training.ema_decay", "0 <= decay < 1")
    _expect(training.clip_norm >= 0, "training.clip_norm", "at least 0")
    _expect(training.seed >= 0, "training.seed", "at least 0")
    for name, phase in (("initial", recipe.initial), ("finetune", recipe.finetune)):
        _expect(0 <= phase.num_steps <= 10**9, f"{name}.num_steps", "0 to 10^9", phase.num_steps)
        _expect(phase.lr > 0, f"{name}.lr", "more than 0")
    _expect(recipe.num_steps >= 1, "initial.num_steps", "at least 1, or finetune.num_steps")
    for name, value in asdict(recipe.tracking).items():
        _expect(value >= 1, f"tracking.{name}", "at least 1")
    return recipe


def recipe_toml(recipe: Recipe) -> str:
    """The whole recipe, defaults included, as a recipe file."""
    # strings, numbers, booleans and lists are written in TOML as in JSON
    tables = [
        f"[{table}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
        for table, keys in asdict(recipe).items()
    ]
    return "\n".join(tables)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


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
        raise InputError(f"{place} is {reprlib.repr(content)}, expected a table [{place}].")
    hints = typing.get_type_hints(kind)
    for key in content:
        if key not in hints:
            near = difflib.get_close_matches(key[:64], hints, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(hints)}."
            raise InputError(f"unknown key {reprlib.repr(key)} in {place}: {hint}")
    return kind(**{key: _value(hints[key], value, f"{place}.{key}") for key, value in content.items()})


def _value(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type[Any], hint), value, place.removeprefix("recipe."))
    if origin is Literal:
        _expect(value in arguments, place, f"one of {', '.join(map(str, arguments))}", value)
        return value
    if origin is dict:
        _expect(isinstance(value, dict), place, "a table, e.g. { strokes = 0.5, thin = 0.5 }", value)
        return {str(key): _value(arguments[1], inner, f"{place}.{key}") for key, inner in value.items()}
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            _expect(isinstance(value, list | tuple), place, "a list of numbers", value)
            return tuple(_value(arguments[0], v, place) for v in value)
        _expect(isinstance(value, list | tuple) and len(value) == len(arguments), place, f"{len(arguments)} numbers")
        return tuple(_value(a, v, place) for a, v in zip(arguments, value, strict=True))
    accepted: type | types.UnionType = (int | float) if hint is float else hint
    fits = isinstance(value, accepted) and isinstance(value, bool) == (hint is bool)
    _expect(fits, place, f"a value of type {hint.__name__}", value)
    if isinstance(value, int | float):
        _expect(-(2**63) <= value < 2**63, place, "a finite number, below 2^63", value)  # NaN is not, either
    if isinstance(value, str):
        _expect(value.isprintable(), place, "printable", value)
    return hint(value)


def _expect(condition: bool, place: str, expected: str, came: Any = None) -> None:
    if not condition:
        got = "" if came is None else f"is {reprlib.repr(came)}, "
        raise InputError(f"recipe key {place.removeprefix('recipe.')} {got}must be {expected}.")
