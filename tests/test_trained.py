"""Trained networks by name, file and run, for users of PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from partialconv.errors import InputError
from partialconv.export import export
from partialconv.inference import OnnxRuntime
from partialconv.models import PartialConvUNet
from partialconv.training.checkpoint import save_checkpoint
from partialconv.training.trainer import train
from partialconv.zoo import model_path
from tests.models.test_unet import in_holes
from tests.training.small import RECIPE


def test_the_shipped_model_computes_what_its_file_does() -> None:
    net = PartialConvUNet.from_pretrained("half")
    image, valid = torch.rand(1, 3, 48, 57), (torch.rand(1, 1, 48, 57) > 0.3).float()
    assert not net.training and (net.width, net.num_levels, net.detail_width > 0) == (32, 8, True)
    with torch.no_grad():
        output = net(image, valid)
    expected = OnnxRuntime(model_path("half"))(image.numpy(), valid.numpy())
    np.testing.assert_allclose(*in_holes(valid, output, expected), atol=1e-4)


def test_files_and_runs(photos: Path, tmp_path: Path) -> None:
    train(RECIPE, photos, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "model.onnx")
    image, valid = torch.rand(1, 3, 32, 40), torch.ones(1, 1, 32, 40)
    one, other = (PartialConvUNet.from_pretrained(tmp_path / name)(image, valid) for name in ("run", "model.onnx"))
    assert float((one - other).detach().abs().max()) < 0.01  # of weights in half precision
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    for name in ("broken.onnx", "nothing", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError):
            PartialConvUNet.from_pretrained(tmp_path / name)


def test_parts_of_a_checkpoint_are_named_as_others_name_them(photos: Path, tmp_path: Path) -> None:
    train(RECIPE, photos, tmp_path / "run")
    from partialconv.training.checkpoint import load_checkpoint

    (tmp_path / "parts").mkdir()
    names = [path.name for path in save_checkpoint(load_checkpoint(tmp_path / "run"), tmp_path / "parts", 0.05)]
    assert names[:2] == [f"checkpoint-0000{n}-of-{len(names):05d}.safetensors" for n in (1, 2)]
    for path in (tmp_path / "parts").iterdir():  # as they were named before
        _, number, _, total = path.stem.split("-")
        path.rename(path.with_name(f"checkpoint-{int(number)}-of-{int(total)}.safetensors"))
    assert load_checkpoint(tmp_path / "parts").step == 6
