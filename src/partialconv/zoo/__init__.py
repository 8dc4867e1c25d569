"""The models inside the package; their cards are docs/models/NAME.md."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from partialconv.errors import InputError


@dataclass(frozen=True)
class ShippedModel:
    """What is known of a model before its file is opened.

    Args:
        name: For `--model`; its file is NAME.onnx, its card docs/models/NAME.md.
        sha256: Of the file.
        num_parameters: Of the network.
        summary: One line.
    """

    name: str
    sha256: str
    num_parameters: int
    summary: str

    @property
    def path(self) -> Path:
        """The file, not checked."""
        return Path(str(resources.files(__name__) / f"{self.name}.onnx"))

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


def model_path(model: str | Path | None = None) -> Path:
    """Find the file of a model.

    Args:
        model: Name of a shipped model, whose file is checked against its hash; or a file, which is given back as it
            is, missing or not. None is the default model.

    Raises:
        InputError: the file of a shipped model is damaged.

    Example:
        >>> model_path("half").name
        'half.onnx'
    """
    name = DEFAULT if model is None else str(model)
    return _intact(name) if name in SHIPPED and not (model and Path(model).exists()) else Path(name)


@lru_cache
def _intact(name: str) -> Path:
    model = SHIPPED[name]
    if not model.is_intact():
        raise InputError(f"{model.path} is missing or damaged: install partialconv again.")
    return model.path
