"""The delineator's network in whole numbers, so that its answer is the same on every processor.

A convolution of floats adds in an order that depends on the processor, and its last bits with it; a
boundary that lies at the edge of a rounding then moves. Sums of whole numbers are exact in floating
point, in any order, as long as none passes 2**24 in float32. So every convolution here takes inputs
that are rounded to steps, one size for each channel, and weights that are rounded so that no sum
can pass that limit. All else is done value by value, which IEEE 754 rounds in one way only.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pedecg.core import elementary
from pedecg.waves.wave_network import Fusion, Network
from pedecg.waves.whole_number_limits import EXACT as EXACT
from pedecg.waves.whole_number_limits import SHARES as SHARES
from pedecg.waves.whole_number_limits import highest_input

SLACK = 1.25  # room over the largest input that was seen; beyond it inputs are clipped
SMALLEST_LIMIT = 1e-3  # of a channel that was 0 in all examples


class IntegerConvolution(nn.Module):
    """A convolution of rounded inputs by whole weights; its float output is exact.

    Buffers: ``weight`` (whole numbers), ``step`` (per input channel), ``scale`` and ``bias`` (per
    output channel).
    """

    weight: Tensor
    step: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, source: nn.Conv2d) -> None:
        super().__init__()
        self.stride, self.dilation, self.groups = source.stride, source.dilation, source.groups
        self.padding = cast(tuple[int, int], source.padding)
        self.highest = highest_input(source.weight[0].numel())
        self.register_buffer("weight", torch.zeros_like(source.weight, requires_grad=False))
        self.register_buffer("step", torch.ones(source.in_channels))
        self.register_buffer("scale", torch.ones(source.out_channels))
        self.register_buffer("bias", torch.zeros(source.out_channels))

    def take(self, source: nn.Conv2d, limit: NDArray[np.float64]) -> None:
        """Round a trained convolution; `limit` is the largest input of each channel.

        Parameters
        ----------
        limit : shape (n_inputs,).
        """
        weight = source.weight.detach().double().numpy()
        step = limit / self.highest
        by_input = step[:, None, None, None] if self.groups > 1 else step[None, :, None, None]
        weight = weight * by_input
        inputs = weight[0].size
        # Rounding adds up to one half to each weight.
        largest_sum = (EXACT - 1) / self.highest - inputs / 2
        total = np.array([math.fsum(np.abs(row).ravel()) for row in weight])
        scale = np.maximum(total, 1e-12) / largest_sum
        bias = np.zeros(len(scale)) if source.bias is None else source.bias.detach().numpy()
        self.load_state_dict(
            {
                "weight": torch.from_numpy(np.rint(weight / scale[:, None, None, None])).float(),
                "step": torch.from_numpy(step).float(),
                "scale": torch.from_numpy(scale).float(),
                "bias": torch.as_tensor(bias).float(),
            }
        )

    def rounded(self, x: Tensor) -> Tensor:
        """Return the inputs, shape (batch, channels, leads, frames), in whole steps."""
        steps = x.div(self.step[None, :, None, None])
        return steps.round_().clamp_(-self.highest, self.highest)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, shape (batch, channels, leads, frames), in whole numbers."""
        sums = functional.conv2d(
            self.rounded(x), self.weight, None, self.stride, self.padding, self.dilation,
            self.groups,
        )  # fmt: skip
        sums.mul_(self.scale[None, :, None, None])
        sums.add_(self.bias[None, :, None, None])
        return sums


class IntegerFusion(nn.Module):
    """`Fusion` whose mean over the leads is a sum of whole numbers."""

    def __init__(self, source: Fusion) -> None:
        super().__init__()
        self.score, self.mix = IntegerConvolution(source.score), IntegerConvolution(source.mix)

    def forward(self, x: Tensor) -> Tensor:
        """Add the weighted mean of the leads; shape (batch, channels, leads, frames)."""
        score = self.score(x).double().numpy()  # (batch, 1, leads, frames)
        share = elementary.exp(score - score.max(axis=2, keepdims=True))
        total = np.zeros_like(share[:, :, :1])
        for lead in range(share.shape[2]):  # in this order, whatever NumPy would choose
            total += share[:, :, lead : lead + 1]
        whole = torch.from_numpy(np.rint(SHARES * share / total).astype(np.float32))
        mean = (whole * self.mix.rounded(x)).sum(dim=2, keepdim=True).div_(SHARES)
        mean.mul_(self.mix.step[None, :, None, None])
        return x + cast(Tensor, self.mix(mean))


def empty(network: Network) -> Network:
    """Return a network of the same shape in whole numbers, whose values are yet to be loaded."""
    whole = network.fused()
    for name, part in list(whole.named_modules()):
        parent = whole.get_submodule(name.rpartition(".")[0])
        if isinstance(part, Fusion):
            setattr(parent, name.rpartition(".")[2], IntegerFusion(part))
        elif isinstance(part, nn.Conv2d) and not isinstance(parent, Fusion):
            setattr(parent, name.rpartition(".")[2], IntegerConvolution(part))
    for weight in whole.buffers():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return whole


def rounded(network: Network, examples: Iterable[NDArray[np.float32]]) -> Network:
    """Return a trained network in whole numbers.

    Parameters
    ----------
    examples : prepared leads, each of shape (n_leads, n_samples), n_samples a multiple of the
        network's stride. The largest value that a channel takes on them sets its steps.
    """
    whole, network = empty(network), network.fused()
    limits: dict[str, NDArray[np.float64]] = {}
    with torch.inference_mode(), _noting(network, limits):
        for prepared in examples:
            network(torch.from_numpy(prepared)[None])
    for name, part in whole.named_modules():
        if isinstance(part, IntegerConvolution):
            limit = np.maximum(SLACK * limits[name], SMALLEST_LIMIT)
            part.take(cast(nn.Conv2d, network.get_submodule(name)), limit)
    return whole


def stored(network: Network) -> dict[str, Tensor]:
    """Return the values of a network in whole numbers as they are kept in a file.

    Returns
    -------
    Name of each parameter -> whole numbers, in the shape of the network.
    """
    return {
        name: (value.to(torch.int16) if name.endswith(".weight") else value).contiguous()
        for name, value in network.state_dict().items()
    }


@contextmanager
def _noting(network: Network, limits: dict[str, NDArray[np.float64]]) -> Iterator[None]:
    """Note the largest absolute input of each channel of every convolution within the block."""

    def note(name: str, x: Tensor) -> None:
        largest = x.abs().amax((0, 2, 3)).double().numpy()
        limits[name] = np.maximum(limits.get(name, 0.0), largest)

    def names(name: str, part: nn.Module) -> tuple[str, ...]:
        """Return the convolutions that take the input of a part."""
        if isinstance(part, Fusion):
            return f"{name}.mix", f"{name}.score"
        within_fusion = name.endswith((".mix", ".score"))
        return (name,) if isinstance(part, nn.Conv2d) and not within_fusion else ()

    hooks = [
        part.register_forward_pre_hook(lambda _, inputs, one=one: note(one, inputs[0]))
        for name, part in network.named_modules()
        for one in names(name, part)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
