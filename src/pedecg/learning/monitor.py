"""What chooses the best epoch, and whether the labels allow that choice."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pedecg.errors import PedecgError
from pedecg.learning.batches import Dataset
from pedecg.learning.settings import TrainSettings

# train.monitor: column of the learning curves, and whether more (1) or less (-1) is better
COLUMNS = {"auroc": ("val_auroc", 1), "loss": ("val_loss", -1)}


def smoothed(curves: Sequence[dict[str, float]], settings: TrainSettings) -> float:
    """Return the monitored value over the last `smooth_epochs` epochs; more is better."""
    column, sign = COLUMNS[settings.monitor]
    recent = [row[column] for row in curves[-settings.smooth_epochs :]]
    return sign * sum(recent) / len(recent)


def macro_auroc(labels: NDArray[np.float32], scores: NDArray[np.float64]) -> float:
    """Return the mean AUROC over targets with both classes among known labels; NaN if none has."""
    each = []
    for truth, score in zip(labels.T, scores.T, strict=True):
        known = ~np.isnan(truth)
        if len(np.unique(truth[known])) == 2:
            each.append(roc_auc_score(truth[known], score[known]))
    return float(np.mean(each)) if each else math.nan


def check_labels(
    data: Dataset,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    settings: TrainSettings,
) -> None:
    """Raise a `PedecgError` where a target cannot be learnt or no epoch can be chosen."""
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
