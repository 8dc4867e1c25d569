"""What a training run is made of, as a TOML file."""

import difflib
import json
import reprlib
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from partialconv.data.samples import Variety
from partialconv.errors import InputError, reason_of
from partialconv.imageio import read_text
from partialconv.masks.mixture import check_kinds
from partialconv.models import PartialConvUNet
from partialconv.models.losses import OF_FEATURES, PAPER_WEIGHTS

MOST_BYTES = 1 << 20  # of a recipe
MOST_LEVELS = 16  # halvings: no photo is wider than 2^16

Count = Annotated[int, Field(ge=1, le=2**31)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Below1 = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]  # of a file or folder
Shares = tuple[Share, Share]


# of pydantic, which does not know that it reads TOML
SAID = {
    "Input should be": "must be",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid array": "a list",
    "an object": "a table",
    "a valid dictionary": "a table",
    "Tuple should have": "must have",
    "String should match pattern": "must match",
}


class _Table:
    """How pydantic reads the tables of a recipe: every key known, every value of its own type."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class ModelRecipe(_Table):
    """The network: see `PartialConvUNet`. `conv` "plain" is the paper's baseline of ordinary convolutions.

    `first_bias`, `mean` and `std` are for networks of others, to go on from what `partialconv convert` wrote.
    """

    width: Annotated[int, Field(ge=1, le=4096)] = 64
    num_levels: Annotated[int, Field(ge=1, le=MOST_LEVELS)] = 8
    conv: Literal["partial", "plain"] = "partial"
    detail_width: Annotated[int, Field(ge=0, le=4096)] = 0
    detail_dilations: Annotated[tuple[Count, ...], Field(max_length=64)] = ()
    first_bias: bool = False
    mean: Annotated[tuple[float, ...], Field(max_length=3)] = ()
    std: Annotated[tuple[Rate, ...], Field(max_length=3)] = ()

    @classmethod
    def of(cls, net: PartialConvUNet) -> Self:
        """What builds a network of the same layers.

        Raises:
            InputError: its images are not of 3 channels.
        """
        if net.in_channels != 3:
            raise InputError(f"the network takes {net.in_channels} channels, but training needs 3 (RGB).")
        return cls(**{f.name: getattr(net, f.name) for f in fields(cls)})

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
class DataRecipe(_Table):
    """Crops of `crop_px` pixels, with hole ratios in (low, high].

    `holes` gives the weight of each kind, see `masks.mixture.sample_hole`; more of the kind "thin" helps hairlines,
    which are few of the pixels, but not of the photos. The kind "flow" needs `flow_masks`, a folder of `partialconv
    masks flow`. `colour_jitter` is the largest relative change of brightness, contrast and saturation. `resident`
    keeps all photos on the training device: see `data.resident`.

    Shares of the samples, 0 to 1: `whole` shows nearly all of a photo, shrunk for it; `drawn` is pictures that are no
    photos, see `data.drawn`; `toned` makes photos grey, or tones of one colour.
    """

    crop_px: Annotated[int, Field(ge=16, le=16384)] = 512
    hole_ratio: Shares = (0.01, 0.6)
    holes: dict[str, float] = field(default_factory=lambda: {"strokes": 1.0})
    flow_masks: Name = ""
    colour_jitter: Below1 = 0.0
    whole: Share = 0.0
    drawn: Share = 0.0
    toned: Share = 0.0
    resident: bool = False
    num_workers: Annotated[int, Field(ge=0, le=1024)] = 2

    @property
    def variety(self) -> Variety:
        """The shares of what samples show besides crops of photos as they are."""
        return Variety(self.whole, self.drawn, self.toned)

    @property
    def flow_folder(self) -> Path | None:
        """The folder `flow_masks`, if one is named."""
        return Path(self.flow_masks) if self.flow_masks else None


@dataclass(frozen=True)
class LossRecipe(_Table):
    """Weights of the loss terms; the defaults are the paper's. Terms of weight 0 are not computed.

    A smaller `valid` is for thin holes. The last layer sees features of half the resolution, which can hardly give a
    hairline its value without changing the known pixels beside it. Those are discarded, but `valid` forbids it.

    Perceptual and style terms are nearly all of the cost of a step, so there are two ways to make them cheaper, both
    ours: `vgg_window_px` shows them a window around most of the hole (0 = the whole crop), `vgg_every` computes them
    at every n-th step only, with n times the weight.
    """

    valid: Weight = PAPER_WEIGHTS["valid"]
    hole: Rate = PAPER_WEIGHTS["hole"]
    perceptual: Weight = PAPER_WEIGHTS["perceptual"]
    style_out: Weight = PAPER_WEIGHTS["style_out"]
    style_comp: Weight = PAPER_WEIGHTS["style_comp"]
    tv: Weight = PAPER_WEIGHTS["tv"]
    vgg_window_px: Annotated[int, Field(ge=0, le=16384)] = 0
    vgg_every: Count = 1

    def weights(self) -> dict[str, float]:
        """Weight of each term by name."""
        return {name: getattr(self, name) for name in PAPER_WEIGHTS}

    @property
    def uses_vgg(self) -> bool:
        """Whether any term needs VGG's features."""
        return any(getattr(self, name) > 0 for name in OF_FEATURES)


