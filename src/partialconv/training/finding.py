"""Training of the network that finds damage: seeded crops, one loss, a time limit, checkpoints."""

import csv
import json
import math
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader

from partialconv.data.damage import NOTHING, load_cutouts
from partialconv.data.damaged import DamagedCrops, Item, read_photos
from partialconv.data.spotting import Scores, count, scores_of
from partialconv.errors import InputError, reason_of
from partialconv.imageio import unfinished
from partialconv.models.finder import Finder
from partialconv.models.finder_graph import build_finder_graph

CHECKPOINT, CURVE = "finder.safetensors", "curve.csv"
ITEMS = 1 << 40  # more than any training takes
CHOICE_CROPS, CHOICE_PX, CHOICE_SEED = 64, 256, 5
THRESHOLDS = np.round(np.arange(0.1, 0.96, 0.05), 2)


@dataclass(frozen=True)
class FinderRecipe:
    """What a training of the finder is made of.

    Args:
        widths: See `Finder`.
        dilations: See `Finder`.
        crop_px: Side of the crops.
        batch_size: Crops of a step.
        undamaged: Share of crops without damage.
        unknown: Share of crops with unknown parts.
        scenery: Share of crops with drawn lines that are no damage.
        lr: Highest learning rate; it falls along a cosine to 0 at the time limit.
        warmup_steps: Steps in which it rises.
        weight_decay: Of AdamW.
        false_alarms: Weight of false alarms in the Tversky loss; that of what is missed is 1 minus it.
        kinds_weight: Of the loss of kinds.
        ema_decay: Of the mean of the weights, which is what is exported.
        bf16: Whether convolutions are computed in bfloat16.
        seed: Of crops and weights.
    """

    widths: tuple[int, ...] = (32, 64, 96, 160)
    dilations: tuple[int, ...] = (1, 2, 4)
    crop_px: int = 192
    batch_size: int = 8
    undamaged: float = 0.4
    unknown: float = 0.08
    scenery: float = 0.1
    lr: float = 1.5e-3
    warmup_steps: int = 150
    weight_decay: float = 1e-3
    false_alarms: float = 0.6
    kinds_weight: float = 0.15
    ema_decay: float = 0.998
    bf16: bool = True
    seed: int = 0


def load_finder_recipe(path: Path | str) -> FinderRecipe:
    """Read a recipe.

    Raises:
        InputError: it cannot be read, or has another key.
    """
    try:
        given: dict[str, Any] = tomllib.loads(Path(path).read_text("utf-8"))
        known = {field.name for field in fields(FinderRecipe)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"unknown key {unknown[0]}, expected some of {', '.join(sorted(known))}")
        return _recipe(given)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no recipe of a finder: {reason_of(error)}.") from error


def _recipe(given: dict[str, Any]) -> FinderRecipe:
    tuples: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return FinderRecipe(**tuples)


def finder_loss(damage: Tensor, kinds: Tensor, batch: Item, recipe: FinderRecipe) -> Tensor:
    """Cross-entropy, which weighs all pixels alike, Tversky over the batch, which weighs damage, and that of the kinds.

    Args:
        damage: Logits, (N, 1, H, W).
        kinds: Logits, (N, 5, H / 2, W / 2).
        batch: Of `DamagedCrops`.
        recipe: With the weights.

    Source: Tversky loss, Salehi et al. 2017; focal loss with exponent 1, Lin et al. 2017.
    """
    _, valid, truth, labels = batch
    known, target = valid.float(), truth.float()
    probability = damage.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(damage, target, reduction="none")
    focal = (entropy * (probability - target).abs() * known).sum() / known.sum()
    hit = (probability * target * known).sum()
    alarms, missed = (probability * (1 - target) * known).sum(), ((1 - probability) * target * known).sum()
    tversky = 1 - (hit + 1) / (hit + recipe.false_alarms * alarms + (1 - recipe.false_alarms) * missed + 1)
    # one of four pixels is enough to learn kinds
    of_kinds = F.cross_entropy(kinds, labels[:, ::2, ::2].long(), ignore_index=NOTHING, reduction="sum")
    num = (labels[:, ::2, ::2] != NOTHING).sum().clamp(min=1)
    return 10 * focal + tversky + recipe.kinds_weight * of_kinds / num


