"""Frechet distance, KL form and Inception score, on a network that the user brings as an ONNX file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from partialconv.benchmark.pairing import Pixels
from partialconv.errors import InputError

NO_NETWORK = "no FID, Inception score or KL: name a network with --features FILE.onnx (docs/benchmark.md says how)."
Vector = NDArray[np.float64]


class FeatureNetwork:
    """A network that turns a picture into features and class scores.

    Args:
        file: ONNX: one input (1, 3, H, W), RGB in [0, 1], to whose size pictures are scaled if it is fixed; outputs
            "features" (1, D), "logits" (1, K), or both.

    Raises:
        InputError: the file is missing or is no such network.
    """

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise InputError(f"no file {file}: check the name.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's exceptions share no public base
            raise InputError(f"{file} is not an ONNX model that can be run: {str(error).splitlines()[0]}") from error
        inputs, outputs = self.session.get_inputs(), [output.name for output in self.session.get_outputs()]
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or not {"features", "logits"} & set(outputs):
            raise InputError(f"{file} gives {outputs}, expected one picture in, and features or logits out.")
        self.input = inputs[0].name
        size = inputs[0].shape[2:]
        self.size: tuple[int, int] | None = (size[0], size[1]) if all(isinstance(s, int) for s in size) else None
        self.outputs = outputs
        self.sha256 = hashlib.sha256(file.read_bytes()).hexdigest()

    def __call__(self, picture: Pixels) -> tuple[NDArray[np.float32] | None, Vector | None]:
        """Features (D,), and probabilities of classes (K,), of a picture; None for an output that is not there."""
        if self.size is not None and picture.shape[:2] != self.size:
            scaled = Image.fromarray(picture).resize(self.size[::-1], Image.Resampling.BILINEAR)
            picture = np.asarray(scaled)
        values = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        found = dict(zip(self.outputs, self.session.run(self.outputs, {self.input: values}), strict=True))
        features = np.asarray(found["features"], np.float32).ravel() if "features" in found else None
        return features, softmax(np.asarray(found["logits"], np.float64).ravel()) if "logits" in found else None


@dataclass
class Moments:
    """Sums over feature vectors; those of several processes add up.

    Args:
        num_features: Length of a vector.
    """

    num_features: int

    def __post_init__(self) -> None:
        self.count = 0
        self.sum = np.zeros(self.num_features)
        self.products = np.zeros((self.num_features, self.num_features))

    def update(self, features: NDArray[np.float32]) -> None:
        """Count vectors (N, D)."""
        values = features.astype(np.float64)
        self.count += len(values)
        self.sum += values.sum(0)
        self.products += values.T @ values

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.count += other.count
        self.sum += other.sum
        self.products += other.products

    def compute(self) -> tuple[Vector, Vector]:
        """Mean (D,) and covariance (D, D), divided by n - 1.

        Raises:
            ValueError: fewer than two vectors were counted.
        """
        if self.count < 2:
            raise ValueError(f"{self.count} feature vectors, expected at least 2.")
        mean = self.sum / self.count
        return mean, (self.products - self.count * np.outer(mean, mean)) / (self.count - 1)


def frechet_distance(first: Moments, second: Moments) -> float:
    """Frechet distance of two normal distributions: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    Source: Heusel et al. 2017, eq. 6.
    """
    (mean_1, covariance_1), (mean_2, covariance_2) = first.compute(), second.compute()
    # the trace of the root: both factors are symmetric and not negative, so are the eigenvalues of root C2 root
    values, vectors = np.linalg.eigh(covariance_1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    mixed = np.sqrt(np.linalg.eigvalsh(root @ covariance_2 @ root).clip(0)).sum()
    shift = mean_1 - mean_2
    return float(shift @ shift + np.trace(covariance_1) + np.trace(covariance_2) - 2 * mixed)


def kl_divergence(target: Vector, comp: Vector) -> float:
    """Divergence of the class probabilities (K,) of a filled photo from those of the photo, in nats."""
    floor = np.finfo(np.float64).tiny
    return float((target * (np.log(target.clip(floor)) - np.log(comp.clip(floor)))).sum())


def inception_score(classes: Vector) -> float:
    """The exponential of the mean divergence of class probabilities (N, K) from their mean.

    From 1 to K; higher is better.

    Source: Salimans et al. 2016, in one split.
    """
    mean = classes.mean(0)
    return float(np.exp(np.mean([kl_divergence(row, mean) for row in classes])))


def softmax(logits: Vector) -> Vector:
    """Probabilities of class scores (K,)."""
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum())
