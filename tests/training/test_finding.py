"""Training of the network that finds damage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from partialconv.data.damaged import Item
from partialconv.errors import InputError
from partialconv.training.finding import (
    FinderRecipe,
    FinderTraining,
    export_finder,
    finder_loss,
    load_finder,
    load_finder_recipe,
)
from tests.data.test_damage import folder as folder  # a fixture

SMALL = FinderRecipe((8, 8, 8, 8), (1,), crop_px=32, batch_size=2, warmup_steps=2, bf16=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place: Path = tmp_path / "photos"
    place.mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(place / f"{number}.png")
    return place


def batch_of(training: FinderTraining, number: int) -> Item:
    image, valid, truth, kinds = (part[None] for part in training.crops[number])
    return image, valid, truth, kinds


def test_goes_on_where_it_stopped(photos: Path, folder: Path, tmp_path: Path) -> None:
    first = FinderTraining(SMALL, [photos], folder, tmp_path / "run", 3600)
    for number in range(3):
        first.learn(batch_of(first, number))
    first.save()
    second = FinderTraining(SMALL, [photos], folder, tmp_path / "run", 3600)
    assert second.step == 3 and second.spent_s > 0
    batch = batch_of(first, 3)
    assert first.learn(batch) == pytest.approx(second.learn(batch), rel=1e-5)
    for one, other in zip(first.net.state_dict().values(), second.net.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_another_recipe_is_refused(photos: Path, folder: Path, tmp_path: Path) -> None:
    FinderTraining(SMALL, [photos], folder, tmp_path / "run", 3600).save()
    with pytest.raises(InputError, match="holds another training"):
        FinderTraining(replace(SMALL, widths=(8, 8, 8, 16)), [photos], folder, tmp_path / "run", 3600)


def test_ends_at_the_limit_with_a_checkpoint_and_a_curve(photos: Path, folder: Path, tmp_path: Path) -> None:
    FinderTraining(SMALL, [photos], folder, tmp_path / "run", 0.2).run()
    net, step = load_finder(tmp_path / "run")
    assert step >= 1 and net.widths == (8, 8, 8, 8)
    assert (tmp_path / "run" / "curve.csv").read_text().splitlines()[1].split(",")[0] == str(step)
    export_finder(tmp_path / "run", tmp_path / "find.onnx", 0.25)
    session = onnxruntime.InferenceSession(tmp_path / "find.onnx", providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["threshold"] == "0.2500"


def test_the_loss_falls_when_the_truth_is_found() -> None:
    truth = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    truth[0, :, 10:14] = True
    labels = torch.where(truth[:, 0], 2, 255).to(torch.uint8)
    batch = (torch.zeros(2, 3, 32, 32), torch.ones_like(truth), truth, labels)
    right, wrong = (torch.where(truth, 4.0, -4.0) * sign for sign in (1, -1))
    kinds = torch.zeros(2, 5, 16, 16)
    sure = kinds.clone()
    sure[:, 2] = 5
    losses = [
        finder_loss(damage, k, batch, FinderRecipe()) for damage, k in ((right, sure), (right, kinds), (wrong, sure))
    ]
    assert losses[0] < losses[1] < losses[2]
    # nothing is learnt from what is unknown
    unknown = (batch[0], ~truth, truth, torch.full_like(labels, 255))
    missed = finder_loss(torch.full_like(right, -4.0), kinds, unknown, FinderRecipe())
    torch.testing.assert_close(finder_loss(right, kinds, unknown, FinderRecipe()), missed)


def test_recipes(tmp_path: Path) -> None:
    assert load_finder_recipe(Path(__file__).parents[2] / "recipes" / "find.toml") == FinderRecipe()
    (tmp_path / "a.toml").write_text("widths = [8, 16]\nlr = 0.01\n")
    assert load_finder_recipe(tmp_path / "a.toml") == FinderRecipe(widths=(8, 16), lr=0.01)
    (tmp_path / "b.toml").write_text("speed = 1\n")
    for name in ("b.toml", "c.toml"):
        with pytest.raises(InputError, match=r"is no recipe of a finder"):
            load_finder_recipe(tmp_path / name)
    with pytest.raises(InputError, match="holds no training of a finder"):
        load_finder(tmp_path)
