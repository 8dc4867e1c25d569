"""Trained networks in PyTorch, wherever they are."""

from pathlib import Path

from partialconv.models import PartialConvUNet
from partialconv.zoo import model_path
from partialconv.zoo.networks import load_file


def load(source: str | Path) -> PartialConvUNet:
    """Read a trained network; `PartialConvUNet.from_pretrained` under another name.

    Args:
        source: The name of a model, see `partialconv models`; a file of `partialconv export` or of `partialconv
            convert`; or the folder of a run.

    Returns:
        In eval mode. Exported files, and so models by name, hold it without BatchNorm, weights rounded to half
        precision.

    Raises:
        InputError: there is none, or it is broken.
    """
    path = model_path(source)
    if path.is_dir():
        from partialconv.training.checkpoint import load_checkpoint  # which needs more than PyTorch

        return load_checkpoint(path).network()
    return load_file(path)
