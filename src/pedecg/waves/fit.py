"""Train the delineator on labelled records of any union of sources."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pedecg.errors import PedecgError
from pedecg.params import Section
from pedecg.waves import augment
from pedecg.waves.annotations import Labelled, Marks, P
from pedecg.waves.network import Network
from pedecg.waves.network import Settings as NetworkSettings
from pedecg.waves.targets import FS_HZ


class Settings(Section):
    """How the delineator is trained."""

    seed: int = Field(description="any integer", ge=0)
    steps: int = Field(description="updates of the weights", ge=1)
    leads_per_step: int = Field(description="leads in one update, over all its records", ge=12)
    window_s: float = Field(description="length of a training window, s", ge=2, le=20)
    learning_rate: float = Field(description="highest rate of the cosine schedule", gt=0, le=0.1)
    weight_decay: float = Field(description="AdamW", ge=0, le=1)
    average: float = Field(description="memory of the running mean of the weights", ge=0, lt=1)
    without_p: float = Field(
        description="how much more often a record without any P is drawn", ge=1, le=20
    )
    mixture: dict[str, float] = Field(description="weight of each source, of those present")
    network: NetworkSettings
    augment: augment.Settings


@dataclass(frozen=True)
class Batch:
    """Signals (records, leads, samples); shares and weights (records, leads, 3, frames)."""

    signal: Tensor
    shares: Tensor
    weights: Tensor


N_LEADS_DRAWN = (1, 2, 3, 6, 9, 12)


def fit(
    records: Sequence[Labelled],
    settings: Settings,
    after_step: Callable[[int, float, Network], None] = lambda step, loss, average: None,
) -> Network:
    """Return the running mean of the trained network's weights, in evaluation mode.

    `after_step` receives the step, its loss and the mean so far.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = Network(settings.network)
    average = torch.optim.swa_utils.AveragedModel(
        network,
        avg_fn=functools.partial(_running_mean, memory=settings.average),
        use_buffers=True,
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.1
    )
    for step, batch in enumerate(batches(records, settings, rng)):
        loss = masked_loss(network(batch.signal), batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(network)
        after_step(step, loss.item(), cast(Network, average.module))
    return cast(Network, average.module).eval()


def masked_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy with the share of each frame, over what the source knows.

    The optimum is the probability that the wave is there, so that its crossing of one half is the
    median of where the readers put the boundary.
    """
    loss = functional.binary_cross_entropy_with_logits(logits, batch.shares, reduction="none")
    return (loss * batch.weights).sum() / batch.weights.sum().clamp(min=1.0)


def batches(
    records: Sequence[Labelled], settings: Settings, rng: np.random.Generator
) -> Iterator[Batch]:
    """Yield `steps` batches; one batch has one number of leads, and each record so many."""
    usable = [r for r in records if all(_labelled_s(m) > 0 for m in r.marks)]
    sources = sorted({record.source for record in usable} & settings.mixture.keys())
    if not sources:
        wanted = ", ".join(settings.mixture)
        raise PedecgError(f"train.mixture: no labelled record of any of its sources ({wanted})")
    shares = np.array([settings.mixture[source] for source in sources])
    pools = [_pool([r for r in usable if r.source == one], settings) for one in sources]
    stride = settings.network.stride()
    n_samples = max(1, round(settings.window_s * FS_HZ / stride)) * stride
    for _ in range(settings.steps):
        n_leads = int(rng.choice(N_LEADS_DRAWN))
        windows = []
        for _ in range(max(settings.leads_per_step // n_leads, 1)):
            pool, odds = pools[rng.choice(len(pools), p=shares / shares.sum())]
            source = pool[rng.choice(len(pool), p=odds)]
            windows.append(augment.draw(source, n_leads, n_samples, settings.augment, rng))
        yield Batch(
            torch.from_numpy(np.stack([window.signal for window in windows])),
            torch.from_numpy(np.stack([window.shares for window in windows])),
            torch.from_numpy(np.stack([window.weights for window in windows])),
        )


def _pool(
    records: Sequence[Labelled], settings: Settings
) -> tuple[list[augment.Source], NDArray[np.float64]]:
    """Return what one source offers, and how likely each of its records is drawn."""
    with_p = np.array([any(len(marks.of(P)) for marks in record.marks) for record in records])
    weights = np.where(with_p, 1.0, settings.without_p)
    return [augment.Source(record) for record in records], weights / weights.sum()


def _labelled_s(marks: Marks) -> float:
    return float(np.sum(marks.spans[:, 1] - marks.spans[:, 0]))


def _running_mean(mean: Tensor, new: Tensor, count: Tensor | int, memory: float) -> Tensor:
    """Forget the first steps soon: a short memory at the start, the full one later."""
    keep = min(memory, (1 + int(count)) / (10 + int(count)))
    return keep * mean + (1 - keep) * new if mean.is_floating_point() else new
