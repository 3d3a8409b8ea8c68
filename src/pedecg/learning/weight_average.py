"""Exponential moving average of the weights, which is validated and stored.

Averaged weights are steadier than those of any single step, the more so where labels are few.
Polyak BT, Juditsky AB. SIAM J Control Optim 1992;30:838-855.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage(AveragedModel):
    """An exponential moving average whose memory grows over the first steps.

    `module` is a network of the same architecture. Running means and variances of batch norm are
    averaged as the weights are; whole numbers, such as its counter of batches, are copied.

    Parameters
    ----------
    network : the one that is averaged, in its initial state.
    decay : share of the average that stays, per step; 0: the average is the network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__(network, multi_avg_fn=self._average, use_buffers=True)
        self.decay = decay

    def _average(
        self, average: Sequence[Tensor], network: Sequence[Tensor], _: Tensor | int
    ) -> None:
        """Move tensors of one type towards those of the network."""
        if not average[0].is_floating_point():
            for own, other in zip(average, network, strict=True):
                own.copy_(other)
            return
        steps = int(self.n_averaged)  # this counter is on the CPU: no wait for a GPU
        decay = min(self.decay, (1 + steps) / (10 + steps))
        get_ema_multi_avg_fn(decay)(average, network, steps)  # type: ignore[no-untyped-call]
