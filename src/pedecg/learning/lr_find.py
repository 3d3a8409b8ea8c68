"""Learning-rate finder: a short training with increasing learning rate.

Smith LN. Cyclical learning rates for training neural networks. WACV 2017.
"""

import itertools
import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from pedecg.core.errors import PedecgError
from pedecg.learning import device, schedules
from pedecg.learning.fit import ClassifierTraining
from pedecg.learning.progress_bar import bar
from pedecg.learning.training_task import Task

SMOOTHING = 0.9  # of the loss, per step
DIVERGED = 4.0  # times the smallest loss: the end
AT_LEAST = 10  # losses to choose by


@dataclass(frozen=True)
class RateTest:
    """What the finder measured.

    Attributes
    ----------
    curve : columns lr, loss, smoothed (running mean of the loss).
    suggestion : rate at which the smoothed loss fell fastest.
    """

    curve: pd.DataFrame
    suggestion: float


def find(task: Task, *, lowest: float = 1e-6, highest: float = 1.0, steps: int = 100) -> RateTest:
    """Train for `steps` steps while the rate rises evenly on a log scale; nothing is kept.

    Raises
    ------
    PedecgError
        The loss diverged before there were enough steps to choose by.
    """
    settings = task.settings.model_copy(update={"learning_rate": lowest})
    factor = (highest / lowest) ** (1 / max(1, steps - 1))
    with (
        device.reproducible(device.derived_seed(task.seed), settings.threads),
        device.out_of_memory(settings.memory_advice()),
    ):
        training = ClassifierTraining(
            replace(task, settings=settings), None, partial(schedules.exponential, factor=factor)
        )
        batches = itertools.chain.from_iterable(map(training.steps, itertools.count()))
        training.loop.network.train()
        rows: list[dict[str, float]] = []
        smoothed = 0.0
        with bar(steps, f"lr-find {task.name}", 0) as shown:
            for step, of_step in enumerate(itertools.islice(batches, steps), 1):
                rate = training.loop.learning_rate
                loss = float(torch.stack(training.loop.step(of_step)).mean())
                shown.update()
                if not math.isfinite(loss):
                    break
                smoothed = SMOOTHING * smoothed + (1 - SMOOTHING) * loss
                unbiased = smoothed / (1 - SMOOTHING**step)
                rows.append({"lr": rate, "loss": loss, "smoothed": unbiased})
                if unbiased > DIVERGED * min(row["smoothed"] for row in rows):
                    break
    curve = pd.DataFrame(rows)
    if len(curve) < AT_LEAST:
        raise PedecgError(
            f"lr-find {task.name}: the loss diverged after {len(curve)} steps; start lower than "
            f"{lowest:g} or look at the data"
        )
    return RateTest(curve, suggested(curve))


def suggested(curve: pd.DataFrame) -> float:
    """Return the rate at which the smoothed loss falls fastest per log rate, before its minimum."""
    smoothed = curve["smoothed"].to_numpy()
    end = max(3, int(smoothed.argmin()) + 1)
    slope = np.gradient(smoothed[:end], np.log(curve["lr"].to_numpy()[:end]))
    return float(curve["lr"].iloc[int(slope.argmin())])
