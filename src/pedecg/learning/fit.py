"""The fit loop: every network is trained by it, in the stage and in the folds of the review."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from pedecg import parallel
from pedecg.errors import PedecgError
from pedecg.learning import checkpoint, features, losses
from pedecg.learning.batches import Dataset, Normalisation, Signals, Subjects, random_starts
from pedecg.learning.device import choose, derived_seed, reproducible
from pedecg.learning.monitor import check_labels, macro_auroc, smoothed
from pedecg.learning.predict import Card, Trained, mean_logits
from pedecg.learning.settings import TrainSettings
from pedecg.models import base, registry
from pedecg.records import NINE_LEADS
from pedecg.signals import augment as augmentation
from pedecg.signals import store as signal_store

PRETRAINED_FOLDER = Path("models/pretrained")
_ELSEWHERE = {"models", "pretrained_models", "fused_models", "seeds", "use_decisions"}


@dataclass(frozen=True)
class Fitted:
    """A trained network and its learning curves, one row per epoch.

    Columns: epoch (from 1), lr, train_loss, val_loss, val_auroc (macro; NaN where no target has
    both classes).
    """

    trained: Trained
    curves: list[dict[str, float]]


@dataclass
class _Progress:
    """What a training knows after some epochs, besides its tensors."""

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float = -math.inf
    curves: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class _Task:
    """All that the result depends on; see `fit`."""

    name: str
    model_settings: dict[str, Any]
    data: Dataset
    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    normalisation: Normalisation
    settings: TrainSettings
    seed: int
    pretrained: Path


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
        A target without known training labels, nothing to choose the best epoch by, or a loss
        that is not finite (names the records of the batch).
    """
    check_labels(data, training, validation, settings)
    task = _Task(
        name, model_settings, data, training, validation, normalisation, settings, seed, pretrained
    )
    state = state_root / _key(task) if state_root is not None else None
    with reproducible(derived_seed(seed), settings.threads):
        run = _Run(task, state)
        remaining = range(run.progress.epoch, settings.epochs)
        for epoch in parallel.progress(remaining, f"train {name} seed {seed}"):
            if run.stalled():
                break
            run.one_epoch(epoch)
        return run.finish()


