"""Metrics of mutually exclusive classes: confusion matrix, F1 scores, challenge score.

For many weightings of the records at once, as in `metrics`; each class against the rest has its
AUROC there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, confusion_rates
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Scoring

Floats = NDArray[np.float64]


def truth(subjects: Cases) -> NDArray[np.int64]:
    """Return each record's class, -1 where it is not known.

    Returns
    -------
    Shape (n,).

    Raises
    ------
    PedecgError
        If a record has no class or two.
    """
    known = ~np.isnan(subjects.y).any(axis=1)
    wrong = np.flatnonzero(known & (np.nansum(subjects.y, axis=1) != 1))
    if len(wrong):
        count = int(subjects.y[wrong[0]].sum())
        raise PedecgError(
            f"labels: {subjects.record_ids[wrong[0]]} has {count} classes; train.task multiclass "
            "expects exactly one"
        )
    return np.where(known, np.nan_to_num(subjects.y).argmax(axis=1), -1)


def tables(
    true: NDArray[np.int64], predicted: NDArray[np.int64], n_classes: int, weights: Floats
) -> Floats:
    """Return confusion matrices, rows the truth, shape (n_weightings, n_classes, n_classes).

    Parameters
    ----------
    true, predicted : shape (n,), classes; records of class -1 are left out.
    weights : shape (n, n_weightings), how often each record counts.
    """
    known = np.flatnonzero(true >= 0)
    cell = true[known] * n_classes + predicted[known]
    member = (cell == np.arange(n_classes**2)[:, None]).astype(np.float64)
    return np.asarray((member @ weights[known]).T.reshape(-1, n_classes, n_classes))


def scores(matrices: Floats, classes: Sequence[str], challenge: Sequence[str]) -> dict[str, Floats]:
    """Return accuracy, averaged F1 and each class's rates, each of shape (n_weightings,).

    Parameters
    ----------
    matrices : of `tables`.
    challenge : classes whose mean F1 is the challenge score; none: all. The CinC 2017 challenge
        averages normal, AF and other, and leaves noisy out of the mean, though not out of the
        errors. Clifford GD et al. Comput Cardiol 2017;44.
    """
    right = np.einsum("bii->bi", matrices)
    true, predicted = matrices.sum(axis=2), matrices.sum(axis=1)
    total = true.sum(axis=1, keepdims=True)
    rates = confusion_rates.rates(
        right, predicted - right, true - right, total - true - predicted + right
    )
    f1 = np.nan_to_num(rates["f1"])  # 0 for a class that is neither present nor predicted
    named = [classes.index(name) for name in challenge] or list(range(len(classes)))
    figures = {
        "accuracy": confusion_rates.divided(right.sum(axis=1), total[:, 0]),
        "f1_macro": f1.mean(axis=1),
        "f1_weighted": confusion_rates.divided((f1 * true).sum(axis=1), total[:, 0]),
        "f1_challenge": f1[:, named].mean(axis=1),
    }
    for k, name in enumerate(classes):
        figures |= {f"f1 {name}": f1[:, k]}
        figures |= {f"{rate} {name}": rates[rate][:, k] for rate in ("sensitivity", "specificity")}
    return figures


def as_metrics(
    subjects: Cases,
    p: Floats,
    challenge: Sequence[str],
    settings: Scoring,
    class_weights: Floats | None = None,
) -> dict[str, Any]:
    """Return the figures of the predicted class with intervals, and the confusion matrix.

    Parameters
    ----------
    p : shape (1 + n_seeds, n, n_classes), probabilities averaged over trainings, then of each: as
        elsewhere ``value`` is that of the average, ``mean`` and ``sd`` those of single trainings.
    challenge : see `scores`.
    class_weights : shape (1 + n_seeds, n_classes), factors on the probabilities before the largest
        decides; None: the likeliest class.
    """
    unknown = [name for name in challenge if name not in subjects.targets]
    if unknown:
        known = ", ".join(subjects.targets)
        raise PedecgError(f"evaluate.challenge_classes: no class {unknown[0]}; there are {known}")
    weighted = p if class_weights is None else p * class_weights[:, None]
    true, predicted = truth(subjects), weighted.argmax(axis=2)
    weights = bootstrap.counts(subjects.patients, settings.bootstrap, settings.seed).astype(
        np.float64
    )
    once = np.ones((len(true), 1))
    matrices = np.concatenate([tables(true, one, len(subjects.targets), once) for one in predicted])
    value = scores(matrices, subjects.targets, challenge)
    drawn = scores(
        tables(true, predicted[0], len(subjects.targets), weights), subjects.targets, challenge
    )
    figures = {
        name: bootstrap.estimate(each[0], drawn[name])
        | {"mean": float(each[1:].mean()), "sd": spread(each[1:])}
        for name, each in value.items()
    }
    rows = dict(zip(subjects.targets, matrices[0].astype(int).tolist(), strict=True))
    return {**figures, "confusion": {"predicted": list(subjects.targets), "true": rows}}


def spread(values: Floats) -> float | None:
    """Return the SD over trainings; one alone has none.

    Parameters
    ----------
    values : shape (n_trainings,).
    """
    return float(values.std(ddof=1)) if len(values) > 1 else None


def as_table(figures: Mapping[str, Any], model: str) -> pd.DataFrame:
    """Return one model's figures of `as_metrics` in long form, one row each."""
    return pd.DataFrame(
        {"model": model, "figure": name, **each}
        for name, each in figures.items()
        if name != "confusion"
    )
