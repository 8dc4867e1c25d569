"""Models by name: the one inside the package, and those of other packages; their cards are docs/models/NAME.md."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from partialconv.errors import InputError, reason_of


@dataclass(frozen=True)
class ShippedModel:
    """What is known of a model before its file is opened.

    Args:
        name: For `--model`; its file is NAME.onnx, its card docs/models/NAME.md.
        sha256: Of the file.
        num_parameters: Of the network.
        summary: One line.
        package: Holds the file.
    """

    name: str
    sha256: str
    num_parameters: int
    summary: str
    package: str = "partialconv.zoo"

    @property
    def path(self) -> Path:
        """The path of the model's file, which is not checked."""
        return Path(str(resources.files(self.package) / f"{self.name}.onnx"))

    def is_intact(self) -> bool:
        """Whether the file is there and is the one that was published."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


DEFAULT = "half"
SHIPPED = {
    model.name: model
    for model in (
        ShippedModel(
            DEFAULT,
            "20637df52db996acc270eb61daf5a42e94d33290a940d6a39a47872c5fa87667",
            8_259_899,
            "half the paper's width, with detail layers; all six losses",
        ),
    )
}


# it fills nothing, so it is none of the models by name
FINDER = ShippedModel(
    "find",
    "30c3d0a5d13112bd1798e72efc4d302792fede831d95bee06ced5e6ca38416de",
    1_192_169,
    "finds damage: dust, scratches, cracks, stamps and text",
)
GROUP = "partialconv.models"  # of entry points: NAME = "package:MODEL", a dictionary of what `ShippedModel` takes
OTHERS = {"full": "partialconv-model-full"}  # packages of their own, for their size


@lru_cache
def installed() -> dict[str, ShippedModel]:
    """All models by name, those of other packages after the shipped ones.

    Raises:
        InputError: a package describes its model in another way.
    """
    from importlib.metadata import entry_points  # here, for a command with the shipped model needs it not

    found = dict(SHIPPED)
    for entry in entry_points(group=GROUP):
        try:
            found.setdefault(entry.name, ShippedModel(**entry.load()))
        except Exception as error:  # whatever the package does
            raise InputError(f"the model {entry.name} of {entry.value} cannot be used: {reason_of(error)}.") from error
    return found


def model_path(model: str | Path | None = None) -> Path:
    """Find the file of a model.

    Args:
        model: Name of an installed model, whose file is checked against its hash; or a file, which is given back as it
            is, missing or not. None is the default model.

    Raises:
        InputError: the file of a model is damaged, or the model is a package that is not installed.

    Example:
        >>> model_path("half").name
        'half.onnx'
    """
    name = DEFAULT if model is None else str(model)
    if model and Path(model).exists():
        return Path(model)
    if name in SHIPPED or name in installed():
        return _intact(name)
    if name in OTHERS:
        raise InputError(f"the model {name} is not installed: pip install {OTHERS[name]}.")
    return Path(name)


def finder_path() -> Path:
    """The file of the network that finds damage, checked against its hash.

    Raises:
        InputError: it is missing or damaged.
    """
    return _intact(FINDER.name)


@lru_cache
def _intact(name: str) -> Path:
    model = FINDER if name == FINDER.name else SHIPPED.get(name) or installed()[name]
    if not model.is_intact():
        distribution = model.package.partition(".")[0].replace("_", "-")
        raise InputError(f"{model.path} is missing or damaged: install {distribution} again.")
    return model.path
