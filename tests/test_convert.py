"""Checkpoints in the layouts of other implementations, against the arithmetic of their layers in float64."""

from collections import OrderedDict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from typer.testing import CliRunner

from partialconv.benchmark.custom import open_source
from partialconv.cli.main import app
from partialconv.convert import Layout, convert, convert_state
from partialconv.errors import InputError
from partialconv.models import PartialConvUNet
from partialconv.nn import PartialConv2d
from partialconv.training.checkpoint import load_checkpoint
from partialconv.zoo.networks import load_network
from tests.command import call

WIDTHS = (4, 8, 16, 32, 32)
KERNELS = (7, 5, 5, 3, 3)
State = dict[str, Tensor]


def block(place: str, c_in: int, c_out: int, kernel: int, norm: bool, bias: bool) -> State:
    """A convolution and a BatchNorm with statistics, under the names that naoto0804 and mmagic share."""
    state = {f"{place}.conv.weight": torch.randn(c_out, c_in, kernel, kernel) / (c_in * kernel**2) ** 0.5}
    if bias:
        state[f"{place}.conv.bias"] = torch.randn(c_out)
    if norm:
        state |= {f"{place}.bn.{name}": torch.rand(c_out) + 0.5 for name in ("weight", "running_var")}
        state |= {f"{place}.bn.{name}": torch.randn(c_out) for name in ("bias", "running_mean")}
        state[f"{place}.bn.num_batches_tracked"] = torch.tensor(7)
    return state


def paper_network(encoder: str, decoder: str, bias_under_norm: bool) -> State:
    """All blocks; `encoder` and `decoder` are the names of a level, such as "enc_{}"."""
    state: State = {}
    channels = (3, *WIDTHS)
    for level in range(1, 6):
        norm = level > 1
        shape = (channels[level - 1], channels[level], KERNELS[level - 1])
        state |= block(encoder.format(level), *shape, norm, not norm or bias_under_norm)
        inputs = channels[level] + channels[level - 1]
        outputs = 3 if level == 1 else channels[level - 1]
        state |= block(decoder.format(level), inputs, outputs, 3, norm, not norm or bias_under_norm)
    return state


OLD_NAMES, NEW_NAMES, SHORT_NAMES = (
    ("conv.conv2d", "conv.mask2d"),
    ("conv.input_conv", "conv.mask_conv"),
    ("input_conv", "mask_conv"),
)


def naoto(state: State, names: tuple[str, str] = OLD_NAMES) -> State:
    """Its layers hold two convolutions, and scale by 1 / sum(M): weights are larger."""
    old = {}
    for name, value in state.items():
        if ".conv." in name:
            place, _, kind = name.rpartition(".")
            place = place.removesuffix(".conv")
            factor = value[0].numel() if kind == "weight" else 1
            old[f"{place}.{names[0]}.{kind}"] = value * factor
            if kind == "weight" or names == OLD_NAMES:
                ones = torch.ones_like(value) if kind == "weight" else torch.zeros_like(value)
                old[f"{place}.{names[1]}.{kind}"] = ones
        else:
            old[name] = value
    return old


