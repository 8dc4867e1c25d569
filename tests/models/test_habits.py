"""What users of PyTorch do with any network: hooks, copies, other dtypes, devices without memory, any batch."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.utils import parametrizations, prune

from partialconv.models import PartialConvUNet
from partialconv.nn import PartialConv2d
from tests.models.test_unet import holed, small

DETAIL = pytest.mark.parametrize("detail_width", [0, 5])


def saved_and_loaded(net: PartialConvUNet) -> PartialConvUNet:
    content = io.BytesIO()
    torch.save(net, content)
    content.seek(0)
    loaded = torch.load(content, weights_only=False)
    assert isinstance(loaded, PartialConvUNet)
    return loaded


def of_nothing(net: PartialConvUNet) -> PartialConvUNet:
    """Built where there is no memory, then given the weights of `net`."""
    with torch.device("meta"):
        made = PartialConvUNet(
            net.width, net.num_levels, detail_width=net.detail_width, detail_dilations=net.detail_dilations
        )
    made.load_state_dict({name: value.clone() for name, value in net.state_dict().items()}, assign=True)
    return made.eval()


def without_prefix(net: PartialConvUNet) -> PartialConvUNet:
    state = nn.ModuleDict({"inner": net}).state_dict()
    made = of_nothing(net)
    made.load_state_dict({name.removeprefix("inner."): value for name, value in state.items()})
    return made


@DETAIL
@pytest.mark.parametrize(
    "remade",
    [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), saved_and_loaded, of_nothing, without_prefix],
    ids=["deepcopy", "pickle", "save", "meta and assign", "prefix"],
)
def test_a_copy_fills_alike(remade: Callable[[PartialConvUNet], PartialConvUNet], detail_width: int) -> None:
    net, (image, valid) = small(detail_width=detail_width), holed(37, 50)
    torch.testing.assert_close(remade(net)(image, valid), net(image, valid), atol=0, rtol=0)


def test_a_copy_of_a_frozen_network_stays_frozen() -> None:
    net = small()
    net.freeze_encoder_norm()
    other = copy.deepcopy(net).train()
    encoder, decoder, _ = other.blocks()
    assert not encoder[1].norm.training and decoder[0].norm.training


@DETAIL
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # blocks take their inputs in lists
def test_hooks_on_every_module_see_the_gradients(detail_width: int) -> None:
    """Backward hooks make views of what a module gives, which may not be changed in place."""
    image, valid = holed(33, 40)
    image.requires_grad_()
    gradients: list[list[Tensor | None]] = []
    called: set[str] = set()
    for hooked in (False, True):
        net = small(detail_width=detail_width).train()
        if hooked:
            for name, module in net.named_modules():
                module.register_full_backward_hook(lambda *_, name=name: called.add(name))
        net(image, valid).square().mean().backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
        leaves = {name for name, module in net.named_modules() if not list(module.children())}
        assert not hooked or {name for name in leaves if name.endswith(("conv", "norm"))} <= called
    torch.testing.assert_close(gradients[0], gradients[1])


@DETAIL
def test_gradients_of_a_double_network_are_those_of_finite_differences(detail_width: int) -> None:
    net, (image, valid) = small(2, detail_width=detail_width).double(), holed(6, 7)
    image = image.double().requires_grad_()
    assert net(image, valid).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda x: net(x, valid), image)


@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16])
def test_a_half_network_takes_masks_of_any_dtype(dtype: torch.dtype) -> None:
    net, (image, valid) = small(detail_width=5), holed(40, 48)
    expected = net(image, valid)
    net.to(dtype)
    outputs = [net(image.to(dtype), mask) for mask in (valid, valid.to(dtype), valid.bool())]
    assert outputs[0].dtype == torch.float32
    assert (outputs[0] - expected).abs().mean() < 0.02 * expected.abs().mean()
    assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("recomputed", [False, True])
def test_autocast_trains_single_precision_weights(recomputed: bool) -> None:
    net, (image, valid) = small(detail_width=5).train(), holed(40, 48)
    expected = copy.deepcopy(net)(image, valid)
    net.gradient_checkpointing = recomputed
    with torch.autocast("cpu", torch.bfloat16):
        output = net(image, valid)
    output.square().mean().backward()
    assert output.dtype == torch.float32
    assert (output - expected).abs().mean() < 0.02 * expected.abs().mean()
    gradients = [parameter.grad for parameter in net.parameters()]
    assert all(g is not None and g.dtype == torch.float32 and g.isfinite().all() for g in gradients)


def test_views_and_other_layouts_fill_alike() -> None:
    net, (image, valid) = small(detail_width=5), holed(40, 48, num=2)
    expected = net(image, valid)
    turned = [t.transpose(2, 3).contiguous().transpose(2, 3) for t in (image, valid)]
    spread = [torch.stack([t, t + 9], -1)[..., 0] for t in (image, valid)]
    last = [t.to(memory_format=torch.channels_last) for t in (image, valid)]
    for given in (turned, spread, last):
        torch.testing.assert_close(net(*given), expected, atol=1e-4, rtol=1e-5)
    one = valid[:1]
    torch.testing.assert_close(net(image, one), net(image, one.expand(2, -1, -1, -1)))


@DETAIL
@pytest.mark.parametrize("training", [False, True])
def test_a_batch_of_none(training: bool, detail_width: int) -> None:
    net = small(detail_width=detail_width).train(training)
    output = net(torch.rand(0, 3, 20, 30), torch.ones(0, 1, 20, 30))
    assert output.shape == (0, 3, 20, 30)
    output.sum().backward()
    out, valid = PartialConv2d(4, 6, 3, groups=2)(torch.rand(0, 4, 8, 8), torch.ones(0, 2, 8, 8))
    assert (out.shape, valid.shape) == ((0, 6, 6, 6), (0, 2, 6, 6))


def test_masks_that_ask_for_a_gradient_get_none() -> None:
    net, (image, valid) = small(), holed(20, 30)
    valid.requires_grad_()
    net(image, valid).sum().backward()
    assert valid.grad is None


def test_data_parallel_without_a_gpu() -> None:
    net, (image, valid) = small(), holed(20, 30, num=2)
    torch.testing.assert_close(nn.DataParallel(net)(image, valid=valid), net(image, valid))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_gradients_of_each_sample() -> None:
    net, (image, valid) = small(3), holed(20, 24, num=2)
    parameters = {name: value.detach() for name, value in net.named_parameters()}
    buffers = dict(net.named_buffers())

    def loss(parameters: dict[str, Tensor], image: Tensor, valid: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(net, (parameters, buffers), (image[None], valid[None]))
        return output.square().mean()

    together = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, image, valid)
    for number in range(2):
        alone = torch.func.grad(loss)(parameters, image[number], valid[number])
        for name, gradient in alone.items():
            torch.testing.assert_close(together[name][number], gradient, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "parametrize", [parametrizations.weight_norm, parametrizations.spectral_norm, parametrizations.orthogonal]
)
def test_parametrized_networks_train_and_are_copied(parametrize: Callable[[nn.Module], nn.Module]) -> None:
    net, (image, valid) = small(2), holed(20, 24)
    for module in list(net.modules()):
        if isinstance(module, PartialConv2d):
            parametrize(module)
    net(image, valid).square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    torch.testing.assert_close(copy.deepcopy(net)(image, valid), net(image, valid))


def test_pruned_weights_stay_out() -> None:
    net, (image, valid) = small(2), holed(20, 24)
    encoder, _, _ = net.blocks()
    prune.l1_unstructured(encoder[0].conv, "weight", 0.5)
    pruned = net(image, valid)
    prune.remove(encoder[0].conv, "weight")
    assert (encoder[0].conv.weight == 0).float().mean() == pytest.approx(0.5, abs=0.01)
    torch.testing.assert_close(net(image, valid), pruned)


def test_one_graph_for_batches_of_any_number() -> None:
    torch._dynamo.reset()
    net, counter = small(3).train(), CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(net, backend=counter, fullgraph=True)
    for num in (4, 2, 5):
        image, valid = holed(24, 20, num=num)
        for given in (image, valid):
            torch._dynamo.mark_dynamic(given, 0)
        compiled(image, valid).sum().backward()
    assert counter.frame_count == 1


@pytest.mark.parametrize(("conv", "detail_width"), [("partial", 0), ("partial", 5), ("plain", 5)])
def test_exported_at_sizes_with_names(conv: Literal["partial", "plain"], detail_width: int) -> None:
    """The compiler proves that every size fits, odd ones too, and every batch."""
    net, smallest = PartialConvUNet(4, 3, conv=conv, detail_width=detail_width).eval(), 9
    free = {
        0: torch.export.Dim("num"),
        2: torch.export.Dim("height", min=smallest),
        3: torch.export.Dim("width", min=smallest),
    }
    program = torch.export.export(net, holed(40, 56, num=2), dynamic_shapes=(free, free)).module()
    for height, width, num in ((smallest, 31, 1), (33, 47, 3)):
        image, valid = holed(height, width, num)
        torch.testing.assert_close(program(image, valid), net(image, valid), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("conv", ["partial", "plain"])
def test_what_people_give_by_mistake_is_one_clear_line(conv: Literal["partial", "plain"]) -> None:
    net = PartialConvUNet(4, 2, conv=conv)
    image, valid = holed(8, 8)
    with pytest.raises(ValueError, match="`image` is of torch.uint8, expected values in .0, 1.: image / 255"):
        net((image * 255).byte(), valid)
    with pytest.raises(ValueError, match="`valid` has 3 channels, expected 1"):
        net(image, valid.expand(-1, 3, -1, -1))
