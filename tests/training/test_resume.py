"""Going on: after a time limit, with another recipe, from a checkpoint of before, past photos that break decoders."""

import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from partialconv.data import open_photos
from partialconv.imageio import decode_picture
from partialconv.training.checkpoint import load_checkpoint, save_checkpoint
from partialconv.training.distributed import World
from partialconv.training.recipe import recipe_toml
from partialconv.training.schedule import Clock
from partialconv.training.trainer import train
from partialconv.training.validation import Validation
from tests.command import call
from tests.training.small import changed

TWO_PHASES = changed(
    initial={"num_steps": 40, "schedule": "cosine"},
    finetune={"num_steps": 20, "lr": 5e-5, "schedule": "cosine"},
    tracking={"log_every": 1, "checkpoint_every": 1},
)


@pytest.fixture
def squeezed(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose limit let 6 steps stand for 50 of 60, stopped there: in the second phase."""
    real = Clock.position

    def position(clock: Clock, step: int) -> float:
        return 10.0 * step if clock.deadline_s is not None else real(clock, step)

    with monkeypatch.context() as patched:
        patched.setattr(Clock, "position", position)
        asked = iter(range(100))  # once a step
        patched.setattr("partialconv.training.trainer._StopSignal.requested", property(lambda _: next(asked) >= 4))
        assert train(TWO_PHASES, photos, tmp_path / "run", time_limit_s=60)[1] is False
    return tmp_path / "run"


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_limited_run_goes_on_in_its_phase_at_its_rate(squeezed: Path, photos: Path) -> None:
    state = load_checkpoint(squeezed)
    assert state.position == 10 * state.step == 50
    before = log_of(squeezed)
    assert [line["phase"] for line in before] == ["initial"] * 4 + ["finetune"]
    frozen = {k: v.clone() for k, v in state.model.items() if k.startswith("encoder.1.norm")}
    assert train(TWO_PHASES, photos, squeezed, resume=True) == (15, True)
    after = log_of(squeezed)[5:]
    assert [line["phase"] for line in after] == ["finetune"] * 10
    rates = [line["lr"] for line in after]
    assert rates[0] == pytest.approx(2.5e-5) and rates == sorted(rates, reverse=True)
    resumed = load_checkpoint(squeezed)
    assert all(torch.equal(resumed.model[name], value) for name, value in frozen.items())
    assert resumed.position == 60


def test_a_finished_limited_run_says_so(squeezed: Path, photos: Path) -> None:
    save_checkpoint(replace(load_checkpoint(squeezed), position=60.0), squeezed)
    (squeezed / "recipe.toml").write_text(recipe_toml(TWO_PHASES))
    done = call("train", squeezed / "recipe.toml", "--data", photos, "--out", squeezed, "--resume", cwd=squeezed)
    assert done.returncode == 0 and done.stdout.startswith("5 steps done; next: partialconv export")
    longer = replace(TWO_PHASES, finetune=replace(TWO_PHASES.finetune, num_steps=22))
    assert train(longer, photos, squeezed, resume=True) == (7, True)


@pytest.mark.parametrize("keys", [{"coarse_frozen": True}, {"norm_frozen": True}])
def test_moments_stay_with_their_parameters(
    keys: dict[str, bool], finished: Path, photos: Path, tmp_path: Path
) -> None:
    """Fewer parameters are trained, then all again: those that were left out begin anew."""
    save_checkpoint(load_checkpoint(finished), tmp_path)
    whole = load_checkpoint(tmp_path).optimizer
    frozen = changed(initial={"num_steps": 7}, training=keys)
    assert train(frozen, photos, tmp_path, resume=True) == (7, True)
    fewer = load_checkpoint(tmp_path).optimizer
    assert fewer.keys() < whole.keys()
    for name in {key.rpartition(".")[0] for key in fewer}:
        assert fewer[f"{name}.step"] == 7
        slow = 0.999 * whole[f"{name}.exp_avg_sq"]  # plus 0.001 of a square
        assert bool((fewer[f"{name}.exp_avg_sq"] >= slow * (1 - 1e-5)).all())
    assert train(changed(initial={"num_steps": 8}), photos, tmp_path, resume=True) == (8, True)
    again = load_checkpoint(tmp_path).optimizer
    assert again.keys() == whole.keys()
    for key in again:
        if key.endswith(".step"):
            assert again[key] == (8 if key in fewer else 1)


def test_numbered_moments_of_before_are_read(finished: Path, photos: Path, tmp_path: Path) -> None:
    state = load_checkpoint(finished)
    names = list(dict.fromkeys(key.rpartition(".")[0] for key in state.optimizer))
    parameters = [name for name, _ in state.network().named_parameters()]
    numbered = {
        f"{parameters.index(key.rpartition('.')[0])}.{key.rpartition('.')[2]}": value
        for key, value in state.optimizer.items()
    }
    assert len(names) == len(parameters) and "0.exp_avg" in numbered
    runs = []
    for name, optimizer in (("named", state.optimizer), ("numbered", numbered)):
        (tmp_path / name).mkdir()
        save_checkpoint(replace(state, optimizer=optimizer), tmp_path / name)
        train(changed(initial={"num_steps": 8}), photos, tmp_path / name, resume=True)
        runs.append(load_checkpoint(tmp_path / name))
    assert all(torch.equal(runs[0].model[key], value) for key, value in runs[1].model.items())
    assert all(torch.equal(runs[0].optimizer[key], value) for key, value in runs[1].optimizer.items())


ERRORS = [IndexError("x"), KeyError("x"), struct.error("x"), zlib.error("x"), EOFError(), OverflowError()]
ERRORS += [MemoryError(), RuntimeError("x"), TypeError("x"), SyntaxError("x"), AssertionError(), ZeroDivisionError()]


@pytest.mark.parametrize("resident", [False, True])
def test_a_photo_that_breaks_a_decoder_in_any_way_is_named(
    resident: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    broken = {f"bad-{type(error).__name__}.png": error for error in ERRORS}
    for name in ("good.png", *broken):
        Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(folder / name)

    def decode(content: bytes, name: str) -> Image.Image:
        if Path(name).name in broken:
            raise broken[Path(name).name]
        return decode_picture(content, name)

    monkeypatch.setattr("partialconv.data.photos.decode_picture", decode)
    recipe = changed(initial={"num_steps": 20}, data={"resident": resident})
    with pytest.warns(UserWarning) as said:
        assert train(recipe, folder, tmp_path / "run") == (20, True)
    with pytest.warns(UserWarning) as said_of_validation, World.of_environment() as world:
        assert len(Validation.of(open_photos(folder, 32), 32, world).crops) == 1
    for warned in (said, said_of_validation):
        lines = [str(line.message) for line in warned]
        assert {name for name in broken if any(line.startswith("passed over") and name in line for line in lines)} == {
            *broken
        }
