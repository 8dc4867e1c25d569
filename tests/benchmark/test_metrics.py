"""Metrics, judged by scikit-image, torchmetrics, pytorch-msssim, scipy and the lpips network inside torchmetrics."""

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from PIL import Image
from pytorch_msssim import ms_ssim as judge_ms_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torchmetrics.functional.image import structural_similarity_index_measure

from partialconv.benchmark.inception import Moments, frechet_distance, inception_score, kl_divergence
from partialconv.benchmark.lpips import Lpips, find_lpips
from partialconv.benchmark.metrics import Judge, ms_ssim, ssim
from partialconv.benchmark.pairing import Pixels
from partialconv.errors import InputError


def pictures(height: int, width: int, noise: float) -> tuple[Pixels, Pixels]:
    """A smooth picture, and the same with noise."""
    y, x = np.mgrid[:height, :width]
    target = np.stack([128 + 100 * np.sin(x / (7 + c) + y / (11 - c)) for c in range(3)], -1)
    comp = target + np.random.default_rng(0).normal(0, noise, target.shape)
    return comp.clip(0, 255).astype(np.uint8), target.astype(np.uint8)


def tensors(comp: Pixels, target: Pixels) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = (torch.from_numpy(array / 255.0).permute(2, 0, 1)[None] for array in (comp, target))
    return first, second


@pytest.mark.parametrize("size", [(64, 80), (33, 50)])
@pytest.mark.parametrize("noise", [2, 60])
def test_pixel_metrics_and_ssim_against_scikit_image(size: tuple[int, int], noise: float) -> None:
    comp, target = pictures(*size, noise)
    hole = np.zeros(size, bool)
    hole[10:25, 5:30] = True
    comp = np.where(hole[..., None], comp, target)
    scores, seen = Judge().score(comp, target, hole)
    inside = comp[hole][None], target[hole][None]
    assert seen is None and "lpips" not in scores and "ms_ssim" not in scores
    assert scores["psnr"] == pytest.approx(peak_signal_noise_ratio(target, comp))
    assert scores["hole_psnr"] == pytest.approx(peak_signal_noise_ratio(inside[1], inside[0]))
    absolute = np.abs(comp.astype(float) - target)
    assert scores["l1_percent"] == pytest.approx(absolute.sum() / target.size / 2.55)
    assert scores["hole_l1_percent"] == pytest.approx(absolute.sum() / (3 * hole.sum()) / 2.55)
    judged = structural_similarity(
        target, comp, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2
    )
    assert scores["ssim"] == pytest.approx(judged, abs=1e-9)
    full = structural_similarity_index_measure(
        *tensors(comp, target), sigma=1.5, data_range=1.0, return_full_image=True
    )
    assert scores["ssim"] == pytest.approx(float(full[1][..., 5:-5, 5:-5].mean()), abs=1e-6)


@pytest.mark.parametrize("noise", [5, 80])
def test_ms_ssim_against_pytorch_msssim(noise: float) -> None:
    comp, target = pictures(176, 208, noise)
    judged = judge_ms_ssim(*(t.float() for t in tensors(comp, target)), data_range=1.0)
    assert ms_ssim(comp, target) == pytest.approx(float(judged), abs=1e-4)


def test_equal_pictures_have_the_best_scores() -> None:
    _, target = pictures(176, 176, 0)
    hole = np.eye(176, dtype=bool)
    scores, _ = Judge().score(target.copy(), target, hole)
    assert (scores["psnr"], scores["hole_psnr"], scores["l1_percent"]) == (100, 100, 0)
    assert ssim(target, target) == pytest.approx(1) and scores["ms_ssim"] == pytest.approx(1)


class AlexNet(nn.Module):
    """The convolutions of AlexNet under torchvision's names, as the judge takes them."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
        convolutions = [nn.Conv2d(*size) for size in sizes]
        layers: list[nn.Module] = []
        for number, convolution in enumerate(convolutions):
            layers += [convolution, nn.ReLU(), *([nn.MaxPool2d(3, 2)] if number in (0, 1, 4) else [])]
        self.features = nn.Sequential(*layers)


def test_lpips_against_the_original_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchmetrics.functional.image.lpips as judges

    alexnet = AlexNet()
    torch.save(alexnet.state_dict(), tmp_path / "alexnet.pth")
    monkeypatch.setattr(judges, "_get_tv_model_features", lambda *_: alexnet.features)  # in place of torchvision's
    judge = judges._LPIPS(pretrained=True, net="alex", pnet_rand=True)
    comp, target = pictures(90, 70, 40)
    with torch.no_grad():
        judged = float(judge(*(t.float() * 2 - 1 for t in tensors(comp, target))))
    lpips = Lpips(tmp_path / "alexnet.pth")
    assert judged > 1e-3 and lpips.distance(comp, target) == pytest.approx(judged, rel=1e-4)
    assert lpips.distance(target, target) == 0


def test_lpips_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = find_lpips(None)
    assert isinstance(found, str) and found.startswith("no LPIPS") and "\n" not in found
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"no AlexNet: expected features.0.weight of shape \(64, 3, 11, 11\)"):
        find_lpips(tmp_path / "other.pth")


def test_frechet_distance_against_scipy_and_over_processes() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, (60, 8)), rng.normal(0.3, 2, (50, 8)) @ rng.normal(0, 1, (8, 8))
    moments, parts = Moments(8), [Moments(8), Moments(8)]
    moments.update(first.astype(np.float32))
    other = Moments(8)
    other.update(second.astype(np.float32))
    for part, rows in zip(parts, (first[:20], first[20:]), strict=True):
        part.update(rows.astype(np.float32))
    parts[0].merge(parts[1])
    c1, c2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shift = first.mean(0) - second.mean(0)
    judged = shift @ shift + np.trace(c1 + c2 - 2 * scipy.linalg.sqrtm(c1 @ c2).real)
    assert frechet_distance(moments, other) == pytest.approx(judged, rel=1e-4)
    assert frechet_distance(parts[0], other) == pytest.approx(frechet_distance(moments, other), rel=1e-9)
    assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-6)


def test_kl_and_inception_score_against_scipy() -> None:
    classes = np.random.default_rng(2).dirichlet(np.full(7, 0.4), 30)
    assert kl_divergence(classes[0], classes[1]) == pytest.approx(scipy.stats.entropy(classes[0], classes[1]))
    mean = classes.mean(0)
    judged = np.exp(np.mean([scipy.stats.entropy(row, mean) for row in classes]))
    assert inception_score(classes) == pytest.approx(judged)
    assert inception_score(np.eye(5)) == pytest.approx(5)


def test_a_network_brought_by_the_user(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save_model

    from partialconv.benchmark.inception import FeatureNetwork

    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Identity", ["features"], ["logits"]),
    ]
    taken = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 32, 32])]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("features", "logits")]
    graph = helper.make_graph(nodes, "mean", taken, given)
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "n.onnx")
    network = FeatureNetwork(tmp_path / "n.onnx")
    picture = np.asarray(Image.new("RGB", (64, 64), (51, 102, 255)))
    features, classes = network(picture)
    assert features is not None and classes is not None
    np.testing.assert_allclose(features, [0.2, 0.4, 1.0], atol=1e-6)
    np.testing.assert_allclose(classes, np.exp([0.2, 0.4, 1.0]) / np.exp([0.2, 0.4, 1.0]).sum(), atol=1e-6)
    scores, seen = Judge(network=network).score(255 - picture, picture, np.eye(64, dtype=bool))
    assert seen is not None and scores["kl"] > 0
