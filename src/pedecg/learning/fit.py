"""The fit loop: every network is trained by it, in the stage and in the folds of the review."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs, broadcast
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from pedecg.core import checkpoint
from pedecg.core.errors import PedecgError
from pedecg.learning import (
    channels_last,
    losses,
    optimiser,
    sampler,
    training_state,
    validation_monitor,
    weight_average,
)
from pedecg.learning.batches import Dataset, Normalisation, Signals, Subjects, random_starts
from pedecg.learning.crops import TrainingBatches
from pedecg.learning.device import choose, derived_seed, reproducible, told_when_full
from pedecg.learning.progress_bar import bar
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.trained_network import Card, Trained, mean_logits
from pedecg.learning.training_task import Task
from pedecg.models import features, registry

PRETRAINED_FOLDER = Path("models/pretrained")
DEV_RUN_STEPS = 2  # of the check fast_dev_run: a first step and one from a used state
_PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


@dataclass(frozen=True)
class Fitted:
    """A trained network and its learning curves, one row per epoch.

    Columns: epoch (from 1), lr, train_loss, val_loss, and the macro averages val_auroc, val_auprc
    and val_f1 (NaN where no target has both classes).

    `writes` is False in all but the first of several processes: one alone saves what they learnt.
    """

    trained: Trained
    curves: list[dict[str, float]]
    writes: bool = True


def fit(
    name: str,
    model_settings: dict[str, Any],
    data: Dataset,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    normalisation: Normalisation,
    settings: TrainSettings,
    seed: int,
    state_root: Path | None = checkpoint.STATE_FOLDER,
    pretrained: Path = PRETRAINED_FOLDER,
) -> Fitted:
    """Train one network; a killed call, made again, goes on and ends with the same bytes.

    Parameters
    ----------
    name, model_settings : of the registry, and the plain values of its section.
    training, validation : rows of `data`. Nothing else of it is looked at.
    normalisation : statistics of the training records.
    state_root : where the state after each epoch is kept until the end; None: nowhere.
    pretrained : folder of weights that a model which reads "pretrained" starts from.

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
    folder = state_root / task.key() if state_root is not None else None
    with (
        reproducible(derived_seed(seed), settings.threads),
        told_when_full(settings.batch_size, settings.crop_seconds),
    ):
        run = Run(task, folder)
        silent = not run.accelerator.is_main_process
        with bar(run.n_steps, f"train {name} seed {seed}", run.progress.step, silent) as shown:
            while run.progress.epoch < settings.epochs and not run.stalled():
                run.one_epoch(run.progress.epoch, shown)
        return run.finish()


