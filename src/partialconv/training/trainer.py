"""The training loop."""

import math
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from partialconv.conventions import valid_from_hole
from partialconv.data import Batch, HoledPhotos, PhotoSource, open_photos
from partialconv.data.resident import ResidentPhotos
from partialconv.data.samples import change_colours
from partialconv.errors import InputError
from partialconv.masks.mixture import check_mixture
from partialconv.training.checkpoint import holds_checkpoint, load_checkpoint, save_checkpoint
from partialconv.training.distributed import World
from partialconv.training.learner import GRADIENT, Learner
from partialconv.training.recipe import Recipe, recipe_changes
from partialconv.training.schedule import Clock, phase_at, rate_at
from partialconv.training.starting import starting_network
from partialconv.training.tracker import Tracker
from partialconv.training.validation import Validation


class Outcome(NamedTuple):
    """How far a run came: steps done in all, and whether its schedule is finished."""

    num_steps: int
    finished: bool


def train(
    recipe: Recipe,
    data: str | Path,
    run: Path,
    resume: bool = False,
    validation: str | Path | None = None,
    vgg: Path | None = None,
    time_limit_s: float | None = None,
    start: Path | None = None,
) -> Outcome:
    """Train a network and keep its state in a folder.

    Ctrl-C and SIGTERM end the run after the current step with a checkpoint. Under `torchrun` the processes share each
    batch; what they see together does not depend on their number.

    Args:
        recipe: What to train, on which crops, for how long.
        data: Folder of photos or WebDataset shards: see `data.open_photos`.
        run: Folder for checkpoint.safetensors, log.jsonl, samples/, tensorboard/ and curves.png, and for initial/,
            the weights at the end of the initial phase, to average with those at the end; made if missing.
        resume: Continue the run in `run`, on any number of processes. With the same recipe and photos, on the CPU,
            the result is bit for bit that of a run never stopped, but for crops that distillation repeats; another
            recipe is taken from here on, and what differs is shown. A schedule that a time limit squeezed goes on
            where it was.
        validation: Photos to score on, as `data`; none by default.
        vgg: VGG16's weights, see `pretrained.load_vgg16`; needed if the recipe has perceptual or style terms.
        time_limit_s: Seconds until the last step; the schedule is squeezed into them. See `schedule.Clock`.
        start: A run, a file or the name of a model to take the weights from, for a new run: see `starting_network`.
            Not used when resuming.

    Returns:
        How far the run came.

    Raises:
        InputError: no usable photos, `run` holds a run already, or there is none to resume.
        FloatingPointError: the loss is not finite; the last checkpoint stays.

    Source: Liu et al. 2018, section 3; averaging, cosine schedule, clipping: ours, all optional.
    """
    began = time.monotonic()
    if not resume and holds_checkpoint(run):
        raise InputError(f"{run} already holds a run: resume it with --resume, or name another folder.")
    state = load_checkpoint(run) if resume else None
    if state is not None and state.recipe.model != recipe.model:
        raise InputError(f"{run} has the network {state.recipe.model}, but the recipe asks for {recipe.model}.")
    check_mixture(recipe.data.holes, recipe.data.flow_folder)
    with World.of_environment() as world:
        share = world.share(recipe.training.batch_size)
        crop_px, checks = recipe.data.crop_px, None
        with world.first_of_machine_first():
            photos = open_photos(data, crop_px)
            held_out = None if validation is None else open_photos(validation, crop_px)
        if held_out is not None:
            checks = Validation.of(held_out, crop_px, world)
        begun = None if start is None or state is not None else starting_network(start, recipe, photos)
        learner = Learner(recipe, world, vgg, state, begun)
        run.mkdir(parents=True, exist_ok=True)
        notes = list(photos.notes)
        if state is not None:
            notes += [f"other than in the run so far: {change}" for change in recipe_changes(state.recipe, recipe)]
        deadline_s = None if time_limit_s is None else began + time_limit_s
        clock = Clock(learner.steps_done, learner.position, recipe.num_steps, deadline_s)
        tracker = Tracker(run, recipe, learner.steps_done, notes) if world.is_first else None
        loop = _Loop(recipe, world, learner, photos, run, clock, tracker, checks)
        # crops have one size, so cuDNN may try which of its convolutions is the fastest
        with loop.stop, torch.backends.cudnn.flags(enabled=True, benchmark=True):
            if tracker is None:
                return loop.go(share)
            with tracker:
                return loop.go(share)


@dataclass
class _Pending:
    """What a step gave, not yet looked at: on a GPU it may still be running.

    Its values are on their way to the CPU before the next step begins; to fetch them later would wait for that one.
    """

    step: int
    names: list[str]
    values: Tensor
    numbers: Tensor
    seconds: float
    arrived: torch.cuda.Event | None

    def terms(self) -> list[float]:
        """The values, once they are there."""
        if self.arrived is not None:
            self.arrived.synchronize()
        values: list[float] = self.values.tolist()
        return values


