"""The network as an ONNX graph.

Written node by node rather than traced: with free sizes torch.onnx.export (PyTorch 2.13) needs minutes for the nested
size arithmetic of eight levels.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from partialconv.conventions import FEATHER_LARGEST, FEATHER_STRENGTH, FEATHERED
from partialconv.models.deploy import TAPS, fold_batchnorm
from partialconv.models.edge import KERNEL
from partialconv.models.unet import DETAIL_LAYERS, Block, PartialConvUNet

OPSET, IR_VERSION = 17, 8  # ONNX Runtime 1.13 and later
FEW_CHANNELS = 32  # for a mask of one channel to be spread over the last axis quickly
LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]  # where the channels stand
_Map = tuple[str, str | None, int]  # features, their mask (None: all is known), number of channels
_Sizes = tuple[str, str]  # two heights and widths


def build_graph(net: PartialConvUNet, metadata: dict[str, str]) -> onnx.ModelProto:
    """Write a network as an ONNX model with free batch and image size.

    Weights are stored in half precision and computed with in single. Masks are counted on one channel; the inputs of a
    skip link are convolved apart; no enlarged map is made, see `deploy.phase_kernels`.

    Args:
        net: The network, without BatchNorm: see `deploy`.
        metadata: Keys and values to store in the file.

    Returns:
        Inputs "image", (N, C, H, W) in [0, 1], and "valid", (N, 1, H, W), 1 = known; output "output", (N, C, H, W),
        with the name "feathered" where the network looks after the edge of the hole itself.
    """
    graph = _Graph()
    if net.mean:
        x = graph.add("Sub", "image", graph.by_channel("mean", net.mean))
        x = graph.add("Div", x, graph.by_channel("std", net.std))
    else:
        x = graph.add("Sub", graph.add("Mul", "image", graph.number(2)), graph.number(1))
    # only the image can hold NaN under its hole
    is_known = graph.add("Greater", "valid", graph.number(0))
    x = graph.add("Where", is_known, x, graph.number(0))
    marked = graph.add("Concat", x, "valid", axis=1)
    image: _Map = (x, "valid", net.in_channels) if net.conv == "partial" else (marked, None, net.in_channels + 1)
    skips, seen = [], image
    # of the levels, by arithmetic: asking a map for its size would keep it in a layout of its own
    sizes = [graph.add("Slice", graph.add("Shape", "valid"), graph.integers(2), graph.integers(4))]
    encoder, decoder, detail = net.blocks()
    for level, block in enumerate(encoder):
        skips.append(seen)
        sizes.append(graph.add("Div", graph.add("Add", sizes[-1], graph.integers(1)), graph.integers(2)))
        seen = graph.block(f"encoder.{level}", block, [seen])
    for level, block in enumerate(decoder):
        seen = graph.block(f"decoder.{level}", block, [seen, skips.pop()], (sizes.pop(), sizes[-1]))
    output, known, _ = seen
    if detail:
        features, (_, _, num) = output, seen
        output = graph.add("Slice", features, graph.integers(0), graph.integers(net.in_channels), graph.integers(1))
        output = graph.feathered(output, marked, net.in_channels)
        composite = graph.add("Where", is_known, x, output)
        seen = (graph.add("Concat", features, composite, "valid", axis=1), None, num + net.in_channels + 1)
        for number, block in enumerate(detail):
            seen = graph.block(f"detail.{number}", block, [seen])
        output = graph.add("Add", output, graph.masked(seen[0], known))
    name = FEATHERED if detail else "output"
    if net.mean:
        output = graph.add("Mul", output, graph.by_channel("std", net.std))
        graph.add("Add", output, graph.by_channel("mean", net.mean), output=name)
    else:
        graph.add("Mul", graph.add("Add", output, graph.number(1)), graph.number(0.5), output=name)
    return graph.model(net.in_channels, name, metadata)


def read_graph(model: onnx.ModelProto) -> PartialConvUNet:
    """The network that `build_graph` wrote, from the weights in the graph.

    Returns:
        In eval mode, without BatchNorm, weights in single precision.

    Raises:
        ValueError: the graph is not one of `build_graph`.
    """
    stored = {value.name: value for value in model.graph.initializer}
    levels = [f"encoder.{level}" for level in range(len(stored)) if f"encoder.{level}.weight_0_half" in stored]
    try:
        channels = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
        first = stored["encoder.0.weight_0_half"].dims
        detail_width = stored["detail.0.weight_0_half"].dims[0] if "detail.0.weight_0_half" in stored else 0
        conv: Literal["partial", "plain"] = "partial" if first[1] == channels else "plain"
        dilations = _residual_dilations(model)
        scale = [
            numpy_helper.to_array(stored[key]).ravel().tolist() if key in stored else () for key in ("mean", "std")
        ]
        shape = (first[0], len(levels), channels, conv, detail_width, dilations, "encoder.0.bias" in stored)
        net = fold_batchnorm(PartialConvUNet(*shape, *scale))
        for name, parameter in net.named_parameters():
            place = name.removesuffix(".conv.weight").removesuffix(".conv.bias")
            if name.endswith("bias"):
                values = numpy_helper.to_array(stored[f"{place}.bias"]).reshape(-1)
            else:
                prefix, suffix = f"{place}.weight_", "_half"
                parts = [key for key in stored if key.startswith(prefix) and key.endswith(suffix)]
                parts.sort(key=lambda key: int(key.removeprefix(prefix).removesuffix(suffix)))
                values = np.concatenate([numpy_helper.to_array(stored[key]) for key in parts], axis=1)
            parameter.data.copy_(torch.from_numpy(values.astype(np.float32)))
    except (KeyError, IndexError, RuntimeError) as error:
        raise ValueError(f"no graph of a PartialConvUNet: {error}") from error
    return net


def _residual_dilations(model: onnx.ModelProto) -> list[int]:
    """The dilations of the detail layers between the first ones and the last."""
    found = {}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1].startswith("detail."):
            given = [attribute.ints[0] for attribute in node.attribute if attribute.name == "dilations"]
            found[int(node.input[1].split(".")[1])] = given[0] if given else 1  # older files name none
    return [found[number] for number in sorted(found)[DETAIL_LAYERS:-1]]


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

    def by_channel(self, name: str, values: Sequence[float]) -> str:
        return self.constant(name, np.array(values, np.float32).reshape(-1, 1, 1))

    def integers(self, *values: int) -> str:
        return self.constant("integers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def weight(self, name: str, value: NDArray[np.float32]) -> str:
        return self.add(
            "Cast", self.constant(f"{name}_half", value.astype(np.float16)), output=name, to=TensorProto.FLOAT
        )

    def masked(self, x: str, known: str | None) -> str:
        return x if known is None else self.add("Mul", x, known)

    def block(self, name: str, block: Block, inputs: list[_Map], sizes: _Sizes | None = None) -> _Map:
        """Convolution, bias and nonlinearity of one or two inputs; with `sizes`, the first is enlarged."""
        conv, num_out = block.conv, block.conv.out_channels
        weight, first = conv.weight.detach().numpy(), 0
        if len(inputs) == 1 and inputs[0][1] is None:
            return self.ordinary(name, block, inputs[0][0]), None, num_out
        pieces, counts = [], []
        ones = self.constant(f"ones_{conv.kernel_size[0]}", np.ones((1, 1, *conv.kernel_size), np.float32))
        for x, known, num in inputs:
            pieces.append((x, self.weight(f"{name}.weight_{first}", weight[:, first : first + num]), num))
            first += num
            if known is not None:
                counts.append((self.add("Mul", known, self.number(num)), ones, 1))
        last = num_out >= FEW_CHANNELS
        out, ratio, reached = self.window_sum(pieces, num_out, conv, sizes, last), None, None
        if counts:
            if sizes is None and len(counts) == 2:
                counts = [(self.add("Add", counts[0][0], counts[1][0]), ones, 1)]
            count = self.window_sum(counts, 1, conv, sizes, False)
            reached = self.add("Clip", count, self.number(0), self.number(1))
            window = self.number(weight[0].size)
            ratio = self.add("Div", window, self.add("Clip", count, self.number(1)))
        spread = [mask and self.add("Transpose", mask, perm=LAST) if last else mask for mask in (ratio, reached)]
        out = self.masked(out, spread[0])
        if conv.bias is not None:
            bias = conv.bias.detach().numpy()
            out = self.add("Add", out, self.constant(f"{name}.bias", bias if last else bias.reshape(-1, 1, 1)))
        out = self.masked(self.activated(block, out), spread[1])
        return (self.add("Transpose", out, perm=FIRST) if last else out), reached, num_out

    def ordinary(self, name: str, block: Block, x: str) -> str:
        """A block of one input without a mask: in a form that the runtime joins into one operation."""
        inputs = [x, self.weight(f"{name}.weight_0", block.conv.weight.detach().numpy())]
        if block.conv.bias is not None:
            inputs.append(self.constant(f"{name}.bias", block.conv.bias.detach().numpy()))
        out = self.activated(block, self.add("Conv", *inputs, **self.shape(block.conv)))
        return self.add("Add", x, out) if block.residual else out

    def activated(self, block: Block, x: str) -> str:
        if isinstance(block.activation, nn.LeakyReLU):
            return self.add("LeakyRelu", x, alpha=block.activation.negative_slope)
        return self.add("Relu", x) if isinstance(block.activation, nn.ReLU) else x

    def shape(self, conv: nn.Conv2d) -> dict[str, Any]:
        return {"strides": conv.stride, "pads": [*conv.padding, *conv.padding], "dilations": conv.dilation}

    def window_sum(
        self, pieces: list[tuple[str, str, int]], num_out: int, conv: nn.Conv2d, sizes: _Sizes | None, last: bool
    ) -> str:
        """Convolve the pieces (features, kernel, number of channels) and add; `last`: channels are to stand last."""
        parts: list[str] = []
        for x, kernel, num in pieces:
            if sizes is not None and not parts:
                parts.append(self.convolve_enlarged(x, self.phase_kernels(kernel, num_out, num), num_out, *sizes))
            else:
                parts.append(self.add("Transpose", self.add("Conv", x, kernel, **self.shape(conv)), perm=LAST))
        out = parts[0] if len(parts) == 1 else self.add("Add", *parts)
        return out if last else self.add("Transpose", out, perm=FIRST)

    def convolve_enlarged(self, x: str, kernel: str, num_out: int, size: str, size_out: str) -> str:
        """As `deploy.convolve_enlarged`; the result has its channels last."""
        phases = self.add("Transpose", self.add("Conv", x, kernel, pads=[1] * 4), perm=LAST)
        # the columns of both parities are neighbours already, so that interleaving the rows moves whole blocks
        rows = self.add("Reshape", phases, self.integers(0, 0, 0, 2, 2 * num_out))
        rows = self.add("Transpose", rows, perm=[0, 1, 3, 2, 4])
        width = self.add("Slice", size, self.integers(1), self.integers(2))
        width = self.add("Mul", self.add("Add", width, self.integers(1)), self.integers(2))
        shape = self.add("Concat", self.integers(0, -1), width, self.integers(num_out), axis=0)
        end = self.add("Add", size_out, self.integers(1))
        return self.add("Slice", self.add("Reshape", rows, shape), self.integers(1, 1), end, self.integers(1, 2))

    def phase_kernels(self, kernel: str, num_out: int, num_in: int) -> str:
        """As `deploy.phase_kernels`, parities first; the runtime computes them when it loads the file."""
        taps = TAPS.numpy()
        table = np.einsum("itr,jus->rsijtu", taps, taps).reshape(9, 16)
        rows = self.add("Reshape", kernel, self.integers(num_out, num_in, 9))
        phases = self.add("MatMul", rows, self.constant("taps", table))
        phases = self.add("Reshape", phases, self.integers(num_out, num_in, 2, 2, 2, 2))
        phases = self.add("Transpose", phases, perm=[2, 3, 0, 1, 4, 5])
        return self.add("Reshape", phases, self.integers(4 * num_out, num_in, 2, 2))

    def feathered(self, output: str, marked: str, channels: int) -> str:
        """As `edge.feather`; `marked` is the image and its mask."""
        kernel = np.tile(np.outer(KERNEL, KERNEL).astype(np.float32), (channels + 1, 1, 1, 1))
        sums = self.add("Conv", marked, self.constant("binomial", kernel), pads=[1] * 4, group=channels + 1)
        first, end, axis = self.integers(0), self.integers(channels), self.integers(1)
        share = self.add("Slice", sums, end, self.integers(channels + 1), axis)
        mean = self.add("Div", self.add("Slice", sums, first, end, axis), self.add("Clip", share, self.number(1 / 16)))
        weight = self.add("Mul", share, self.number(FEATHER_STRENGTH))
        weight = self.add("Clip", weight, self.number(0), self.number(FEATHER_LARGEST))
        return self.add("Add", output, self.add("Mul", self.add("Sub", mean, output), weight))

    def model(self, channels: int, output: str, metadata: dict[str, str]) -> onnx.ModelProto:
        def value(name: str, num: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["num", num, "height", "width"])

        inputs, outputs = [value("image", channels), value("valid", 1)], [value(output, channels)]
        graph = helper.make_graph(self.nodes, "partialconv", inputs, outputs, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="partialconv")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model
