"""Learning rate schedules of PyTorch behind one interface.

Loshchilov I, Hutter F. SGDR. ICLR 2017 (cosine). Smith LN, Topin N. Super-convergence. arXiv
1708.07120 (one-cycle).
"""

from collections.abc import Callable
from typing import Any, Literal

from torch.optim import Optimizer, lr_scheduler

Kind = Literal["cosine", "one_cycle", "plateau", "constant"]


class Schedule:
    """The learning rate of each step, and what it follows after each epoch.

    Parameters
    ----------
    each_step : moved after every step of the optimiser.
    plateau : receives the monitored value after every epoch; lowers the rate on a plateau.
    """

    def __init__(
        self,
        each_step: lr_scheduler.LRScheduler,
        plateau: lr_scheduler.ReduceLROnPlateau | None = None,
    ) -> None:
        self.each_step, self.plateau = each_step, plateau

    def after_step(self) -> None:
        """Set the learning rate of the next step."""
        self.each_step.step()

    def after_epoch(self, value: float) -> None:
        """Lower the learning rate where the monitored value, more is better, has stalled."""
        if self.plateau is not None:
            self.plateau.step(value)

    def state_dict(self) -> dict[str, Any]:
        """Return numbers, lists and names alone, as JSON can hold."""
        plateau = self.plateau.state_dict() if self.plateau is not None else {}
        return {"each_step": self.each_step.state_dict(), "plateau": plateau}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undo `state_dict`."""
        self.each_step.load_state_dict(state["each_step"])
        if self.plateau is not None:
            self.plateau.load_state_dict(state["plateau"])


MakeSchedule = Callable[[Optimizer], Schedule]  # peaks at the rates that the optimiser has


def cosine(optimizer: Optimizer, warmup: int, total: int) -> Schedule:
    """Rise linearly over `warmup` steps, then fall along half a cosine to zero at `total`."""
    fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, total - warmup))
    if warmup == 0:
        return Schedule(fall)
    rise = _linear_rise(optimizer, warmup)
    return Schedule(lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[warmup]))


def one_cycle(optimizer: Optimizer, warmup: int, total: int) -> Schedule:
    """Rise over `warmup` steps and fall to almost zero at `total`; momentum goes against the rate.

    Torch's own shape: from 1/25 of the peak, to 1/250,000 of it, momentum between 0.85 and 0.95.
    """
    total = max(2, total)  # the single step of a cycle would have the lowest rate
    rise = min(warmup, total - 1)
    return Schedule(
        lr_scheduler.OneCycleLR(
            optimizer,
            [group["lr"] for group in optimizer.param_groups],
            total_steps=total,
            pct_start=rise / total if rise > 1 else 0.0,  # a rise of one step divides by zero
        )
    )


def constant(optimizer: Optimizer, warmup: int) -> Schedule:
    """Rise linearly over `warmup` steps and stay."""
    return Schedule(_linear_rise(optimizer, warmup))


def plateau(optimizer: Optimizer, warmup: int, factor: float, patience: int) -> Schedule:
    """Rise linearly, stay, and fall by `factor` after `patience` epochs without a better value."""
    return Schedule(
        _linear_rise(optimizer, warmup),
        lr_scheduler.ReduceLROnPlateau(
            # torch waits for more than its patience
            optimizer, "max", factor=factor, patience=patience - 1, threshold=0.0, eps=0.0,
        ),
    )  # fmt: skip


def exponential(optimizer: Optimizer, factor: float) -> Schedule:
    """Multiply the learning rate by `factor` after each step."""
    return Schedule(lr_scheduler.ExponentialLR(optimizer, factor))


def _linear_rise(optimizer: Optimizer, steps: int) -> lr_scheduler.LinearLR:
    """Rise from 1/steps of the learning rate to all of it in the last of these steps."""
    steps = max(1, steps)
    return lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