def forward(state: State, names: tuple[str, str, str], unit: bool, image: Tensor, valid: Tensor) -> Tensor:
    """The network of `state` with dense masks, in float64; `unit`: scaled by 1 / sum(M) rather than sum(1) / sum(M)."""
    encoder, decoder, conv = names
    double = {name: value.double() for name, value in state.items()}

    def run(place: str, x: Tensor, known: Tensor, stride: int, slope: float) -> tuple[Tensor, Tensor]:
        weight, bias = double[f"{place}.{conv}weight"], double.get(f"{place}.{conv}bias")
        settings: Any = dict(stride=stride, padding=weight.shape[-1] // 2)
        count = F.conv2d(known, torch.ones_like(weight), **settings)
        raw = F.conv2d(x * known, weight, **settings)
        shift = torch.zeros(()) if bias is None else bias.view(1, -1, 1, 1)
        out = torch.where(count > 0, raw * (1 if unit else weight[0].numel()) / count + shift, 0)
        if f"{place}.bn.weight" in double:
            mean, var, g, b = (double[f"{place}.bn.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
            out = F.batch_norm(out, mean, var, g, b)
        return torch.where(out > 0, out, slope * out), (count > 0).double()

    x, known = image, valid.expand_as(image)
    skips = []
    for level in range(1, 6):
        skips.append((x, known))
        x, known = run(encoder.format(level), x, known, 2, 0.0)
    for level in range(5, 0, -1):
        skip, skip_known = skips.pop()
        x, known = (F.interpolate(t, scale_factor=2) for t in (x, known))
        x, known = torch.cat([x, skip], 1), torch.cat([known, skip_known], 1)
        x, known = run(decoder.format(level), x, known, 1, 0.2 if level > 1 else 1.0)
    return x


@pytest.fixture
def photo() -> tuple[Tensor, Tensor]:
    valid = torch.rand(2, 1, 8, 8) > 0.4
    return torch.rand(2, 3, 64, 64, dtype=torch.float64), F.interpolate(valid.double(), scale_factor=8)


@pytest.mark.parametrize("names", [OLD_NAMES, NEW_NAMES, SHORT_NAMES])
def test_naoto_is_exact(names: tuple[str, str], tmp_path: Path, photo: tuple[Tensor, Tensor]) -> None:
    state = naoto(paper_network("enc_{}", "dec_{}", bias_under_norm=names == OLD_NAMES), names)
    optimizer = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    torch.save({"n_iter": 3, "model": state, "optimizer": optimizer}, tmp_path / "old.pth")
    conversion = convert(tmp_path / "old.pth", tmp_path / "new.safetensors")
    assert conversion.layout == "naoto" and conversion.network is not None
    assert len(conversion.dropped) == (20 if names == OLD_NAMES else 10)
    image, valid = photo
    mean, std = (torch.tensor(v).double().view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    old = forward(state, ("enc_{}", "dec_{}", f"{names[0]}."), True, (image - mean) / std, valid) * std + mean
    net = load_network(tmp_path / "new.safetensors").double()
    torch.testing.assert_close(net(image, valid), old, atol=1e-5, rtol=1e-5, check_dtype=False)
    for name, value in state.items():
        if name.endswith(f"{names[0]}.weight"):  # the quotient, rounded once
            window = value.shape[1] * value.shape[2] * value.shape[3]
            level = int(name[4]) - 1
            place = f"encoder.{level}" if name.startswith("enc") else f"decoder.{4 - level}"
            assert torch.equal(conversion.state[f"{place}.conv.weight"], (value.double() / window).float())


@pytest.mark.parametrize("prefix", ["generator.", "", "module.generator."])
def test_mmagic_equals_its_layers(prefix: str, tmp_path: Path, photo: tuple[Tensor, Tensor]) -> None:
    state = paper_network("encoder.enc{}", "decoder.dec{}", bias_under_norm=False)
    old = {prefix + name: value for name, value in state.items()}
    for name, value in state.items():
        if name.endswith("conv.weight"):
            old[f"{prefix}{name}_mask_updater"] = torch.ones_like(value)
    if prefix:
        old[prefix.replace("generator.", "") + "loss_percep.vgg.mean"] = torch.rand(3)
    torch.save({"meta": {"epoch": 1}, "state_dict": old}, tmp_path / "old.pth")
    convert(tmp_path / "old.pth", tmp_path / "new.safetensors")
    image, valid = photo
    names = ("encoder.enc{}", "decoder.dec{}", "conv.")
    expected = (forward(state, names, False, image * 2 - 1, valid) + 1) / 2
    net = load_network(tmp_path / "new.safetensors")
    assert isinstance(net, PartialConvUNet)
    torch.testing.assert_close(net.double()(image, valid).double(), expected, atol=1e-6, rtol=1e-6)


def test_torch_pconv_layers_keep_their_places(tmp_path: Path) -> None:
    weight, bias = torch.randn(4, 3, 3, 3), torch.randn(1, 4, 1, 1)
    other = {"head.weight": torch.randn(2, 4), "head.bias": torch.randn(2)}
    old = {"down.0.regular_conv.weight": weight, "down.0.mask_conv.weight": torch.ones(1, 1, 3, 3)}
    save_file(old | {"down.0.bias": bias} | other, tmp_path / "old.safetensors")
    conversion = convert(tmp_path / "old.safetensors", tmp_path / "new.safetensors")
    assert conversion.layout == "torch-pconv" and conversion.network is None
    state = load_file(tmp_path / "new.safetensors")
    assert state.keys() == {"down.0.weight", "down.0.bias"} | other.keys()
    conv = PartialConv2d(3, 4, 3, padding=1)
    conv.load_state_dict({"weight": state["down.0.weight"], "bias": state["down.0.bias"]})
    x, valid = torch.randn(1, 3, 9, 9), (torch.rand(1, 1, 9, 9) > 0.5).float()
    count = F.conv2d(valid, torch.ones(1, 1, 3, 3), padding=1)  # what that layer computes
    expected = torch.where(count > 0, F.conv2d(x * valid, weight, padding=1) * 9 / count + bias, 0)
    torch.testing.assert_close(conv(x, valid)[0], expected)
    with pytest.raises(InputError, match="no network"):
        load_network(tmp_path / "new.safetensors")


def test_nvidia_layers_are_ours() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    old = {f"module.{name}": value for name, value in plain.state_dict().items()}
    conversion = convert_state(old | {"module.0.weight_maskUpdater": torch.ones(1, 1, 3, 3)})
    assert conversion.layout == "nvidia" and conversion.dropped == ["0.weight_maskUpdater"]
    nn.Sequential(PartialConv2d(3, 4, 3), nn.BatchNorm2d(4)).load_state_dict(conversion.state)


def test_a_network_of_another_shape_keeps_its_names() -> None:
    state = paper_network("enc_{}", "dec_{}", bias_under_norm=True)
    state["enc_3.conv.weight"] = torch.randn(20, 8, 5, 5)
    conversion = convert_state(naoto(state))
    assert conversion.network is None
    assert "enc_3.conv.weight" in conversion.state and "encoder.2.conv.weight" not in conversion.state


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("exploded"),)


class Log(list[float]):
    """As mmengine keeps numbers of a run: a class of its own, with a state."""

    def __init__(self) -> None:
        super().__init__([1.0])
        self.values = np.arange(3.0)


def test_code_in_a_checkpoint_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tensors are read all the same."""
    monkeypatch.chdir(tmp_path)
    weight = torch.rand(1, 1, 3, 3)
    layer = {"a.conv2d.weight": weight * 9, "a.mask2d.weight": torch.ones(1, 1, 3, 3)}
    hub = {"logs": OrderedDict(loss=Log()), "when": datetime.now(UTC), "where": Path("x"), "number": np.float64(2)}
    for old_format in (False, True):
        content = {"state_dict": layer, "message_hub": hub, "options": Bomb()}
        torch.save(content, "old.pth", _use_new_zipfile_serialization=not old_format)
        conversion = convert(Path("old.pth"), Path("new.safetensors"), overwrite=True)
        torch.testing.assert_close(load_file("new.safetensors"), {"a.weight": weight})
        assert conversion.dropped == ["a.mask2d.weight"] and not Path("exploded").exists()
    torch.save({"state_dict": Bomb()}, "old.pth")
    with pytest.raises(InputError, match="holds no state dict"):
        convert(Path("old.pth"), Path("other.safetensors"))
    torch.save(nn.Conv2d(1, 1, 3), "old.pth")
    with pytest.raises(InputError, match="save the tensors first"):
        convert(Path("old.pth"), Path("other.safetensors"))
    assert not Path("exploded").exists() and not Path("other.safetensors").exists()


@pytest.mark.parametrize("layout", ["nvidia", "naoto", "mmagic", "torch-pconv"])
def test_a_forced_layout_that_does_not_fit_is_refused(layout: Layout) -> None:
    weight, ones = torch.rand(2, 1, 3, 3), torch.ones(2, 1, 3, 3)
    states: dict[Layout, State] = {
        "nvidia": {"a.weight": weight},
        "naoto": {"a.input_conv.weight": weight, "a.mask_conv.weight": ones},
        "mmagic": {"a.weight": weight, "a.weight_mask_updater": ones},
        "torch-pconv": {"a.regular_conv.weight": weight, "a.mask_conv.weight": ones},
    }
    for name, state in states.items():
        if name == layout:
            converted = convert_state(state, layout).state["a.weight"]
            torch.testing.assert_close(converted, weight / 9 if layout == "naoto" else weight)
        elif (layout, name) != ("nvidia", "mmagic"):  # whose layers are NVIDIA's
            with pytest.raises(InputError, match=f"the layout {layout} has"):
                convert_state(state, layout)


@pytest.mark.parametrize("kind", ["naoto", "mmagic"])
def test_a_converted_network_is_used_like_one_of_ours(kind: str, photos: Path, tmp_path: Path) -> None:
    if kind == "naoto":
        state = naoto(paper_network("enc_{}", "dec_{}", True), NEW_NAMES)
        scale = ["mean = [0.485, 0.456, 0.406]", "std = [0.229, 0.224, 0.225]"]
    else:
        state, scale = paper_network("encoder.enc{}", "decoder.dec{}", False), []
    torch.save(state, tmp_path / "old.pth")
    hole = np.zeros((48, 64), bool)
    hole[20:30, 30:45] = True
    Image.fromarray(hole).save(tmp_path / "holes.png")
    done = call("convert", "old.pth", "-o", "new.safetensors", cwd=tmp_path)
    assert done.returncode == 0 and "fill --model new.safetensors" in done.stdout
    assert call("export", "new.safetensors", "-o", "new.onnx", cwd=tmp_path).returncode == 0
    results = []
    for model, runtime in product(("new.onnx", "new.safetensors"), ("onnxruntime", "torch", "openvino")):
        photo, out = photos / "0.png", f"{runtime}-{model}.png"
        options = ["-o", out, "--model", model, "--runtime", runtime, "--no-grain"]
        filled = call("fill", photo, "holes.png", *options, cwd=tmp_path)
        assert (filled.returncode, filled.stderr) == (0, ""), filled.stderr
        results.append(np.asarray(Image.open(tmp_path / out)).astype(int))
    # weights that are not halved give other values by 4e-4, and at the edge of a tone's range that can be some levels
    differences = [np.abs(result - results[0])[hole] for result in results]
    assert max(np.quantile(difference, 0.98) for difference in differences) <= 1
    assert max(difference.max() for difference in differences) <= 8
    assert np.asarray(results[0] != np.asarray(Image.open(photos / "0.png")))[hole].any()
    pixels = np.asarray(Image.open(photos / "0.png"))
    benchmarked = open_source("theirs", f"bare:{tmp_path / 'new.safetensors'}").fill(pixels, hole)
    assert np.abs(np.where(hole[..., None], benchmarked, pixels) - results[0])[hole].max() <= 1
    recipe = ["[model]", "width = 4", "num_levels = 5", "first_bias = true", *scale, "[data]", "crop_px = 32"]
    recipe += ["num_workers = 0", "[training]", "batch_size = 2", "[loss]", "perceptual = 0", "style_out = 0"]
    recipe += ["style_comp = 0", "[initial]", "num_steps = 1", "lr = 1e-9", "[finetune]", "num_steps = 1", "lr = 1e-9"]
    (tmp_path / "recipe.toml").write_text("\n".join(recipe))
    started = ["train", "recipe.toml", "--data", photos, "--start", "new.safetensors", "--out"]
    assert call(*started, "run", cwd=tmp_path).returncode == 0
    assert call("train", "recipe.toml", "--data", photos, "--out", "run", "--resume", cwd=tmp_path).returncode == 0
    after = load_checkpoint(tmp_path / "run").network().state_dict()
    for name, value in load_network(tmp_path / "new.safetensors").state_dict().items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(after[name], value, atol=1e-6, rtol=1e-6)
    (tmp_path / "recipe.toml").write_text("\n".join(recipe).replace("num_levels = 5", "num_levels = 4"))
    refused = call(*started, "other", cwd=tmp_path)
    assert refused.returncode == 2 and "write under [model] width = 4; num_levels = 5" in refused.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no checkpoint", "is broken"),
        (None, "no file"),
        (
            {"a.input_conv.weight": torch.rand(1, 1, 3, 3), "a.mask_conv.weight": torch.rand(1, 1, 3, 3)},
            "unknown layout",
        ),
        ({"epoch": 3}, "holds no state dict"),
        ([1, 2], "holds no state dict"),
    ],
)
def test_what_cannot_be_converted_is_one_line(content: Any, message: str, tmp_path: Path) -> None:
    source = tmp_path / "old.pth"
    if isinstance(content, bytes):
        source.write_bytes(content)
    elif content is not None:
        torch.save(content, source)
    with pytest.raises(InputError, match=message):
        convert(source, tmp_path / "new.safetensors")
    assert not (tmp_path / "new.safetensors").exists()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(1, 1, 3).state_dict(), tmp_path / "old.pth")
    (tmp_path / "new.safetensors").write_bytes(b"mine")
    with pytest.raises(InputError, match="--overwrite"):
        convert(tmp_path / "old.pth", tmp_path / "new.safetensors")
    with pytest.raises(InputError, match="ending in .safetensors"):
        convert(tmp_path / "old.pth", tmp_path / "new.pth")
    assert (tmp_path / "new.safetensors").read_bytes() == b"mine"


def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    torch.save(naoto(paper_network("enc_{}", "dec_{}", True)), tmp_path / "old.pth")
    result = CliRunner().invoke(app, ["convert", str(tmp_path / "old.pth"), "-o", str(tmp_path / "new.safetensors")])
    assert result.exit_code == 0, result.output
    assert "the paper's network, 5 levels, width 4" in result.output
    wrong = ["convert", str(tmp_path / "old.pth"), "-o", str(tmp_path / "b.safetensors"), "--layout", "keras"]
    failed = CliRunner().invoke(app, wrong)
    assert isinstance(failed.exception, InputError) and "nvidia, naoto" in str(failed.exception)
