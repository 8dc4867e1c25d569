"""Training against a discriminator."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from partialconv.errors import InputError
from partialconv.models.discriminator import Discriminator, Judgement
from partialconv.models.features import VGG16Features
from partialconv.training import adversarial
from partialconv.training.adversarial import Adversary
from partialconv.training.checkpoint import FILE_NAME, Checkpoint, load_checkpoint, save_checkpoint
from partialconv.training.distributed import World
from partialconv.training.learner import Learner
from partialconv.training.recipe import AdversarialRecipe, DistillationRecipe, Recipe, recipe_from_dict
from partialconv.training.schedule import rate_at
from partialconv.training.trainer import train
from tests.training.small import RECIPE, changed

WORLD = World(0, 1, torch.device("cpu"))
JUDGED = replace(RECIPE, adversarial=AdversarialRecipe(0.1, matching=1.0, width=4, num_levels=2, r1=0.001, r1_every=2))


def adversary(dtype: torch.dtype = torch.float32, **keys: Any) -> Adversary:
    recipe = changed(JUDGED, adversarial=keys)
    return Adversary(recipe, WORLD, dtype, VGG16Features() if recipe.adversarial.kind == "vgg16" else None)


def crops(size: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Target, output and valid, with a hole on the left in one picture and in the middle of the other."""
    valid = torch.ones(2, 1, size, size, dtype=torch.bool)
    valid[0, :, 10:30, :14] = False
    valid[1, :, 16:40, 20:44] = False
    return torch.rand(2, 3, size, size), torch.rand(2, 3, size, size, requires_grad=True), valid


