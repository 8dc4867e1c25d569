"""The weights of VGG16, from the user's own file or PyTorch's cache; nothing is downloaded."""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from partialconv.errors import InputError, reason_of
from partialconv.imageio import check_memory
from partialconv.models.features import VGG16Features

# torchvision's VGG16 of ImageNet, whose name carries the beginning of its SHA-256
URL = "https://download.pytorch.org/models/vgg16-397923af.pth"


def load_vgg16(file: Path | None = None) -> VGG16Features:
    """VGG16 with the official ImageNet weights.

    Args:
        file: A .pth, .safetensors or .npz file with torchvision's names ("features.0.weight", (C_out, C_in, 3, 3)),
            for RGB in [0, 1] normalised by ImageNet's mean and deviation. By default vgg16-397923af.pth in the cache
            of torch.hub, whose hash is checked. Layers after pool3 are ignored.

    Raises:
        InputError: the file is missing, unreadable, changed, or holds other weights.
    """
    path = cached_weights(URL) if file is None else file
    if path is None:
        raise InputError(
            f"the perceptual and style terms need VGG16's weights: save {URL} as {cache_path(URL)}, or name a file "
            "with --vgg; or set loss.perceptual, loss.style_out and loss.style_comp to 0."
        )
    features = VGG16Features()
    names = features.state_dict().keys()
    state = read_weights(path)
    missing = [name for name in names if name not in state]
    if missing:
        raise InputError(f"{path} has no {missing[0]!r}: expected VGG16's weights with torchvision's names.")
    try:
        features.load_state_dict({name: state[name] for name in names})
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds a network that is not VGG16: {str(error).splitlines()[-1].strip()}") from error
    return features


def cache_path(url: str) -> Path:
    """Where torch.hub keeps a file of weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]


def cached_weights(url: str) -> Path | None:
    """A file of weights in the cache of torch.hub, None if it is not there.

    Args:
        url: Ends in the beginning of the file's SHA-256, as in name-397923af.pth.

    Raises:
        InputError: the file has another hash.
    """
    path = cache_path(url)
    if not path.is_file():
        return None
    expected = path.stem.rsplit("-", 1)[1]
    if not _sha256(path).startswith(expected):
        raise InputError(f"{path} is damaged: its SHA-256 does not begin with {expected}; download it again.")
    return path


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a .npz, .safetensors or .pth file; no code of the file is run.

    Raises:
        InputError: the file is missing or holds no weights.
    """
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                check_memory(sum(entry.file_size for entry in archive.infolist()), str(path))
            with np.load(path) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays}
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)  # runs no code of the file
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from error
    except Exception as error:  # unpicklers stumble over a broken file in every way
        raise InputError(f"{path} holds no weights: {reason_of(error)}") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__}, expected a state dict.")
    check_claims(state.values(), path)
    return state


def check_claims(values: Iterable[object], path: Path) -> None:
    """Refuse tensors that claim more than their file holds: repeated without end, one number fills a memory.

    Raises:
        InputError: there is one.
    """
    size = path.stat().st_size
    for value in values:
        if isinstance(value, Tensor) and value.numel() * value.element_size() > size:
            raise InputError(
                f"{path} is broken: it claims a tensor of shape {tuple(value.shape)}, and has {size} bytes."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
