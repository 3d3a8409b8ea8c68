"""The fit loop: every network is trained by it, in the stage and in the folds of the review."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from pedecg import parallel
from pedecg.errors import PedecgError
from pedecg.learning import checkpoint, losses
from pedecg.learning.batches import Dataset, Normalisation, Signals, random_starts
from pedecg.learning.device import choose, derived_seed, reproducible
from pedecg.learning.predict import Card, Trained, mean_logits
from pedecg.learning.settings import TrainSettings
from pedecg.models import registry
from pedecg.models.base import Batch
from pedecg.records import NINE_LEADS
from pedecg.signals.augment import augment

Curve = dict[str, float]


@dataclass(frozen=True)
class Fitted:
    """A trained network and its learning curves, one row per epoch.

    Columns: epoch (from 1), lr, train_loss, val_loss, val_auroc (macro; NaN where no target has
    both classes).
    """

    trained: Trained
    curves: list[Curve]


@dataclass
class _Progress:
    """What a training knows after some epochs, besides its tensors."""

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float = -math.inf
    curves: list[Curve] = field(default_factory=list)


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
) -> Fitted:
    """Train one network; a killed call, made again, goes on and ends with the same bytes.

    Parameters
    ----------
    name, model_settings : of the registry, and the plain values of its section.
    training, validation : rows of `data`. Nothing else of it is looked at.
    normalisation : statistics of the training records.
    state_root : where the state after each epoch is kept until the end; None: nowhere.

    Raises
    ------
    PedecgError
        A target without known training labels, nothing to choose the best epoch by, or a loss
        that is not finite (names the records of the batch).
    """
    _check_labels(data, training, validation, settings)
    state = None
    if state_root is not None:
        state = state_root / _key(
            name, model_settings, data, training, validation, normalisation, settings, seed
        )
    with reproducible(derived_seed(seed), settings.threads):
        run = _Run(
            name, model_settings, data, training, validation, normalisation, settings, seed, state
        )
        remaining = range(run.progress.epoch, settings.epochs)
        for epoch in parallel.progress(remaining, f"train {name} seed {seed}"):
            if run.stalled():
                break
            run.one_epoch(epoch)
        return run.finish()


class _Run:
    """One training in progress: network, running average, optimiser, and where it stands."""

    def __init__(
        self,
        name: str,
        model_settings: dict[str, Any],
        data: Dataset,
        training: NDArray[np.int64],
        validation: NDArray[np.int64],
        normalisation: Normalisation,
        settings: TrainSettings,
        seed: int,
        state: Path | None,
    ) -> None:
        self.name, self.model_settings, self.seed, self.state = name, model_settings, seed, state
        self.data, self.settings, self.normalisation = data, settings, normalisation
        self.training, self.validation = training, validation
        self.device = choose(settings.accelerator)
        self.signals = Signals(data.store, normalisation, self.device)
        self.labels = torch.from_numpy(data.labels).to(self.device)
        self.age_days = torch.from_numpy(data.age_days).to(self.device)
        self.sex = torch.from_numpy(data.sex).to(self.device)
        self.nine = torch.tensor([lead in NINE_LEADS for lead in data.store.leads]).to(self.device)
        weights = losses.positive_weights(data.labels[training], settings.positive_weight_cap)
        self.positive_weight = torch.from_numpy(weights).to(self.device)
        self.crop = round(settings.crop_seconds * data.store.fs_hz)
        n_crops = len(training) * settings.crops_per_record
        self.batches_per_epoch = max(1, n_crops // settings.batch_size)  # the last, small one: no

        self.network, self.average = self._network(), self._network().eval()
        self.average.load_state_dict(self.network.state_dict())
        self.best = {key: tensor.clone() for key, tensor in self.average.state_dict().items()}
        self.optimizer = _optimizer(self.network, settings)
        self.accelerator = Accelerator(
            cpu=self.device.type == "cpu",
            mixed_precision="bf16" if settings.precision == "bfloat16" else "no",
        )
        self.progress = _Progress()
        self._resume()

    def _network(self) -> nn.Module:
        return registry.build(
            self.name,
            self.model_settings,
            n_leads=len(self.data.store.leads),
            n_samples=self.crop,
            fs_hz=self.data.store.fs_hz,
            n_targets=len(self.data.targets),
        ).to(self.device)

    def stalled(self) -> bool:
        """Say whether `patience` epochs have passed since the best one."""
        return self.progress.epoch - self.progress.best_epoch >= self.settings.patience

    def one_epoch(self, epoch: int) -> None:
        """Train on one pass of crops, validate, keep the best weights, and save the state."""
        learning_rate, train_loss = self._train(epoch)
        val_loss, val_auroc = self._validate()
        done = self.progress
        done.epoch = epoch + 1
        done.curves.append(
            {
                "epoch": done.epoch,
                "lr": learning_rate,
                "train_loss": train_loss,
                "val_loss": val_loss,
                "val_auroc": val_auroc,
            }
        )
        recent = done.curves[-self.settings.smooth_epochs :]
        sign, column = {"auroc": (1, "val_auroc"), "loss": (-1, "val_loss")}[self.settings.monitor]
        value = sign * sum(row[column] for row in recent) / len(recent)
        if value >= done.best_value:  # of equal epochs the later: it has learnt for longer
            done.best_value, done.best_epoch = value, done.epoch
            for key, tensor in self.average.state_dict().items():
                self.best[key].copy_(tensor)
        self._save()

    def finish(self) -> Fitted:
        """Return the best epoch's network and remove the state."""
        self.average.load_state_dict(self.best)
        card = Card(
            model=self.name,
            settings=self.model_settings,
            seed=self.seed,
            targets=self.data.targets,
            leads=self.data.store.leads,
            fs_hz=self.data.store.fs_hz,
            crop_seconds=self.settings.crop_seconds,
            window_overlap=self.settings.window_overlap,
            mean_mv=self.normalisation.mean_mv,
            sd_mv=self.normalisation.sd_mv,
            logit_shift=tuple(self.positive_weight.double().log().tolist()),
            n_parameters=sum(p.numel() for p in self.network.parameters()),
            best_epoch=self.progress.best_epoch,
            monitor=self.settings.monitor,
            best_value=abs(self.progress.best_value),
        )
        if self.state is not None:
            checkpoint.remove_state(self.state)
        return Fitted(Trained(card, self.average.eval()), self.progress.curves)

    def _train(self, epoch: int) -> tuple[float, float]:
        """Take the steps of one epoch; return the last learning rate and the mean loss."""
        settings = self.settings
        # Keyed by the epoch alone, so that a resumed run draws what the uninterrupted one drew.
        rng = np.random.default_rng([self.seed, epoch])
        torch.manual_seed(derived_seed(self.seed, epoch))  # dropout
        generator = torch.Generator(self.device).manual_seed(derived_seed(self.seed, epoch, 1))
        order = rng.permutation(np.repeat(self.training, settings.crops_per_record))
        positions = self.data.positions[order]
        starts = random_starts(self.data.store.n_samples[positions], self.crop, rng)
        self.network.train()
        each: list[Tensor] = []
        learning_rate = 0.0
        for k in range(self.batches_per_epoch):
            part = slice(k * settings.batch_size, (k + 1) * settings.batch_size)
            learning_rate = self._learning_rate(self.progress.step)
            each.append(
                self._step(order[part], positions[part], starts[part], generator, learning_rate)
            )
            self.progress.step += 1
        loss = torch.stack(each).cpu().numpy()  # one wait for the device per epoch
        bad = np.flatnonzero(~np.isfinite(loss))
        if len(bad):
            rows = order[bad[0] * settings.batch_size : (bad[0] + 1) * settings.batch_size]
            ids = ", ".join(sorted({self.data.record_ids[row] for row in rows}))
            raise PedecgError(
                f"train {self.name} seed {self.seed}: loss is {loss[bad[0]]} in epoch {epoch + 1}, "
                f"batch {bad[0] + 1}; lower train.learning_rate or look at its records: {ids}"
            )
        return learning_rate, float(loss.mean(dtype=np.float64))

    def _step(
        self,
        rows: NDArray[np.int64],
        positions: NDArray[np.int64],
        starts: NDArray[np.int64],
        generator: torch.Generator,
        learning_rate: float,
    ) -> Tensor:
        """Take one step on the crops of one batch; return its loss, still on the device."""
        row = torch.from_numpy(rows).to(self.device)
        signal_mv, lead_mask, length = self.signals.crop(positions, starts, self.crop)
        signal_mv, lead_mask = augment(
            signal_mv, lead_mask, length, self.signals.fs_hz, self.nine, self.settings.augment,
            generator,
        )  # fmt: skip
        batch = Batch(
            signal=self.signals.normalise(signal_mv, lead_mask, length),
            lead_mask=lead_mask,
            length=length,
            age_days=self.age_days[row],
            sex=self.sex[row],
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad()
        with self.accelerator.autocast():
            logits = self.network(batch)
        loss = losses.binary_cross_entropy(logits.float(), self.labels[row], self.positive_weight)
        self.accelerator.backward(loss)
        if self.settings.clip_norm > 0:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self._follow()
        return loss.detach()

    def _follow(self) -> None:
        """Move the running average towards the weights; faster at the beginning."""
        decay = min(self.settings.ema_decay, (1 + self.progress.step) / (10 + self.progress.step))
        decay = decay if self.settings.ema_decay > 0 else 0.0
        with torch.no_grad():
            source, target = self.network.state_dict(), self.average.state_dict()
            names = [name for name, tensor in source.items() if tensor.is_floating_point()]
            torch._foreach_lerp_(
                [target[name] for name in names], [source[name] for name in names], 1 - decay
            )
            for name in source.keys() - set(names):
                target[name].copy_(source[name])

    def _learning_rate(self, step: int) -> float:
        total = self.settings.epochs * self.batches_per_epoch
        warmup = min(total, round(self.settings.warmup_epochs * self.batches_per_epoch))
        if step < warmup:
            return self.settings.learning_rate * (step + 1) / warmup
        fraction = (step - warmup) / max(1, total - warmup)
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))

    def _validate(self) -> tuple[float, float]:
        """Return loss and macro AUROC of the running average on whole validation records."""
        data, rows = self.data, self.validation
        positions = data.positions[rows]
        logits = mean_logits(
            self.average, self.signals, data.store.n_samples[positions], positions,
            data.age_days[rows], data.sex[rows],
            crop=self.crop, overlap=self.settings.window_overlap,
        )  # fmt: skip
        labels = data.labels[rows]
        loss = losses.binary_cross_entropy(
            torch.from_numpy(logits), torch.from_numpy(labels).double(),
            self.positive_weight.cpu().double(),
        )  # fmt: skip
        return float(loss), macro_auroc(labels, logits)

    def _save(self) -> None:
        if self.state is None:
            return
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in self.best.items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in values.items()}
        checkpoint.save_state(self.state, tensors, asdict(self.progress))

    def _resume(self) -> None:
        saved = checkpoint.load_state(self.state, self.device) if self.state else None
        if saved is None:
            return
        tensors, about = saved
        parts: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            part, _, rest = key.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        self.network.load_state_dict(parts["network"])
        self.average.load_state_dict(parts["average"])
        self.best = parts["best"]
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts["optimizer"].items():
            index, _, rest = key.partition(".")
            state.setdefault(int(index), {})[rest] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.progress = _Progress(**about)


