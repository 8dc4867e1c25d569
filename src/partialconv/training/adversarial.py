"""Learning against a discriminator, which learns beside the network to tell what it fills from photos."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partialconv.conventions import composite
from partialconv.errors import InputError
from partialconv.models.discriminator import Discriminator, FeatureDiscriminator, PatchDiscriminator
from partialconv.models.losses import windows
from partialconv.training.checkpoint import Checkpoint, optimizer_state, restore_optimizer
from partialconv.training.distributed import World
from partialconv.training.recipe import AdversarialRecipe, Recipe

BETAS = (0.5, 0.99)  # of its Adam: what was true of the network some hundred steps ago is so no more


class Round(NamedTuple):
    """What came of showing one batch to the discriminator.

    Args:
        terms: The unweighted terms of the network's loss.
        real: What is judged of the photos, see `Discriminator.see`.
        fake: The same of the composites; without a graph, as `real`.
        known: 1 = known, (N, 1, H, W).
        patches: 1 where a patch sees enough of the hole, of the shapes of the scores.
    """

    terms: dict[str, Tensor]
    real: list[Tensor]
    fake: list[Tensor]
    known: Tensor
    patches: list[Tensor]


class Adversary:
    """A discriminator, its optimiser, and the terms that the network takes from it.

    Both the photo and the composite are judged together with the hole, on the same patches: those that see enough of
    it. The composite's known pixels are the photo's, so the network's gradient is 0 there. Each picture counts alike,
    whatever its hole, so that two processes see what one does.

    Args:
        recipe: Of the run, with an adversarial weight.
        world: Its processes.
        dtype: Of the network's convolutions. Those of the discriminator are bf16 if these are, else fp32.
        features: VGG16, for the kind "vgg16".

    Source: Goodfellow et al. 2014; patches that see the hole: Suvorov et al. 2022 (LaMa), who count all others as real.
    """

    def __init__(
        self, recipe: Recipe, world: World, dtype: torch.dtype, features: Callable[[Tensor], list[Tensor]] | None
    ) -> None:
        self.settings, self.world, self.clip_norm = recipe.adversarial, world, recipe.training.clip_norm
        self.autocast = dtype == torch.bfloat16
        self.window_px = recipe.loss.vgg_window_px if self.settings.kind == "vgg16" else 0
        torch.manual_seed(recipe.training.seed)
        self.net = _build(self.settings, features)
        self.net.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        learned = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(learned, betas=BETAS, fused=True)

    def play(self, target: Tensor, output: Tensor, valid: Tensor) -> Round:
        """Judge what the network gives, with the discriminator as it is.

        Args:
            target: The photo, (N, C, H, W) in [0, 1].
            output: What the network gives, (N, C, H, W).
            valid: bool, (N, 1, H, W).
        """
        known = valid.float()
        comp = composite(target, output.float(), known)
        if 0 < self.window_px < min(known.shape[-2:]):
            target, comp, known = windows([target, comp, known], known, self.window_px)
        self._let_learn(False)
        patches = [(shares >= self.settings.hole_share).float() for shares in self.net.hole_shares(1 - known)]
        with self._precision(known):
            fake_seen = self.net.see(comp)
            fake = self.net.judge(fake_seen, known)
            with torch.no_grad():
                real_seen = self.net.see(target)
                real = self.net.judge(real_seen, known) if self.settings.matching > 0 else None
        verdicts = [-scores if self.settings.loss == "hinge" else F.softplus(-scores.float()) for scores in fake.scores]
        terms = {"adversarial": _mean(verdicts, patches)}
        if real is not None:
            pairs = zip(fake.features, real.features, strict=True)
            terms["matching"] = torch.stack([F.l1_loss(a.float(), b.float()) for a, b in pairs]).mean()
        return Round(terms, real_seen, [maps.detach() for maps in fake_seen], known, patches)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Their weighted sum."""
        weights = self.settings.weights()
        return torch.stack([weights[name] * value for name, value in terms.items()]).sum()

    def learn(self, played: Round, lr: float, step: int) -> dict[str, Tensor]:
        """One step of the discriminator's optimiser.

        Args:
            played: What it was shown.
            lr: Learning rate of the network.
            step: Its number, from 1.

        Returns:
            By name: its loss, the mean scores of real and fake patches, at some steps the penalty, and the norm of its
            gradient.
        """
        settings, patches = self.settings, played.patches
        for group in self.optimizer.param_groups:
            group["lr"] = lr * settings.rate
        self._let_learn(True)
        seen = [torch.cat(pair) for pair in zip(played.real, played.fake, strict=True)]
        with self._precision(played.known):
            scores = self.net.judge(seen, torch.cat([played.known] * 2)).scores
        real, fake = ([maps.chunk(2)[half] for maps in scores] for half in (0, 1))
        loss = _mean([self._cost(r) + self._cost(-f) for r, f in zip(real, fake, strict=True)], patches)
        shown = {"discriminator": loss, "score_real": _mean(real, patches), "score_fake": _mean(fake, patches)}
        if settings.r1 > 0 and step % settings.r1_every == 0:
            shown["r1"] = self._penalty(played)
            loss = loss + settings.r1 * settings.r1_every * shown["r1"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.world.average_gradients(self.net)
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.clip_norm or math.inf)
        self.optimizer.step()
        return {name: value.detach() for name, value in shown.items()} | {"discriminator_gradient": norm}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weights and Adam's state, for a checkpoint."""
        return self.net.state_dict(), optimizer_state(self.optimizer, self.net)

    def restore(self, state: Checkpoint) -> None:
        """Go on from a checkpoint; one without a discriminator leaves this one new.

        Raises:
            InputError: it holds another one.
        """
        if not state.discriminator:
            return
        before = state.recipe.adversarial
        for key in ("kind", "width", "num_levels"):
            old, new = getattr(before, key), getattr(self.settings, key)
            if old != new:
                raise InputError(
                    f"the run's discriminator has adversarial.{key} = {old!r}, the recipe {new!r}: keep it, or begin "
                    "a new run with --start."
                )
        self.net.load_state_dict(state.discriminator)
        learned = {parameter for group in self.optimizer.param_groups for parameter in group["params"]}
        names = [name for name, parameter in self.net.named_parameters() if parameter in learned]
        restore_optimizer(self.optimizer, self.net, state.discriminator_optimizer, names)

    def _precision(self, on: Tensor) -> torch.autocast:
        return torch.autocast(on.device.type, torch.bfloat16, enabled=self.autocast)

    def _cost(self, scores: Tensor) -> Tensor:
        """What a score costs that should be high."""
        scores = scores.float()
        return F.relu(1 - scores) if self.settings.loss == "hinge" else F.softplus(-scores)

    def _penalty(self, played: Round) -> Tensor:
        """Squared gradient of the scores of photos, of what the learned layers see of them.

        Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?"; at some steps only:
            Karras et al. 2020 (StyleGAN2).
        """
        seen = [maps.float().requires_grad_(True) for maps in played.real]
        scores = self.net.judge(seen, played.known).scores
        total = torch.stack([(s * p).sum() for s, p in zip(scores, played.patches, strict=True)]).sum()
        gradients = torch.autograd.grad(total, seen, create_graph=True)
        return torch.stack([gradient.square().sum((1, 2, 3)).mean() for gradient in gradients]).sum()

    def _let_learn(self, learns: bool) -> None:
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.requires_grad_(learns)


def _build(settings: AdversarialRecipe, features: Callable[[Tensor], list[Tensor]] | None) -> Discriminator:
    if settings.kind == "patches":
        return PatchDiscriminator(settings.width, settings.num_levels)
    assert features is not None
    return FeatureDiscriminator(features, width=settings.width)


def _mean(scores: list[Tensor], patches: list[Tensor]) -> Tensor:
    """Mean over the patches that count of each picture, then over pictures and maps; 0 where none counts."""
    means = []
    for each, counted in zip(scores, patches, strict=True):
        sums = (each.float() * counted).sum((1, 2, 3)) / counted.sum((1, 2, 3)).clamp(min=1)
        means.append(sums.mean())
    return torch.stack(means).mean()
