"""Training without labels on random crops of one or more signal stores: what objectives share."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Generic, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pedecg.core.errors import PedecgError
from pedecg.learning import device, schedules
from pedecg.learning.batches import Normalisation, Signals, random_starts
from pedecg.learning.device import derived_seed
from pedecg.learning.loop import LoopSettings, Objective, TrainingLoop
from pedecg.learning.pretrain_settings import PretrainSettings
from pedecg.learning.training_state import StateFolder
from pedecg.models.network_base import Batch, TrunkSettings
from pedecg.signals.signal_store import SignalStore

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class CropBatch:
    """Where the crops of a batch lie: which store, positions in it and first samples, (B,) each."""

    store: int
    positions: NDArray[np.int64]
    starts: NDArray[np.int64]


class CropTraining(Objective[CropBatch], Generic[Network]):
    """One pre-training; a subclass says which network it trains, and by which loss.

    Attributes
    ----------
    name : of the objective, in the card.
    figure : column of the curves that the card states.
    held_out : positions in the first store that it does not learn from, shape (n,).
    """

    name: ClassVar[str]
    figure: ClassVar[str]

    def __init__(
        self,
        stores: Sequence[SignalStore],
        positions: Sequence[NDArray[np.int64]],
        normalisation: Normalisation,
        trunk: TrunkSettings,
        settings: PretrainSettings,
        state: StateFolder | None,
    ) -> None:
        self.stores, self.settings, self.trunk = stores, settings, trunk
        accelerator = device.accelerate(device.choose(settings.accelerator))
        self.device = accelerator.device
        self.signals = [Signals(store, normalisation, self.device) for store in stores]
        own = np.random.default_rng(settings.seed).permutation(positions[0])
        n_out = max(1, round(settings.held_out * len(own)))
        if len(own) <= n_out:
            raise PedecgError(f"pretrain: {len(own)} training records are too few to learn from")
        self.held_out = np.sort(own[:n_out])
        self.positions = [np.sort(own[n_out:]), *positions[1:]]
        self.crop = round(settings.crop_seconds * stores[0].fs_hz)
        self.generator = torch.Generator(self.device)  # of random choices in training
        self.network = self.build().to(self.device)
        crops = [len(each) * settings.crops_per_record for each in self.positions]
        self.steps_per_store = [max(1, n // settings.batch_size) for n in crops]
        per_epoch = sum(self.steps_per_store)
        total = settings.epochs * per_epoch
        warmup = min(total, round(settings.warmup_epochs * per_epoch))
        self.loop = TrainingLoop(
            self,
            self.network,
            LoopSettings(
                name="pretrain",
                section="pretrain",
                seed=settings.seed,
                epochs=settings.epochs,
                n_steps=total,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                schedule=partial(schedules.cosine, warmup=warmup, total=total),
                clip_norm=settings.clip_norm,
                ema_decay=settings.ema_decay,
            ),
            accelerator,
            state,
        )

    @abstractmethod
    def build(self) -> Network:
        """Return the network with fresh weights; its ``encoder`` is the trunk of classifiers."""

    def run(self) -> Network:
        """Train to the end; return the averaged network."""
        return cast(Network, self.loop.run())

    def steps(self, epoch: int) -> Iterator[list[CropBatch]]:
        """Yield the batches of one pass over all stores, in random order."""
        seed, size = self.settings.seed, self.settings.batch_size
        rng = np.random.default_rng([seed, epoch])
        self.generator.manual_seed(derived_seed(seed, epoch, 1))
        chosen = []
        for store, (positions, n_steps) in enumerate(
            zip(self.positions, self.steps_per_store, strict=True)
        ):
            order = rng.permutation(np.repeat(positions, self.settings.crops_per_record))
            chosen += [(store, order[k * size : (k + 1) * size]) for k in range(n_steps)]
        for k in rng.permutation(len(chosen)):
            store, positions = chosen[k]
            starts = random_starts(self.stores[store].n_samples[positions], self.crop, rng)
            yield [CropBatch(store, positions, starts)]

    def held_out_batches(self) -> Iterator[CropBatch]:
        """Yield the beginnings of the held-out records."""
        for k in range(0, len(self.held_out), self.settings.batch_size):
            positions = self.held_out[k : k + self.settings.batch_size]
            yield CropBatch(0, positions, np.zeros(len(positions), np.int64))

    def crops(self, batch: CropBatch) -> Batch:
        """Return the signals of a batch."""
        return crops(self.signals[batch.store], batch.positions, batch.starts, self.crop)


def crops(
    signals: Signals, positions: NDArray[np.int64], starts: NDArray[np.int64], n_samples: int
) -> Batch:
    """Return crops of records as a batch; `positions` and `starts` have shape (B,)."""
    signal_mv, lead_mask, length = signals.crop(positions, starts, n_samples)
    return unlabelled(signals.normalise(signal_mv, lead_mask, length), lead_mask, length)


def unlabelled(signal: Tensor, lead_mask: Tensor, length: Tensor) -> Batch:
    """Return a batch of signals alone: age, sex and rule features are unknown.

    Parameters
    ----------
    signal : shape (B, n_leads, n_samples), normalised.
    lead_mask : shape (B, n_leads), 1 where recorded.
    length : shape (B,), samples before the padding.
    """
    n, device = len(signal), signal.device
    return Batch(
        signal=signal,
        lead_mask=lead_mask,
        length=length,
        age_days=torch.full((n,), torch.nan, device=device),
        sex=torch.full((n,), -1, dtype=torch.int64, device=device),
        features=torch.empty((n, 0), device=device),
    )