class _Loop:
    """Steps, and what has to happen between them."""

    def __init__(
        self,
        recipe: Recipe,
        world: World,
        learner: Learner,
        photos: PhotoSource,
        run: Path,
        clock: Clock,
        tracker: Tracker | None,
        checks: Validation | None,
    ) -> None:
        self.recipe, self.world, self.learner, self.photos = recipe, world, learner, photos
        self.run, self.clock, self.tracker, self.checks = run, clock, tracker, checks
        self.stop = _StopSignal()
        self.saved = learner.steps_done
        self.ended = False

    def go(self, share: int) -> Outcome:
        """Train to the end of the schedule, or until asked to stop."""
        recipe, tracking = self.recipe, self.recipe.tracking
        step = first = self.learner.steps_done
        position = self.learner.position
        pending: _Pending | None = None
        before = phase_at(recipe, max(position - 1, 0))
        for step, batch in enumerate(self._batches(first, share), first + 1):
            began = time.perf_counter()
            target, valid = self._prepare(batch)
            phase = phase_at(recipe, position)
            if (before, phase) == ("initial", "finetune"):
                self._keep_initial(step - 1, position)
            self.learner.enter(phase)
            before = phase
            lr = rate_at(recipe, position)
            names, values, output = self.learner.step(target, valid, lr, step)
            values = torch.cat([values, values.new_full((1,), float(self.stop.requested))])
            # every process has to see the same, and its own total
            values = torch.cat([values[:1], self.world.sum(values) / self.world.size])
            if pending is not None:
                self._look_at(pending)
            arriving, arrived = self._fetched(values)
            pending = _Pending(step, names, arriving, batch.number, time.perf_counter() - began, arrived)
            position = self.clock.position(step)
            if self.clock.deadline_s is not None:
                position = self.world.from_first(position)
            done = position >= recipe.num_steps
            saves = step % tracking.checkpoint_every == 0 or done
            logs = self.tracker is not None and self.tracker.due(step)
            if self.world.device.type == "cpu" or saves or logs or self.ended:
                self._look_at(pending)
                pending = None
            if self.tracker is not None:
                if step % tracking.samples_every == 0:
                    self.tracker.samples(step, target, valid, output)
                if self.tracker.due(step) or done:
                    self.tracker.line(step, self.learner.phase, lr)
            if saves or self.ended:
                self._save(step, position)
            if step % tracking.validate_every == 0 or done:
                self._validate(step)
            if done or self.ended:
                break
        return Outcome(step, position >= recipe.num_steps)

    def _batches(self, first: int, share: int) -> Iterator[Batch]:
        data, settings = self.recipe.data, self.recipe.training
        size, offset = settings.batch_size, self.world.rank * share
        several = (
            range(step * size + offset, step * size + offset + share)
            for step in range(first, first + math.ceil(self.recipe.num_steps - self.learner.position))
        )
        basis = (self.photos, data.crop_px, data.hole_ratio, settings.seed)
        kinds = (data.holes, data.flow_folder, data.colour_jitter)
        if data.resident:
            resident = ResidentPhotos(
                *basis, self.world.device, *kinds, num_workers=data.num_workers, variety=data.variety
            )
            return resident.batches(several)
        dataset = HoledPhotos(*basis, *kinds, data.variety)
        loader = DataLoader(
            dataset,
            batch_sampler=several,  # type: ignore[arg-type]
            num_workers=data.num_workers,
            pin_memory=self.world.device.type == "cuda",
            worker_init_fn=_leave_process_group,
        )
        return (Batch(*batch) for batch in loader)

    def _prepare(self, batch: Batch) -> tuple[Tensor, Tensor]:
        device, data = self.world.device, self.recipe.data
        target = batch.photo.to(device, non_blocking=True).float().div(255)
        if data.colour_jitter > 0 or data.toned > 0:
            target = change_colours(
                target, *(part.to(device, non_blocking=True) for part in (batch.jitter, batch.tone))
            )
        valid = valid_from_hole(batch.hole.to(device, non_blocking=True))
        return target.contiguous(memory_format=torch.channels_last), valid

    def _fetched(self, values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
        if self.world.device.type != "cuda":
            return values, None
        arriving, arrived = values.to("cpu", non_blocking=True), torch.cuda.Event()
        arrived.record()
        return arriving, arrived

    def _look_at(self, pending: _Pending) -> None:
        """Count a step, or stop at a loss that is not finite."""
        own, *values, stop = pending.terms()
        terms = dict(zip(pending.names, values, strict=True))
        watched = [value for name, value in terms.items() if name != GRADIENT]  # that of fp16 is scaled until it fits
        if not all(map(math.isfinite, watched)):
            shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
            names = ", ".join(self.photos.names[n] for n in pending.numbers.tolist())
            whose = f"photos: {names}" if not math.isfinite(own) else "the photos of this process were fine"
            kept = f"the checkpoint of step {self.saved} was kept" if self.saved else "there is no checkpoint yet"
            raise FloatingPointError(f"the loss is not finite at step {pending.step}: {shown}; {whose}; {kept}.")
        if self.tracker is not None:
            self.tracker.step(pending.step, terms, pending.seconds)
        self.ended = self.ended or stop > 0

    def _save(self, step: int, position: float) -> None:
        if self.world.is_first:
            save_checkpoint(self.learner.state(step, position), self.run)
        self.saved = step
        self.world.wait()

    def _keep_initial(self, step: int, position: float) -> None:
        if self.world.is_first:
            folder = self.run / "initial"
            folder.mkdir(exist_ok=True)
            save_checkpoint(self.learner.state(step, position).weights(), folder)

    def _validate(self, step: int) -> None:
        if self.checks is None:
            return
        scores = self.checks.score(self.learner.best(), self.world)
        if self.tracker is not None:
            self.tracker.validation(step, scores)


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
