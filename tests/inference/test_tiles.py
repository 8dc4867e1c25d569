"""Detail layers on tiles give, bit for bit, what they give for whole crops."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest

from partialconv.conventions import FloatArray, Hole
from partialconv.inference import OnnxRuntime, open_runtime
from partialconv.inference.splitting import split
from partialconv.inference.tiles import Layers, run_on_tiles
from partialconv.masks import stroke_hole
from partialconv.models import PartialConvUNet
from partialconv.models.deploy import deploy
from partialconv.models.graph import build_graph
from partialconv.zoo import model_path


def scratch(height: int, width: int) -> Hole:
    y, x = np.mgrid[:height, :width]
    return np.asarray(np.abs(y - x * height / width) < 2)


def bar(height: int, width: int) -> Hole:
    hole = np.zeros((height, width), bool)
    hole[:, width // 2 : width // 2 + 3] = True
    return hole


def strokes(height: int, width: int) -> Hole:
    return stroke_hole((height, width), 3, (0.01, 0.02))


HOLES: dict[str, Callable[[int, int], Hole]] = {"scratch": scratch, "bar": bar, "strokes": strokes}


@pytest.mark.parametrize("size", [(256, 320), (251, 333)])
@pytest.mark.parametrize("kind", HOLES)
def test_tiles_are_exact(kind: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    hole = np.stack([HOLES[kind](*size), np.roll(HOLES[kind](*size)[::-1], 17, axis=1)])
    valid = 1 - hole[:, None].astype(np.float32)
    image = np.random.default_rng(0).random((2, 3, *size), np.float32)
    whole = onnxruntime.InferenceSession(model_path().read_bytes(), providers=["CPUExecutionProvider"])
    (expected,) = whole.run(None, {"image": image, "valid": valid})
    seen = []

    def watched(layers: Layers, *arguments: Any) -> FloatArray:
        def counted(maps: Sequence[FloatArray]) -> FloatArray:
            seen.append(maps[0][:, 0].size)
            return layers(maps)

        return run_on_tiles(counted, *arguments)

    monkeypatch.setattr("partialconv.inference.runtime.run_on_tiles", watched)
    output = OnnxRuntime(model_path())(image, valid)
    np.testing.assert_array_equal(output.transpose(0, 2, 3, 1)[hole], expected.transpose(0, 2, 3, 1)[hole])
    assert sum(seen) < 0.9 * hole.size, "whole crops were run"


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_tiles_in_other_runtimes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 251, 333
    hole = np.stack([HOLES["scratch"](*size), HOLES["bar"](*size)])
    valid = 1 - hole[:, None].astype(np.float32)
    image = np.random.default_rng(0).random((2, 3, *size), np.float32)
    runtime = open_runtime(name, model_path())
    tiled = runtime(image, valid)
    assert (tiled == image).all(axis=1)[~hole].any(), "whole crops were run"
    monkeypatch.setattr("partialconv.inference.tiles.WORTH", 0)
    whole = runtime(image, valid)
    # OpenVINO sums in another order at another size
    np.testing.assert_allclose(
        tiled.transpose(0, 2, 3, 1)[hole],
        whole.transpose(0, 2, 3, 1)[hole],
        rtol=0,
        atol=0 if name == "torch" else 1e-6,
    )


def test_a_large_hole_is_run_whole_and_none_not_at_all() -> None:
    image = np.random.default_rng(0).random((1, 3, 96, 96), np.float32)
    opened = OnnxRuntime(model_path())
    np.testing.assert_array_equal(opened(image, np.ones((1, 1, 96, 96), np.float32)), image)
    valid = np.zeros((1, 1, 96, 96), np.float32)
    valid[..., ::40] = 1
    assert not (opened(image, valid) == image).any(axis=1).all()


def test_only_networks_with_detail_layers_are_cut() -> None:
    plain = build_graph(deploy(PartialConvUNet(4, 3)), {}).SerializeToString()
    detail = build_graph(deploy(PartialConvUNet(4, 3, detail_width=5, detail_dilations=(2, 1))), {}).SerializeToString()
    assert split(plain) is None
    parts = split(detail)
    assert parts is not None and parts.halo_px == 3 + 2 + 1 + 1


@pytest.mark.parametrize("content", [b"no model", b"\x3a\xff\xff", b"\x0b", b"\xff" * 20])
def test_what_is_no_file_of_onnx_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        split(content)