class Fixed(Discriminator):
    """Scores are pixels of the first channel, each judged by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def see(self, image: Tensor) -> list[Tensor]:
        return [image]

    def judge(self, seen: list[Tensor], valid: Tensor) -> Judgement:
        weighted = seen[0] * self.weight.view(1, 3, 1, 1)
        return Judgement([weighted[:, :1]], [weighted])

    def hole_shares(self, hole: Tensor) -> list[Tensor]:
        return [hole]


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversarial, "_build", lambda *_: Fixed())


@pytest.mark.parametrize("kind", ["patches", "vgg16"])
def test_known_pixels_never_get_its_gradient(kind: str) -> None:
    judge = adversary(kind=kind)
    target, output, valid = crops()
    judge.total(judge.play(target, output, valid).terms).backward()
    assert output.grad is not None
    known = valid.expand_as(output.grad)
    assert bool((output.grad[known] == 0).all())
    assert (output.grad[~known] != 0).double().mean() > 0.99
    assert all(parameter.grad is None for parameter in judge.net.parameters())


def test_patches_that_do_not_see_enough_of_the_hole_do_not_count() -> None:
    judge = adversary(matching=0.0)
    target, output, valid = crops()
    terms = judge.play(target, output, valid).terms
    changed_far_away = target.clone()
    changed_far_away[0, :, :, 40:] = 1 - changed_far_away[0, :, :, 40:]  # patches span 18 pixels
    assert judge.play(changed_far_away, output, valid).terms == terms
    nothing = judge.play(target, output, torch.ones_like(valid)).terms
    assert nothing["adversarial"] == 0
    changed_beside = target.clone()
    changed_beside[0, :, 10:30, 14:18] = 1 - changed_beside[0, :, 10:30, 14:18]
    assert judge.play(changed_beside, output, valid).terms != terms


def test_vgg16_is_shown_the_window_around_most_of_the_hole() -> None:
    recipe = changed(JUDGED, loss={"vgg_window_px": 32}, adversarial={"kind": "vgg16"})
    judge = Adversary(recipe, WORLD, torch.float32, VGG16Features())
    target, output, valid = crops()
    played = judge.play(target, output, valid)
    assert played.known.shape == (2, 1, 32, 32)
    assert torch.equal((1 - played.known).sum((1, 2, 3)), (~valid).sum((1, 2, 3)).float())  # both holes fit
    assert played.real[0].shape[-2:] == (16, 16)
    played.terms["adversarial"].backward()
    assert output.grad is not None and bool((output.grad[valid.expand_as(output)] == 0).all())
    assert bool((output.grad[~valid.expand_as(output)] != 0).any())


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("loss", ["hinge", "softplus"])
def test_losses_by_hand(loss: Literal["hinge", "softplus"]) -> None:
    judge = adversary(loss=loss, r1=0.1, r1_every=1)
    target, output, valid = crops(8)
    valid[:, :, 2:4, 3:5] = False
    valid[1, :, 5] = False
    target, output = 3 * target, 3 * output.detach()
    hole = ~valid[:, 0].numpy()
    real, fake = (np.array([part[n, 0].numpy()[hole[n]].mean() for n in range(2)]) for part in (target, output))

    def mean(function: Any, images: Tensor) -> float:
        return float(np.mean([function(images[n, 0].numpy().astype(np.float64)[hole[n]]).mean() for n in range(2)]))

    def softplus(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.logaddexp(0.0, x))

    def relu(x: np.ndarray) -> np.ndarray:
        return np.asarray(x.clip(min=0))

    if loss == "hinge":
        wanted = mean(lambda x: -x, output)
        cost = mean(lambda x: relu(1 - x), target) + mean(lambda x: relu(1 + x), output)
    else:
        wanted = mean(lambda x: softplus(-x), output)
        cost = mean(lambda x: softplus(-x), target) + mean(softplus, output)
    played = judge.play(target, output, valid)
    terms = played.terms
    assert float(terms["adversarial"]) == pytest.approx(wanted, rel=1e-5)
    assert float(terms["matching"]) == pytest.approx(float(((target - output).abs() * ~valid).mean()), rel=1e-5)
    assert float(judge.total(terms)) == pytest.approx(0.1 * wanted + float(terms["matching"]), rel=1e-5)
    shown = judge.learn(played, 1e-3, 1)
    assert float(shown["discriminator"]) == pytest.approx(cost, rel=1e-5)
    assert float(shown["score_real"]) == pytest.approx(real.mean(), rel=1e-5)
    assert float(shown["score_fake"]) == pytest.approx(fake.mean(), rel=1e-5)
    # the gradient of a score at its pixel is 1 in one channel
    assert float(shown["r1"]) == pytest.approx(hole.sum() / 2, rel=1e-5)


@pytest.mark.usefixtures("fixed")
def test_the_penalty_comes_at_every_nth_step_with_n_times_the_weight() -> None:
    gradients = []
    for every, step in ((1, 3), (4, 4), (4, 3)):
        judge = adversary(r1=0.1, r1_every=every)
        target, output, valid = crops(8)
        shown = judge.learn(judge.play(torch.zeros_like(target), torch.zeros_like(output), valid), 1e-3, step)
        gradients.append(float(shown["discriminator_gradient"]))
        assert ("r1" in shown) == (step != 3 or every == 1)
    num_holes = float((~valid).sum()) / 2
    # d/dw of 0.1 w^2 times the number of pixels; there is no other gradient where the picture is 0
    assert gradients == [pytest.approx(0.2 * num_holes), pytest.approx(0.8 * num_holes), 0]


@pytest.mark.parametrize("kind", ["patches", "vgg16"])
def test_two_pictures_count_as_each_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What two processes see is the mean of what one does, whatever the holes."""
    vgg = VGG16Features()
    monkeypatch.setattr("tests.training.test_adversarial.VGG16Features", lambda: vgg)
    target, output, valid = crops()
    both = adversary(kind=kind)
    played = both.play(target, output, valid)
    together = played.terms | both.learn(played, 1e-3, 2)
    alone = []
    for n in range(2):
        judge, part = adversary(kind=kind), slice(n, n + 1)
        played = judge.play(target[part], output[part], valid[part])
        alone.append(played.terms | judge.learn(played, 1e-3, 2))
    for name in ("adversarial", "matching", "discriminator", "r1", "score_real", "score_fake"):
        mean = (alone[0][name] + alone[1][name]) / 2
        torch.testing.assert_close(together[name], mean, rtol=1e-4, atol=1e-5)


def test_a_discriminator_learns_to_tell_photos_from_fills() -> None:
    judge = adversary(matching=0.0)
    target, _, valid = crops()
    flat = torch.full_like(target, 0.5)
    shown = [judge.learn(judge.play(target, flat, valid), 1e-2, step) for step in range(1, 60)]
    assert shown[-1]["score_real"] > 0 > shown[-1]["score_fake"]
    assert shown[-1]["discriminator"] < 0.5 * shown[0]["discriminator"]


def noise_detail(recipe: Recipe, steps: int) -> float:
    """Standard deviation of what a network fills in random black and white pixels, trained for some steps."""
    generator = torch.Generator().manual_seed(7)
    learner = Learner(recipe, WORLD, None, None)
    valid = torch.ones(8, 1, 32, 32, dtype=torch.bool)
    valid[:, :, 8:24, 8:24] = False
    for step in range(1, steps + 1):
        target = (torch.rand(8, 3, 32, 32, generator=generator)[:, :1] > 0.5).float().expand(-1, 3, -1, -1)
        _, _, output = learner.step(target, valid, 2e-3, step)
    return float(output[:, :, 8:24, 8:24].std(dim=(2, 3)).mean())


