"""Convolutions over time with the channels last in memory: the same numbers, faster on a CPU.

Signals (B, C, T) become images (B, C, 1, T), whose blocked kernels in oneDNN take such a layout as
it is; a residual block is an image from end to end. Only the way that layers compute changes: names
and shapes of parameters stay, so that weights are the same with and without.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pedecg.models.network_base import Block


class _Convolution(nn.Conv1d):
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        y = functional.conv2d(
            _image(x), weight, self.bias, (1, self.stride[0]),
            (0, int(self.padding[0])), (1, self.dilation[0]), self.groups,
        )  # fmt: skip
        return _like(x, y)


class _Norm(nn.BatchNorm1d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.ndim == 2 else _like(x, super().forward(_image(x)))

    def _check_input_dim(self, input: Tensor) -> None:
        """Take four dimensions too."""


class _Mean(nn.AvgPool1d):
    def forward(self, x: Tensor) -> Tensor:
        size, stride, padding = (_only(n) for n in (self.kernel_size, self.stride, self.padding))
        y = functional.avg_pool2d(
            _image(x), (1, size), (1, stride), (0, padding), self.ceil_mode, self.count_include_pad
        )
        return _like(x, y)


class _Dropout(nn.Dropout1d):
    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout2d(x, self.p, self.training) if x.ndim == 4 else super().forward(x)


class _Block(Block):
    def forward(self, x: Tensor, condition: Tensor | None, length: Tensor) -> Tensor:
        return super().forward(_image(x), condition, length).squeeze(2)


_FASTER: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: _Convolution,
    nn.BatchNorm1d: _Norm,
    nn.AvgPool1d: _Mean,
    nn.Dropout1d: _Dropout,
    Block: _Block,
}


def channels_last(network: nn.Module) -> nn.Module:
    """Let the plain layers over time of a network compute so; return the network.

    Layers of other classes, and convolutions that pad by name or with other values than zero, stay
    as they are.
    """
    for module in network.modules():
        if type(module) in _FASTER and not _pads_oddly(module):
            module.__class__ = _FASTER[type(module)]
    return network


def _pads_oddly(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv1d) and (
        module.padding_mode != "zeros" or isinstance(module.padding, str)
    )


def _only(number: int | tuple[int, ...]) -> int:
    return number if isinstance(number, int) else number[0]


def _image(x: Tensor) -> Tensor:
    """View (B, C, T) as (B, C, 1, T) with C innermost in memory."""
    return (x.unsqueeze(2) if x.ndim == 3 else x).contiguous(memory_format=torch.channels_last)


def _like(x: Tensor, y: Tensor) -> Tensor:
    """Return (B, C, 1, T) with as many axes as the input had."""
    return y if x.ndim == 4 else y.squeeze(2)
