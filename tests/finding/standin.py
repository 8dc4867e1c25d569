"""A small network of the finder's interface: what differs from its surroundings is damage, dust if lighter."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_standin(path: Path, threshold: str = "0.5", kinds: str = "dust,scratches,cracks,stamp,text") -> Path:
    """Write it: the damage is three times the distance from the mean of 33 x 33 known pixels; stamp where darker."""
    free: list[str | int | None] = ["n", 1, "h", "w"]
    ones = numpy_helper.from_array(np.ones((1, 1, 33, 33), np.float32), "ones")
    tiny = numpy_helper.from_array(np.asarray(1e-3, np.float32), "tiny")
    three = numpy_helper.from_array(np.asarray(3, np.float32), "three")
    zero, one = (
        numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in (("zero", 0), ("one", 1))
    )
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["grey", "valid"], ["known"]),
        helper.make_node("Conv", ["known", "ones"], ["total"], pads=[16, 16, 16, 16]),
        helper.make_node("Conv", ["valid", "ones"], ["number"], pads=[16, 16, 16, 16]),
        helper.make_node("Add", ["number", "tiny"], ["count"]),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("Sub", ["grey", "mean"], ["above"]),
        helper.make_node("Abs", ["above"], ["far"]),
        helper.make_node("Mul", ["far", "three"], ["much"]),
        helper.make_node("Clip", ["much", "zero", "one"], ["damage"]),
        helper.make_node("Greater", ["above", "zero"], ["lighter"]),
        helper.make_node("Cast", ["lighter"], ["dust"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["one", "dust"], ["stamp"]),
        helper.make_node("Mul", ["dust", "zero"], ["none"]),
        helper.make_node("Concat", ["dust", "none", "none", "stamp", "none"], ["kinds"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "standin",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, [*free[:1], 3, *free[2:]]),
            helper.make_tensor_value_info("valid", TensorProto.FLOAT, free),
        ],
        [
            helper.make_tensor_value_info("damage", TensorProto.FLOAT, free),
            helper.make_tensor_value_info("kinds", TensorProto.FLOAT, [*free[:1], 5, *free[2:]]),
        ],
        [ones, tiny, three, zero, one],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"threshold": threshold, "kinds": kinds})
    onnx.save(model, path)
    return path
