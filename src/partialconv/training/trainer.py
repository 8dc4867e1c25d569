"""The training loop."""

import math
import os
import signal
import time
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from partialconv.conventions import valid_from_hole
from partialconv.data import HoledPhotos, find_photos
from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.models.losses import hole_loss, valid_loss
from partialconv.training.checkpoint import (
    FILE_NAME,
    Checkpoint,
    load_checkpoint,
    optimizer_state,
    restore_optimizer,
    save_checkpoint,
)
from partialconv.training.recipe import Recipe, TrainingRecipe, recipe_changes
from partialconv.training.tracker import Tracker


def train(recipe: Recipe, data: Path, run: Path, resume: bool = False) -> int:
    """Train a network and keep its state in a folder.

    Ctrl-C and SIGTERM end the run after the current step with a checkpoint.

    Args:
        recipe: What to train, on which crops, for how long.
        data: Folder of photos, searched recursively.
        run: Folder for checkpoint.safetensors, log.jsonl and samples/; made if missing.
        resume: Continue the run in `run`. With the same recipe and photos, on the CPU, the result is bit for bit that
            of a run never stopped; another recipe is taken from here on, and what differs is shown.

    Returns:
        Number of steps done in all.

    Raises:
        InputError: no usable photos, `run` holds a run already, or there is none to resume.
        FloatingPointError: the loss is not finite; the last checkpoint stays.

    Source: Liu et al. 2018, section 3; averaging and cosine schedule: ours, both optional.
    """
    settings = recipe.training
    if not resume and (run / FILE_NAME).exists():
        raise InputError(f"{run} holds a run already: resume it with --resume, or name another folder.")
    state = load_checkpoint(run) if resume else None
    if state is not None and state.recipe.model != recipe.model:
        raise InputError(f"{run} holds {state.recipe.model}, the recipe asks for {recipe.model}.")
    photos, broken = find_photos(data)
    run.mkdir(parents=True, exist_ok=True)

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    autocast = use_bf16(settings, device)
    torch.manual_seed(settings.seed)
    net = PartialConvUNet(recipe.model.width, recipe.model.num_levels).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.lr, fused=True)
    average = None
    if settings.ema_decay > 0:
        average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay), use_buffers=True)
    start = 0
    if state is not None:
        start = state.step
        net.load_state_dict(state.model)
        restore_optimizer(optimizer, state.optimizer)
        if average is not None:
            average.module.load_state_dict(state.best)
            average.n_averaged.fill_(start)

    def save(step: int) -> None:
        averaged = {} if average is None else average.module.state_dict()
        save_checkpoint(Checkpoint(step, recipe, net.state_dict(), averaged, optimizer_state(optimizer)), run)

    stop = _StopSignal()
    notes = [f"skipped, not readable: {path}" for path in broken]
    if state is not None:
        notes += [f"other than in the run so far: {change}" for change in recipe_changes(state.recipe, recipe)]
    tracker = Tracker(run, settings, start, notes)
    dataset = HoledPhotos(photos, recipe.data.crop_px, recipe.data.hole_ratio, settings.seed, recipe.data.thin_share)
    loader = DataLoader(
        dataset,
        settings.batch_size,
        sampler=range(start * settings.batch_size, settings.num_steps * settings.batch_size),
        num_workers=recipe.data.num_workers,
        pin_memory=device.type == "cuda",
        worker_init_fn=_leave_process_group,
    )
    step = start
    with stop, tracker:
        for step, (photo, hole) in enumerate(loader, start + 1):
            began = time.perf_counter()
            target = photo.to(device, non_blocking=True).float().div(255).contiguous(memory_format=torch.channels_last)
            valid = valid_from_hole(hole.to(device, non_blocking=True))
            for group in optimizer.param_groups:
                group["lr"] = rate(settings, step - 1)
            net.train()
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                output = net(target, valid)
            known = valid.float()
            terms = {"valid": valid_loss(output, target, known), "hole": hole_loss(output, target, known)}
            total = recipe.loss.valid * terms["valid"] + recipe.loss.hole * terms["hole"]
            if not math.isfinite(total.item()):
                raise FloatingPointError(f"the loss is {total.item()} at step {step}; the last checkpoint was kept.")
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            if average is not None:
                average.update_parameters(net)
            tracker.step(
                step, {"total": total.item()} | {k: v.item() for k, v in terms.items()}, time.perf_counter() - began
            )
            if step % settings.samples_every == 0:
                tracker.samples(step, target, valid, output)
            if step % settings.checkpoint_every == 0 or step == settings.num_steps or stop.requested:
                save(step)
            if stop.requested:
                break
    return step


def rate(settings: TrainingRecipe, step: int) -> float:
    """Learning rate of step `step`, counted from 0."""
    if settings.schedule == "constant":
        return settings.lr
    return settings.lr * 0.5 * (1 + math.cos(math.pi * step / settings.num_steps))


def use_bf16(settings: TrainingRecipe, device: torch.device) -> bool:
    """Whether convolutions run in bf16; "auto" asks for hardware that gains by it: CUDA, or a CPU with AMX."""
    if settings.precision != "auto":
        return settings.precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # AVX-512 bf16 alone was slower than fp32 where it was measured
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", None)  # private: older releases may lack it
    return has_amx is not None and has_amx()


def _leave_process_group(_: int) -> None:
    # Ctrl-C reaches the whole group of the terminal; a worker that died of it would take the checkpoint along
    if hasattr(os, "setpgrp"):
        os.setpgrp()


class _StopSignal:
    """Turns Ctrl-C and SIGTERM into a request to stop after the step."""

    requested = False

    def __enter__(self) -> None:
        self._before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, *_: object) -> None:
        self.requested = True
