"""BatchNorm, also over several processes."""

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as dist_nn
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` that survives batches of one value per channel, and can be synchronised.

    A batch of one photo reaches the bottleneck as one pixel, whose variance is no statistic: there the running
    statistics are used, as in eval mode.

    With `synchronised`, mean and variance are those of the batches of all processes, which must be of one size.
    `nn.SyncBatchNorm` does the same on GPUs alone; this one is the same code everywhere, so that two processes on
    a CPU can be tested to equal one.

    Example:
        >>> import torch
        >>> BatchNorm2d(4)(torch.rand(1, 4, 1, 1)).shape
        torch.Size([1, 4, 1, 1])

    Source: ours.
    """

    synchronised = False

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if not self.training:
            return super().forward(x)
        num = dist.get_world_size() if self.synchronised and dist.is_initialized() else 1
        if num * x.numel() == x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x) if num == 1 else self._over_processes(x, num)

    def _over_processes(self, x: Tensor, num: int) -> Tensor:
        values = x.float()  # half precision is no place for sums
        mean = _mean_of_processes(values.mean((0, 2, 3)), num).view(1, -1, 1, 1)
        centred = values - mean
        variance = _mean_of_processes(centred.square().mean((0, 2, 3)), num)
        if self.track_running_stats:
            count = num * x.numel() / x.shape[1]
            with torch.no_grad():
                assert self.num_batches_tracked is not None and self.momentum is not None
                assert self.running_mean is not None and self.running_var is not None
                self.num_batches_tracked.add_(1)
                self.running_mean.lerp_(mean.flatten(), self.momentum)
                self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = (torch.rsqrt(variance + self.eps) * self.weight).view(1, -1, 1, 1)
        return (centred * scale + self.bias.view(1, -1, 1, 1)).to(x.dtype)


def _mean_of_processes(value: Tensor, num: int) -> Tensor:
    return dist_nn.all_reduce(value) / num  # type: ignore[no-any-return]