class _Run:
    """One training in progress: network, running average, optimiser, and where it stands."""

    def __init__(self, task: _Task, state: Path | None) -> None:
        self.task, self.data, self.settings, self.state = task, task.data, task.settings, state
        data, settings = task.data, task.settings
        self.device = choose(settings.accelerator)
        self.signals = Signals(data.store, task.normalisation, self.device)
        self.labels = torch.from_numpy(data.labels).to(self.device)
        reads = registry.reads(task.name)
        table = data.features if "rules" in reads else pd.DataFrame(index=data.features.index)
        self.scale = features.scale(table.iloc[task.training])
        self.subjects = Subjects(data.positions, data.age_days, data.sex, self.scale.apply(table))
        self.age_days = torch.from_numpy(data.age_days).to(self.device)
        self.sex = torch.from_numpy(data.sex).to(self.device)
        self.features = torch.from_numpy(self.subjects.features).to(self.device)
        self.nine = torch.tensor([lead in NINE_LEADS for lead in data.store.leads]).to(self.device)
        weights = losses.weights(
            data.labels[task.training], settings.task, settings.positive_weight_cap
        )
        self.target_weight = torch.from_numpy(weights).to(self.device)
        self.crop = round(settings.crop_seconds * data.store.fs_hz)
        n_crops = len(task.training) * settings.crops_per_record
        self.batches_per_epoch = max(1, n_crops // settings.batch_size)  # the last, small one: no

        self.network, self.average = self._network(), self._network().eval()
        _tell_units(self.network, task.normalisation)
        self.pretrained = ""
        if "pretrained" in reads:
            self.pretrained = self.network.load_pretrained(task.pretrained)  # type: ignore[operator]
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
            self.task.name,
            self.task.model_settings,
            n_leads=len(self.data.store.leads),
            n_samples=self.crop,
            fs_hz=self.data.store.fs_hz,
            n_targets=len(self.data.targets),
            n_features=len(self.scale.names),
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
        value = smoothed(done.curves, self.settings)
        if value >= done.best_value:  # of equal epochs the later: it has learnt for longer
            done.best_value, done.best_epoch = value, done.epoch
            for key, tensor in self.average.state_dict().items():
                self.best[key].copy_(tensor)
        self._save()

    def finish(self) -> Fitted:
        """Return the best epoch's network and remove the state."""
        self.average.load_state_dict(self.best)
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
            logit_shift=tuple(self.target_weight.double().log().tolist()),
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
        if self.state is not None:
            checkpoint.remove_state(self.state)
        return Fitted(Trained(card, self.average.eval()), self.progress.curves)

    def _train(self, epoch: int) -> tuple[float, float]:
        """Take the steps of one epoch; return the last learning rate and the mean loss."""
        settings = self.settings
        # Keyed by the epoch alone, so that a resumed run draws what the uninterrupted one drew.
        rng = np.random.default_rng([self.task.seed, epoch])
        torch.manual_seed(derived_seed(self.task.seed, epoch))  # dropout
        generator = torch.Generator(self.device).manual_seed(derived_seed(self.task.seed, epoch, 1))
        order = rng.permutation(np.repeat(self.task.training, settings.crops_per_record))
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
            place = f"train {self.task.name} seed {self.task.seed}"
            raise PedecgError(
                f"{place}: loss is {loss[bad[0]]} in epoch {epoch + 1}, batch {bad[0] + 1}; "
                f"lower train.learning_rate or look at its records: {ids}"
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
        signal_mv, lead_mask = augmentation.augment(
            signal_mv, lead_mask, length, self.signals.fs_hz, self.nine, self.settings.augment,
            generator,
        )  # fmt: skip
        batch = base.Batch(
            signal=self.signals.normalise(signal_mv, lead_mask, length),
            lead_mask=lead_mask,
            length=length,
            age_days=self.age_days[row],
            sex=self.sex[row],
            features=self.features[row],
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group["factor"]
        self.optimizer.zero_grad()
        with self.accelerator.autocast():
            logits = self.network(batch)
        loss = losses.loss(logits.float(), self.labels[row], self.settings.task, self.target_weight)
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
        rows = self.task.validation
        logits = mean_logits(
            self.average, self.signals, self.subjects.rows(rows),
            crop=self.crop, overlap=0.0,  # side by side is enough to choose an epoch
        )  # fmt: skip
        labels = self.data.labels[rows]
        loss = losses.loss(
            torch.from_numpy(logits), torch.from_numpy(labels).double(),
            self.settings.task, self.target_weight.cpu().double(),
        )  # fmt: skip
        return float(loss), macro_auroc(labels, losses.probabilities(logits, self.settings.task))

    def _save(self) -> None:
        if self.state is None:
            return
        moments = {
            f"{index}.{name}": tensor
            for index, named in self.optimizer.state_dict()["state"].items()
            for name, tensor in named.items()
        }
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best,
            "moments": moments,
        }
        checkpoint.save_state(self.state, checkpoint.pack(parts), asdict(self.progress))

    def _resume(self) -> None:
        saved = checkpoint.load_state(self.state, self.device) if self.state else None
        if saved is None:
            return
        parts = checkpoint.unpack(saved[0])
        self.network.load_state_dict(parts["network"])
        self.average.load_state_dict(parts["average"])
        self.best = parts["best"]
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts["moments"].items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.progress = _Progress(**saved[1])


def _optimizer(network: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW; biases and norms, vectors all, do not decay, and what is frozen is left out.

    A model may slow parameters down by ``learning_rate_factor(name)``, 1 where it has none.
    """
    factor = getattr(network, "learning_rate_factor", lambda name: 1.0)
    grouped: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            grouped.setdefault((parameter.ndim > 1, factor(name)), []).append(parameter)
    groups = [
        {"params": each, "weight_decay": settings.weight_decay if decays else 0.0, "factor": share}
        for (decays, share), each in sorted(grouped.items(), key=lambda item: item[0], reverse=True)
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _tell_units(network: nn.Module, normalisation: Normalisation) -> None:
    """Tell the parts of a network that begin with mV how its batches were normalised."""
    values = (normalisation.mean_mv, normalisation.sd_mv)
    mean, sd = (torch.tensor(each, dtype=torch.float32).nan_to_num(0.0) for each in values)
    for part in network.modules():
        if hasattr(part, "tell_units"):
            part.tell_units(mean, torch.where(sd > 0, sd, 1.0))


def _key(task: _Task) -> str:
    """Return the hash of everything that this training depends on."""
    about = {
        "model": task.name,
        "model_settings": task.model_settings,
        "train": task.settings.model_dump(exclude=_ELSEWHERE),
        "seed": task.seed,
        "normalisation": asdict(task.normalisation),
        "targets": task.data.targets,
        "record_ids": task.data.record_ids,
        "fs_hz": task.data.store.fs_hz,
        "features": tuple(task.data.features.columns),
    }
    arrays: dict[str, NDArray[Any]] = {
        "positions": task.data.positions,
        "age_days": task.data.age_days,
        "sex": task.data.sex,
        "labels": task.data.labels,
        "features": task.data.features.to_numpy(np.float32),
        "training": task.training,
        "validation": task.validation,
        "offsets": task.data.store.offsets,
        "n_samples": task.data.store.n_samples,
        "lead_mask": task.data.store.lead_mask,
        "samples": task.data.store.samples,
    }
    shared = (registry, base, augmentation, signal_store)
    code = [
        registry.source_file(task.name),
        *registry.source_file(task.name).parent.glob("backbones/*.py"),
        *Path(__file__).parent.glob("*.py"),
        *(Path(module.__file__) for module in shared if module.__file__),
    ]
    if "pretrained" in registry.reads(task.name):
        code += [file for file in task.pretrained.rglob("*") if file.is_file()]
    return checkpoint.key(about, arrays, code)
