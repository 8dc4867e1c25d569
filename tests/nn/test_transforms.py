"""Programs that trace, batch or script the layer and the network: float masks, complex features, exporters."""

import copy
import pickle
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from partialconv.models import PartialConvUNet
from partialconv.nn import PartialConv2d, convert_padding
from tests.nn.oracle import oracle


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor]:
    return torch.rand(2, 3, 12, 14), (torch.rand(2, 1, 12, 14) > 0.4).float()


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_float_masks_under_vmap(inputs: tuple[Tensor, Tensor]) -> None:
    conv = PartialConv2d(3, 4, 3, padding=1)
    out, valid = torch.vmap(lambda x, known: conv(x[None], known[None]))(*inputs)
    expected = conv(*inputs)
    torch.testing.assert_close((out[:, 0], valid[:, 0]), expected)


def test_float_masks_without_values() -> None:
    with FakeTensorMode():
        out, valid = PartialConv2d(3, 4, 3)(torch.rand(2, 3, 12, 14), torch.ones(2, 1, 12, 14))
        filled = PartialConvUNet(4, 3)(torch.rand(2, 3, 12, 14), torch.ones(2, 1, 12, 14))
    assert (out.shape, valid.shape, filled.shape) == ((2, 4, 10, 12), (2, 1, 10, 12), (2, 3, 12, 14))


def test_float_masks_in_make_fx(inputs: tuple[Tensor, Tensor]) -> None:
    conv = PartialConv2d(3, 4, 3, stride=2)
    graph = make_fx(lambda x, known: conv(x, known))(*inputs)
    other = inputs[0].flip(0), inputs[1].flip(0)
    torch.testing.assert_close(graph(*other), conv(*other))


def test_complex_features(inputs: tuple[Tensor, Tensor]) -> None:
    """As the real layer on the real and the imaginary part, for a weight that is real; NaN under the hole ignored."""
    x = torch.complex(inputs[0], torch.rand_like(inputs[0]))
    hidden = torch.where(inputs[1] > 0, x, complex("nan"))
    weight = torch.randn(4, 3, 3, 3)
    conv = PartialConv2d(3, 4, 3, padding=1, bias=False, dtype=torch.complex64)
    with torch.no_grad():
        conv.weight.copy_(weight)
    out, valid = conv(hidden, inputs[1])
    known = inputs[1].expand(-1, 3, -1, -1).double().numpy()
    ones = (1, 1)
    for ours, part in ((out.real, x.real), (out.imag, x.imag)):
        expected, _ = oracle(part.double().numpy(), known, weight.double().numpy(), None, ones, ones, ones, 1)
        np.testing.assert_allclose(ours.detach().numpy(), expected, atol=1e-4)
    assert valid.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
@pytest.mark.filterwarnings("ignore")
def test_the_old_exporter_takes_the_bare_layer(
    inputs: tuple[Tensor, Tensor], dtype: torch.dtype, tmp_path: Path
) -> None:
    conv, (x, valid), file = PartialConv2d(3, 4, 3, padding=1), inputs, tmp_path / "layer.onnx"
    torch.onnx.export(conv, (x, valid.to(dtype)), file, dynamo=False, input_names=["x", "valid"])
    session = onnxruntime.InferenceSession(file)
    ran = session.run(None, {"x": x.flip(0).numpy(), "valid": valid.flip(0).to(dtype).numpy()})
    expected = conv(x.flip(0), valid.flip(0).to(dtype))
    np.testing.assert_allclose(ran[0], expected[0].detach().numpy(), atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("through_onnx", [False, True])
def test_the_network_is_exported_at_free_sizes(through_onnx: bool, tmp_path: Path) -> None:
    net, free = PartialConvUNet(4, 3).eval(), dict.fromkeys((0, 2, 3), torch.export.Dim.AUTO)
    example = torch.rand(2, 3, 40, 56), torch.ones(2, 1, 40, 56)
    if through_onnx:
        program = torch.onnx.export(net, example, dynamo=True, dynamic_shapes=(free, free), verbose=False)
        assert program is not None
        program.save(tmp_path / "network.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
        names = [value.name for value in session.get_inputs()]
    else:
        module = torch.export.export(net, example, dynamic_shapes=(free, free)).module()
    for size in ((1, 33, 47), (3, 64, 50), (2, 9, 24)):
        image, valid = torch.rand(size[0], 3, *size[1:]), (torch.rand(size[0], 1, *size[1:]) > 0.4).float()
        if through_onnx:
            ran = session.run(None, dict(zip(names, (image.numpy(), valid.numpy()), strict=True)))[0]
            output = torch.from_numpy(ran)
        else:
            output = module(image, valid)
        torch.testing.assert_close(output, net(image, valid), atol=1e-5, rtol=1e-5)


def test_lists_of_inputs_compile_at_free_sizes() -> None:
    conv = PartialConv2d(3, 4, 3, padding=1)
    compiled = torch.compile(conv, dynamic=True, fullgraph=True, backend="aot_eager")
    for side in (12, 17, 20):
        x, skip = torch.rand(1, 2, side, side), torch.rand(1, 1, side, side)
        valid = [(torch.rand(1, 1, side, side) > 0.4).float() for _ in range(2)]
        torch.testing.assert_close(compiled([x, skip], valid), conv([x, skip], valid))


def test_recomputed_blocks_compile() -> None:
    """Gradients and running statistics are those of the network that keeps everything."""
    image, valid = torch.rand(2, 3, 24, 32), torch.rand(2, 1, 24, 32) > 0.4
    results = []
    for compiled in (False, True):
        torch.manual_seed(3)
        net = PartialConvUNet(4, 3).train()
        net.gradient_checkpointing = compiled
        run = torch.compile(net, backend="aot_eager") if compiled else net
        for _ in range(2):
            run(image, valid).square().mean().backward()
        results.append((net.state_dict(), [p.grad for p in net.parameters()]))
    torch.testing.assert_close(results[0], results[1])


class Simple(nn.Conv3d):
    """As torchvision's r3d_18 has them: other arguments, the same forward."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1, bias=False)

    def steps(self) -> int:
        return 1


class Own(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x)


def test_subclasses_with_the_same_forward_get_the_padding() -> None:
    model = nn.Sequential(Simple(2), nn.ReLU(), Own(1, 1, 3, padding=1))
    with pytest.warns(UserWarning, match="2 \\(Own\\)"):
        assert convert_padding(model) == ["0"]
    layer = model[0]
    assert isinstance(layer, Simple) and layer.steps() == 1
    plain = nn.Conv3d(2, 2, 3, padding=1, bias=False)
    plain.load_state_dict(layer.state_dict())
    convert_padding(plain)
    x = torch.rand(1, 2, 5, 6, 7)
    for other in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert isinstance(other, Simple)
        torch.testing.assert_close(other(x), plain(x))
