"""Two processes equal one; several threads equal one."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from partialconv.nn import PartialConv2d, PartialPaddingConv2d, convert_padding


class Net(nn.Module):
    """A partial convolution, then a convolution with partial padding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = PartialConv2d(2, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 1, 3, padding=1)
        convert_padding(self.second)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        out, _ = self.first(x, valid)
        return self.second(out)  # type: ignore[no-any-return]


def batches() -> list[tuple[Tensor, Tensor]]:
    """Two steps of four samples, with their masks, of two sizes."""
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(4, 2, size, 8, generator=generator), torch.rand(4, 1, size, 8, generator=generator) > 0.5)
        for size in (8, 11)
    ]


def train(net: nn.Module, part: slice) -> None:
    """Two steps of plain gradient descent on `part` of each batch."""
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x, valid in batches():
        optimizer.zero_grad()
        net(x[part], valid[part]).square().mean().backward()
        optimizer.step()


def worker(rank: int, folder: str) -> None:
    """One of two processes; the first writes what it learned."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    net = DistributedDataParallel(Net())
    train(net, slice(2 * rank, 2 * rank + 2))
    if rank == 0:
        torch.save(net.module.state_dict(), Path(folder) / "state.pt")
    dist.barrier()
    time.sleep(0.1)  # gloo's threads have to be done: see World in training/distributed.py
    dist.destroy_process_group()


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    mp.spawn(worker, (str(tmp_path),), nprocs=2)  # type: ignore[attr-defined,no-untyped-call]
    alone, untrained = Net(), Net()
    train(alone, slice(None))
    together = torch.load(tmp_path / "state.pt", weights_only=True)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(together[name], value)
        assert not torch.equal(value, untrained.state_dict()[name])


def test_threads_share_a_layer() -> None:
    """As `DataParallel` does: one module, several inputs at once."""
    conv, padded = PartialConv2d(2, 4, 3, padding=1), PartialPaddingConv2d(2, 4, 3, padding=1)
    inputs = [(torch.randn(1, 2, 8 + i % 3, 9), torch.rand(1, 1, 8 + i % 3, 9) > 0.5) for i in range(32)]

    def run(given: tuple[Tensor, Tensor]) -> Tensor:
        with torch.no_grad():
            return conv(*given)[0] + padded(given[0])  # type: ignore[no-any-return]

    expected = [run(given) for given in inputs]
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(a, b) for a, b in zip(pool.map(run, inputs), expected, strict=True))
