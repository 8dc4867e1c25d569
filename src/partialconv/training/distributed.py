"""One process or many: everything the trainer needs to know of torch.distributed."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from partialconv.errors import InputError


@dataclass(frozen=True)
class World:
    """The processes of a run; enter it to join them, leave it to part.

    Under `torchrun` every process joins the others (NCCL on GPUs, gloo elsewhere); otherwise there is one.

    Args:
        rank: Number of this process.
        size: Number of all.
        device: What this process computes on.
        local_rank: Number of this process on its machine.
    """

    rank: int
    size: int
    device: torch.device
    local_rank: int = 0

    @classmethod
    def of_environment(cls) -> Self:
        """The world that `torchrun` describes, or that of a single process."""
        defaults = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
        rank, size, local_rank = (int(os.environ.get(name, default)) for name, default in defaults.items())
        device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
        return cls(rank, size, device, local_rank)

    def __enter__(self) -> Self:
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if self.size > 1:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.size > 1:
            if kind is None:
                # gloo's threads drop the last tensors under Python's lock, and its destructor waits for them under that
                # lock: let them finish first, or it may wait forever
                self.wait()
                time.sleep(0.1)
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def share(self, batch_size: int) -> int:
        """Samples of a batch that fall to one process.

        Raises:
            InputError: the batch cannot be divided evenly.
        """
        if batch_size % self.size:
            raise InputError(f"training.batch_size is {batch_size}, expected a multiple of the {self.size} processes.")
        return batch_size // self.size

    def wrap(self, net: nn.Module) -> nn.Module:
        """The network, its gradients averaged over all processes."""
        if self.size == 1:
            return net
        devices = [self.device] if self.device.type == "cuda" else None
        # each process keeps the running statistics of its share; those of the first are saved
        return DistributedDataParallel(net, device_ids=devices, broadcast_buffers=False)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes; the same everywhere, bit by bit."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def average_gradients(self, net: nn.Module) -> None:
        """Give every process the mean of all gradients, for networks that `wrap` does not fit."""
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, mean in zip(gradients, (flat / self.size).split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def from_first(self, value: float) -> float:
        """The first process's value."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def share_buffers(self, net: nn.Module) -> None:
        """Give every process the first one's buffers: running statistics differ where they are not synchronised."""
        if self.size > 1:
            for buffer in net.buffers():
                dist.broadcast(buffer, 0)

    @contextlib.contextmanager
    def first_of_machine_first(self) -> Iterator[None]:
        """Let the first process of each machine do something, e.g. fetch files, before the others do."""
        if self.local_rank != 0:
            self.wait()
        yield
        if self.local_rank == 0:
            self.wait()

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()
