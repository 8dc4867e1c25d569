"""The ONNX graph against the network it was written from."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from partialconv.inference import OnnxRuntime
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import deploy
from partialconv.models.graph import build_graph
from partialconv.zoo import model_path
from tests.models.test_unet import DILATIONS, NUM_DETAIL, holed, in_holes, small


@pytest.fixture(scope="module", params=[0, 5])
def net(request: pytest.FixtureRequest) -> PartialConvUNet:
    return deploy(small(detail_width=request.param))


@pytest.fixture(scope="module")
def model(net: PartialConvUNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("graph") / "net.onnx"
    path.write_bytes(build_graph(net, {"step": "7"}).SerializeToString())
    return path


@pytest.mark.parametrize("size", [(64, 64), (50, 71), (17, 200), (1, 1), (16, 5)])
@pytest.mark.parametrize("num", [1, 3])
def test_equals_the_network_at_any_size(net: PartialConvUNet, model: Path, size: tuple[int, int], num: int) -> None:
    image, valid = holed(*size, num=num)
    with torch.no_grad():
        expected = net(image, valid)
    # untrained, and of one pixel: values of a thousand cancel, so rounding goes with the largest of them
    tolerance = 1e-4 + 1e-6 * expected.abs().max().item()
    output = OnnxRuntime(model)(image.numpy(), valid.numpy())
    np.testing.assert_allclose(*in_holes(valid, output, expected), atol=tolerance, rtol=1e-5)


@pytest.mark.parametrize("detail_width", [0, 5])
def test_the_network_of_ordinary_convolutions_too(tmp_path: Path, detail_width: int) -> None:
    dilations = DILATIONS if detail_width > 0 else ()
    net = deploy(PartialConvUNet(4, 3, conv="plain", detail_width=detail_width, detail_dilations=dilations))
    (tmp_path / "net.onnx").write_bytes(build_graph(net, {}).SerializeToString())
    image, valid = holed(50, 71, num=2)
    with torch.no_grad():
        expected = net(image, valid)
    given = OnnxRuntime(tmp_path / "net.onnx")(image.numpy(), valid.numpy())
    np.testing.assert_allclose(*in_holes(valid, given, expected), atol=1e-4, rtol=1e-5)


def test_values_under_the_hole_do_not_matter(model: Path) -> None:
    image, valid = holed(40, 40)
    spoiled = torch.where(valid == 1, image, float("nan"))
    runtime = OnnxRuntime(model)
    np.testing.assert_array_equal(runtime(spoiled.numpy(), valid.numpy()), runtime(image.numpy(), valid.numpy()))


def test_an_all_hole_photo_gives_grey(model: Path) -> None:
    image, _ = holed(40, 40)
    assert (OnnxRuntime(model)(image.numpy(), np.zeros((1, 1, 40, 40), np.float32)) == 0.5).all()


def test_weights_are_stored_in_half_precision_with_their_origin(net: PartialConvUNet, model: Path) -> None:
    loaded = onnx.load(model)
    kernels = [t for t in loaded.graph.initializer if len(t.dims) == 4 and t.dims[2] > 1 and t.dims[1] > 1]
    assert len(kernels) == 4 + 2 * 4 + (NUM_DETAIL if net.detail_width > 0 else 0)
    assert {t.data_type for t in kernels} == {TensorProto.FLOAT16}
    assert {p.key: p.value for p in loaded.metadata_props} == {"step": "7"}


@pytest.mark.filterwarnings("ignore")
def test_the_shipped_file_can_be_quantised_by_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As ONNX Runtime asks for it: prepared, which makes weights of the half-precision ones, then to 8 bits."""
    quant_pre_process(str(model_path()), str(tmp_path / "ready.onnx"), skip_symbolic_shape=True)
    quantize_dynamic(tmp_path / "ready.onnx", tmp_path / "small.onnx")
    assert (tmp_path / "small.onnx").stat().st_size < 0.7 * model_path().stat().st_size
    image, valid = np.random.default_rng(0).random((1, 3, 64, 80), np.float32), np.ones((1, 1, 64, 80), np.float32)
    valid[..., 20:30, 30:50] = 0
    one, other = (OnnxRuntime(path)(image, valid) for path in (model_path(), tmp_path / "small.onnx"))
    assert float(np.abs(np.subtract(*in_holes(valid, one, other))).max()) < 0.1
