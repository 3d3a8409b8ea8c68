"""Training and validation metrics of every epoch, and selection of the best epoch."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    recall_score,
    roc_auc_score,
)

from pedecg.core.errors import PedecgError
from pedecg.learning import losses
from pedecg.learning.train_settings import TrainSettings
from pedecg.models.contract import Rows

# train.monitor: column of the learning curves, and whether more (1) or less (-1) is better;
# "last" is better the later it is
COLUMNS = {
    "auroc": ("val_auroc", 1),
    "auprc": ("val_auprc", 1),
    "f1": ("val_f1", 1),
    "loss": ("val_loss", -1),
    "last": ("epoch", 1),
}


# Rates of decisions on labels of which both classes occur; F1 is 0 where nothing is positive.
DECIDED = MappingProxyType(
    {
        "f1": partial(f1_score, zero_division=0.0),
        "accuracy": accuracy_score,
        "sensitivity": recall_score,
        "specificity": partial(recall_score, pos_label=0),
    }
)


def smoothed(curves: Sequence[dict[str, float]], settings: TrainSettings) -> float:
    """Return the monitored value over the last `smooth_epochs` epochs; more is better."""
    column, sign = COLUMNS[settings.monitor]
    if settings.monitor == "last":
        return curves[-1][column]
    recent = [row[column] for row in curves[-settings.smooth_epochs :]]
    return sign * sum(recent) / len(recent)


def figures(
    labels: NDArray[np.float32], logits: NDArray[np.float64], task: str, of: str = "val"
) -> dict[str, float]:
    """Return macro AUROC, AUPRC and rates of decisions as columns of the learning curves.

    Decisions are the most probable class, or logits above 0, where training weighs a present
    label as much as an absent one.

    Parameters
    ----------
    labels, logits : shape (n, n_targets); a label is 0, 1 or NaN.
    of : first part of the names of the columns, val or train.
    """
    scores = losses.probabilities(logits, task)
    predicted = scores == scores.max(1, keepdims=True) if task == "multiclass" else logits > 0
    return {
        f"{of}_auroc": macro_auroc(labels, scores),
        f"{of}_auprc": macro(average_precision_score, labels, scores),
        **{f"{of}_{name}": macro(rate, labels, predicted) for name, rate in DECIDED.items()},
    }


def macro_auroc(labels: NDArray[np.float32], scores: NDArray[Any]) -> float:
    """Return the mean AUROC over the targets; see `macro`.

    Parameters
    ----------
    labels, scores : shape (n, n_targets); a label is 0, 1 or NaN.
    """
    return macro(roc_auc_score, labels, scores)


def macro(metric: Callable[..., float], labels: NDArray[np.float32], scores: NDArray[Any]) -> float:
    """Return the mean over targets with both classes among known labels; NaN if none has.

    Parameters
    ----------
    labels, scores : shape (n, n_targets); a label is 0, 1 or NaN.
    """
    each = []
    for truth, score in zip(labels.T, scores.T, strict=True):
        known = ~np.isnan(truth)
        if len(np.unique(truth[known])) == 2:
            each.append(metric(truth[known], score[known]))
    return float(np.mean(each)) if each else math.nan


def check_labels(
    data: Rows,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    settings: TrainSettings,
) -> None:
    """Raise a `PedecgError` where a target cannot be learnt or no epoch can be chosen.

    Parameters
    ----------
    training, validation : rows of `data`, shapes (n_training,) and (n_validation,).
    """
    if not data.targets:
        raise PedecgError("train: the cohort has no target (cohort.manifest.labels names columns)")
    for k, target in enumerate(data.targets):
        if np.isnan(data.labels[training, k]).all():
            raise PedecgError(f"train: target {target} has no known label among training records")
    chosen_by = data.labels[validation]
    if len(validation) == 0 or np.isnan(chosen_by).all():
        raise PedecgError("train: no known label among validation records to choose an epoch by")
    if settings.task == "multiclass":
        _check_classes(data, np.concatenate([training, validation]))
    by_class = settings.monitor in ("auroc", "auprc", "f1")
    if by_class and math.isnan(macro_auroc(chosen_by, np.nan_to_num(chosen_by))):
        raise PedecgError(
            f"train.monitor: {settings.monitor} needs a target with both classes among validation "
            "records (found none); take loss or last"
        )


def _check_classes(data: Rows, rows: NDArray[np.int64]) -> None:
    """Raise a `PedecgError` where a record has no class or several; all unknown is not a fault."""
    labels = data.labels[rows]
    known = ~np.isnan(labels).any(axis=1)
    wrong = rows[known][labels[known].sum(axis=1) != 1]
    if len(wrong):
        raise PedecgError(
            f"train.task: multiclass needs exactly one class per record; {len(wrong)} records have "
            f"none or several, such as {data.record_ids[wrong[0]]}"
        )
