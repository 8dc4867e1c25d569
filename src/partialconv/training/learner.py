"""The network with everything that changes while it learns: one step at a time."""

import copy
import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from partialconv.models import PartialConvUNet
from partialconv.models.losses import InpaintingLoss
from partialconv.training.adversarial import Adversary
from partialconv.training.checkpoint import Checkpoint, optimizer_state, restore_optimizer, trained_names
from partialconv.training.distillation import CropMemory, Teachers
from partialconv.training.distributed import World
from partialconv.training.pretrained import load_vgg16
from partialconv.training.recipe import Recipe, TrainingRecipe
from partialconv.training.schedule import Phase

GRADIENT = "gradient"  # name of the norm of the network's


class Learner:
    """Network, optimiser, average and loss of a run, and its discriminator.

    Args:
        recipe: Of the run.
        world: Its processes.
        vgg: See `load_vgg16`.
        state: Where to go on; None starts anew.
        start: Weights to start anew from, a network of the recipe's; random ones if None.

    Raises:
        InputError: VGG16's weights or teachers are needed and cannot be read, or `state` has another discriminator.
    """

    def __init__(
        self,
        recipe: Recipe,
        world: World,
        vgg: Path | None,
        state: Checkpoint | None,
        start: PartialConvUNet | None = None,
    ) -> None:
        self.recipe, self.world = recipe, world
        settings, device = recipe.training, world.device
        torch.manual_seed(settings.seed)
        self.net = recipe.model.build() if start is None else start
        self.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.coarse_frozen:
            self.net.freeze_coarse()
        if settings.norm_frozen:
            self.net.freeze_norm()
        self.net.gradient_checkpointing = settings.gradient_checkpointing
        if settings.synchronise_norm:
            self.net.synchronise_norm()
        features = None
        if recipe.uses_vgg:
            features = load_vgg16(vgg).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = InpaintingLoss(recipe.loss.weights(), features, recipe.loss.vgg_window_px)
        self.teachers = Teachers.of(recipe.distillation, device)
        self.memory = CropMemory(recipe.distillation.repeats, settings.seed + world.rank)
        self.optimizer = torch.optim.Adam(
            (p for p in self.net.parameters() if p.requires_grad), lr=recipe.initial.lr, fused=True
        )
        self.dtype = precision_of(settings, device)
        self.adversary = Adversary(recipe, world, self.dtype, features) if recipe.adversarial.weight > 0 else None
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
        self.average = copy.deepcopy(self.net) if settings.ema_decay > 0 else None
        self.steps_done, self.position = 0, 0.0
        if state is not None:
            self._restore(state)
        self.phase: Phase = "initial"
        self.wrapped = world.wrap(self.net)
        if settings.compile:
            self.net.compile()
            if features is not None:
                features.compile()

    def enter(self, phase: Phase) -> None:
        """Do what a phase begins with."""
        if phase == self.phase:
            return
        self.phase = phase
        if phase == "finetune":
            self.world.share_buffers(self.net)
            self.net.freeze_encoder_norm()
            self.wrapped = self.world.wrap(self.net)  # which parameters have gradients is settled when wrapping

    def step(self, target: Tensor, valid: Tensor, lr: float, number: int) -> tuple[list[str], Tensor, Tensor]:
        """One step of the optimiser.

        Args:
            target: (N, C, H, W) in [0, 1].
            valid: bool, (N, 1, H, W).
            lr: Learning rate.
            number: Of the step, from 1.

        Returns:
            Names and values, on the device: the total, the unweighted terms, and with a discriminator what it says and
            how it learns; then the output, (N, C, H, W).
        """
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.net.train()
        num_new = len(target)
        every = self.recipe.loss.vgg_every
        with_features = number % every == 0 and getattr(self.recipe, self.phase).features
        with torch.autocast(self.world.device.type, self.dtype, enabled=self.dtype != torch.float32):
            goal = target
            if self.teachers is not None:
                target, valid, goal = self.memory.recall(target, valid, self.teachers(target, valid))
            output = self.wrapped(target, valid)
            terms = self.loss(output, goal, valid.float(), with_features=with_features)
        total = self.loss.total(terms, feature_factor=every)
        adversary = self.adversary if getattr(self.recipe, self.phase).adversarial else None
        if adversary is not None:
            played = adversary.play(target, output, valid)
            total = total + adversary.total(played.terms)
            terms |= played.terms
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(total).backward()
        clip_norm = self.recipe.training.clip_norm
        if clip_norm > 0 or adversary is not None:
            self.scaler.unscale_(self.optimizer)
            gradient = nn.utils.clip_grad_norm_(self.net.parameters(), clip_norm or math.inf)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if adversary is not None:
            terms |= {GRADIENT: gradient} | adversary.learn(played, lr, number)
        if self.average is not None:
            self._update(self.average, first=number == 1)
        return ["total", *terms], torch.stack([total, *terms.values()]).detach(), output.detach()[:num_new]

    @torch.no_grad()
    def _update(self, average: nn.Module, first: bool) -> None:
        """Count the weights and statistics of now in their average, which begins with those after the first step."""
        # AveragedModel keeps its count on one device, so that a GPU would wait for every step
        pairs = [*zip(_tensors(average), _tensors(self.net), strict=True)]
        means = [pair for pair in pairs if pair[0].is_floating_point() and not first]
        if means:
            get_ema_multi_avg_fn(self.recipe.training.ema_decay)([a for a, _ in means], [b for _, b in means], 0)
        for mean, value in pairs:
            if first or not mean.is_floating_point():
                mean.copy_(value)

    def best(self) -> nn.Module:
        """The network to judge, in eval mode: the average where there is one."""
        net = self.net if self.average is None else self.average
        self.world.share_buffers(net)
        return net.eval()

    def state(self, step: int, position: float) -> Checkpoint:
        """Everything needed to go on after `step` steps, at a position of the schedule."""
        averaged = {} if self.average is None else self.average.state_dict()
        scaler = {k: torch.tensor(float(v)) for k, v in self.scaler.state_dict().items()}
        own = self.net.state_dict(), averaged, optimizer_state(self.optimizer, self.net), scaler
        other = () if self.adversary is None else self.adversary.state()
        squeezed = None if position == step else position
        return replace(Checkpoint(step, self.recipe, *own, *other), position=squeezed)

    def _restore(self, state: Checkpoint) -> None:
        self.steps_done = state.step
        self.position = float(state.step) if state.position is None else state.position
        self.net.load_state_dict(state.model)
        restore_optimizer(self.optimizer, self.net, state.optimizer, trained_names(state.recipe))
        if self.average is not None:
            self.average.load_state_dict(state.best)
        if self.adversary is not None:
            self.adversary.restore(state)
        if state.scaler and self.scaler.is_enabled():
            values = {k: float(v) for k, v in state.scaler.items()}
            whole = ("growth_interval", "_growth_tracker")
            self.scaler.load_state_dict({k: int(v) if k in whole else v for k, v in values.items()})


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def precision_of(settings: TrainingRecipe, device: torch.device) -> torch.dtype:
    """Data type of the convolutions; "auto" asks for hardware that gains by bf16: CUDA, or a CPU with AMX."""
    if settings.precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[settings.precision]
    if device.type == "cuda":
        faster = bool(torch.cuda.is_bf16_supported(including_emulation=False))
    else:
        # AVX-512 bf16 alone was slower than fp32 where it was measured
        has_amx = getattr(torch.cpu, "_is_amx_tile_supported", None)  # private: older releases may lack it
        faster = has_amx is not None and has_amx()
    return torch.bfloat16 if faster else torch.float32
