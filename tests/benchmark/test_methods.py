"""Every method fills what it should, gets no look under the hole, and says what it lacks."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from partialconv import Inpainter
from partialconv.benchmark.baselines import BUILT_IN, Pixels
from partialconv.benchmark.methods import open_method
from partialconv.benchmark.worker import MethodError, MethodProcess
from partialconv.errors import InputError
from partialconv.zoo import model_path

SIZE = (64, 80)
HOLE = np.zeros(SIZE, bool)
HOLE[20:32, 30:44] = True


def ramp() -> Pixels:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([60 + 2 * y, 80 + x, 200 - y], -1).astype(np.uint8)


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in ("plain", "mean")])
def test_built_in_methods_fill_a_ramp(name: str) -> None:
    photo = ramp()
    filled = open_method(name).fill(np.where(HOLE[..., None], np.uint8(0), photo), HOLE)
    assert filled.dtype == np.uint8 and filled.shape == photo.shape
    # a wrong polarity leaves black, or gives back what surrounds it
    error = np.abs(filled.astype(float) - photo)[HOLE].mean()
    assert error < 25, error


def test_a_network_with_grain_and_bare(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(90, 160, (*SIZE, 1), np.uint8).repeat(3, axis=2)
    ours, bare = open_method("ours"), open_method("bare")
    assert "with grain" in ours.identity and "no grain" in bare.identity
    np.testing.assert_array_equal(bare.fill(photo, HOLE), Inpainter().fill(photo, HOLE, grain=False))
    np.testing.assert_array_equal(ours.fill(photo, HOLE), Inpainter().fill(photo, HOLE))
    np.testing.assert_array_equal(open_method("x", f"bare:{model_path()}").fill(photo, HOLE), bare.fill(photo, HOLE))
    assert (ours.fill(photo, HOLE) != bare.fill(photo, HOLE)).any()
    blend(tmp_path / "net.onnx", TensorProto.FLOAT, ("h", "w"))
    with pytest.raises(InputError, match="not a file of `partialconv export`"):
        open_method("x", f"bare:{tmp_path / 'net.onnx'}")


def test_mean_is_the_mean() -> None:
    photo = ramp()
    filled = open_method("mean").fill(np.where(HOLE[..., None], np.uint8(0), photo), HOLE)
    np.testing.assert_allclose(filled[25, 35], photo[~HOLE].mean(0), atol=0.5)


def test_a_method_that_lacks_something_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--method plain=FILE.onnx"):
        open_method("plain")
    for module, name, package in [("cv2", "telea", "opencv"), ("patchmatch.patch_match", "patchmatch", "pypatchmatch")]:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError, match=package):
            open_method(name)


def blend(path: Path, dtype: int, size: tuple[int | str, int | str]) -> None:
    """A network that gives the image where the mask is 0, and 1 or 255 elsewhere."""
    taken = [
        helper.make_tensor_value_info("mask", dtype, [1, 1, *size]),
        helper.make_tensor_value_info("picture", dtype, [1, 3, *size]),
    ]
    given = [helper.make_tensor_value_info("out", dtype, [1, 3, *size])]
    graph = helper.make_graph([helper.make_node("Max", ["mask", "picture"], ["out"])], "blend", taken, given)
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.UINT8])
def test_networks_of_others(tmp_path: Path, dtype: int) -> None:
    blend(tmp_path / "net.onnx", dtype, ("h", "w"))
    photo = np.where(HOLE[..., None], np.uint8(0), ramp())
    of_hole = open_method("net", str(tmp_path / "net.onnx")).fill(photo, HOLE)
    np.testing.assert_array_equal(of_hole, np.where(HOLE[..., None], np.uint8(255), photo))
    of_valid = open_method("net", f"valid:{tmp_path / 'net.onnx'}").fill(photo, HOLE)
    np.testing.assert_array_equal(of_valid, np.where(HOLE[..., None], photo, np.uint8(255)))
    blend(tmp_path / "fixed.onnx", dtype, (32, 32))
    with pytest.raises(InputError, match="takes 32x32 pixels, the masks have 80x64"):
        open_method("net", str(tmp_path / "fixed.onnx")).fill(photo, HOLE)


PROGRAM = (
    "import sys; import numpy as np; from PIL import Image; p, h = (np.array(Image.open(f)) for f in sys.argv[1:3]); "
    "assert not p[h > 0].any(); p[h > 0] = 77; Image.fromarray(p).save(sys.argv[3])"
)


def test_a_program_in_a_process_of_its_own() -> None:
    photo = ramp()
    with MethodProcess("mine", f"cmd:{sys.executable} -c '{PROGRAM}' {{photo}} {{hole}} {{out}}", SIZE) as worker:
        filled = worker.fill(photo, HOLE)
    np.testing.assert_array_equal(filled.picture, np.where(HOLE[..., None], np.uint8(77), photo))
    assert filled.seconds > 0 and filled.peak_mb > 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("cmd:true {photo} {hole}", r"has no \{out\}"),
        ("cmd:false {photo} {hole} {out}", "false ended with code 1"),
        ("cmd:true {photo} {hole} {out}", r"true wrote no \{out\}"),
        ("cmd:no-such-program {photo} {hole} {out}", "cannot run no-such-program"),
        ("missing.onnx", "no model file missing.onnx"),
        ("weights.pth", "expected FILE.onnx, FILE.safetensors, valid:FILE.onnx, bare:FILE.onnx, py:FILE.py:FUNCTION"),
    ],
)
def test_failing_methods_are_one_line(source: str, message: str) -> None:
    with pytest.raises(MethodError, match=message) as caught, MethodProcess("mine", source, SIZE) as worker:
        worker.fill(ramp(), HOLE)
    assert "\n" not in str(caught.value)