def test_a_network_reaches_texture_that_it_does_not_without() -> None:
    """Noise cannot be foretold: least error is grey (deviation 0), the truth has 0.5."""
    recipe = changed(RECIPE, model={"width": 8}, loss={"hole": 1.0, "tv": 0.0}, training={"ema_decay": 0.0})
    judged = replace(recipe, adversarial=AdversarialRecipe(1.0, matching=3.0, width=16, num_levels=2, r1=0.0))
    assert noise_detail(recipe, 90) < 0.15
    assert 0.2 < noise_detail(judged, 90) < 0.8


def test_a_resumed_run_is_bit_for_bit_that_of_one_never_stopped(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(JUDGED, photos, tmp_path / "whole")
    run = tmp_path / "parts"

    def interrupted(recipe: Recipe, position: float) -> float:
        if position == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return rate_at(recipe, position)

    with monkeypatch.context() as patched:
        patched.setattr("partialconv.training.trainer.rate_at", interrupted)
        assert train(JUDGED, photos, run) == (3, False)
    assert train(JUDGED, photos, run, resume=True) == (6, True)
    whole, parts = load_checkpoint(tmp_path / "whole"), load_checkpoint(run)
    for name in ("model", "average", "optimizer", "discriminator", "discriminator_optimizer"):
        expected, state = getattr(whole, name), getattr(parts, name)
        assert state.keys() == expected.keys() and state
        assert all(torch.equal(state[key], expected[key]) for key in state), name


def test_the_log_has_losses_scores_and_gradients(photos: Path, tmp_path: Path) -> None:
    train(JUDGED, photos, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    for line in lines:
        assert {"discriminator", "score_real", "score_fake", "r1"} <= line.keys()
        assert line["gradient"] > 0 and line["discriminator_gradient"] > 0
        assert line["weighted"]["adversarial"] == pytest.approx(0.1 * line["adversarial"], rel=1e-4)
        assert line["total"] == pytest.approx(sum(line["weighted"].values()), rel=1e-4)


def test_a_checkpoint_from_before_goes_on_with_a_discriminator(finished: Path, photos: Path, tmp_path: Path) -> None:
    """As it was written when recipes had no such table."""
    with safe_open(finished / FILE_NAME, framework="pt") as file:
        tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    recipe = json.loads(metadata["recipe"])
    recipe.pop("adversarial")
    for key in ("whole", "drawn", "toned"):
        recipe["data"].pop(key)
    for phase in ("initial", "finetune"):
        recipe[phase].pop("adversarial")
    save_file(tensors, tmp_path / FILE_NAME, metadata | {"recipe": json.dumps(recipe)})
    assert not load_checkpoint(tmp_path).discriminator
    assert train(changed(JUDGED, initial={"num_steps": 8}), photos, tmp_path, resume=True) == (8, True)
    assert load_checkpoint(tmp_path).discriminator
    # and without it again
    assert train(changed(initial={"num_steps": 9}), photos, tmp_path, resume=True) == (9, True)
    assert not load_checkpoint(tmp_path).discriminator


@pytest.mark.parametrize("kind", ["patches", "vgg16"])
def test_numbered_moments_of_before_are_read(kind: str) -> None:
    """Those of "vgg16" count only what learns, not the channels that are mixed at random."""
    judge = adversary(kind=kind)
    target, output, valid = crops()
    judge.learn(judge.play(target, output.detach(), valid), 1e-2, 1)
    weights, moments = judge.state()
    names = list(dict.fromkeys(key.rpartition(".")[0] for key in moments))
    numbered = {f"{names.index(key.rpartition('.')[0])}.{key.rpartition('.')[2]}": t for key, t in moments.items()}
    recipe = changed(JUDGED, adversarial={"kind": kind})
    other = adversary(kind=kind)
    other.restore(Checkpoint(1, recipe, {}, discriminator=weights, discriminator_optimizer=numbered))
    found = other.state()[1]
    assert found.keys() == moments.keys()
    for name, tensor in moments.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)


def test_another_discriminator_is_refused(photos: Path, tmp_path: Path) -> None:
    train(changed(JUDGED, initial={"num_steps": 1}), photos, tmp_path)
    with pytest.raises(InputError, match=r"adversarial.width = 4, the recipe 8: keep it, or begin a new run"):
        train(changed(JUDGED, adversarial={"width": 8}), photos, tmp_path, resume=True)


def test_only_what_fills_is_exported_and_carried(photos: Path, tmp_path: Path) -> None:
    train(changed(JUDGED, initial={"num_steps": 1}), photos, tmp_path)
    state = load_checkpoint(tmp_path)
    assert state.discriminator
    assert not state.light().discriminator and not state.weights().discriminator


def test_a_discriminator_that_is_not_finite_stops_the_run(photos: Path, tmp_path: Path) -> None:
    train(changed(JUDGED, initial={"num_steps": 2}), photos, tmp_path)
    state = load_checkpoint(tmp_path)
    state.discriminator["score.bias"].fill_(float("nan"))
    save_checkpoint(state, tmp_path)
    with pytest.raises(FloatingPointError, match=r"at step 3: .*discriminator nan.*the checkpoint of step 2") as error:
        train(JUDGED, photos, tmp_path, resume=True)
    assert "\n" not in str(error.value)
    assert load_checkpoint(tmp_path).step == 2


def test_it_runs_with_everything_else(finished: Path, photos: Path, tmp_path: Path) -> None:
    """Distillation, both phases, bf16, gradient checkpointing, clipping, average, a time limit, VGG16, drawn."""
    torch.manual_seed(0)
    save_file(VGG16Features().state_dict(), tmp_path / "vgg.safetensors")
    recipe = changed(
        JUDGED,
        adversarial={"kind": "vgg16"},
        data={"whole": 0.5, "drawn": 0.3, "toned": 0.3, "holes": {"silhouettes": 0.5, "halves": 0.5}},
        initial={"num_steps": 5_000, "adversarial": False},
        finetune={"num_steps": 5_000},
        training={"precision": "bf16", "gradient_checkpointing": True, "clip_norm": 1.0},
        tracking={"log_every": 1},
    )
    recipe = replace(recipe, distillation=DistillationRecipe(str(finished), str(finished), repeats=1))
    _, ended = train(recipe, photos, tmp_path / "run", vgg=tmp_path / "vgg.safetensors", time_limit_s=4)
    assert ended
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["phase"] for line in lines if "discriminator" in line] == [
        line["phase"] for line in lines if line["phase"] == "finetune"
    ]
    assert {line["phase"] for line in lines} == {"initial", "finetune"}
    state = load_checkpoint(tmp_path / "run")
    assert {t.dtype for t in state.discriminator.values()} == {torch.float32}


