"""Write an exported network with its coarse part in 8 bits; its detail layers do not bear it.

    python experiments/eight_bits.py MODEL.onnx --photos DIR -o MODEL-8.onnx

Convolutions with many weights get weights of 7 bits, one scale for each output channel, and activations of 8 bits. The
eighth bit of the weights would overflow in processors without VNNI, which add pairs of products in 16 bits. The range
of each activation is the one of least squared error on crops of photos with drawn holes. ONNX Runtime alone runs the
result: PyTorch cannot read its weights. What it costs and gains: experiments/notebook.md.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from partialconv.data import find_photos
from partialconv.inference.runtime import open_session
from partialconv.masks import stroke_hole

FEWEST_WEIGHTS = 9000  # of a convolution that is worth it
NUM_PHOTOS, SIDE_PX, NUM_VALUES = 16, 256, 4000  # values kept of each activation and photo
RATIOS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
Values = NDArray[np.float32]
Feed = dict[str, Values]


class Crops:
    """Inputs of the network, as the quantiser takes them."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next one, or None."""
        return next(self.feeds, None)


def crops(folder: Path) -> Iterator[Feed]:
    """Photos at a side of 256 pixels, with strokes as holes."""
    paths, _ = find_photos(folder)
    for number, path in enumerate(paths[:: max(1, len(paths) // NUM_PHOTOS)][:NUM_PHOTOS]):
        photo = Image.open(path).convert("RGB")
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        photo = photo.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
        hole = stroke_hole((SIDE_PX, SIDE_PX), (8, number), RATIOS[number % len(RATIOS)])
        image = np.where(hole, np.float32(0), np.asarray(photo, np.float32).transpose(2, 0, 1) / 255)
        yield {"image": image[None], "valid": (~hole[None, None]).astype(np.float32)}


def best_range(values: Values, least: float, most: float) -> tuple[float, float]:
    """The range whose 256 steps give the least squared error; it contains 0."""
    found = []
    for lowest in np.geomspace(0.1, 1, 10) * min(0.0, least) if least < 0 else [0.0]:
        for largest in np.geomspace(0.1, 1, 10) * max(most, 1e-6):
            step = (largest - lowest) / 255
            zero = round(-lowest / step)
            errors = ((np.round(values / step) + zero).clip(0, 255) - zero) * step - values
            found.append((float(np.square(errors).mean()), float(lowest), float(largest)))
    return min(found)[1:]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos, for the ranges")
    parser.add_argument("--output", "-o", type=Path, required=True)
    arguments = parser.parse_args()
    import onnxruntime  # after partialconv, which switches its telemetry off
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"  # weights in single precision, those of enlarged maps summed
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(ready)
        onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
        model = onnx.load(ready)
        weights = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
        nodes = [
            node
            for node in model.graph.node
            if node.op_type == "Conv"
            and weights.get(node.input[1], 0) >= FEWEST_WEIGHTS
            and not node.input[1].startswith("detail.")
        ]
        names = sorted({name for node in nodes for name in (node.input[0], node.output[0])})
        del model.graph.output[:]
        model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
        session, feeds, rng = (
            open_session(model.SerializeToString()),
            list(crops(arguments.photos)),
            np.random.default_rng(0),
        )
        seen: dict[str, list[Values]] = {name: [] for name in names}
        ends: dict[str, list[float]] = {name: [] for name in names}
        for feed in feeds:
            for name, values in zip(names, session.run(names, feed), strict=True):
                seen[name].append(rng.choice(values.ravel(), NUM_VALUES))
                ends[name] += [float(values.min()), float(values.max())]
        ranges = {}
        for name in names:
            lowest, largest = best_range(np.concatenate(seen[name]), min(ends[name]), max(ends[name]))
            ranges[name] = [{"rmin": np.float32(lowest), "rmax": np.float32(largest), "quant_type": QuantType.QUInt8}]
        quantize_static(
            ready,
            arguments.output,
            Crops(feeds[:1]),
            QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=[node.name for node in nodes],
            extra_options={"TensorQuantOverrides": ranges},
        )
    print(f"{arguments.output}: {len(nodes)} convolutions, {arguments.output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
