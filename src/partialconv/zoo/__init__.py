"""The model that ships with the package, and its card (first.md)."""

from importlib import resources
from pathlib import Path

DEFAULT = "first"


def model_path(name: str = DEFAULT) -> Path:
    """The ONNX file of a shipped model.

    Raises:
        FileNotFoundError: no such model in this installation.
    """
    path = Path(str(resources.files(__name__) / f"{name}.onnx"))
    if not path.is_file():
        raise FileNotFoundError(f"no model {name!r} in this installation of partialconv.")
    return path
