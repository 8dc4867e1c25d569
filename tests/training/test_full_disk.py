"""A disk that is full, and checkpoints that are not what they say: one line, and nothing half-written."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from partialconv.errors import InputError
from partialconv.imageio import unfinished_folder
from partialconv.training.checkpoint import FILE_NAME, Checkpoint, load_checkpoint, restore_optimizer, save_checkpoint
from partialconv.training.recipe import ModelRecipe, Recipe
from tests.command import call

MODEL = ModelRecipe(4, 3)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 4 kB, which the system reports much as it does a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    (tmp_path / "run").mkdir()
    save_checkpoint(Checkpoint(5, replace(Recipe(), model=MODEL), MODEL.build().state_dict()), tmp_path / "run")
    return tmp_path / "run"


def test_a_full_disk_leaves_the_last_checkpoint_whole(run: Path) -> None:
    state = load_checkpoint(run)
    with full_disk(), pytest.raises(InputError, match="cannot write .*checkpoint.safetensors"):
        save_checkpoint(replace(state, step=6), run)
    assert [path.name for path in run.iterdir()] == [FILE_NAME] and load_checkpoint(run).step == 5


@pytest.mark.parametrize("command", [["slim", "run"], ["average", "run", "run"]])
def test_a_full_disk_is_no_obstacle_to_the_next_try(run: Path, command: list[str]) -> None:
    with full_disk():
        failed = call(*command, "-o", "new", cwd=run.parent)
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1 and "cannot write" in failed.stderr
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    assert call(*command, "-o", "new", cwd=run.parent).returncode == 0
    assert load_checkpoint(run.parent / "new").step == 5


def changed(run: Path, metadata: dict[str, str] | None = None, **names: str) -> None:
    """Write the checkpoint with other metadata, or tensors of other names."""
    tensors = load_file(run / FILE_NAME)
    for old, new in names.items():
        tensors[new] = tensors.pop(old)
    usual = {"step": "5", "recipe": json.dumps(asdict(load_checkpoint(run).recipe))}
    save_file(tensors, run / FILE_NAME, usual | (metadata or {}))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"recipe": '{"model": {"width": 4000, "num_levels": 16}}'}, "for a network of ModelRecipe"),
        ({"recipe": '{"model": {"width": 4, "num_levels": 2000000000}}'}, "model.num_levels is 2000000000"),
        ({"recipe": "[" * 100_000}, "not a checkpoint of partialconv, or is broken"),
        ({"recipe": "null"}, "expected a table"),
        ({"step": "-4"}, "its step is -4"),
        ({"step": "9" * 5000}, "or is broken"),
    ],
)
def test_what_a_checkpoint_claims_is_not_believed(run: Path, metadata: dict[str, str], message: str) -> None:
    changed(run, metadata)
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint(run)
    assert str(caught.value).isprintable()


def test_a_misspelt_tensor_is_named(run: Path) -> None:
    name = "model.encoder.1.norm.running_mean"
    changed(run, None, **{name: name.replace("running", "runnxng")})
    with pytest.raises(InputError, match=r"no tensor model\.encoder\.1\.norm\.running_mean|runnxng"):
        load_checkpoint(run)


@pytest.mark.parametrize("key", ["x.exp_avg", "999.exp_avg", "0", "0.unknown", "0.exp_avg"])
def test_the_state_of_another_optimizer_is_refused(key: str) -> None:
    net = torch.nn.Linear(1, 3)
    with pytest.raises(InputError, match="unlike this network"):
        restore_optimizer(torch.optim.Adam(net.parameters()), net, {key: torch.zeros(7)}, ["weight", "bias"])


def test_the_folder_of_a_run_is_swept_of_what_was_begun(run: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished_folder(run.parent / "new") as folder:
        save_checkpoint(load_checkpoint(run), folder)
        raise KeyboardInterrupt
    assert [path.name for path in run.parent.iterdir()] == ["run"]
