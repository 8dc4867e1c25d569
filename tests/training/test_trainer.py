"""Training on a handful of small photos."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from partialconv.errors import InputError
from partialconv.export import export, largest_difference
from partialconv.inference import Inpainter, OnnxRuntime
from partialconv.models import PartialConvUNet
from partialconv.models.features import VGG16Features
from partialconv.models.losses import hole_loss, valid_loss
from partialconv.training.checkpoint import FILE_NAME, load_checkpoint, save_checkpoint
from partialconv.training.learner import precision_of
from partialconv.training.recipe import ModelRecipe, Recipe
from partialconv.training.schedule import rate_at
from partialconv.training.trainer import train
from tests.training.small import RECIPE, changed, started


def test_a_run_leaves_its_log_samples_and_checkpoint(finished: Path) -> None:
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    for line in lines:
        assert line["total"] == pytest.approx(line["valid"] + 6 * line["hole"] + 0.1 * line["tv"], rel=1e-4)
        assert line["total"] == pytest.approx(sum(line["weighted"].values()), rel=1e-4)
        assert line["weighted"]["hole"] == pytest.approx(6 * line["hole"], rel=1e-4)
        assert line["images_per_s"] > 0 and line["phase"] == "initial" and line["lr"] > 0
    assert sorted(p.name for p in (finished / "samples").iterdir()) == ["step_0000003.png", "step_0000006.png"]
    with Image.open(finished / "samples" / "step_0000003.png") as grid:
        assert grid.size == (4 * 32, 2 * 32)
    assert {p.name for p in finished.iterdir()} == {"log.jsonl", "samples", "tensorboard", FILE_NAME}


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_resumed_run_is_bit_for_bit_that_of_one_never_stopped(
    finished: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    whole = load_checkpoint(finished)
    recipe = replace(RECIPE, data=replace(RECIPE.data, num_workers=num_workers))
    run = tmp_path / "run"

    def interrupted(recipe: Recipe, position: float) -> float:
        if position == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return rate_at(recipe, position)

    with monkeypatch.context() as patched:
        patched.setattr("partialconv.training.trainer.rate_at", interrupted)
        assert train(recipe, photos, run) == (3, False)  # the step of the signal is finished and saved
    assert load_checkpoint(run).step == 3
    assert train(recipe, photos, run, resume=True) == (6, True)
    resumed = load_checkpoint(run)
    for name in ("model", "average", "optimizer"):
        expected, state = getattr(whole, name), getattr(resumed, name)
        assert state.keys() == expected.keys() and state
        for key in state:
            assert torch.equal(state[key], expected[key]), (name, key)
    assert [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()] == [2, 4, 6]


def test_training_lowers_the_loss(photos: Path, tmp_path: Path) -> None:
    train(
        changed(initial={"num_steps": 60, "lr": 3e-3, "schedule": "constant"}, tracking={"log_every": 20}),
        photos,
        tmp_path / "run",
    )
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["total"] < 0.7 * lines[0]["total"]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_in_single_precision_weights(photos: Path, tmp_path: Path, precision: str) -> None:
    recipe = changed(
        initial={"num_steps": 40, "lr": 3e-3, "schedule": "constant"},
        tracking={"log_every": 10},
        training={"precision": precision},
    )
    train(recipe, photos, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["total"] < lines[0]["total"]
    state = load_checkpoint(tmp_path / "run")
    assert {t.dtype for t in state.model.values() if t.is_floating_point()} == {torch.float32}


def test_auto_precision_asks_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(RECIPE.training, precision="auto")
    for has_amx in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda answer=has_amx: answer)
        expected = torch.bfloat16 if has_amx else torch.float32
        assert precision_of(settings, torch.device("cpu")) == expected
    assert precision_of(RECIPE.training, torch.device("cpu")) == torch.float32


def test_the_truth_under_the_hole_does_not_leak() -> None:
    torch.manual_seed(0)
    net = PartialConvUNet(4, 3)
    target, valid = torch.rand(2, 3, 32, 32), (torch.rand(2, 1, 32, 32) > 0.3).float()
    other = torch.where(valid == 1, target, 1 - target)
    assert torch.equal(net(target, valid), net(other, valid))
    # nor into the gradient of the known pixels' term
    for truth in (target, other):
        net.zero_grad()
        valid_loss(net(truth, valid), truth, valid).backward()
        grads = [p.grad.clone() for p in net.parameters() if p.grad is not None]
        if truth is target:
            first = grads
    assert all(torch.equal(a, b) for a, b in zip(first, grads, strict=True))
    assert hole_loss(net(target, valid), target, valid) != hole_loss(net(other, valid), other, valid)


def test_the_average_is_that_of_the_weights(photos: Path, tmp_path: Path) -> None:
    states = []
    for steps in (1, 2):
        train(changed(initial={"num_steps": steps, "schedule": "constant"}), photos, tmp_path / str(steps))
        states.append(load_checkpoint(tmp_path / str(steps)))
    key = "encoder.0.conv.weight"
    expected = 0.9 * states[0].model[key] + 0.1 * states[1].model[key]
    torch.testing.assert_close(states[1].average[key], expected)
    assert torch.equal(states[0].average[key], states[0].model[key])
    assert torch.equal(states[1].network().state_dict()[key], states[1].average[key])


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(
    finished: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partialconv.models.losses.hole_loss", lambda o, t, v: o.sum() * float("nan"))
    (tmp_path / FILE_NAME).write_bytes((finished / FILE_NAME).read_bytes())
    with pytest.raises(
        FloatingPointError, match=r"at step 7: .*hole nan.*photos: .*\.(png|jpg); the checkpoint of step 6"
    ):
        train(changed(initial={"num_steps": 9}), photos, tmp_path, resume=True)
    assert load_checkpoint(tmp_path).step == 6


def test_wrong_folders_are_refused(finished: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--resume"):
        train(RECIPE, photos, finished)
    with pytest.raises(InputError, match="no checkpoint.safetensors"):
        train(RECIPE, photos, tmp_path, resume=True)
    with pytest.raises(InputError, match="width=4.*width=8"):
        train(replace(RECIPE, model=ModelRecipe(8, 3)), photos, finished, resume=True)
    (tmp_path / FILE_NAME).write_bytes((finished / FILE_NAME).read_bytes()[:1000])
    with pytest.raises(InputError, match="or is broken"):
        load_checkpoint(tmp_path)


LONG = (
    "[loss]\nperceptual = 0\nstyle_out = 0\nstyle_comp = 0\n[training]\nbatch_size = 1\nprecision = 'fp32'\n"
    "[initial]\nnum_steps = 100000\n[finetune]\nnum_steps = 0\n[tracking]\n"
)


def test_killing_never_leaves_a_broken_checkpoint(photos: Path, tmp_path: Path) -> None:
    """`kill -9` three times, a run that saves at every step and is resumed."""
    run, recipe = tmp_path / "run", tmp_path / "recipe.toml"
    recipe.write_text(
        "[model]\nwidth = 4\nnum_levels = 3\n[data]\ncrop_px = 32\nnum_workers = 0\n" + LONG + "checkpoint_every = 1\n"
    )
    command = [sys.executable, "-m", "partialconv", "train", str(recipe), "--data", str(photos), "--out", str(run)]
    steps = 0
    for attempt in range(3):
        seen = (run / FILE_NAME).stat().st_mtime_ns if attempt else 0
        with started([*command, *(["--resume"] if attempt else [])], stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 180
            while not ((run / FILE_NAME).exists() and (run / FILE_NAME).stat().st_mtime_ns > seen):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(0.05 * attempt)
            process.kill()
            process.wait()
        state = load_checkpoint(run)
        assert state.step > steps
        steps = state.step


def test_a_run_becomes_a_model_that_fills(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    difference = export(finished, path)
    again, largest = largest_difference(load_checkpoint(finished).network(), OnnxRuntime(path))
    assert again == difference < 0.05 * largest
    photo, hole = np.full((40, 50, 3), 120, np.uint8), np.zeros((40, 50), bool)
    hole[10:14, 10:20] = True
    filled = Inpainter(path).fill(photo, hole)
    assert (filled[~hole] == 120).all()
    with pytest.raises(InputError, match="add --overwrite"):
        export(finished, path)
    with pytest.raises(InputError, match="ending in .onnx"):
        export(finished, tmp_path / "model.pt")
    with pytest.raises(InputError, match="no checkpoint"):
        export(tmp_path, tmp_path / "other.onnx")


def test_a_model_that_disagrees_is_not_written(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = OnnxRuntime.__call__
    monkeypatch.setattr(OnnxRuntime, "__call__", lambda self, image, valid: real(self, image, valid) + 0.1)
    with pytest.raises(ArithmeticError, match="nothing was written"):
        export(finished, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_to_the_whole_group_ends_with_a_checkpoint(
    photos: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """As a terminal or a scheduler sends it: to the workers that load photos, too."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        "[model]\nwidth = 4\nnum_levels = 3\n[data]\ncrop_px = 32\nnum_workers = 2\n" + LONG + "log_every = 1\n"
    )
    command = [sys.executable, "-m", "partialconv", "train", str(recipe)]
    command += ["--data", str(photos), "--out", str(tmp_path / "run")]
    with started(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        deadline = time.monotonic() + 180
        while not (tmp_path / "run" / "log.jsonl").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, number)
        out, error = process.communicate(timeout=180)
    assert process.returncode == 0, error
    assert b"go on with --resume" in out
    assert load_checkpoint(tmp_path / "run").step >= 1