class Run:
    """One training in progress: network, running average, optimiser, and where it stands."""

    def __init__(self, task: Task, folder: Path | None) -> None:
        self.task, self.data, self.settings, self.folder = task, task.data, task.settings, folder
        data, settings = task.data, task.settings
        self.device = choose(settings.accelerator)
        self.accelerator = _accelerator(self.device, settings)
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
        labels = data.labels[self.training]
        self.often = sampler.frequencies(labels, settings.sampler)
        cap = settings.loss.positive_weight_cap
        weight = losses.weights(labels, settings.task, cap, self.often)
        self.weight = losses.given(weight, data.targets, settings.loss)
        self.target_weight = torch.from_numpy(self.weight).to(self.device)
        self.crop = round(settings.crop_seconds * data.store.fs_hz)
        self.crops_per_step = settings.batch_size * settings.accumulate
        n_crops = len(task.training) * settings.crops_per_record
        self.steps_per_epoch = max(1, n_crops // self.crops_per_step)  # the last, small one: no
        if settings.fast_dev_run:
            self.steps_per_epoch = min(DEV_RUN_STEPS, self.steps_per_epoch)
        self.schedule = optimiser.Schedule(settings, self.steps_per_epoch)

        self.network, self.average = self._network(), self._network().eval()
        _tell_units(self.network, task.normalisation)
        self.pretrained = ""
        if "pretrained" in reads:
            self.pretrained = self.network.load_pretrained(task.pretrained)  # type: ignore[operator]
        self.average.load_state_dict(self.network.state_dict())
        optimizer = optimiser.optimizer(self.network, settings)
        self.best = {key: tensor.clone() for key, tensor in self.average.state_dict().items()}
        self.progress = training_state.Progress()
        resumed = folder and training_state.resume(
            folder, self.network, self.average, optimizer, task.about(), self.device
        )
        if resumed:
            self.progress, self.best = resumed
        # Wrapped for several processes and for scaled gradients; the network itself stays beside.
        self.wrapped, self.optimizer = self.accelerator.prepare(self.network, optimizer)
        self.follower = weight_average.Follower(self.average, self.network, settings.ema_decay)
        if self.accelerator.scaler is not None and self.progress.scaler:
            self.accelerator.scaler.load_state_dict(self.progress.scaler)

    @property
    def n_steps(self) -> int:
        """Steps of a training that does not end early."""
        return self.settings.epochs * self.steps_per_epoch

    def _network(self) -> nn.Module:
        network = registry.build(
            self.task.name,
            self.task.model_settings,
            n_leads=len(self.data.store.leads),
            n_samples=self.crop,
            fs_hz=self.data.store.fs_hz,
            n_targets=len(self.data.targets),
            n_features=len(self.scale.names),
        )
        return channels_last.channels_last(network.to(self.device))

    def stalled(self) -> bool:
        """Say whether `patience` epochs have passed since the best one."""
        return self.progress.epoch - self.progress.best_epoch >= self.settings.patience

    def one_epoch(self, epoch: int, shown: "tqdm[Any]") -> None:
        """Train on one pass of crops, validate, keep the best weights, and save the state."""
        learning_rate, train_loss = self._train(epoch, shown)
        done = self.progress
        done.epoch = epoch + 1
        row = {"epoch": done.epoch, "lr": learning_rate, "train_loss": train_loss}
        done.curves.append(row | self._validate())
        shown.set_postfix_str(
            f"epoch {done.epoch}, loss {train_loss:.3f}, AUROC {done.curves[-1]['val_auroc']:.3f}"
        )
        value = validation_monitor.smoothed(done.curves, self.settings)
        if value >= done.best_value:  # of equal epochs the later: it has learnt for longer
            done.best_value, done.best_epoch = value, done.epoch
            done.plateau_epoch = done.epoch
            for key, tensor in self.average.state_dict().items():
                self.best[key].copy_(tensor)
        elif done.epoch - done.plateau_epoch >= self.settings.plateau_patience:
            done.plateau_factor *= self.settings.plateau_factor
            done.plateau_epoch = done.epoch
        self._save()

    def finish(self) -> Fitted:
        """Return the best epoch's network and remove the state."""
        self.average.load_state_dict(self.best)
        labels = self.data.labels[self.training]
        shift = losses.logit_shift(self.weight, labels, self.settings.loss, self.often)
        card = Card(
            model=self.task.name,
            settings=self.task.model_settings,
            seed=self.task.seed,
            targets=self.data.targets,
            leads=self.data.store.leads,
            fs_hz=self.data.store.fs_hz,
            crop_seconds=self.settings.crop_seconds,
            window_overlap=self.settings.window_overlap,
            mean_mv=self.task.normalisation.mean_mv,
            sd_mv=self.task.normalisation.sd_mv,
            logit_shift=tuple(shift.tolist()),
            task=self.settings.task,
            feature_names=self.scale.names,
            feature_mean=self.scale.mean,
            feature_sd=self.scale.sd,
            pretrained=self.pretrained,
            n_parameters=sum(p.numel() for p in self.network.parameters()),
            best_epoch=self.progress.best_epoch,
            monitor=self.settings.monitor,
            best_value=abs(self.progress.best_value),
        )
        writes = self.accelerator.is_main_process
        self.accelerator.wait_for_everyone()
        if self.folder is not None and writes:
            checkpoint.remove_state(self.folder)
        return Fitted(Trained(card, self.average.eval()), self.progress.curves, writes)

    def _train(self, epoch: int, shown: "tqdm[Any]") -> tuple[float, float]:
        """Take the steps of one epoch; return the last learning rate and the mean loss."""
        # Keyed by the epoch alone, so that a resumed run draws what the uninterrupted one drew.
        drawn = 0 if self.settings.overfit_one_batch else epoch
        seed, part = self.task.seed, self.accelerator.process_index
        rng = np.random.default_rng([seed, drawn])
        torch.manual_seed(derived_seed(seed, epoch, 0, part))  # dropout
        generator = torch.Generator(self.device)
        generator.manual_seed(derived_seed(seed, drawn, 1, part))
        n_crops = len(self.training) * self.settings.crops_per_record
        order = self.training[sampler.order(n_crops, self.often, rng)]
        starts = random_starts(
            self.data.store.n_samples[self.data.positions[order]], self.crop, rng
        )
        self.wrapped.train()
        each: list[Tensor] = []
        learning_rate = 0.0
        for k in range(self.steps_per_epoch):
            learning_rate = self.schedule.rate(self.progress.step, self.progress.plateau_factor)
            optimiser.set_rate(
                self.optimizer, learning_rate, self.schedule.beta(self.progress.step)
            )
            first = 0 if self.settings.overfit_one_batch else k * self.crops_per_step
            chosen = slice(first, first + self.crops_per_step)
            each += self.step(order[chosen], starts[chosen], generator)
            self.progress.step += 1
            shown.update()
        loss = torch.stack(each)  # one wait for the device per epoch
        self._check_finite(loss.cpu().numpy(), order, epoch)
        return learning_rate, float(self.accelerator.reduce(loss.mean(), "mean"))

    def step(
        self, rows: NDArray[np.int64], starts: NDArray[np.int64], generator: torch.Generator
    ) -> list[Tensor]:
        """Take one step on the crops of its batches; return their losses, still on the device."""
        size, mine = self.settings.batch_size, self.accelerator
        parts = [slice(first, first + size) for first in range(0, len(rows), size)]
        self.optimizer.zero_grad()
        each: list[Tensor] = []
        for part in parts:
            own = slice(mine.process_index, None, mine.num_processes)
            batch, labels = self.batches.batch(
                rows[part][own], starts[part][own], self.crop, generator
            )
            shared = mine.no_sync(self.wrapped) if part is not parts[-1] else nullcontext()
            with shared:
                logits = self.wrapped(batch)
                loss = losses.loss(
                    logits.float(), labels, self.target_weight, self.settings.task,
                    self.settings.loss,
                )  # fmt: skip
                mine.backward(loss / len(parts))
            each.append(loss.detach())
        if self.settings.clip_norm > 0:
            mine.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.follower.follow(self.progress.step)
        return each

    def _check_finite(
        self, loss: NDArray[np.float32], order: NDArray[np.int64], epoch: int
    ) -> None:
        """Raise a `PedecgError` that names the records of the first batch whose loss is not."""
        bad = np.flatnonzero(~np.isfinite(loss))
        if not len(bad):
            return
        size = self.settings.batch_size
        rows = order[bad[0] * size : (bad[0] + 1) * size]
        ids = ", ".join(sorted({self.data.record_ids[row] for row in rows}))
        raise PedecgError(
            f"train {self.task.name} seed {self.task.seed}: loss is {loss[bad[0]]} in epoch "
            f"{epoch + 1}, batch {bad[0] + 1}; lower train.learning_rate or look at its records: "
            f"{ids}"
        )

    def _validate(self) -> dict[str, float]:
        """Return loss and figures of the running average on whole validation records."""
        rows, share = self.validation, self.accelerator.process_index
        if self.accelerator.num_processes > 1:
            for tensor in self.average.state_dict().values():
                tensor.copy_(broadcast(tensor))  # batch norm saw another part of each batch
        logits = torch.zeros(
            (len(rows), len(self.data.targets)), dtype=torch.float32, device=self.device
        )
        own = np.arange(share, len(rows), self.accelerator.num_processes)
        if len(own):
            answer = mean_logits(
                self.average, self.signals, self.subjects.rows(rows[own]),
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

    def _save(self) -> None:
        if self.folder is None or not self.accelerator.is_main_process:
            return
        if self.accelerator.scaler is not None:
            self.progress.scaler = dict(self.accelerator.scaler.state_dict())
        training_state.save(
            self.folder, self.network, self.average, self.best, self.optimizer, self.progress,
            self.task.about(),
        )  # fmt: skip


def _accelerator(device: torch.device, settings: TrainSettings) -> Accelerator:
    """Return accelerate's view of device, precision and processes."""
    AcceleratorState._reset_state()  # another training of this process may have had another
    on_cpu = device.type == "cpu"
    return Accelerator(
        cpu=on_cpu,
        mixed_precision="no" if on_cpu else _PRECISIONS[settings.precision],
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )


def _tell_units(network: nn.Module, normalisation: Normalisation) -> None:
    """Tell the parts of a network that begin with mV how its batches were normalised."""
    values = (normalisation.mean_mv, normalisation.sd_mv)
    mean, sd = (torch.tensor(each, dtype=torch.float32).nan_to_num(0.0) for each in values)
    for part in network.modules():
        if hasattr(part, "tell_units"):
            part.tell_units(mean, torch.where(sd > 0, sd, 1.0))  # type: ignore[operator]
