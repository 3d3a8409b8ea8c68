"""The optimiser, its groups of parameters, and how the learning rate goes.

A model may learn its parts at rates of their own: a method ``learning_rates()`` returns factors by
the beginning of a parameter's name, of which the longest that fits counts; 0 freezes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pedecg.learning.train_settings import TrainSettings

ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1e-5  # of the peak
ONE_CYCLE_BETA = (0.95, 0.85)  # of AdamW's first moment: at the ends and at the peak
BETA = 0.9  # AdamW's usual momentum, where the schedule does not move it


@dataclass(frozen=True)
class Schedule:
    """Learning rate and momentum at each step.

    Smith LN. Super-convergence. 2018 (one-cycle); Loshchilov I, Hutter F. SGDR. ICLR 2017 (cosine).
    """

    settings: TrainSettings
    steps_per_epoch: int

    def rate(self, step: int, plateau_factor: float = 1.0) -> float:
        """Return the learning rate of a step, from 0."""
        peak, kind = self.settings.learning_rate, self.settings.schedule
        rise, fall = self._phases(step)
        if kind == "one_cycle":
            if rise < 1:
                return peak * _cosine(ONE_CYCLE_START, 1.0, rise)
            return peak * _cosine(1.0, ONE_CYCLE_END, fall)
        if rise < 1:
            return peak * rise
        if kind == "cosine":
            return peak * _cosine(1.0, 0.0, fall)
        return peak * (plateau_factor if kind == "plateau" else 1.0)

    def beta(self, step: int) -> float:
        """Return the decay of AdamW's first moment: it moves against the rate in one-cycle."""
        if self.settings.schedule != "one_cycle":
            return BETA
        rise, fall = self._phases(step)
        ends, peak = ONE_CYCLE_BETA
        return _cosine(ends, peak, rise) if rise < 1 else _cosine(peak, ends, fall)

    def _phases(self, step: int) -> tuple[float, float]:
        """Return how far the rise and the fall have come at a step, 0 to 1."""
        total = self.settings.epochs * self.steps_per_epoch
        warmup = min(total, round(self.settings.warmup_epochs * self.steps_per_epoch))
        rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
        return rise, max(0, step - warmup) / max(1, total - warmup)


def optimizer(network: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """Return AdamW over the groups of `parameter_groups`; frozen parameters lose their gradient."""
    return torch.optim.AdamW(
        parameter_groups(network, settings), lr=settings.learning_rate, fused=True
    )


def parameter_groups(network: nn.Module, settings: TrainSettings) -> list[dict[str, Any]]:
    """Group parameters by rate and decay; biases and norms, vectors all, do not decay.

    Each group has a `factor` on the learning rate.
    """
    factors: Mapping[str, float] = getattr(network, "learning_rates", dict)()
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        fitting = [prefix for prefix in factors if name.startswith(prefix)]
        factor = factors[max(fitting, key=len)] if fitting else 1.0
        parameter.requires_grad_(factor > 0)
        if factor > 0:
            groups.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "factor": factor,
            "weight_decay": settings.weight_decay if decays else 0.0,
        }
        for (factor, decays), parameters in groups.items()
    ]


def set_rate(optimizer: Any, rate: float, beta: float) -> None:
    """Set the learning rate of every group, times its factor, and the first moment's decay."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
        group["betas"] = (beta, group["betas"][1])


def _cosine(start: float, end: float, share: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
