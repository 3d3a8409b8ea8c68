"""Checks before a long training; each reports what it found if it fails.

A fault that is found here in seconds would otherwise be a network that learns nothing, or one that
learns what it may not know, and nobody would see why.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.learning import losses
from pedecg.learning.batches import Normalisation, Signals, Subjects, normalisation, window_batches
from pedecg.learning.crops import TrainingBatches, rate_targets
from pedecg.learning.device import derived_seed, reproducible
from pedecg.learning.training_task import Task
from pedecg.models import registry
from pedecg.models.features import scale
from pedecg.models.network_base import Batch
from pedecg.signals.augmentation import AugmentSettings, Crops, augment
from pedecg.signals.lead_statistics import of_leads
from pedecg.signals.signal_store import MICROVOLTS_PER_MV, SignalStore

BATCH_SIZE = 64  # memory only
# What changes each lead by itself, on purpose: noise has no lead to follow.
_OF_ONE_LEAD = {
    "noise_snr_db": None, "jitter_mv": 0.0, "wander_mv": 0.0, "powerline_mv": 0.0,
    "lead_dropout": 0, "nine_leads": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One line of the list: what must hold, and what was found instead; None: it holds."""

    promise: str
    fault: str | None

    def __str__(self) -> str:
        return self.promise if self.fault is None else f"{self.promise}: {self.fault}"


def run(task: Task, splits: pd.DataFrame, leads: list[str]) -> list[Item]:
    """Go through the whole list.

    Parameters
    ----------
    splits : the table SPLITS.
    leads : what the store should hold (``preprocess.leads``).
    """
    checks: dict[str, Callable[[], str | None]] = {
        "no patient is in two splits": lambda: _patients(splits),
        "both classes are in training and validation": lambda: _classes(task),
        "leads are in canonical order": lambda: _order(task.data.store, leads),
        "statistics are those of the training records alone": lambda: _statistics(task),
        "every record is finite and of the right shape": lambda: _tensors(task),
        "records are shown unchanged in evaluation": lambda: _unchanged(task),
        "augmentations keep shape and length": lambda: _shapes(task),
        "augmentations move all leads together": lambda: synchrony(
            task.settings.augment, task.data.store, task.data.targets
        ),
        "the network answers, and all of it learns": lambda: _network(task),
    }
    with reproducible(derived_seed(task.seed), task.settings.threads):
        return [Item(promise, check()) for promise, check in checks.items()]


def _patients(splits: pd.DataFrame) -> str | None:
    pairs = splits.drop_duplicates(["patient_id", "split"])
    twice = pairs[pairs.duplicated("patient_id")]
    return f"{twice['patient_id'].iloc[0]} is, and {len(twice) - 1} more" if len(twice) else None


def _classes(task: Task) -> str | None:
    for name, rows in (("training", task.training), ("validation", task.validation)):
        of_split = task.data.labels[rows]
        strange = of_split[~(np.isnan(of_split) | (of_split == 0) | (of_split == 1))]
        if len(strange):
            return f"{name} has the label {strange[0]:g}; expected 0, 1 or unknown"
        for k, target in enumerate(task.data.targets):
            counts = [int((of_split[:, k] == value).sum()) for value in (1, 0)]
            if not all(counts):
                return f"{target} has {counts[0]} positives and {counts[1]} negatives in {name}"
    return None


def _order(store: SignalStore, leads: list[str]) -> str | None:
    if list(store.leads) != leads:
        return f"the signal store has {' '.join(store.leads)}; expected {' '.join(leads)}"
    in_order = [lead for lead in LEADS if lead in store.leads]
    return None if list(store.leads) == in_order else f"found {' '.join(store.leads)}"


def _statistics(task: Task) -> str | None:
    store, used = task.data.store, task.normalisation
    expected = normalisation(of_leads(store, task.data.positions[task.training]))
    for field in fields(Normalisation):
        found, wanted = getattr(used, field.name), getattr(expected, field.name)
        same = found == wanted if field.name == "leads" else np.allclose(found, wanted, rtol=1e-4)
        if not same:
            return f"lead_statistics.json has another {field.name} than the training records"
    return None


def _tensors(task: Task) -> str | None:
    signals, subjects = _shown(task)
    crop, n_leads = _crop(task), len(task.data.store.leads)
    rows = window_batches(
        signals, subjects, crop=crop, overlap=task.settings.window_overlap, batch_size=BATCH_SIZE
    )
    for row, batch in rows:
        name = task.data.record_ids[row[0]]
        if batch.signal.shape[1:] != (n_leads, crop) or batch.signal.dtype != torch.float32:
            found = f"{tuple(batch.signal.shape)} {batch.signal.dtype}"
            return f"{name}: {found}; expected (B, {n_leads}, {crop}) float32"
        finite = torch.isfinite(batch.signal).all(-1).all(-1)
        if not finite.all():
            return f"{task.data.record_ids[row[int(finite.long().argmin())]]} is not finite"
    return None


