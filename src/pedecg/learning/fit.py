"""Training of a classifier: training loop with crops, labels and validation metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pedecg.learning import (
    device,
    losses,
    sampler,
    schedules,
    training_notes,
    validation_monitor,
)
from pedecg.learning.batches import Normalisation, Signals, Subjects, random_starts
from pedecg.learning.crops import TrainingBatches
from pedecg.learning.device import derived_seed
from pedecg.learning.loop import Curves, EpochSelection, LoopSettings, Objective, TrainingLoop
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.trained_network import Card, Trained, mean_logits
from pedecg.learning.training_state import STATE_FOLDER, StateFolder
from pedecg.learning.training_task import Task
from pedecg.models import features, registry
from pedecg.models.contract import Rows

PRETRAINED_FOLDER = Path("models/pretrained")
DEV_RUN_STEPS = 2  # of the check fast_dev_run: a first step and one from a used state


@dataclass(frozen=True)
class Fitted:
    """A trained network and its learning curves, one row per epoch.

    Columns: epoch (from 1), lr, train_loss, val_loss, and the macro averages of AUROC, AUPRC, F1,
    accuracy, sensitivity and specificity (NaN where no target has both classes): train_… on the
    augmented crops while the weights change, val_… on whole records with the averaged weights.

    `writes` is False in all but the first of several processes: one alone saves the result. `key`
    is that of `Task.key`; "" where no state was kept.
    """

    trained: Trained
    curves: Curves
    writes: bool = True
    key: str = ""


def fit(
    name: str,
    model_settings: dict[str, Any],
    data: Rows,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    normalisation: Normalisation,
    settings: TrainSettings,
    seed: int,
    state_root: Path | None = STATE_FOLDER,
    pretrained: Path = PRETRAINED_FOLDER,
    trained: Path | None = None,
) -> Fitted:
    """Train one network; a killed call, made again, goes on and ends with the same bytes.

    The call is not repeated where another one with the same inputs has saved its network.

    Parameters
    ----------
    name, model_settings : of the registry, and the plain values of its section.
    training, validation : rows of `data`, shapes (n_training,) and (n_validation,). Nothing else
        of it is looked at.
    normalisation : statistics of the training records.
    state_root : where the state after each epoch is kept until the end; None: nowhere.
    pretrained : folder of weights that a model which reads "pretrained" starts from.
    trained : folder of a network that is taken if the same training made it; None: none.

    Raises
    ------
    PedecgError
        A target without known training labels, nothing to choose the best epoch by, a loss that
        is not finite (names the records of the batch), or the end of memory.
    """
    settings = settings.for_checks()
    losses.check(settings.loss, settings.task)
    validation_monitor.check_labels(data, training, validation, settings)
    task = Task(
        name, model_settings, data, training, validation, normalisation, settings, seed, pretrained
    )
    if trained is not None and settings.processes == 1 and (same := _same_training(trained, task)):
        return same
    with (
        device.reproducible(derived_seed(seed), settings.threads),
        device.out_of_memory(settings.memory_advice()),
    ):
        return ClassifierTraining(task, state_root).run()


def _same_training(folder: Path, task: Task) -> Fitted | None:
    """Return the network in a folder if it comes from this very training."""
    found = training_notes.taken(folder, task.key, task.settings.accelerator)
    if found is None:
        return None
    print(f"train {task.name} seed {task.seed}: taken from {folder}, which is of the same training")
    network, curves = found
    rows = [{str(name): value for name, value in row.items()} for row in curves.to_dict("records")]
    return Fitted(network, rows, key=task.key)


@dataclass(frozen=True)
class CropBatch:
    """Where the crops of a batch lie: rows of the data set and first samples, shape (B,) each."""

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]


class ClassifierTraining(Objective[CropBatch]):
    """One training of a classifier.

    Parameters
    ----------
    state_root : see `fit`.
    schedule : of the learning rate, in place of ``train.schedule``.

    Attributes
    ----------
    loop : has the network, its average and its optimiser.
    batches : what cuts the crops.
    crop : samples of a crop.
    key : hash of all that the result depends on; "" where no state is kept.
    steps_per_epoch : steps of the optimiser in one epoch.
    """

    def __init__(
        self, task: Task, state_root: Path | None, schedule: schedules.MakeSchedule | None = None
    ) -> None:
        data, settings = task.data, task.settings
        self.task, self.data, self.settings = task, data, settings
        self.accelerator = device.accelerate(
            device.choose(settings.accelerator), settings.precision
        )
        self.device = self.accelerator.device
        self.training, self.validation = task.training, task.validation
        if settings.overfit_one_batch:
            self.training = self.validation = task.training[: settings.batch_size]
        reads = registry.reads(task.name, task.model_settings)
        table = (
            data.features if reads & registry.FEATURES else pd.DataFrame(index=data.features.index)
        )
        self.scale = features.scale(table.iloc[self.training])
        self.subjects = Subjects(data.positions, data.age_days, data.sex, self.scale.apply(table))
        self.signals = Signals(data.store, task.normalisation, self.device)
        self.batches = TrainingBatches(data, self.subjects, self.signals, settings.augment)
        self.generator = torch.Generator(self.device)  # of the augmentations
        self.answers: list[tuple[Tensor, Tensor]] = []  # logits and labels of each batch so far
        labels = data.labels[self.training]
        self.frequency = sampler.frequencies(labels, settings.sampler)
        cap = settings.loss.positive_weight_cap
        weight = losses.weights(labels, settings.task, cap, self.frequency)
        self.weight = losses.given(weight, data.targets, settings.loss)
        self.target_weight = torch.from_numpy(self.weight).to(self.device)
        self.crop = round(settings.crop_seconds * data.store.fs_hz)
        n_crops = len(task.training) * settings.crops_per_record
        crops_per_step = settings.batch_size * settings.accumulate
        self.steps_per_epoch = max(1, n_crops // crops_per_step)  # without the last, small one
        if settings.fast_dev_run:
            self.steps_per_epoch = min(DEV_RUN_STEPS, self.steps_per_epoch)

        network = self._network()
        self.pretrained = ""
        if "pretrained" in reads:
            self.pretrained = network.load_pretrained(task.pretrained)  # type: ignore[operator]
        self.key = task.key if state_root else ""
        state = StateFolder(state_root / self.key, task.about()) if state_root else None
        self.loop = TrainingLoop(
            self,
            network,
            LoopSettings(
                name=f"train {task.name} seed {task.seed}",
                section="train",
                seed=task.seed,
                epochs=settings.epochs,
                n_steps=settings.epochs * self.steps_per_epoch,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                schedule=schedule or self._schedule(),
                clip_norm=settings.clip_norm,
                ema_decay=settings.ema_decay,
            ),
            self.accelerator,
            state,
            EpochSelection(
                partial(validation_monitor.smoothed, settings=settings), settings.patience
            ),
        )

    def run(self) -> Fitted:
        """Train to the end; return the network of the best epoch."""
        network = self.loop.run()
        return Fitted(
            Trained(self._card(), network),
            self.loop.progress.curves,
            self.accelerator.is_main_process,
            self.key,
        )

    def steps(self, epoch: int) -> Iterator[list[CropBatch]]:
        """Yield the crops of each step of one pass over the training records."""
        settings = self.settings
        self.answers.clear()
        drawn = 0 if settings.overfit_one_batch else epoch
        seed, process = self.task.seed, self.accelerator.process_index
        rng = np.random.default_rng([seed, drawn])
        self.generator.manual_seed(derived_seed(seed, drawn, 1, process))
        n_crops = len(self.training) * settings.crops_per_record
        rows = self.training[sampler.draw_order(n_crops, self.frequency, rng)]
        starts = random_starts(self.data.store.n_samples[self.data.positions[rows]], self.crop, rng)
        size, per_step = settings.batch_size, settings.batch_size * settings.accumulate
        for step in range(self.steps_per_epoch):
            first = 0 if settings.overfit_one_batch else step * per_step
            end = min(first + per_step, n_crops)
            parts = [slice(start, min(start + size, end)) for start in range(first, end, size)]
            yield [CropBatch(rows[part], starts[part]) for part in parts]

    def loss(self, network: nn.Module, batch: CropBatch) -> Tensor:
        """Return the loss of this process's share of the crops, augmented.

        Returns
        -------
        Shape ().
        """
        own = slice(self.accelerator.process_index, None, self.accelerator.num_processes)
        signals, labels = self.batches.batch(
            batch.rows[own], batch.starts[own], self.crop, self.generator
        )
        logits: Tensor = network(signals).float()
        self.answers.append((logits.detach(), labels))
        return losses.loss(
            logits, labels, self.target_weight, self.settings.task, self.settings.loss
        )

    def trained(self) -> dict[str, float]:
        """Return figures on the augmented crops of the epoch, with weights as they changed."""
        both = (torch.cat(parts) for parts in zip(*self.answers, strict=True))
        # Shares of the processes may differ by a crop: what is added has no known label.
        padded = (
            self.accelerator.pad_across_processes(one, pad_index=float("nan")) for one in both
        )
        logits, labels = (self.accelerator.gather(one).cpu().numpy() for one in padded)
        return validation_monitor.figures(labels, logits, self.settings.task, "train")

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return loss and figures on whole validation records."""
        rows, share = self.validation, self.accelerator.process_index
        logits = torch.zeros(
            (len(rows), len(self.data.targets)), dtype=torch.float32, device=self.device
        )
        own = np.arange(share, len(rows), self.accelerator.num_processes)
        if len(own):
            answer = mean_logits(
                network, self.signals, self.subjects.rows(rows[own]),
                crop=self.crop, overlap=0.0,  # side by side is enough to choose an epoch
            )  # fmt: skip
            logits[own] = torch.from_numpy(answer).to(logits)
        logits = self.accelerator.reduce(logits, "sum").double().cpu()
        labels = self.data.labels[rows]
        loss = losses.loss(
            logits, torch.from_numpy(labels).double(), self.target_weight.cpu().double(),
            self.settings.task, self.settings.loss,
        )  # fmt: skip
        figures = validation_monitor.figures(labels, logits.numpy(), self.settings.task)
        return {"val_loss": float(loss)} | figures

    def advice(self, batch: CropBatch) -> str:
        """Name the records of a batch whose loss is not finite."""
        ids = sorted({self.data.record_ids[row] for row in batch.rows})
        return f" or look at the records of its batch: {', '.join(ids)}"

    def _network(self) -> nn.Module:
        task = self.task
        network = registry.build(
            task.name,
            task.model_settings,
            n_leads=len(self.data.store.leads),
            n_samples=self.crop,
            fs_hz=self.data.store.fs_hz,
            n_targets=len(self.data.targets),
            n_features=len(self.scale.names),
        ).to(self.device)
        _set_units(network, task.normalisation)
        return network

    def _schedule(self) -> schedules.MakeSchedule:
        settings = self.settings
        total = settings.epochs * self.steps_per_epoch
        warmup = min(total, round(settings.warmup_epochs * self.steps_per_epoch))
        if settings.schedule == "plateau":
            return partial(
                schedules.plateau, warmup=warmup, factor=settings.plateau_factor,
                patience=settings.plateau_patience,
            )  # fmt: skip
        if settings.schedule == "constant":
            return partial(schedules.constant, warmup=warmup)
        falling = schedules.one_cycle if settings.schedule == "one_cycle" else schedules.cosine
        return partial(falling, warmup=warmup, total=total)

    def _card(self) -> Card:
        task, settings, progress = self.task, self.settings, self.loop.progress
        labels = self.data.labels[self.training]
        shift = losses.logit_shift(self.weight, labels, settings.loss, self.frequency)
        return Card(
            model=task.name,
            settings=task.model_settings,
            seed=task.seed,
            targets=self.data.targets,
            leads=self.data.store.leads,
            fs_hz=self.data.store.fs_hz,
            crop_seconds=settings.crop_seconds,
            window_overlap=settings.window_overlap,
            mean_mv=task.normalisation.mean_mv,
            sd_mv=task.normalisation.sd_mv,
            logit_shift=tuple(shift.tolist()),
            task=settings.task,
            feature_names=self.scale.names,
            feature_mean=self.scale.mean,
            feature_sd=self.scale.sd,
            pretrained=self.pretrained,
            n_parameters=sum(p.numel() for p in self.loop.network.parameters()),
            best_epoch=progress.best_epoch,
            monitor=settings.monitor,
            best_value=abs(progress.best_value),
        )


def _set_units(network: nn.Module, normalisation: Normalisation) -> None:
    """Give the parts of a network that compute in mV the normalisation of its batches."""
    values = (normalisation.mean_mv, normalisation.sd_mv)
    mean, sd = (torch.tensor(each, dtype=torch.float32).nan_to_num(0.0) for each in values)
    for part in network.modules():
        if hasattr(part, "tell_units"):
            part.tell_units(mean, torch.where(sd > 0, sd, 1.0))  # type: ignore[operator]