def macro_auroc(labels: NDArray[np.float32], scores: NDArray[np.float64]) -> float:
    """Return the mean AUROC over targets with both classes among known labels; NaN if none has."""
    each = []
    for truth, score in zip(labels.T, scores.T, strict=True):
        known = ~np.isnan(truth)
        if len(np.unique(truth[known])) == 2:
            each.append(roc_auc_score(truth[known], score[known]))
    return float(np.mean(each)) if each else math.nan


def _optimizer(network: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW; biases and norms, vectors all, do not decay."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _check_labels(
    data: Dataset,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    settings: TrainSettings,
) -> None:
    for k, target in enumerate(data.targets):
        if np.isnan(data.labels[training, k]).all():
            raise PedecgError(f"train: target {target} has no known label among training records")
    chosen_by = data.labels[validation]
    if len(validation) == 0 or np.isnan(chosen_by).all():
        raise PedecgError("train: no known label among validation records to choose an epoch by")
    if settings.monitor == "auroc" and math.isnan(macro_auroc(chosen_by, np.nan_to_num(chosen_by))):
        raise PedecgError(
            "train.monitor: auroc needs a target with both classes among validation records "
            "(found none); take loss"
        )


def _key(
    name: str,
    model_settings: dict[str, Any],
    data: Dataset,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    normalisation: Normalisation,
    settings: TrainSettings,
    seed: int,
) -> str:
    """Return the hash of everything that this training depends on."""
    about = {
        "model": name,
        "model_settings": model_settings,
        "train": settings.model_dump(exclude={"models", "seeds", "use_decisions"}),
        "seed": seed,
        "normalisation": asdict(normalisation),
        "targets": data.targets,
        "record_ids": data.record_ids,
        "fs_hz": data.store.fs_hz,
    }
    arrays: dict[str, NDArray[Any]] = {
        "positions": data.positions,
        "age_days": data.age_days,
        "sex": data.sex,
        "labels": data.labels,
        "training": training,
        "validation": validation,
        "offsets": data.store.offsets,
        "n_samples": data.store.n_samples,
        "lead_mask": data.store.lead_mask,
        "samples": data.store.samples,
    }
    return checkpoint.key(about, arrays)
