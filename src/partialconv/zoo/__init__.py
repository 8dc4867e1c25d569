"""The model that ships with the package, and its card (half.md)."""

from importlib import resources
from pathlib import Path


def model_path() -> Path:
    """The ONNX file of the shipped model."""
    return Path(str(resources.files(__name__) / "half.onnx"))
