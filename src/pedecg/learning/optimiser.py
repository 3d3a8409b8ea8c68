"""AdamW over groups of parameters, each with its own learning rate and weight decay.

A model may train its parts at different rates: a method ``learning_rates()`` returns factors on the
learning rate by the beginning of a parameter's name, of which the longest that fits counts; 0
freezes.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def adamw(
    network: nn.Module, learning_rate: float, weight_decay: float, decay_vectors: bool = False
) -> torch.optim.AdamW:
    """Return AdamW over the groups of `parameter_groups`; frozen parameters lose their gradient."""
    groups = parameter_groups(network, learning_rate, weight_decay, decay_vectors)
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


def parameter_groups(
    network: nn.Module, learning_rate: float, weight_decay: float, decay_vectors: bool = False
) -> list[dict[str, Any]]:
    """Group parameters by learning rate and weight decay.

    Parameters
    ----------
    decay_vectors : whether biases and the weights of norms, all of them vectors, decay too.

    Returns
    -------
    Groups for an optimiser of torch; `factor` is that on the learning rate.
    """
    factors: Mapping[str, float] = getattr(network, "learning_rates", dict)()
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        fitting = [prefix for prefix in factors if name.startswith(prefix)]
        factor = factors[max(fitting, key=len)] if fitting else 1.0
        parameter.requires_grad_(factor > 0)
        if factor > 0:
            decays = decay_vectors or parameter.ndim > 1
            groups.setdefault((factor, decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rate * factor,
            "factor": factor,
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (factor, decays), parameters in groups.items()
    ]
