"""Train the delineator on labelled records of any union of sources."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from pedecg.core import checkpoint, parallel
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.delineator import wave_losses as losses
from pedecg.delineator import window_augmentation as augment
from pedecg.delineator.window_batches import Batch, Batches
from pedecg.learning import device
from pedecg.waves.annotations import Labelled
from pedecg.waves.wave_network import Network
from pedecg.waves.wave_network import Settings as NetworkSettings

SAVED_EVERY = 25  # steps; a killed training loses a few seconds

# One cycle (Smith LN, Topin N, arXiv 1708.07120): the learning rate rises while momentum falls.
_RISE = 0.1  # share of the steps
_FIRST, _LAST = 1 / 25, 1 / 250_000  # of the highest learning rate
# Of AdamW; lowest at the highest learning rate (one cycle, Smith 2018).
_MOMENTUM_LOW, _MOMENTUM_HIGH = 0.85, 0.95


class Settings(Section):
    """Section `train` of the delineation pipeline."""

    seed: int = Field(description="any integer", ge=0)
    steps: int = Field(description="updates of the weights", ge=1)
    threads: int = Field(
        description="CPU threads; sums of floats depend on their number, so it is a parameter",
        ge=1,
        le=1024,
    )
    leads_per_step: int = Field(description="leads in one update, over all its records", ge=12)
    window_s: float = Field(description="length of a training window, s", ge=2, le=20)
    loss: losses.Name = Field(
        description="cross-entropy; focal, for hard frames; soft Dice and cross-entropy together"
    )
    learning_rate: float = Field(description="highest rate of the one-cycle schedule", gt=0, le=0.1)
    weight_decay: float = Field(description="AdamW", ge=0, le=1)
    average: float = Field(description="memory of the running mean of the weights", ge=0, lt=1)
    without_p: float = Field(
        description="how much more often a record without any P is drawn", ge=1, le=20
    )
    mixture: dict[str, Annotated[float, Field(ge=0)]] = Field(
        description="weight of each source, of those present"
    )
    network: NetworkSettings
    augment: augment.Settings


@dataclass(frozen=True)
class Fitted:
    """A trained network, in evaluation mode, and the loss of each step."""

    network: Network
    losses: list[float]


def fit(
    records: Sequence[Labelled],
    settings: Settings,
    state_root: Path | None = checkpoint.STATE_FOLDER,
) -> Fitted:
    """Train one network; a killed call, made again, goes on and ends with the same bytes.

    The network returned is the running mean of the weights.

    Parameters
    ----------
    state_root : where the state is kept until the end; None: nowhere.

    Raises
    ------
    PedecgError
        A source without a weight, no record to learn from, or a loss that is not finite.
    """
    state = None if state_root is None else state_root / _key(records, settings)
    with device.reproducible(device.derived_seed(settings.seed), settings.threads):
        run = _Run(records, settings, state)
        for step in parallel.progress(range(len(run.losses), settings.steps), "train"):
            run.one_step(step)
        if state is not None:
            checkpoint.remove_state(state)
        return Fitted(run.mean_network().eval(), run.losses)


def one_cycle(step: int, steps: int) -> tuple[float, float]:
    """Return the share of the highest learning rate, and momentum, at a step counted from 0."""
    top = max(_RISE * steps - 1, 0.0)
    if step < top:
        done = step / top
        return _cosine(_FIRST, 1.0, done), _cosine(_MOMENTUM_HIGH, _MOMENTUM_LOW, done)
    done = (step - top) / max(steps - 1 - top, 1e-9)
    return _cosine(1.0, _LAST, done), _cosine(_MOMENTUM_LOW, _MOMENTUM_HIGH, done)


class _Run:
    """One training in progress: the network, the mean of its weights, the optimiser, the losses."""

    def __init__(self, records: Sequence[Labelled], settings: Settings, state: Path | None) -> None:
        self.settings, self.state = settings, state
        self.batches = Batches(
            records,
            settings.mixture,
            settings.without_p,
            settings.leads_per_step,
            settings.window_s,
            settings.network.stride(),
            settings.augment,
        )
        self.network = Network(settings.network)
        self.mean = torch.optim.swa_utils.AveragedModel(
            self.network,
            avg_fn=functools.partial(_running_mean, memory=settings.average),
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.losses: list[float] = []
        self._resume()

    def mean_network(self) -> Network:
        return cast(Network, self.mean.module)

    def one_step(self, step: int) -> None:
        """Draw a batch, update the weights and their mean, and save the state now and then."""
        # Keyed by the step alone, so that a resumed run draws what the uninterrupted one drew.
        batch = self.batches.draw(np.random.default_rng([self.settings.seed, step]))
        rate, momentum = one_cycle(step, self.settings.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * self.settings.learning_rate
            group["betas"] = (momentum, group["betas"][1])
        self.losses.append(self._update(batch))
        if not math.isfinite(self.losses[-1]):
            raise PedecgError(
                f"train: loss is {self.losses[-1]} in step {step + 1}; lower train.learning_rate"
            )
        if (step + 1) % SAVED_EVERY == 0:
            self._save()

    def _update(self, batch: Batch) -> float:
        loss_of = losses.LOSSES[self.settings.loss]
        loss = loss_of(self.network(batch.signal), batch.shares, batch.weights)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.mean.update_parameters(self.network)
        return loss.item()

    def _save(self) -> None:
        if self.state is None:
            return
        memories = self.optimiser.state_dict()["state"]
        parts = {
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            **{f"optimiser{index}": memory for index, memory in memories.items()},
        }
        checkpoint.save_state(self.state, checkpoint.pack(parts), {"losses": self.losses})

    def _resume(self) -> None:
        """Take up the saved state, if there is one."""
        found = self.state and checkpoint.load_state(self.state, torch.device("cpu"))
        if not found:
            return
        tensors, about = found
        parts = checkpoint.unpack(tensors)
        self.network.load_state_dict(parts["network"])
        self.mean.load_state_dict(parts["mean"])
        memories = {
            index: {name: _laid_out(value, weight) for name, value in memory.items()}
            for index, weight in enumerate(self.network.parameters())
            if (memory := parts.get(f"optimiser{index}"))
        }
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": memories, "param_groups": groups})
        self.losses = about["losses"]


def _key(records: Sequence[Labelled], settings: Settings) -> str:
    """Return the hash of everything that a training depends on."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for record in records:
        arrays[record.record_id] = record.signal_mv
        for lead, marks in zip(record.leads, record.marks, strict=True):
            place = f"{record.record_id} {record.source} {record.fs_hz} {lead}"
            arrays |= {f"{place} {name}": array for name, array in vars(marks).items()}
    code = [*Path(__file__).parent.glob("*.py"), *Path(checkpoint.__file__).parent.glob("*.py")]
    return checkpoint.key(settings.model_dump(), arrays, code)


def _laid_out(value: Tensor, weight: Tensor) -> Tensor:
    """Return a tensor in the memory layout of its weight: another gives other last bits."""
    return torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _running_mean(mean: Tensor, new: Tensor, count: Tensor | int, memory: float) -> Tensor:
    """Forget the first steps soon: a short memory at the start, the full one later."""
    keep = min(memory, (1 + int(count)) / (10 + int(count)))
    return keep * mean + (1 - keep) * new if mean.is_floating_point() else new
