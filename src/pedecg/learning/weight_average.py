"""The running average of a network's weights: what is validated and kept.

Averaged weights are steadier than those of any single step, the more so where labels are few.
Polyak BT, Juditsky AB. SIAM J Control Optim 1992;30:838-855.
"""

import torch
from torch import Tensor, nn


class Follower:
    """Moves an average towards a network, step by step.

    Parameters
    ----------
    average, network : of one architecture; their tensors may change but not be replaced.
    decay : share of the average that stays, per step; 0: the average is the network.
    """

    def __init__(self, average: nn.Module, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._targets: list[Tensor] = []
        self._sources: list[Tensor] = []
        self._counters: list[tuple[Tensor, Tensor]] = []
        kept = average.state_dict()
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                self._targets.append(kept[name])
                self._sources.append(tensor)
            else:
                self._counters.append((kept[name], tensor))

    def follow(self, step: int) -> None:
        """Move the average; faster in the first steps.

        Parameters
        ----------
        step : how many were taken before, from 0.
        """
        keep = min(self.decay, (1 + step) / (10 + step)) if self.decay > 0 else 0.0
        with torch.no_grad():
            torch._foreach_lerp_(self._targets, self._sources, 1 - keep)
            for target, source in self._counters:
                target.copy_(source)