@dataclass(frozen=True)
class DistillationRecipe(_Table):
    """Two trained networks whose fills take the place of the truth in every loss term; none by default.

    Args:
        error: A run, file or model by name, trained with the pixel terms alone.
        texture: Another, trained with all terms.
        share: Of the first in the mix of both, at the edge of the hole and deep inside, each 0 to 1; see
            `distillation.Teachers`.
        repeats: How often each crop is learned again later, beside new ones: steps are of (1 + repeats) batches, once
            there are so many. Wide teachers cost several times what a step with their crops does. What is remembered
            is no part of a checkpoint.
    """

    error: Name = ""
    texture: Name = ""
    share: Shares = (0.8, 0.2)
    repeats: Annotated[int, Field(ge=0, le=1024)] = 0


@dataclass(frozen=True)
class AdversarialRecipe(_Table):
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

    weight: Weight = 0.0
    matching: Weight = 0.0
    kind: Literal["patches", "vgg16"] = "patches"
    loss: Literal["hinge", "softplus"] = "hinge"
    r1: Weight = 0.001
    r1_every: Count = 16
    width: Annotated[int, Field(ge=1, le=4096)] = 32
    num_levels: Annotated[int, Field(ge=1, le=8)] = 4
    hole_share: Share = 0.25
    rate: Rate = 1.0

    def weights(self) -> dict[str, float]:
        """Weight of each term by name."""
        return {"adversarial": self.weight, "matching": self.matching}


@dataclass(frozen=True)
class TrainingRecipe(_Table):
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

    batch_size: Annotated[int, Field(ge=1, le=65536)] = 6
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    ema_decay: Below1 = 0.0
    clip_norm: Weight = 0.0
    compile: bool = False
    gradient_checkpointing: bool = False
    coarse_frozen: bool = False
    norm_frozen: bool = False
    synchronise_norm: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


@dataclass(frozen=True)
class PhaseRecipe(_Table):
    """One phase; its number of steps is not in the paper.

    `schedule` "cosine" takes the rate to zero at its end. Without `features` the perceptual and style terms, nearly
    all of the cost of a step, are left out of this phase; without `adversarial` the discriminator is.
    """

    num_steps: Annotated[int, Field(ge=0, le=10**9)] = 500_000
    lr: Rate = 2e-4
    schedule: Literal["constant", "cosine"] = "constant"
    features: bool = True
    adversarial: bool = True


@dataclass(frozen=True)
class FinetuneRecipe(PhaseRecipe):
    """The second phase: lower rate, BatchNorm of the encoder frozen."""

    lr: Rate = 5e-5


@dataclass(frozen=True)
class TrackingRecipe(_Table):
    """How often, in steps, to log, to save the state, to save pictures, and to validate."""

    log_every: Count = 20
    checkpoint_every: Count = 500
    samples_every: Count = 500
    validate_every: Count = 2000


@dataclass(frozen=True)
class Recipe(_Table):
    """All settings of a training run."""

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
        """The number of steps in both phases together."""
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
    try:
        # as JSON, for which strict means that a list is a tuple, and a table a dataclass
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise InputError(_told(error)) from error
    model, data, loss, judge = recipe.model, recipe.data, recipe.loss, recipe.adversarial
    _expect(model.detail_width not in (1, 2), "model.detail_width", "0, or at least 3")
    _expect(not model.detail_dilations or model.detail_width > 0, "model.detail_dilations", "none without detail_width")
    _expect({len(model.mean), len(model.std)} in ({0}, {3}), "model.mean", "none or 3 numbers, and model.std as many")
    _expect(data.hole_ratio[0] < data.hole_ratio[1], "data.hole_ratio", "0 <= low < high <= 1")
    try:
        check_kinds(data.holes, bool(data.flow_masks))  # the folder need not be there to export
    except InputError as error:
        raise InputError(f"recipe key data.holes: {error}") from error
    _expect(loss.vgg_window_px == 0 or loss.vgg_window_px >= 16, "loss.vgg_window_px", "0, or at least 16")
    named = bool(recipe.distillation.error) == bool(recipe.distillation.texture)
    _expect(named, "distillation", "of two runs, error and texture, or of none")
    _expect(judge.matching == 0 or judge.weight > 0, "adversarial.weight", "above 0 where matching is", judge.weight)
    fits = judge.weight == 0 or judge.kind == "vgg16" or 2**judge.num_levels <= data.crop_px
    _expect(fits, "adversarial.num_levels", "fewer: crops are too small", judge.num_levels)
    _expect(recipe.num_steps >= 1, "initial.num_steps", "at least 1, or finetune.num_steps")
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


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors(include_url=False)[0]
    *tables, key = first["loc"] or ("recipe",)
    place = ".".join(map(str, first["loc"])) or "recipe"
    if first["type"] == "unexpected_keyword_argument":
        known = list(asdict(Recipe())) if not tables else list(asdict(Recipe())[str(tables[0])])
        near = difflib.get_close_matches(str(key)[:64], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}."
        return f"unknown key {reprlib.repr(key)} in {'.'.join(map(str, tables)) or 'recipe'}: {hint}"
    if first["type"] == "dataclass_type":
        return f"{place} is {reprlib.repr(first['input'])}, expected a table [{place}]."
    if first["type"] == "missing":
        return f"recipe key {'.'.join(map(str, tables))} is {reprlib.repr(first['input'])}, and has too few values."
    came, said = f"recipe key {place} is {reprlib.repr(first['input'])}", first["msg"]
    for theirs, ours in SAID.items():
        said = said.replace(theirs, ours)
    return f"{came}, {said}."


def _expect(condition: bool, place: str, expected: str, came: Any = None) -> None:
    if not condition:
        raise InputError(f"recipe key {place} {'' if came is None else f'is {came!r}, '}must be {expected}.")
