"""Every runtime against the training network, and what they refuse."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from partialconv import Inpainter, InputError
from partialconv.conventions import FloatArray
from partialconv.export import export
from partialconv.inference import OnnxRuntime, Runtime, open_runtime
from partialconv.inference.runtime import PRECISIONS, RUNTIMES
from partialconv.masks import stroke_hole
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import deploy
from partialconv.models.graph import build_graph, read_graph
from partialconv.zoo import model_path
from tests.models.test_unet import holed, in_holes, small

NETS = ["partial", "partial with detail", "plain", "plain with detail"]


def network(kind: str) -> PartialConvUNet:
    torch.manual_seed(3)
    detail_width, dilations = (5, (2, 1)) if "detail" in kind else (0, ())
    if "plain" in kind:
        return deploy(PartialConvUNet(4, 4, conv="plain", detail_width=detail_width, detail_dilations=dilations))
    return deploy(small(detail_width=detail_width))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[PartialConvUNet, Path]]:
    folder = tmp_path_factory.mktemp("models")
    written = {}
    for kind in NETS:
        net, path = network(kind), folder / f"{kind}.onnx"
        path.write_bytes(build_graph(net, {}).SerializeToString())
        written[kind] = net, path
    return written


@pytest.fixture(scope="module")
def opened(models: dict[str, tuple[PartialConvUNet, Path]]) -> dict[tuple[str, str], Runtime]:
    return {(kind, name): open_runtime(name, models[kind][1]) for kind in NETS for name in RUNTIMES}


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("kind", NETS)
@settings(max_examples=8, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), num=st.integers(1, 3))
def test_any_size_and_batch_as_the_training_network(
    models: dict[str, tuple[PartialConvUNet, Path]],
    opened: dict[tuple[str, str], Runtime],
    kind: str,
    name: str,
    height: int,
    width: int,
    num: int,
) -> None:
    image, valid = holed(height, width, num=num)
    with torch.no_grad():
        expected = models[kind][0](image, valid).numpy()
    for _ in range(2):  # the second time OpenVINO has compiled for the size
        output = opened[kind, name](image.numpy(), valid.numpy())
        assert output.dtype == np.float32 and output.shape == expected.shape
        np.testing.assert_allclose(*in_holes(valid, output, expected), rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[PartialConvUNet, Path]:
    """The shipped weights in a graph of today."""
    net = read_graph(onnx.load(model_path()))
    path: Path = tmp_path_factory.mktemp("trained") / "net.onnx"
    path.write_bytes(build_graph(net, {}).SerializeToString())
    return net, path


def photo(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    y, x = np.mgrid[:height, :width]
    image = np.stack([0.5 + 0.4 * np.sin(x / 17 + y / 29 + phase) for phase in range(3)])[None].astype(np.float32)
    valid = 1 - stroke_hole((height, width), 5, (0.2, 0.4))[None, None].astype(np.float32)
    return image, valid


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("size", [(256, 320), (203, 331)])
def test_trained_weights_give_the_same_photo(
    trained: tuple[PartialConvUNet, Path], name: str, size: tuple[int, int]
) -> None:
    image, valid = photo(*size)
    with torch.no_grad():
        expected = trained[0](torch.from_numpy(image), torch.from_numpy(valid)).numpy()
    output = open_runtime(name, trained[1])(image, valid)
    output, expected = in_holes(valid, output, expected)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4)
    shown, wanted = (np.rint(values.clip(0, 1) * 255).astype(int) for values in (output, expected))
    assert np.abs(shown - wanted).max() <= 1


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_bfloat16_is_close_and_knows_what_it_did_not_close(trained: tuple[PartialConvUNet, Path], name: str) -> None:
    image, valid = photo(203, 331)
    exact = open_runtime("onnxruntime", trained[1])(image, valid)
    output = open_runtime(name, trained[1], precision="bf16")(image, valid)
    assert output.dtype == np.float32
    error = 255 * np.abs(
        np.subtract(*in_holes(valid, output, exact))
    )  # large only where a hole meets the border: few pixels, weighted up
    assert 0 < error.mean() < 0.5 and np.percentile(error, 99) < 2
    assert (open_runtime(name, trained[1], precision="bf16")(image, valid * 0) == 0.5).all()


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("kind", ["partial", "partial with detail"])
def test_values_under_the_hole_do_not_matter(opened: dict[tuple[str, str], Runtime], kind: str, name: str) -> None:
    image, valid = (tensor.numpy() for tensor in holed(40, 41))
    spoiled = np.where(valid == 1, image, np.float32("nan"))
    runtime = opened[kind, name]
    runtime(image, valid)  # the first run of a size may differ in rounding from later ones
    np.testing.assert_array_equal(runtime(spoiled, valid), runtime(image, valid))


@pytest.mark.parametrize("name", RUNTIMES)
@pytest.mark.parametrize("detail_width", [0, 5])
def test_what_is_not_closed_is_exactly_one_half(tmp_path: Path, name: str, detail_width: int) -> None:
    net = deploy(small(num_levels=2, detail_width=detail_width))  # closes 15 pixels
    (tmp_path / "net.onnx").write_bytes(build_graph(net, {}).SerializeToString())
    image, valid = torch.rand(1, 3, 64, 63), torch.ones(1, 1, 64, 63)
    valid[..., 20:60, 20:60] = 0
    with torch.no_grad():
        expected = net(image, valid).numpy() == 0.5
    assert expected[..., 38:42, 38:42].all() and not expected.all()
    np.testing.assert_array_equal(
        open_runtime(name, tmp_path / "net.onnx")(image.numpy(), valid.numpy()) == 0.5, expected
    )


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_file_says_whether_it_feathers(opened: dict[tuple[str, str], Runtime], name: str) -> None:
    assert {kind: opened[kind, name].feathered for kind in NETS} == {kind: "detail" in kind for kind in NETS}


def test_the_network_of_a_file_is_the_one_that_was_written(models: dict[str, tuple[PartialConvUNet, Path]]) -> None:
    for net, path in models.values():
        again = read_graph(onnx.load(path))
        assert (again.conv, again.detail_width) == (net.conv, net.detail_width)
        assert again.detail_dilations == net.detail_dilations
        state = again.state_dict()
        assert state.keys() == net.state_dict().keys()
        assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())


def test_a_file_of_the_first_graph_runs_as_its_weights_say() -> None:
    image, valid = photo(256, 256)
    with torch.no_grad():
        expected = read_graph(onnx.load(model_path()))(torch.from_numpy(image), torch.from_numpy(valid)).numpy()
    output = OnnxRuntime(model_path())(image, valid)
    np.testing.assert_allclose(*in_holes(valid, output, expected), rtol=0, atol=1e-4)


def test_memory_of_a_large_run_is_given_back(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, tuple[PartialConvUNet, Path]]
) -> None:
    runtime = OnnxRuntime(models["partial"][1])
    image, valid = photo(64, 64)
    expected = runtime(image, valid)
    monkeypatch.setattr("partialconv.inference.runtime.KEPT_PIXELS", 0)
    for _ in range(2):
        np.testing.assert_array_equal(runtime(image, valid), expected)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_fills_a_photo(name: str) -> None:
    pixels, hole = np.full((64, 80, 3), 90, np.uint8), np.zeros((64, 80), bool)
    hole[20:24, 10:60] = True
    filled = Inpainter(runtime=name).fill(pixels, hole)
    assert (filled[~hole] == 90).all() and np.abs(filled.astype(int) - 90).max() < 40


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    path = model_path()
    with pytest.raises(InputError, match="runtime is 'tf', expected one of onnxruntime, torch, openvino"):
        open_runtime("tf", path)
    with pytest.raises(InputError, match=f"precision is 'fp8', expected one of {', '.join(PRECISIONS)}"):
        open_runtime("torch", path, precision="fp8")
    with pytest.raises(InputError, match="on the CPU in fp32 alone"):
        open_runtime("onnxruntime", path, precision="bf16")
    with pytest.raises(InputError, match="on the CPU in fp32 alone"):
        open_runtime("onnxruntime", path, "cuda")
    with pytest.raises(InputError, match="PyTorch has no device nonsense"):
        open_runtime("torch", path, "nonsense")
    with pytest.raises(InputError, match="OpenVINO has no device NPU7"):
        open_runtime("openvino", path, "NPU7")
    for name in RUNTIMES:
        with pytest.raises(InputError, match="no model file"):
            open_runtime(name, tmp_path / "none.onnx")


@pytest.mark.parametrize("name", RUNTIMES)
def test_another_model_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "other", [value], [out])
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "other.onnx",
    )
    for file in ("text.onnx", "other.onnx"):
        with pytest.raises(InputError, match=r"export|ONNX model"):
            open_runtime(name, tmp_path / file)


def test_an_older_file_is_written_anew(tmp_path: Path) -> None:
    assert export(model_path(), tmp_path / "new.onnx") < 1e-4
    old, new = onnx.load(model_path()), onnx.load(tmp_path / "new.onnx")
    assert {p.key: p.value for p in new.metadata_props} == {p.key: p.value for p in old.metadata_props}
    image, valid = photo(256, 256)
    new_output, old_output = (OnnxRuntime(path)(image, valid) for path in (tmp_path / "new.onnx", model_path()))
    np.testing.assert_allclose(*in_holes(valid, new_output, old_output), rtol=0, atol=1e-4)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match="not a file of `partialconv export`"):
        export(tmp_path / "text.onnx", tmp_path / "other.onnx")


@pytest.mark.parametrize(("given_num", "expected"), [("1", 1), ("3", 3), ("", 0), ("all", 0)])
def test_it_takes_as_many_cores_as_it_is_told(given_num: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given_num)
    assert OnnxRuntime(model_path()).session.get_session_options().intra_op_num_threads == expected


def test_ctrl_c_still_works_after_another_thread_freed_openvino() -> None:
    """OpenVINO gives a thread a stack for signals, and another thread must not take it away: a crash, otherwise."""
    code = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from partialconv.inference import open_runtime
from partialconv.zoo import model_path
held = [open_runtime("openvino", model_path())]
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("stopped")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_idle_threads_do_not_spin() -> None:
    """The threads of one of the two sessions would take the cores from the other."""
    runtime = OnnxRuntime(model_path())
    for session in (runtime.session, runtime.detail):
        assert session is not None
        assert session.get_session_options().get_session_config_entry("session.force_spinning_stop") == "1"