def test_in_fp16_it_learns_in_single_precision(photos: Path, tmp_path: Path) -> None:
    recipe = changed(JUDGED, training={"precision": "fp16"}, initial={"num_steps": 4}, tracking={"log_every": 1})
    assert train(recipe, photos, tmp_path) == (4, True)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(np.isfinite(line["discriminator_gradient"]) for line in lines)
    # of the scaled loss it would be in the thousands
    assert lines[-1]["gradient"] < 100
    assert {t.dtype for t in load_checkpoint(tmp_path).discriminator.values()} == {torch.float32}


def test_a_compiled_network_learns_the_same(photos: Path, tmp_path: Path) -> None:
    states = []
    for compiled in (False, True):
        recipe = changed(
            JUDGED,
            model={"num_levels": 2},
            training={"compile": compiled},
            initial={"num_steps": 2, "schedule": "constant"},
        )
        train(recipe, photos, tmp_path / str(compiled))
        states.append(load_checkpoint(tmp_path / str(compiled)))
    for group in ("model", "discriminator"):
        eager, compiled_state = (getattr(state, group) for state in states)
        for name, value in eager.items():
            torch.testing.assert_close(compiled_state[name], value, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"weight": -1}, "adversarial.weight is -1, must be at least 0"),
        ({"matching": 1}, "adversarial.weight is 0.0, must be above 0 where matching is"),
        ({"weight": 1, "hole_share": 1.5}, "adversarial.hole_share is 1.5"),
        ({"weight": 1, "kind": "patch"}, "adversarial.kind is 'patch', must be 'patches' or 'vgg16'"),
        ({"weight": 1, "r1_every": 0}, "r1_every is 0, must be at least 1"),
        ({"weight": 1, "rate": 0}, "adversarial.rate is 0"),
        ({"weight": 1, "num_levels": 6}, "adversarial.num_levels is 6, must be fewer"),
    ],
)
def test_wrong_values_are_a_clear_error(table: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipe_from_dict({"adversarial": table, "data": {"crop_px": 32}})


def test_scores_are_averaged_picture_by_picture() -> None:
    """The mean is over the patches of each picture that count, then over pictures."""
    scores, patches = torch.tensor([[1.0, 2, 9], [5, 7, 7]]), torch.tensor([[1.0, 1, 0], [1, 0, 0]])
    shape = (2, 1, 1, 3)
    assert float(adversarial._mean([scores.view(shape)], [patches.view(shape)])) == pytest.approx((1.5 + 5) / 2)
