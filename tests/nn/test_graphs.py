"""Compiled, exported and as ONNX, at other sizes than the example's: equal to eager."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.export import Dim

from partialconv.nn import PartialConv1d, PartialConv2d, PartialConv3d, PartialPaddingConv2d


class Skip(nn.Module):
    """Two inputs with masks of their own."""

    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.conv = PartialConv2d(6, 4, 3, padding=1, groups=groups)

    def forward(self, x: Tensor, skip: Tensor, valid: Tensor, skip_valid: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv([x, skip], [valid, skip_valid])  # type: ignore[no-any-return]


def masked(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Features with NaN under the holes, and their mask."""
    valid = torch.rand(shape[0], 1, *shape[2:]) > 0.5
    return torch.where(valid, torch.randn(shape), float("nan")), valid.to(dtype)


LAYERS: dict[str, tuple[Callable[[], nn.Module], Callable[[int], tuple[Tensor, ...]]]] = {
    "1d": (lambda: PartialConv1d(2, 3, 5, padding=2), lambda n: masked(n, 2, 9 + n)),
    "2d, bool": (
        lambda: PartialConv2d(2, 3, 5, 2, 2),
        lambda n: masked(n, 2, 8 + n, 9 + 2 * n, dtype=torch.bool),
    ),
    "2d, reflect": (
        lambda: PartialConv2d(2, 4, 3, padding=1, groups=2, padding_mode="reflect"),
        lambda n: masked(n, 2, 8 + n, 9 + 2 * n),
    ),
    "3d": (lambda: PartialConv3d(2, 3, 3, padding=1), lambda n: masked(n, 2, 4 + n, 5 + n, 6)),
    "skip": (
        Skip,
        lambda n: tuple(t for pair in zip(masked(n, 4, 8 + n, 9), masked(n, 2, 8 + n, 9), strict=True) for t in pair),
    ),
    "padding": (
        lambda: PartialPaddingConv2d(2, 3, 5, 2, 2),
        lambda n: (torch.randn(n, 2, 8 + n, 9 + 2 * n),),
    ),
}


def assert_same(ours: Any, theirs: Any) -> None:
    """Tensors, or tuples of them."""
    for a, b in zip(*((t,) if isinstance(t, Tensor) else t for t in (ours, theirs)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", LAYERS)
def test_compiled_as_one_graph_for_all_sizes(name: str) -> None:
    torch._dynamo.reset()
    build, inputs = LAYERS[name]
    layer, counter = build(), CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(layer, backend=counter, fullgraph=True)
    for num in (2, 3, 5, 4, 7):
        given = inputs(num)
        assert_same(compiled(*given), layer(*given))
    assert counter.frame_count <= 2  # the first size, then any


@pytest.mark.parametrize("name", ["skip", "padding"])
def test_compiled_to_machine_code_forward_and_backward(name: str) -> None:
    torch._dynamo.reset()
    build, inputs = LAYERS[name]
    layer, given = build(), inputs(2)
    gradients = []
    for call in (layer, torch.compile(layer, fullgraph=True)):
        layer.zero_grad()
        out = call(*given)
        assert_same(out, layer(*given))
        (out if isinstance(out, Tensor) else out[0]).square().sum().backward()
        gradients.append(next(layer.parameters()).grad)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


def dynamic(given: tuple[Tensor, ...]) -> tuple[dict[int, Any], ...]:
    """Free batch and sizes, the same for features and masks."""
    dims = {0: Dim("num", min=2)} | {axis: Dim(f"size_{axis}", min=6) for axis in range(2, given[0].dim())}
    return (dims,) * len(given)


@pytest.mark.parametrize("name", LAYERS)
def test_exported_with_free_sizes(name: str) -> None:
    build, inputs = LAYERS[name]
    layer = build().eval()
    free = tuple(dict.fromkeys((0, *range(2, t.dim())), Dim.DYNAMIC) for t in inputs(2))
    program = torch.export.export(layer, inputs(2), dynamic_shapes=free)
    for num in (3, 5):
        given = inputs(num)
        assert_same(program.module()(*given), layer(*given))


@pytest.mark.filterwarnings("ignore")  # the exporter's own, about what it will deprecate
@pytest.mark.parametrize("name", ["1d", "2d, bool", "2d, reflect", "3d", "padding"])
def test_onnx_equals_eager_at_another_size(name: str, tmp_path: Path) -> None:
    build, inputs = LAYERS[name]
    layer, path = build().eval(), tmp_path / "layer.onnx"
    example = inputs(2)
    # the names of the inputs of forward: what "x" and "valid" share is the same size
    program = torch.onnx.export(layer, example, dynamo=True, dynamic_shapes=dynamic(example), verbose=False)
    assert program is not None
    program.save(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for num in (3, 6):
        given = inputs(num)
        names = [node.name for node in session.get_inputs()]
        outputs = session.run(None, dict(zip(names, (t.numpy() for t in given), strict=True)))
        expected = layer(*given)
        for a, b in zip(outputs, (expected,) if isinstance(expected, Tensor) else expected, strict=True):
            np.testing.assert_allclose(a, b.detach(), atol=1e-5)
