"""The learning-rate finder: one short training in which the rate rises until the loss does.

Smith LN. Cyclical learning rates for training neural networks. WACV 2017.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pedecg.core.errors import PedecgError
from pedecg.learning import optimiser, sampler
from pedecg.learning.batches import random_starts
from pedecg.learning.device import derived_seed, reproducible, told_when_full
from pedecg.learning.fit import Run
from pedecg.learning.progress_bar import bar
from pedecg.learning.training_task import Task

SMOOTHING = 0.9  # of the loss, per step
DIVERGED = 4.0  # times the smallest loss: the end
AT_LEAST = 10  # losses to choose by


@dataclass(frozen=True)
class Found:
    """What the finder saw.

    Attributes
    ----------
    curve : columns lr, loss, smoothed (running mean of the loss).
    suggestion : rate at which the smoothed loss fell fastest.
    """

    curve: pd.DataFrame
    suggestion: float


def find(task: Task, *, lowest: float = 1e-6, highest: float = 1.0, steps: int = 100) -> Found:
    """Train for `steps` steps while the rate rises evenly on a log scale; nothing is kept.

    Raises
    ------
    PedecgError
        The loss was lost before there was anything to choose by.
    """
    settings = task.settings
    with (
        reproducible(derived_seed(task.seed), settings.threads),
        told_when_full(settings.batch_size, settings.crop_seconds),
    ):
        run = Run(task, None)
        rng = np.random.default_rng([task.seed, 0])
        generator = torch.Generator(run.device).manual_seed(derived_seed(task.seed, 0, 1))
        run.network.train()
        rows: list[dict[str, float]] = []
        smoothed = 0.0
        with bar(steps, f"lr-find {task.name}", 0) as shown:
            for step in range(steps):
                rate = lowest * (highest / lowest) ** (step / max(1, steps - 1))
                optimiser.set_rate(run.optimizer, rate, optimiser.BETA)
                drawn = task.training[sampler.order(len(run.often), run.often, rng)]
                drawn = np.resize(drawn, run.crops_per_step)
                lengths = task.data.store.n_samples[task.data.positions[drawn]]
                each = run.step(drawn, random_starts(lengths, run.crop, rng), generator)
                loss = float(torch.stack(each).mean())
                shown.update()
                if not math.isfinite(loss):
                    break
                smoothed = SMOOTHING * smoothed + (1 - SMOOTHING) * loss
                unbiased = smoothed / (1 - SMOOTHING ** (step + 1))
                rows.append({"lr": rate, "loss": loss, "smoothed": unbiased})
                if unbiased > DIVERGED * min(row["smoothed"] for row in rows):
                    break
    curve = pd.DataFrame(rows)
    if len(curve) < AT_LEAST:
        raise PedecgError(
            f"lr-find {task.name}: the loss was lost after {len(curve)} steps; start lower than "
            f"{lowest:g} or look at the data"
        )
    return Found(curve, suggested(curve))


def suggested(curve: pd.DataFrame) -> float:
    """Return the rate at which the smoothed loss falls fastest per log rate, before its minimum."""
    smoothed = curve["smoothed"].to_numpy()
    end = max(3, int(smoothed.argmin()) + 1)
    slope = np.gradient(smoothed[:end], np.log(curve["lr"].to_numpy()[:end]))
    return float(curve["lr"].iloc[int(slope.argmin())])
