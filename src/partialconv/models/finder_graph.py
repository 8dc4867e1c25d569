"""The network that finds damage as an ONNX graph, written node by node."""

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from partialconv.models.finder import KINDS, STEM_PX, Finder, FinderLayer
from partialconv.models.graph import IR_VERSION, OPSET, _Graph

Folded = tuple[NDArray[np.float32], NDArray[np.float32]]  # weight and bias


def build_finder_graph(net: Finder, threshold: float, metadata: dict[str, str] | None = None) -> onnx.ModelProto:
    """Write a finder as an ONNX model with free batch and image size.

    Weights are stored in half precision and computed with in single, BatchNorm is folded into them.

    Args:
        net: In eval mode.
        threshold: Probability at the default sensitivity, stored in the file.
        metadata: More keys and values to store.

    Returns:
        Inputs "image", (N, 3, H, W), sRGB in [0, 1], and "valid", (N, 1, H, W), 1 = known; outputs "damage",
        (N, 1, H, W), and "kinds", (N, 5, H, W); see `Finder.forward`. Metadata "threshold" and "kinds", with commas.
    """
    graph = _Graph()
    known = graph.add("Greater", "valid", graph.number(0))
    x = graph.add("Sub", graph.add("Mul", "image", graph.number(2)), graph.number(1))
    x = graph.add("Where", known, x, graph.number(0))
    x = _stem(graph, net, x)
    skips = []
    for number, (level, down) in enumerate(zip(net.encoder, net.down, strict=True)):
        x = _layer(graph, f"encoder.{number}", level, x)
        skips.append(x)
        x = _layer(graph, f"down.{number}", down, x)
    for number, level in enumerate(net.middle):
        x = _layer(graph, f"middle.{number}", level, x)
    for number, (up, level) in enumerate(zip(reversed(net.up), reversed(net.decoder), strict=True)):
        x = _enlarged(graph, _conv(graph, f"up.{number}", up, x))
        x = _layer(graph, f"decoder.{number}", level, graph.add("Add", x, skips.pop()))
    phases = _conv(graph, "damage_phases", net.damage, x)
    graph.add("Sigmoid", graph.add("DepthToSpace", phases, blocksize=2, mode="CRD"), output="damage")
    shares = graph.add("Softmax", _conv(graph, "kinds_coarse", net.kinds, x), axis=1)
    _enlarged(graph, shares, "kinds")
    notes = {"threshold": f"{threshold:.4f}", "kinds": ",".join(KINDS)} | (metadata or {})
    return _model(graph, notes)


def _fold(weight: torch.Tensor, norm: nn.Module) -> Folded:
    """Weights with the BatchNorm that follows."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
    return folded[0].detach().numpy(), folded[1].detach().numpy()


def _stem(graph: _Graph, net: Finder, x: str) -> str:
    """The partial convolution: the windows' sums, times pixels of a window by those that are known."""
    weight, bias = _fold(net.stem.weight, net.stem_norm)
    shape: dict[str, Any] = {"strides": net.stem.stride, "pads": [*net.stem.padding, *net.stem.padding]}
    out = graph.add("Conv", x, graph.weight("stem.weight", weight), **shape)
    ones = graph.constant("ones", np.ones((1, 1, STEM_PX, STEM_PX), np.float32))
    count = graph.add("Clip", graph.add("Conv", "valid", ones, **shape), graph.number(1))
    out = graph.add("Mul", out, graph.add("Div", graph.number(STEM_PX**2), count))
    return graph.add("Relu", graph.add("Add", out, graph.by_channel("stem.bias", bias.tolist())))


def _layer(graph: _Graph, name: str, layer: nn.Module, x: str) -> str:
    """A `FinderLayer`."""
    assert isinstance(layer, FinderLayer)
    weight, bias = _fold(layer.conv.weight, layer.norm)
    inputs = [graph.weight(f"{name}.weight", weight), graph.constant(f"{name}.bias", bias)]
    out = graph.add("Conv", x, *inputs, **graph.shape(layer.conv))
    return graph.add("Relu", graph.add("Add", out, x) if layer.residual else out)


def _conv(graph: _Graph, name: str, conv: nn.Module, x: str) -> str:
    """A convolution with bias."""
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    inputs = [graph.weight(f"{name}.weight", conv.weight.detach().numpy())]
    inputs.append(graph.constant(f"{name}.bias", conv.bias.detach().numpy()))
    return graph.add("Conv", x, *inputs, **graph.shape(conv))


def _enlarged(graph: _Graph, x: str, output: str = "") -> str:
    """Each value four times."""
    scales = graph.constant("twice", np.array([1, 1, 2, 2], np.float32))
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", x, "", scales, output=output, **how)


def _model(graph: _Graph, metadata: dict[str, str]) -> onnx.ModelProto:
    """The file, checked."""

    def value(name: str, num: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["num", num, "height", "width"])

    inputs, outputs = [value("image", 3), value("valid", 1)], [value("damage", 1), value("kinds", len(KINDS))]
    made = helper.make_graph(graph.nodes, "finder", inputs, outputs, list(graph.constants.values()))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="partialconv")
    model.ir_version = IR_VERSION
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model
