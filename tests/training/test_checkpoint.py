"""Checkpoints in one file and in several."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from partialconv.data import open_photos
from partialconv.errors import InputError
from partialconv.export import export
from partialconv.models import PartialConvUNet
from partialconv.training.checkpoint import Checkpoint, holds_checkpoint, load_checkpoint, save_checkpoint
from partialconv.training.recipe import load_recipe
from partialconv.training.starting import starting_network
from partialconv.training.trainer import train
from tests.training.small import RECIPE, changed


def test_small_files_hold_what_one_holds(finished: Path, tmp_path: Path) -> None:
    whole = load_checkpoint(finished)
    paths = save_checkpoint(whole, tmp_path, max_mb=0.05)
    assert len(paths) > 2 and sorted(tmp_path.iterdir()) == sorted(paths)
    assert all(path.stat().st_size <= 50_000 for path in paths)
    again = load_checkpoint(tmp_path)
    assert (again.step, again.recipe) == (whole.step, whole.recipe)
    for name in ("model", "average", "optimizer"):
        before, after = getattr(whole, name), getattr(again, name)
        assert before.keys() == after.keys() and before
        assert all(torch.equal(before[key], after[key]) for key in before)
    paths[1].unlink()
    assert holds_checkpoint(tmp_path)
    with pytest.raises(InputError, match="is incomplete"):
        load_checkpoint(tmp_path)


def test_a_tensor_larger_than_a_file_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"alone has .* MB, which do not fit into 0.033 MB"):
        save_checkpoint(load_checkpoint(finished), tmp_path, max_mb=0.033)
    assert not list(tmp_path.iterdir())


def test_a_light_checkpoint_goes_on_and_exports(finished: Path, photos: Path, tmp_path: Path) -> None:
    whole = load_checkpoint(finished)
    light = whole.light()
    assert not light.average and not light.optimizer
    save_checkpoint(light, tmp_path)
    read = load_checkpoint(tmp_path)
    for name, value in whole.best.items():
        assert torch.equal(read.model[name], value.half() if value.is_floating_point() else value)
    size = (tmp_path / "checkpoint.safetensors").stat().st_size
    assert size < 0.2 * (finished / "checkpoint.safetensors").stat().st_size
    export(tmp_path, tmp_path / "model.onnx")
    assert train(changed(initial={"num_steps": 8}), photos, tmp_path, resume=True) == (8, True)
    resumed = load_checkpoint(tmp_path)
    assert resumed.model["encoder.0.conv.weight"].dtype == torch.float32 and resumed.average


def test_a_network_of_ordinary_convolutions_comes_back(tmp_path: Path) -> None:
    recipe = changed(RECIPE, model={"conv": "plain"})
    net = Checkpoint(0, recipe, {}).recipe.model
    assert net.conv == "plain"
    state = PartialConvUNet(4, 3, conv="plain").state_dict()
    save_checkpoint(Checkpoint(3, recipe, state), tmp_path)
    assert load_checkpoint(tmp_path).network().conv == "plain"


def test_the_shipped_model_can_be_trained_on(photos: Path) -> None:
    """With BatchNorm again: in eval mode it is the same network, and in training mode near to it."""
    recipe = load_recipe(Path(__file__).parents[2] / "recipes" / "half_taught.toml")
    small = replace(
        recipe, data=replace(recipe.data, crop_px=64, holes={"strokes": 1.0}, flow_masks="", resident=False)
    )
    source = open_photos(photos, 64)
    net, shipped = starting_network(Path("half"), small, source), PartialConvUNet.from_pretrained("half")
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()) == 14
    image, valid = torch.rand(4, 3, 64, 64), (torch.rand(4, 1, 64, 64) > 0.2).float()
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(image, valid), shipped(image, valid), atol=1e-3, rtol=1e-3)
