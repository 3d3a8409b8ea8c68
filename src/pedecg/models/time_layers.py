"""Convolution and batch norm over time, computed with the channels innermost in memory.

Parameters, their names and the results are those of torch's layers. Signals (B, C, T) are computed
as images (B, C, 1, T) in the channels-last layout, which the kernels of a CPU take without copying:
a training step of the residual network takes some 30% less time (benchmarks/README.md).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ImageConv1d(nn.Conv1d):
    """`torch.nn.Conv1d` of images, (B, C, 1, T) to (B, n_out, 1, T'); padding is zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve images, shape (B, C, 1, T), to (B, n_out, 1, T')."""
        weight = self.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        return functional.conv2d(
            x, weight, self.bias, (1, self.stride[0]), (0, int(self.padding[0])),
            (1, self.dilation[0]), self.groups,
        )  # fmt: skip


class Conv1d(ImageConv1d):
    """`torch.nn.Conv1d` of signals, (B, C, T) to (B, n_out, T'); padding is zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve signals, shape (B, C, T), to (B, n_out, T')."""
        return super().forward(as_image(x)).squeeze(2)


class BatchNorm1d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm1d` of signals (B, C, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise signals, shape (B, C, T)."""
        return super().forward(as_image(x)).squeeze(2)


def as_image(x: Tensor) -> Tensor:
    """Return (B, C, T) as (B, C, 1, T) with C innermost in memory; a copy only where it is not."""
    return x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
