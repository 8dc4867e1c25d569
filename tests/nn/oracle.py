"""Equations 1 and 2, and the padding of the second paper, as loops in float64 that share no code with the package."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def oracle(
    x: Array,
    valid: Array,
    weight: Array,
    bias: Array | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    scaling: str = "v2",
) -> tuple[Array, Array]:
    """Window by window, of any number of axes; `valid` with as many channels as `x`."""
    (num, _), (c_out, c_group) = x.shape[:2], weight.shape[:2]
    sizes, kernel = x.shape[2:], weight.shape[2:]
    axes = range(len(kernel))
    out_sizes = [(sizes[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in axes]
    out, valid_out = np.zeros((num, c_out, *out_sizes)), np.zeros((num, c_out, *out_sizes))
    full = c_group * np.prod(kernel) if scaling == "v2" else 1.0
    for n, c, *place in itertools.product(*map(range, out.shape)):
        first = c // (c_out // groups) * c_group
        total = count = 0.0
        for k, *tap in itertools.product(range(c_group), *map(range, kernel)):
            at = [place[a] * stride[a] - padding[a] + tap[a] * dilation[a] for a in axes]
            inside = all(0 <= at[a] < sizes[a] for a in axes)
            if inside and valid[(n, first + k, *at)]:
                total += weight[(c, k, *tap)] * x[(n, first + k, *at)]
                count += 1
        if count:
            out[(n, c, *place)] = total * full / count + (0 if bias is None else bias[c])
            valid_out[(n, c, *place)] = 1
    return out, valid_out
