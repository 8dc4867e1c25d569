"""VGG16's weights from files of all kinds, right and wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from partialconv.errors import InputError
from partialconv.models.features import VGG16Features
from partialconv.training import pretrained
from partialconv.training.pretrained import load_vgg16


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return dict(VGG16Features().state_dict()) | {"classifier.0.bias": torch.zeros(3)}


def write(state: dict[str, Tensor], path: Path) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items()})  # type: ignore[arg-type]
    elif path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=path.stem != "old")
    return path


@pytest.mark.parametrize("name", ["vgg.pth", "old.pth", "vgg.npz", "vgg.safetensors"])
def test_every_format_is_read(state: dict[str, Tensor], tmp_path: Path, name: str) -> None:
    loaded = load_vgg16(write(state, tmp_path / name)).state_dict()
    assert loaded.keys() == VGG16Features().state_dict().keys()
    assert all(torch.equal(loaded[key], state[key]) for key in loaded)


def test_the_cache_is_used_and_its_hash_checked(
    state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(InputError, match=r"save https://.*vgg16-397923af.pth as .*or name a file with --vgg"):
        load_vgg16()
    (tmp_path / "checkpoints").mkdir()
    path = write(state, tmp_path / "checkpoints" / "vgg16-397923af.pth")
    with pytest.raises(InputError, match="does not begin with 397923af"):
        load_vgg16()
    honest = path.with_name(f"vgg16-{pretrained._sha256(path)[:8]}.pth")
    path.rename(honest)
    monkeypatch.setattr(pretrained, "URL", f"https://host/{honest.name}")
    assert torch.equal(load_vgg16().state_dict()["features.0.bias"], state["features.0.bias"])


def test_wrong_files_are_refused_in_one_line(state: dict[str, Tensor], tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("code was run",))

    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.npz").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    torch.save({"features.0.weight": Harmful()}, tmp_path / "harmful.pth")
    torch.save([1], tmp_path / "list.pth")
    write({k: v for k, v in state.items() if "14" not in k}, tmp_path / "short.npz")
    write(state | {"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "grey.npz")
    for name, message in (
        ("none.pth", "cannot read"),
        ("text.pth", "holds no weights"),
        ("text.npz", "holds no weights"),
        ("text.safetensors", "holds no weights"),
        ("harmful.pth", "holds no weights"),
        ("list.pth", "holds a list, expected a state dict"),
        ("short.npz", "has no 'features.14.weight'"),
        ("grey.npz", "holds a network that is not VGG16"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            load_vgg16(tmp_path / name)
        assert "\n" not in str(caught.value)
