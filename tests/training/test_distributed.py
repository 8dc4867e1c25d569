"""Two processes of gloo against one."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from partialconv.errors import InputError
from partialconv.training.checkpoint import load_checkpoint
from partialconv.training.distributed import World
from partialconv.training.trainer import train
from tests.training.small import changed, started

RECIPE = changed(
    data={"num_workers": 0},
    adversarial={"weight": 0.1, "matching": 1.0, "width": 4, "num_levels": 2, "r1_every": 2},
    training={"batch_size": 4, "synchronise_norm": True},
    initial={"num_steps": 3},
    finetune={"num_steps": 3},
    tracking={"log_every": 1, "checkpoint_every": 3, "validate_every": 3},
)


def torchrun(run: Path, photos: Path, recipe: Path, *options: str) -> AbstractContextManager[subprocess.Popen[str]]:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0", "--rdzv-backend=c10d"]
    launcher += ["--rdzv-endpoint=localhost:0", "--monitor-interval=0.1"]
    command = [sys.executable, *launcher, "-m", "partialconv", "train", str(recipe)]
    command += ["--data", str(photos), "--out", str(run), *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def recipe_file(folder: Path, **tables: dict[str, object]) -> Path:
    from partialconv.training.recipe import recipe_toml

    path = folder / "recipe.toml"
    path.write_text(recipe_toml(changed(RECIPE, **tables)))
    return path


def lines(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_two_processes_equal_one(photos: Path, tmp_path: Path) -> None:
    """Losses, validation and weights, of the discriminator too, through both phases, to rounding."""
    assert train(RECIPE, photos, tmp_path / "one", validation=photos) == (6, True)
    with torchrun(tmp_path / "two", photos, recipe_file(tmp_path), "--val", str(photos)) as process:
        out, error = process.communicate(timeout=240)
    assert process.returncode == 0, error
    assert out.count("6 steps done") == 1  # one process speaks
    one, two = lines(tmp_path / "one"), lines(tmp_path / "two")
    assert [line["step"] for line in two] == [line["step"] for line in one] == [1, 2, 3, 3, 4, 5, 6, 6]
    assert [line.get("phase") for line in two] == ["initial"] * 3 + [None] + ["finetune"] * 3 + [None]
    for a, b in zip(one, two, strict=True):
        if "validation" in a:
            for metric in a["validation"]:  # type: ignore[attr-defined]
                assert b["validation"][metric] == pytest.approx(a["validation"][metric], rel=1e-3)  # type: ignore[index]
        else:
            assert b["total"] == pytest.approx(a["total"], rel=1e-4)
    single, double = load_checkpoint(tmp_path / "one"), load_checkpoint(tmp_path / "two")
    for group in ("model", "discriminator"):
        assert getattr(single, group)
        for name, tensor in getattr(single, group).items():
            torch.testing.assert_close(getattr(double, group)[name], tensor, rtol=1e-3, atol=1e-4)


def test_a_run_of_two_processes_stops_and_goes_on_with_one(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = recipe_file(tmp_path, initial={"num_steps": 100_000}, training={"synchronise_norm": False})
    with torchrun(run, photos, recipe) as process:
        deadline = time.monotonic() + 180
        while not (run / "log.jsonl").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)  # the launcher hands it on
        out, error = process.communicate(timeout=180)
    assert "go on with --resume" in out, error
    step = load_checkpoint(run).step
    assert step >= 1
    assert train(changed(RECIPE, initial={"num_steps": step + 2}, finetune={"num_steps": 0}), photos, run, resume=True)
    assert load_checkpoint(run).step == step + 2


def test_a_batch_that_cannot_be_divided() -> None:
    with pytest.raises(InputError, match="batch_size is 6, expected a multiple of the 4 processes"):
        World(0, 4, torch.device("cpu")).share(6)
