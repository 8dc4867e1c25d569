"""The shipped models: listed, checked, described."""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import partialconv
from partialconv import zoo
from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.models.graph import read_graph
from partialconv.training.checkpoint import load_checkpoint
from tests.command import call

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("model", zoo.SHIPPED.values(), ids=lambda model: model.name)
def test_what_is_said_of_a_model_is_so(model: zoo.ShippedModel, tmp_path: Path) -> None:
    assert model.is_intact() and model.path.stat().st_size <= 20_000_000
    done = call("models", cwd=tmp_path)
    assert done.returncode == 0 and f"{model.name}, default: " in done.stdout and "intact" in done.stdout
    card = (ROOT / "docs" / "models" / f"{model.name}.md").read_text()
    assert f"{model.num_parameters:,} parameters" in card and model.sha256 in card
    net = read_graph(onnx.load(model.path))  # without BatchNorm, whose four numbers a channel are one bias
    folded = sum(p.numel() for p in net.parameters())
    channels = sum(p.numel() for name, p in net.named_parameters() if name.endswith("conv.bias"))
    own = sum(p.numel() for name, p in PartialConvUNet(*shape_of(net)).named_parameters() if name.endswith("conv.bias"))
    assert folded + (channels - own) == model.num_parameters


def shape_of(net: PartialConvUNet) -> tuple[Any, ...]:
    return net.width, net.num_levels, net.in_channels, net.conv, net.detail_width, net.detail_dilations


PUBLISHED = sorted({file.parent for file in (ROOT / "weights").glob("*/*")})


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_published_weights_have_a_card(folder: Path) -> None:
    card = (ROOT / "docs" / "models" / f"{folder.name}.md").read_text()
    for file in folder.iterdir():
        assert file.stat().st_size <= 20_000_000
        assert hashlib.sha256(file.read_bytes()).hexdigest() in card
    num_parameters = sum(p.numel() for p in load_checkpoint(folder).network().parameters())
    assert f"{num_parameters:,} parameters" in card


@pytest.mark.parametrize("card", sorted((ROOT / "docs" / "models").glob("*.md")), ids=lambda card: card.name)
def test_the_links_of_a_card_lead_somewhere(card: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", card.read_text())
    assert links and [link for link in links if not (card.parent / link).exists()] == []


def test_a_damaged_model_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = zoo.DEFAULT
    damaged = bytearray(zoo.SHIPPED[name].path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / f"{name}.onnx").write_bytes(damaged)
    monkeypatch.setattr(zoo.ShippedModel, "path", property(lambda model: tmp_path / f"{model.name}.onnx"))
    zoo._intact.cache_clear()
    try:
        with pytest.raises(InputError, match="damaged: install partialconv again"):
            zoo.model_path()
        assert "DAMAGED" in (done := call("models", cwd=tmp_path)).stdout and done.returncode == 1
        (tmp_path / f"{name}.onnx").unlink()
        assert "missing" in call("models", cwd=tmp_path).stdout
    finally:
        zoo._intact.cache_clear()


def test_a_name_is_as_good_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, hole = np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64), bool)
    hole[20:30, 20:30] = True
    expected = partialconv.fill(photo, hole)
    for model in (zoo.DEFAULT, zoo.SHIPPED[zoo.DEFAULT].path):
        np.testing.assert_array_equal(partialconv.fill(photo, hole, model=model), expected)
    with pytest.raises(InputError, match="no model file .*none"):
        partialconv.fill(photo, hole, model="none")
    monkeypatch.chdir(tmp_path)
    (tmp_path / zoo.DEFAULT).write_text("a file of the user's of that name goes before")
    with pytest.raises(InputError, match="not an ONNX model"):
        partialconv.fill(photo, hole, model=zoo.DEFAULT)
