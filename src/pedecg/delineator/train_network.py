"""Train the delineator on labelled records of any union of sources."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pedecg.core.params import Section
from pedecg.delineator import wave_losses as losses
from pedecg.delineator import window_augmentation as augment
from pedecg.delineator.window_batches import Batches
from pedecg.learning import device, schedules, training_state
from pedecg.learning.loop import Curves, LoopSettings, Objective, TrainingLoop
from pedecg.learning.training_state import STATE_FOLDER, StateFolder
from pedecg.waves import network_settings, wave_network
from pedecg.waves.annotations import Labelled
from pedecg.waves.wave_network import Network
from pedecg.waves.wave_network import Settings as NetworkSettings

STEPS_PER_EPOCH = 20  # a state is saved, and the mean loss noted, so often: a few seconds
RISE = 0.1  # share of the steps in which the learning rate of the one-cycle schedule rises
EXAMPLES = 100  # records on which the sizes of the values within the network are seen
CLIP_NORM = 1.0  # largest norm of a gradient


class Settings(Section):
    """Section `train` of the delineation pipeline."""

    seed: int = Field(description="another seed is another training", ge=0)
    steps: int = Field(description="number of training steps", ge=1)
    threads: int = Field(
        description=(
            "CPU threads; the result depends on their number, since the order of "
            "floating-point sums does"
        ),
        ge=1,
        le=1024,
    )
    leads_per_step: int = Field(
        description="leads in one update, over all its records: 1, 2, 3, 6, 9 or 12 leads of each",
        ge=12,
    )
    window_s: float = Field(
        description=(
            "length of a training window, s, a multiple of the network's stride (0.128 "
            "s); shorter ones give more updates in the same time"
        ),
        ge=2,
        le=20,
    )
    loss: losses.Name = Field(
        description=(
            "bce: cross-entropy, one half at the median of the readers; focal: hard "
            "frames count most; dice_bce: soft Dice added, so that rare waves count as "
            "much as common ones"
        )
    )
    learning_rate: float = Field(
        description="peak learning rate of the one-cycle schedule", gt=0, le=0.1
    )
    weight_decay: float = Field(description="weight decay of AdamW", ge=0, le=1)
    average: float = Field(
        description="decay per step of the exponential moving average of weights, which is stored",
        ge=0,
        lt=1,
    )
    without_p: float = Field(
        description=(
            "sampling weight of records without P waves, relative to others: they are "
            "few, and a P wave detected there is a wrong diagnosis"
        ),
        ge=1,
        le=20,
    )
    mixture: dict[str, Annotated[float, Field(ge=0)]] = Field(
        description="weight of each source, of those present"
    )
    network: NetworkSettings
    augment: augment.Settings


@dataclass(frozen=True)
class Fitted:
    """A trained network, in evaluation mode, and its learning curve.

    `curves` has one row for each `STEPS_PER_EPOCH` steps: epoch, lr, train_loss.
    """

    network: Network
    curves: Curves


def fit(
    records: Sequence[Labelled], settings: Settings, state_root: Path | None = STATE_FOLDER
) -> Fitted:
    """Train one network; a killed call, made again, goes on and ends with the same bytes.

    The network returned is the moving average of the weights.

    Parameters
    ----------
    state_root : where the state is kept until the end; None: nowhere.

    Raises
    ------
    PedecgError
        A source without a weight, no record to learn from, a loss that is not finite, or the end
        of memory.
    """
    state = None
    if state_root is not None:
        state = StateFolder(state_root / _key(records, settings), settings.model_dump())
    advice = (
        f"train.leads_per_step (now {settings.leads_per_step}) or "
        f"train.window_s (now {settings.window_s:g})"
    )
    with (
        device.reproducible(device.derived_seed(settings.seed), settings.threads),
        device.out_of_memory(advice),
    ):
        loop = TrainingLoop(
            DelineatorTraining(records, settings),
            Network(settings.network),
            LoopSettings(
                name="train delineator",
                section="train",
                seed=settings.seed,
                epochs=math.ceil(settings.steps / STEPS_PER_EPOCH),
                n_steps=settings.steps,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                schedule=partial(
                    schedules.one_cycle, warmup=round(RISE * settings.steps), total=settings.steps
                ),
                clip_norm=CLIP_NORM,
                ema_decay=settings.average,
                decay_vectors=True,
            ),
            device.accelerate(device.choose("cpu")),
            state,
        )
        return Fitted(cast(Network, loop.run()), loop.progress.curves)


def some_of(records: Sequence[Labelled]) -> list[Labelled]:
    """Return up to `EXAMPLES` records, evenly spaced: they show the network's usual values."""
    return list(records[:: math.ceil(len(records) / EXAMPLES)])


class DelineatorTraining(Objective[int]):
    """What the delineator is trained for; a batch is drawn by the number of its step."""

    def __init__(self, records: Sequence[Labelled], settings: Settings) -> None:
        self.settings = settings
        self.batches = Batches(
            records,
            settings.mixture,
            settings.without_p,
            settings.leads_per_step,
            settings.window_s,
            settings.network.stride(),
            settings.augment,
        )

    def steps(self, epoch: int) -> Iterator[list[int]]:
        """Yield the numbers of the epoch's steps, from 0."""
        first = epoch * STEPS_PER_EPOCH
        for step in range(first, min(first + STEPS_PER_EPOCH, self.settings.steps)):
            yield [step]

    def loss(self, network: nn.Module, batch: int) -> Tensor:
        """Return the loss of the windows of a step.

        Returns
        -------
        Shape ().
        """
        windows = self.batches.draw(np.random.default_rng([self.settings.seed, batch]))
        loss_of = losses.LOSSES[self.settings.loss]
        return loss_of(network(windows.signal), windows.shares, windows.weights)


def _key(records: Sequence[Labelled], settings: Settings) -> str:
    """Return the hash of everything that a training depends on."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for record in records:
        arrays[record.record_id] = record.signal_mv
        for lead, marks in zip(record.leads, record.marks, strict=True):
            place = f"{record.record_id} {record.source} {record.fs_hz} {lead}"
            arrays |= {f"{place} {name}": array for name, array in vars(marks).items()}
    code = [
        *Path(__file__).parent.glob("*.py"),
        *Path(training_state.__file__).parent.glob("*.py"),
        Path(wave_network.__file__),
        Path(network_settings.__file__),
    ]
    return training_state.key(settings.model_dump(), arrays, code)
