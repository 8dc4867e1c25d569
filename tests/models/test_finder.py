"""The network that finds damage, in PyTorch and as an ONNX file."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from partialconv.models.finder import KINDS, Finder
from partialconv.models.finder_graph import build_finder_graph


@pytest.fixture(scope="module")
def net() -> Finder:
    """Untrained, but with statistics that are not those of a new network, and weights that half precision holds."""
    torch.manual_seed(0)
    net = Finder((8, 12, 16, 24))
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(2, 3, 64, 64), (torch.rand(2, 1, 64, 64) > 0.3).float())
        torch.nn.init.zeros_(net.damage.bias)  # type: ignore[arg-type]
    return net.eval()


@pytest.fixture(scope="module")
def session(net: Finder, tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    path: Path = tmp_path_factory.mktemp("finder") / "find.onnx"
    path.write_bytes(build_finder_graph(net, 0.4375, {"step": "7"}).SerializeToString())
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_at_most_two_million_parameters() -> None:
    assert 0 < sum(parameter.numel() for parameter in Finder().parameters()) <= 2_000_000


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (32, 160)])
@pytest.mark.parametrize("num", [1, 3])
def test_the_file_equals_the_network(
    net: Finder, session: onnxruntime.InferenceSession, size: tuple[int, int], num: int
) -> None:
    torch.manual_seed(1)
    image, valid = torch.rand(num, 3, *size), torch.ones(num, 1, *size)
    valid[:, :, 4:9, :13] = 0
    with torch.no_grad():
        damage, kinds = net(image, valid)
    given = session.run(["damage", "kinds"], {"image": image.numpy(), "valid": valid.numpy()})
    assert damage.shape == (num, 1, *size) and kinds.shape == (num, len(KINDS), *size)
    assert damage.max() - damage.min() > 0.05  # something to compare
    # weights are stored in half precision
    np.testing.assert_allclose(given[0], damage, atol=5e-3)
    np.testing.assert_allclose(given[1], kinds, atol=5e-3)
    np.testing.assert_allclose(given[1].sum(1), 1, atol=1e-5)


def test_what_is_said_in_the_file(session: onnxruntime.InferenceSession) -> None:
    notes = session.get_modelmeta().custom_metadata_map
    assert float(notes["threshold"]) == 0.4375 and notes["step"] == "7"
    assert notes["kinds"].split(",") == ["dust", "scratches", "cracks", "stamp", "text"]
    assert [entry.name for entry in session.get_inputs()] == ["image", "valid"]
    assert [entry.name for entry in session.get_outputs()] == ["damage", "kinds"]


def test_values_of_unknown_pixels_do_not_matter(net: Finder, session: onnxruntime.InferenceSession) -> None:
    torch.manual_seed(2)
    image, valid = torch.rand(1, 3, 48, 48), torch.ones(1, 1, 48, 48)
    valid[..., 10:30, 20:40] = 0
    spoiled = torch.where(valid > 0, image, torch.nan)
    with torch.no_grad():
        for first, second in zip(net(image, valid), net(spoiled, valid), strict=True):
            torch.testing.assert_close(first, second, rtol=0, atol=0)
        assert not torch.equal(net(image, valid)[0], net(image, torch.ones_like(valid))[0])
    given = [session.run(None, {"image": x.numpy(), "valid": valid.numpy()})[0] for x in (image, spoiled)]
    np.testing.assert_array_equal(*given)