def truncated(photo: Path, copy: Path) -> None:
    """Half a photo, whose header is whole."""
    Image.open(photo).resize((400, 400)).save(copy, "JPEG")
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])


def test_a_failing_worker_ends_the_run(photos: Path, tmp_path: Path) -> None:
    """With its own error, and not in waiting for the other workers."""
    (tmp_path / "photos").mkdir()
    truncated(photos / "0.png", tmp_path / "photos" / "half.jpg")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[model]\nwidth = 4\nnum_levels = 3\n[data]\ncrop_px = 32\nnum_workers = 2\n" + LONG)
    arguments = ["train", str(recipe), "--data", str(tmp_path / "photos"), "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "partialconv", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert "none of the photos can be decoded" in result.stderr


def test_a_change_of_recipe_is_shown(
    finished: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE_NAME).write_bytes((finished / FILE_NAME).read_bytes())
    (tmp_path / "log.jsonl").write_text('{"step": 6}\n{"step": 8}\n{"st')
    assert train(changed(initial={"num_steps": 7, "lr": 0.5}), photos, tmp_path, resume=True) == (7, True)
    shown = capsys.readouterr().err
    assert "initial.num_steps: 6 -> 7" in shown and "initial.lr: 0.001 -> 0.5" in shown
    assert "seed" not in shown
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == [6, 7]


@pytest.mark.parametrize("value", [1e6, float("nan")], ids=["infinite in half precision", "NaN"])
def test_weights_that_cannot_be_exported_are_not_written(finished: Path, tmp_path: Path, value: float) -> None:
    state = load_checkpoint(finished)
    state.average["encoder.1.conv.weight"][0, 0, 0, 0] = value
    save_checkpoint(state, tmp_path)
    with pytest.raises(ArithmeticError, match="nothing was written"):
        export(tmp_path, tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == [FILE_NAME]


def test_a_failed_save_leaves_the_last_checkpoint(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = load_checkpoint(finished)
    save_checkpoint(state, tmp_path)

    def half(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("partialconv.training.checkpoint.save_file", half)
    with pytest.raises(InputError, match="cannot write .*no space left"):
        save_checkpoint(replace(state, step=99), tmp_path)
    assert load_checkpoint(tmp_path).step == 6


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights: the loop does not care."""
    path: Path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    torch.manual_seed(0)
    save_file(VGG16Features().state_dict(), path)
    return path


def test_all_six_terms_through_both_phases(photos: Path, vgg: Path, tmp_path: Path) -> None:
    recipe = changed(
        loss={"perceptual": 0.05, "style_out": 120.0, "style_comp": 120.0, "vgg_window_px": 16, "vgg_every": 2},
        data={"colour_jitter": 0.1},
        training={"clip_norm": 1.0, "gradient_checkpointing": True},
        initial={"num_steps": 4},
        finetune={"num_steps": 4},
        tracking={"log_every": 2, "validate_every": 4},
    )
    assert train(recipe, photos, tmp_path / "run", validation=photos, vgg=vgg) == (8, True)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 4, 6, 8, 8]
    for line in lines:
        if "validation" in line:
            assert set(line["validation"]) == {"hole_psnr", "psnr", "ssim", "l1_percent"}
            assert all(len(values) == 6 for values in line["validation"].values())
        else:
            assert set(line["weighted"]) == {"valid", "hole", "perceptual", "style_out", "style_comp", "tv"}
            assert line["weighted"]["style_out"] == pytest.approx(120 * line["style_out"], rel=1e-4)
    assert [line["lr"] for line in lines if line.get("phase") == "finetune"] == [5e-5, 5e-5]
    with Image.open(tmp_path / "run" / "curves.png") as curves:
        assert min(curves.size) > 500
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    board.Reload()
    tags = board.Tags()
    assert {"loss/tv", "weighted/tv", "run/images_per_s", "validation_ssim/0.1-0.2"} <= set(tags["scalars"])
    assert tags["images"] == ["photo, holes, output, composite"]


def test_the_encoders_statistics_stop_with_the_initial_phase(photos: Path, tmp_path: Path) -> None:
    recipe = changed(initial={"num_steps": 2}, finetune={"num_steps": 3}, tracking={"checkpoint_every": 1})
    train(changed(recipe, finetune={"num_steps": 0}), photos, tmp_path)
    before = load_checkpoint(tmp_path).model
    train(recipe, photos, tmp_path, resume=True)
    after = load_checkpoint(tmp_path).model
    for name in before:
        frozen = "encoder" in name and "norm" in name
        assert torch.equal(before[name], after[name]) == frozen, name


def test_a_run_resumed_while_finetuning_is_bit_for_bit_that_of_one_never_stopped(photos: Path, tmp_path: Path) -> None:
    recipe = changed(initial={"num_steps": 2, "schedule": "constant"}, finetune={"num_steps": 4})
    train(recipe, photos, tmp_path / "whole")
    train(changed(recipe, finetune={"num_steps": 2}), photos, tmp_path / "parts")
    train(recipe, photos, tmp_path / "parts", resume=True)
    whole, parts = load_checkpoint(tmp_path / "whole"), load_checkpoint(tmp_path / "parts")
    for name in ("model", "average", "optimizer"):
        expected, state = getattr(whole, name), getattr(parts, name)
        assert all(torch.equal(state[key], expected[key]) for key in expected), name


def test_the_twin_trains_by_the_same_command(photos: Path, tmp_path: Path) -> None:
    train(changed(model={"conv": "plain"}), photos, tmp_path)
    assert export(tmp_path, tmp_path / "model.onnx") < 0.1
    with pytest.raises(InputError, match="conv='plain'.*conv='partial'"):
        train(RECIPE, photos, tmp_path, resume=True)


def test_a_new_run_starts_from_the_weights_of_another(finished: Path, photos: Path, tmp_path: Path) -> None:
    recipe = changed(model={"detail_width": 5}, initial={"num_steps": 1, "lr": 1e-9}, finetune={"num_steps": 0})
    train(recipe, photos, tmp_path / "detail", start=finished)
    grown, before = load_checkpoint(tmp_path / "detail").model, load_checkpoint(finished).network()
    for name, value in before.named_parameters():
        torch.testing.assert_close(grown[name][: len(value)], value.detach(), rtol=0, atol=1e-6)
    assert len(grown["decoder.2.conv.weight"]) == 5
    with pytest.raises(InputError, match="write under .model. width = 4; num_levels = 3"):
        train(changed(model={"num_levels": 4}), photos, tmp_path / "deeper", start=finished)
    assert not (tmp_path / "deeper").exists()


def test_a_wider_network_starts_from_a_narrow_one(finished: Path, photos: Path, tmp_path: Path) -> None:
    recipe = changed(model={"width": 8}, initial={"num_steps": 1, "lr": 1e-9}, training={"norm_frozen": True})
    train(recipe, photos, tmp_path / "wide", start=finished)
    wide, narrow = load_checkpoint(tmp_path / "wide").model, load_checkpoint(finished).best
    torch.testing.assert_close(wide["encoder.0.conv.weight"][4:], narrow["encoder.0.conv.weight"], rtol=0, atol=1e-6)


def test_the_average_is_an_exponential_one(photos: Path, tmp_path: Path) -> None:
    weights = []
    for steps in (1, 2, 3):
        recipe = changed(initial={"num_steps": steps, "schedule": "constant"})
        train(recipe, photos, tmp_path / str(steps))
        weights.append(load_checkpoint(tmp_path / str(steps)).model)
    average, decay = load_checkpoint(tmp_path / "3").average, RECIPE.training.ema_decay
    for name, value in average.items():
        one, two, three = (model[name].double() for model in weights)
        expected = decay * (decay * one + (1 - decay) * two) + (1 - decay) * three
        if not value.is_floating_point():
            expected = three
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-7)


def test_a_phase_without_features_and_the_weights_at_its_end(photos: Path, vgg: Path, tmp_path: Path) -> None:
    terms = {"perceptual": 0.05, "style_out": 120.0, "style_comp": 120.0, "vgg_window_px": 16}
    recipe = changed(
        loss=terms,
        initial={"num_steps": 2, "schedule": "constant", "features": False},
        finetune={"num_steps": 2},
        tracking={"log_every": 1},
    )
    train(recipe, photos, tmp_path / "both", vgg=vgg)
    lines = [json.loads(line) for line in (tmp_path / "both" / "log.jsonl").read_text().splitlines()]
    assert [("perceptual" in line, "style_out" in line) for line in lines] == [(False, False)] * 2 + [(True, True)] * 2
    train(changed(initial={"num_steps": 2, "schedule": "constant"}), photos, tmp_path / "first")
    kept, alone = load_checkpoint(tmp_path / "both" / "initial"), load_checkpoint(tmp_path / "first")
    assert kept.step == alone.step == 2 and not kept.optimizer
    assert all(torch.equal(kept.best[name], value) for name, value in alone.best.items())
    train(changed(recipe, finetune={"num_steps": 3}), photos, tmp_path / "both", resume=True, vgg=vgg)
    assert load_checkpoint(tmp_path / "both" / "initial").step == 2  # not those of the second phase


def test_the_layers_at_full_resolution_train_alone_and_go_on(finished: Path, photos: Path, tmp_path: Path) -> None:
    recipe = changed(model={"detail_width": 5}, training={"coarse_frozen": True, "ema_decay": 0.0})
    recipe = changed(recipe, initial={"num_steps": 4, "schedule": "constant"}, finetune={"num_steps": 0})
    train(recipe, photos, tmp_path / "whole", start=finished)
    before, after = load_checkpoint(finished).best, load_checkpoint(tmp_path / "whole").model
    coarse = [name for name in before if not name.startswith("decoder.2.")]
    assert coarse and all(torch.equal(after[name], before[name]) for name in coarse)
    assert not torch.equal(after["decoder.2.conv.weight"][:3], before["decoder.2.conv.weight"])
    train(changed(recipe, initial={"num_steps": 2}), photos, tmp_path / "parts", start=finished)
    train(recipe, photos, tmp_path / "parts", resume=True)
    parts = load_checkpoint(tmp_path / "parts")
    assert all(torch.equal(parts.model[name], value) for name, value in after.items())


def test_with_a_frozen_norm_all_else_trains_and_goes_on(finished: Path, photos: Path, tmp_path: Path) -> None:
    recipe = changed(training={"norm_frozen": True}, initial={"num_steps": 4, "schedule": "constant"})
    recipe = changed(recipe, finetune={"num_steps": 0})
    train(recipe, photos, tmp_path / "whole", start=finished)
    before, after = load_checkpoint(finished).best, load_checkpoint(tmp_path / "whole").model
    kept = {name for name in before if torch.equal(after[name], before[name])}
    assert kept == {name for name in before if ".norm." in name} and kept
    train(changed(recipe, initial={"num_steps": 2}), photos, tmp_path / "parts", start=finished)
    train(recipe, photos, tmp_path / "parts", resume=True)
    parts = load_checkpoint(tmp_path / "parts")
    assert all(torch.equal(parts.model[name], value) for name, value in after.items())


def test_a_time_limit_ends_with_a_finished_schedule(photos: Path, tmp_path: Path) -> None:
    recipe = changed(initial={"num_steps": 50_000}, finetune={"num_steps": 50_000}, tracking={"log_every": 1})
    recipe = changed(recipe, finetune={"schedule": "cosine"})
    steps, finished = train(recipe, photos, tmp_path, time_limit_s=3)
    assert finished
    assert 2 < steps < 50_000 and load_checkpoint(tmp_path).step == steps
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    rates = [line["lr"] for line in lines]
    assert {line["phase"] for line in lines} == {"initial", "finetune"}
    assert rates[0] == pytest.approx(1e-3, rel=0.05) and rates[-1] < 5e-5


def test_photos_on_the_device_train_and_resume_bit_for_bit(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partialconv.data.resident.NUM_HOLES", 20)
    recipe = changed(data={"resident": True}, initial={"schedule": "constant"})
    train(recipe, photos, tmp_path / "whole")
    train(changed(recipe, initial={"num_steps": 3}), photos, tmp_path / "parts")
    train(recipe, photos, tmp_path / "parts", resume=True)
    whole, parts = load_checkpoint(tmp_path / "whole"), load_checkpoint(tmp_path / "parts")
    assert all(torch.equal(parts.model[name], value) for name, value in whole.model.items())


def test_compiled_training_equals_eager(photos: Path, tmp_path: Path) -> None:
    states = []
    for compiled in (False, True):
        recipe = changed(
            model={"num_levels": 2}, training={"compile": compiled}, initial={"num_steps": 2, "schedule": "constant"}
        )
        train(recipe, photos, tmp_path / str(compiled))
        states.append(load_checkpoint(tmp_path / str(compiled)).model)
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-2, atol=1e-3)
