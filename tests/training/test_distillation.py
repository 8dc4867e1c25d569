"""Learning from two networks."""

import copy
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from partialconv.conventions import composite
from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.training import distillation
from partialconv.training.checkpoint import Checkpoint, save_checkpoint
from partialconv.training.distillation import EDGE_PX, SMOOTH_PX, CropMemory, Teachers
from partialconv.training.distributed import World
from partialconv.training.learner import Learner
from partialconv.training.recipe import DistillationRecipe
from partialconv.training.trainer import train
from tests.training.small import RECIPE, changed


def networks() -> tuple[PartialConvUNet, PartialConvUNet]:
    torch.manual_seed(3)
    error = PartialConvUNet(width=4, num_levels=3).eval()
    texture = copy.deepcopy(error)
    with torch.no_grad():
        for parameter in texture.parameters():
            parameter.add_(0.1 * parameter.std(correction=0) * torch.randn_like(parameter))
    return error, texture


def crops() -> tuple[Tensor, Tensor]:
    target, valid = torch.rand(2, 3, 40, 48), torch.ones(2, 1, 40, 48, dtype=torch.bool)
    valid[0, :, 8:30, 5:40] = False
    valid[1, :, 20:, :9] = False  # at the border
    return target, valid


@pytest.mark.parametrize("share", [(1.0, 1.0), (0.8, 0.2), (0.0, 0.5), (0.0, 0.0)])
def test_the_mix_is_that_of_scipy(share: tuple[float, float]) -> None:
    error, texture = networks()
    target, valid = crops()
    mixed = Teachers(error, texture, share)(target, valid).numpy()
    with torch.no_grad():
        of_error, of_texture = (net(target, valid).double().numpy() for net in (error, texture))
        mirrored = error(target.flip(3), valid.flip(3)).double().numpy()
    of_error = (of_error + mirrored[..., ::-1]) / 2
    for number, known in enumerate(valid[:, 0].numpy()):
        near = np.minimum(1, 2 * gaussian_filter(known.astype(float), EDGE_PX, mode="nearest", truncate=3))
        weight = share[1] + (share[0] - share[1]) * near
        for channel in range(3):
            difference = np.where(known, 0, of_error[number, channel] - of_texture[number, channel])
            smooth = gaussian_filter(difference, SMOOTH_PX, mode="nearest", truncate=3)
            expected = of_texture[number, channel] + weight * difference + (1 - weight) * smooth
            truth = target[number, channel].numpy()
            np.testing.assert_allclose(mixed[number, channel], np.where(known, truth, expected), rtol=0, atol=1e-5)


def test_the_truth_under_the_hole_is_not_looked_at() -> None:
    target, valid = crops()
    teachers = Teachers(*networks(), (0.8, 0.2))
    other = torch.where(valid, target, torch.rand(()))
    assert torch.equal(teachers(target, valid), teachers(other, valid))


@pytest.mark.parametrize("repeats", [0, 2])
def test_a_pupil_comes_near_to_its_teachers(tmp_path: Path, repeats: int) -> None:
    error, texture = networks()
    for name, net in (("error", error), ("texture", texture)):
        (tmp_path / name).mkdir()
        save_checkpoint(Checkpoint(1, RECIPE, net.state_dict()), tmp_path / name)
    recipe = changed(
        distillation={"error": str(tmp_path / "error"), "texture": str(tmp_path / "texture"), "repeats": repeats},
        loss={"valid": 0, "tv": 0},
        training={"norm_frozen": True},
    )
    target, valid = crops()
    with World.of_environment() as world:
        learner = Learner(recipe, world, None, None, copy.deepcopy(texture))
        for number in range(1, 101):
            _, _, output = learner.step(target, valid, 1e-3, number)
    assert output.shape == target.shape
    goal = Teachers(error, texture, recipe.distillation.share)(target, valid)
    with torch.no_grad():
        before, after = (composite(target, net.eval()(target, valid), valid.float()) for net in (texture, learner.net))
    assert (after - goal).abs().mean() < 0.5 * (before - goal).abs().mean()


def test_former_crops_come_with_what_was_taught_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distillation, "NUM_REMEMBERED", 10)
    memory = CropMemory(3, seed=5)
    uses: Counter[int] = Counter()
    for step in range(200):
        new = torch.arange(2 * step, 2 * step + 2)
        crops, goals = memory.recall(new, -new)
        assert len(crops) == (2 + min(6, 2 * step, 10))
        assert torch.equal(crops[:2], new)
        assert torch.equal(goals, -crops)
        former = crops[2:].tolist()
        assert len(set(former)) == len(former)
        assert all(2 * step - 10 <= number < 2 * step for number in former)
        uses.update(former)
    assert sum(uses.values()) == pytest.approx(3 * len(uses), rel=0.1)
    assert max(uses.values()) <= 5  # a crop is kept for five steps


def test_without_repeats_nothing_is_remembered() -> None:
    memory = CropMemory(0, seed=5)
    for _ in range(3):
        (crops,) = memory.recall(torch.ones(2, 3))
        assert crops.shape == (2, 3)
    assert not memory.crops


def test_without_a_teacher_training_does_not_begin(photos: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    recipe = replace(RECIPE, distillation=DistillationRecipe(missing, missing))
    with pytest.raises(InputError, match="missing"):
        train(recipe, photos, tmp_path / "pupil")
    assert not (tmp_path / "pupil").exists()