def _unchanged(task: Task) -> str | None:
    """Compare what the network is shown with what the store holds, computed here by itself."""
    store, signals, subjects = task.data.store, *_shown(task)
    crop, rows = _crop(task), task.validation[:BATCH_SIZE]
    mean, sd = (
        np.array(of_leads)[:, None]
        for of_leads in (task.normalisation.mean_mv, task.normalisation.sd_mv)
    )
    batches = window_batches(
        signals, subjects.rows(rows), crop=crop, overlap=0.0, batch_size=BATCH_SIZE
    )
    seen: set[int] = set()
    for row, batch in batches:
        for k, one in enumerate(row.tolist()):
            if one in seen:  # its first window says enough
                continue
            seen.add(one)
            position = int(task.data.positions[rows[one]])
            raw = store.counts(position)[:, :crop] / MICROVOLTS_PER_MV
            expected = (raw - mean) / sd * store.lead_mask[position][:, None]
            shown = batch.signal[k, :, : raw.shape[1]].cpu().numpy()
            if not np.allclose(shown, expected, atol=1e-3):
                return f"{task.data.record_ids[rows[one]]} is not as it was stored"
    return None


def _shapes(task: Task) -> str | None:
    crops, labels = _augmented(task)
    expected = (len(labels), len(task.data.store.leads), _crop(task))
    if tuple(crops.signal.shape) != expected:
        return f"found {tuple(crops.signal.shape)}; expected {expected}"
    if not torch.isfinite(crops.signal).all():
        return "some are not finite"
    if not ((crops.length > 0) & (crops.length <= expected[2])).all():
        return f"lengths of {int(crops.length.min())} to {int(crops.length.max())} samples"
    return None if (crops.lead_mask.sum(1) > 0).all() else "a record has lost its last lead"


def synchrony(
    settings: AugmentSettings, store: SignalStore, targets: tuple[str, ...]
) -> str | None:
    """Give all leads the same signal; whatever is changed, they must stay the same."""
    together = settings.model_copy(update=_OF_ONE_LEAD | {"probability": 1.0})
    generator = torch.Generator().manual_seed(0)
    n_samples = round(4 * store.fs_hz)
    one = torch.randn((BATCH_SIZE, 1, n_samples), generator=generator)
    crops = Crops(
        one.expand(-1, len(store.leads), -1).clone(),
        torch.ones(BATCH_SIZE, len(store.leads)),
        torch.full((BATCH_SIZE,), n_samples),
        torch.zeros(BATCH_SIZE, len(targets)),
    )
    nine = torch.tensor([lead in NINE_LEADS for lead in store.leads])
    changed = augment(
        crops, store.fs_hz, nine, rate_targets(settings, targets), together, generator
    ).signal_mv
    apart = (changed - changed[:, :1]).abs().amax()
    return None if apart < 1e-5 else f"they differ by up to {float(apart):.3g} mV"


def _network(task: Task) -> str | None:
    batch, labels = _augmented(task)
    network = registry.build(
        task.name, task.model_settings, n_leads=batch.signal.shape[1], n_samples=_crop(task),
        fs_hz=task.data.store.fs_hz, n_targets=labels.shape[1], n_features=batch.features.shape[1],
    )  # fmt: skip
    if "pretrained" in registry.reads(task.name, task.model_settings):
        network.load_pretrained(task.pretrained)  # type: ignore[operator]
    return learns(network, batch, labels, task)


def learns(network: nn.Module, batch: Batch, labels: Tensor, task: Task) -> str | None:
    """Return what keeps a network from learning a batch.

    Parameters
    ----------
    labels : shape (B, n_targets), 0, 1 or NaN.
    """
    logits = network.train()(batch)
    if logits.shape != labels.shape:
        return f"logits of shape {tuple(logits.shape)}; expected {tuple(labels.shape)}"
    loss = losses.loss(
        logits, labels, torch.ones(labels.shape[1]), task.settings.task, task.settings.loss
    )
    if not torch.isfinite(loss):
        return f"its loss is {loss.item():g}"
    loss.backward()  # type: ignore[no-untyped-call]
    stuck = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    return f"nothing reaches {', '.join(stuck[:3])}" if stuck else None


def _crop(task: Task) -> int:
    return round(task.settings.crop_seconds * task.data.store.fs_hz)


def _shown(task: Task) -> tuple[Signals, Subjects]:
    """Return all records as evaluation sees them, on the CPU."""
    data = task.data
    reads = registry.reads(task.name, task.model_settings) & registry.FEATURES
    table = data.features if reads else pd.DataFrame(index=data.features.index)
    scaled = scale(table.iloc[task.training]).apply(table)
    signals = Signals(data.store, task.normalisation, torch.device("cpu"))
    return signals, Subjects(data.positions, data.age_days, data.sex, scaled)


def _augmented(task: Task) -> tuple[Batch, Tensor]:
    """Return one training batch in which every record is changed in every way."""
    signals, subjects = _shown(task)
    always = task.settings.augment.model_copy(update={"probability": 1.0})
    rows = task.training[:BATCH_SIZE]
    generator = torch.Generator().manual_seed(derived_seed(task.seed))
    made = TrainingBatches(task.data, subjects, signals, always)
    return made.batch(rows, np.zeros(len(rows), np.int64), _crop(task), generator)
