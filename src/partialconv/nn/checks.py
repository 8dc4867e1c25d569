"""What a caller can get wrong, said in one line."""

import torch
from torch import Tensor

AXES = {1: "L", 2: "H, W", 3: "D, H, W"}


def check_inputs(dims: int, inputs: list[Tensor], masks: list[Tensor], in_channels: int, groups: int) -> None:
    """Compare shapes.

    Raises:
        ValueError: they do not fit.
    """
    if any(x.dim() != dims + 2 for x in inputs):
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ValueError(f"`x` has shape {shapes}, expected (N, C, {AXES[dims]}); add the batch with x[None].")
    if sum(x.shape[1] for x in inputs) != in_channels:
        came = " + ".join(str(x.shape[1]) for x in inputs)
        raise ValueError(f"`x` has {came} channels, the weight expects {in_channels}.")
    if len(inputs) != len(masks):
        raise ValueError(f"{len(inputs)} inputs came with {len(masks)} masks: give each input its own `valid`.")
    for x, valid in zip(inputs, masks, strict=True):
        num, channels = x.shape[:2]
        allowed = (1, channels) if groups == 1 or len(inputs) > 1 else (1, groups, channels)
        fits = valid.dim() == x.dim() and valid.shape[0] in (1, num) and valid.shape[1] in allowed
        if not fits or valid.shape[2:] != x.shape[2:]:
            size = ", ".join(str(side) for side in x.shape[2:])
            shapes = " or ".join(f"({num}, {c}, {size})" for c in dict.fromkeys(allowed))
            raise ValueError(
                f"`valid` has shape {tuple(valid.shape)}, expected {shapes}; resize masks with mode='nearest'."
            )


def check_values(masks: list[Tensor], known: list[Tensor]) -> None:
    """Compare masks with what they would be if every value but 0 were 1.

    Raises:
        ValueError: a mask holds something between, or beyond.
    """
    # a graph cannot branch on values: inside torch.compile and torch.export they are trusted; nor has "meta" any
    if torch.compiler.is_compiling():
        return
    for valid, binary in zip(masks, known, strict=True):
        if valid.dtype == torch.bool or valid.is_meta or _equal(binary.to(valid.dtype), valid.detach()):
            continue
        low, high = float(valid.min()), float(valid.max())
        raise ValueError(
            f"`valid` must hold only 0 (hole) and 1 (known), but its values lie between {low:g} and {high:g}; "
            "threshold it first, e.g. valid > 127 for 0..255 or valid > 0.5 for a soft mask."
        )


def _equal(binary: Tensor, valid: Tensor) -> bool:
    """Whether the two are equal; True where nobody can know: under vmap, make_fx and FakeTensorMode."""
    try:
        return torch.equal(binary, valid)
    except RuntimeError:
        return True