class FinderTraining:
    """A training that ends at a time limit and continues from its folder.

    Args:
        recipe: What to do.
        photos: Folders of photos; those that `part_of` keeps for choice and test are left out.
        damage: Folder of `load_cutouts`.
        out: Folder for checkpoint and curve; a checkpoint in it is continued.
        limit_s: Seconds of training in all, with those before the checkpoint.

    Raises:
        InputError: there are too few photos, no damage, or the checkpoint is of another recipe or broken.
    """

    def __init__(self, recipe: FinderRecipe, photos: list[Path], damage: Path, out: Path, limit_s: float) -> None:
        cutouts = load_cutouts(damage)
        shares = (recipe.undamaged, recipe.unknown, recipe.scenery)
        known = read_photos(photos, "train", recipe.crop_px)
        self.crops = DamagedCrops(known, cutouts, recipe.crop_px, ITEMS, recipe.seed, *shares)
        choice = read_photos(photos[:1], "choice", recipe.crop_px)
        if not known or not choice:
            raise InputError(f"{photos[0]} has too few photos: one in 16 chooses, one in 16 tests, the rest trains.")
        self.choice = DamagedCrops(choice, cutouts, CHOICE_PX, CHOICE_CROPS, CHOICE_SEED, recipe.undamaged, 0)
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.limit_s = recipe, out, limit_s
        net = Finder(recipe.widths, recipe.dilations)
        self.net: Finder = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = Finder(recipe.widths, recipe.dilations).eval()
        self.mean.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(self.net.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
        self.step, self.before_s = 0, 0.0
        out.mkdir(parents=True, exist_ok=True)
        if (out / CHECKPOINT).exists():
            self._load()
        self.started = monotonic()

    @property
    def spent_s(self) -> float:
        """Seconds of training, with those before the checkpoint."""
        return self.before_s + monotonic() - self.started

    def run(self, save_every_s: float = 600) -> None:
        """Train until the time limit, saving every `save_every_s` seconds and at the end; also when interrupted."""
        order = range(self.step * self.recipe.batch_size, ITEMS)
        loader = DataLoader(self.crops, self.recipe.batch_size, sampler=order, num_workers=1, prefetch_factor=8)
        next_save, losses = self.spent_s + save_every_s, []
        try:
            for batch in loader:
                losses.append(self.learn(batch))
                if self.spent_s >= min(next_save, self.limit_s):
                    next_save = self.spent_s + save_every_s
                    self._note(float(np.mean(losses)))
                    self.save()
                    losses = []
                if self.spent_s >= self.limit_s:
                    break
        except KeyboardInterrupt:
            self.save()

    def learn(self, batch: Item) -> float:
        """One step; gives back the loss."""
        progress = min(1.0, self.spent_s / self.limit_s)
        rate = (
            self.recipe.lr * min(1, (self.step + 1) / self.recipe.warmup_steps) * (1 + math.cos(math.pi * progress)) / 2
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        image = batch[0].float().div(255).to(memory_format=torch.channels_last)
        self.net.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
            damage, kinds = self.net.logits(image, batch[1].float())
        loss = finder_loss(damage.float(), kinds.float(), batch, self.recipe)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimizer.step()
        self.step += 1
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            mean, now = self.mean.state_dict(), self.net.state_dict()
            for name, value in mean.items():
                if value.is_floating_point():
                    value.lerp_(now[name], 1 - decay)
                else:
                    value.copy_(now[name])
        return float(loss.detach())

    @torch.no_grad()
    def judge(self) -> tuple[float, Scores]:
        """Best threshold on crops of the choice set, and the scores there."""
        sums = np.zeros((len(THRESHOLDS), 6))
        for number in range(CHOICE_CROPS):
            image, valid, truth, _ = self.choice[number]
            damage, _ = self.mean(image[None].float() / 255, valid[None].float())
            sums += count(damage[0, 0].numpy(), truth[0].numpy(), THRESHOLDS)
        scores = scores_of(sums)
        best = max(range(len(scores)), key=lambda number: scores[number].f1)
        return float(THRESHOLDS[best]), scores[best]

    def _note(self, loss: float) -> None:
        """Add a line to the curve."""
        threshold, scores = self.judge()
        row = [self.step, round(self.spent_s), f"{loss:.4f}", threshold]
        row += [f"{x:.4f}" for x in (scores.precision, scores.recall, scores.f1, scores.flagged)]
        is_new = not (self.out / CURVE).exists()
        with (self.out / CURVE).open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["step", "seconds", "loss", "threshold", "precision", "recall", "f1", "clean_flagged"])
            writer.writerow(row)

    def save(self) -> None:
        """Write the checkpoint."""
        content = {f"net.{n}": t.contiguous() for n, t in self.net.state_dict().items()}
        content |= {f"mean.{n}": t.contiguous() for n, t in self.mean.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            content |= {f"adam.{number}.{key}": value.contiguous() for key, value in state.items()}
        notes = {"step": str(self.step), "seconds": str(self.spent_s), "recipe": json.dumps(asdict(self.recipe))}
        with unfinished(self.out / CHECKPOINT, True) as temporary:
            save_file(content, temporary, notes)

    def _load(self) -> None:
        """Go on from the checkpoint."""
        try:
            with safe_open(self.out / CHECKPOINT, framework="pt") as file:
                notes = file.metadata()
                content = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            self.step, self.before_s = int(notes["step"]), float(notes["seconds"])
            for name, net in (("net.", self.net), ("mean.", self.mean)):
                net.load_state_dict({n.removeprefix(name): t for n, t in content.items() if n.startswith(name)})
            state = self.optimizer.state_dict()
            for name, value in content.items():
                if name.startswith("adam."):
                    _, number, key = name.split(".")
                    state["state"].setdefault(int(number), {})[key] = value
            self.optimizer.load_state_dict(state)
        except (OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{self.out} holds another training: {reason_of(error)}") from error


def load_finder(run: Path) -> tuple[Finder, int]:
    """The mean of the weights of a training, in eval mode, and its step.

    Raises:
        InputError: there is no checkpoint in `run`.
    """
    try:
        with safe_open(run / CHECKPOINT, framework="pt") as file:
            notes = file.metadata()
            recipe = _recipe(json.loads(notes["recipe"]))
            names = [name for name in file.keys() if name.startswith("mean.")]  # noqa: SIM118 (not a dict)
            state = {name.removeprefix("mean."): file.get_tensor(name) for name in names}
        net = Finder(recipe.widths, recipe.dilations)
        net.load_state_dict(state)
        return net.eval(), int(notes["step"])
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{run} holds no training of a finder: {reason_of(error)}.") from error


def export_finder(run: Path, destination: Path, threshold: float) -> None:
    """Write the network of a training as an ONNX file; an older file is replaced.

    Args:
        run: Folder of the training.
        destination: Name of the file.
        threshold: Probability at the default sensitivity.
    """
    net, step = load_finder(run)
    content = build_finder_graph(net, threshold, {"step": str(step)}).SerializeToString()
    with unfinished(destination, True) as temporary:
        temporary.write_bytes(content)
