"""The network as an ONNX graph.

Written node by node rather than traced: with free sizes torch.onnx.export (PyTorch 2.13) needs minutes for the nested
size arithmetic of eight levels.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from partialconv.models.unet import Block, PartialConvUNet

OPSET, IR_VERSION = 17, 8  # ONNX Runtime 1.13 and later


def build_graph(net: PartialConvUNet, metadata: dict[str, str]) -> onnx.ModelProto:
    """Write a network as an ONNX model with free batch and image size.

    Weights are stored in half precision and computed with in single. Masks are counted on one channel; features are
    masked before they are enlarged; the inputs of a skip link are convolved apart.

    Args:
        net: The network, without BatchNorm: see `deploy`.
        metadata: Keys and values to store in the file.

    Returns:
        Inputs "image", (N, C, H, W) in [0, 1], and "valid", (N, 1, H, W), 1 = known; output "output", (N, C, H, W).
    """
    graph = _Graph()
    x = graph.add("Sub", graph.add("Mul", "image", graph.number(2)), graph.number(1))
    # only the image can hold NaN under its hole
    x = graph.add("Where", graph.add("Greater", "valid", graph.number(0)), x, graph.number(0))
    known: str | None = "valid"
    if net.conv == "plain":
        x, known = graph.add("Concat", x, "valid", axis=1), None
    skips = []
    encoder, decoder, detail = net.blocks()
    for level, block in enumerate(encoder):
        skips.append((x, known, block.conv.in_channels))
        x, known = graph.conv(f"encoder.{level}", block.conv, [skips[-1]])
        x = graph.masked(graph.activated(x, block), known)
    for level, block in enumerate(decoder):
        skip = skips.pop()
        size = graph.add("Slice", graph.add("Shape", skip[0]), graph.integers(2), graph.integers(4))
        x, known = graph.enlarge(x, size), None if known is None else graph.enlarge(known, size)
        above = (x, known, block.conv.in_channels - skip[2])
        x, known = graph.conv(f"decoder.{level}", block.conv, [above, skip])
        x = graph.masked(graph.activated(x, block), known)
    if detail:
        output = graph.add("Slice", x, graph.integers(0), graph.integers(net.in_channels), graph.integers(1))
        image = skip if known is None else (graph.add("Concat", skip[0], "valid", axis=1), "valid", skip[2] + 1)
        seen = [(x, known, net.detail_width), image]
        for level, block in enumerate(detail):
            x, reached = graph.conv(f"detail.{level}", block.conv, seen)
            x = graph.masked(graph.activated(x, block), reached)
            seen = [(x, reached, net.detail_width)]
        x = graph.add("Add", output, graph.masked(x, known))
    graph.add("Mul", graph.add("Add", x, graph.number(1)), graph.number(0.5), output="output")
    return graph.model(net.in_channels, metadata)


class _Graph:
    """Collects nodes; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(value, name))
        return name

    def number(self, value: float) -> str:
        return self.constant(f"number_{value}", np.array(value, np.float32))

    def integers(self, *values: int) -> str:
        return self.constant("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def weight(self, name: str, value: NDArray[np.float32]) -> str:
        return self.add(
            "Cast", self.constant(f"{name}_half", value.astype(np.float16)), output=name, to=TensorProto.FLOAT
        )

    def enlarge(self, x: str, size: str) -> str:
        """Nearest-neighbour x2, cut to `size`."""
        scales = self.constant("twice", np.array([1, 1, 2, 2], np.float32))
        settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        x = self.add("Resize", x, "", scales, **settings)
        return self.add("Slice", x, self.integers(0, 0), size, self.integers(2, 3))

    def activated(self, x: str, block: Block) -> str:
        if isinstance(block.activation, nn.LeakyReLU):
            return self.add("LeakyRelu", x, alpha=block.activation.negative_slope)
        return self.add("Relu", x) if isinstance(block.activation, nn.ReLU) else x

    def masked(self, x: str, known: str | None) -> str:
        return x if known is None else self.add("Mul", x, known)

    def conv(self, name: str, conv: nn.Conv2d, inputs: list[tuple[str, str | None, int]]) -> tuple[str, str | None]:
        """A convolution of features; `inputs` are their names, their masks' (None: all is known) and their channels.

        The result of a partial one is not 0 in empty windows yet: it has to be multiplied with its mask.
        """
        kernel = conv.kernel_size[0]
        shape: dict[str, Any] = {"strides": list(conv.stride), "pads": [kernel // 2] * 4}
        weight, first = conv.weight.detach().numpy(), 0
        parts, channels = [], []
        for x, known, num in inputs:
            piece = self.weight(f"{name}.weight_{first}", weight[:, first : first + num])
            first += num
            parts.append(self.add("Conv", x, piece, **shape))
            if known is not None:
                channels.append(self.add("Mul", known, self.number(num)))
        out, valid_out = self._sum(parts), None
        if channels:
            ones = self.constant(f"ones_{kernel}", np.ones((1, 1, kernel, kernel), np.float32))
            count = self.add("Conv", self._sum(channels), ones, **shape)
            valid_out = self.add("Min", count, self.number(1))
            window = self.number(conv.in_channels * kernel * kernel)
            out = self.add("Mul", out, self.add("Div", window, self.add("Max", count, self.number(1))))
        if conv.bias is not None:
            bias = conv.bias.detach().numpy().reshape(1, -1, 1, 1)
            out = self.add("Add", out, self.constant(f"{name}.bias", bias))
        return out, valid_out

    def _sum(self, names: list[str]) -> str:
        return names[0] if len(names) == 1 else self.add("Add", *names)

    def model(self, channels: int, metadata: dict[str, str]) -> onnx.ModelProto:
        def value(name: str, num: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["num", num, "height", "width"])

        inputs, outputs = [value("image", channels), value("valid", 1)], [value("output", channels)]
        graph = helper.make_graph(self.nodes, "partialconv", inputs, outputs, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="partialconv")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model
