"""The running average of a network's weights: what is validated and kept.

Averaged weights are steadier than those of any single step, the more so where labels are few.
Polyak BT, Juditsky AB. SIAM J Control Optim 1992;30:838-855.
"""

import torch
from torch import nn


def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the network; faster in the first steps.

    Parameters
    ----------
    decay : share of the average that stays, per step; 0: the average is the network.
    step : how many were taken before, from 0.
    """
    keep = min(decay, (1 + step) / (10 + step)) if decay > 0 else 0.0
    with torch.no_grad():
        source, target = network.state_dict(), average.state_dict()
        names = [name for name, tensor in source.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(
            [target[name] for name in names], [source[name] for name in names], 1 - keep
        )
        for name in source.keys() - set(names):  # counters
            target[name].copy_(source[name])
