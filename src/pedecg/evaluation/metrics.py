"""What a probability is worth: AUROC, AUPRC, sensitivity at 95% specificity, Brier score.

Every metric is computed for many weightings of the records at once: all ones give the value
itself, the counts of `bootstrap.counts` give its spread. Labels that are not known (NaN) are left
out of their target.
"""

import numpy as np
from numpy.typing import NDArray

METRICS = ("auroc", "auprc", "sens_at_spec95", "specificity", "brier")
SPECIFICITY = 0.95

_RESAMPLES_AT_ONCE = 16  # about what fits the cache; the figures do not depend on it
_ROUNDING = 1e-12


def scores(
    y: NDArray[np.float64],
    p: NDArray[np.float64],
    weights: NDArray[np.uint16],
    thresholds: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Score every target under every weighting of the records.

    Parameters
    ----------
    y : shape (n, n_targets), 1, 0 or NaN where not known.
    p : shape (n, n_targets), probabilities.
    weights : shape (n, n_weightings), how often each record counts.
    thresholds : shape (n_targets,), from which probability on a record is called positive, for
        `sens_at_spec95` and `specificity`; NaN leaves these two open.

    Returns
    -------
    shape (n_weightings, n_targets, len(METRICS)); NaN where a weighting lacks one class.
    """
    result = np.full((weights.shape[1], y.shape[1], len(METRICS)), np.nan)
    for target in range(y.shape[1]):
        known = np.flatnonzero(~np.isnan(y[:, target]))
        order = known[np.argsort(-p[known, target], kind="stable")]
        for start in range(0, weights.shape[1], _RESAMPLES_AT_ONCE):
            chunk = slice(start, start + _RESAMPLES_AT_ONCE)
            result[chunk, target] = _score_sorted(
                y[order, target],
                p[order, target],
                weights[order, chunk].astype(np.float64),
                float(thresholds[target]),
            )
    return result


def values(
    y: NDArray[np.float64], p: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Score every target once; shape (n_targets, len(METRICS)). See `scores`."""
    ones = np.ones((len(y), 1), np.uint16)
    return np.asarray(scores(y, p, ones, thresholds)[0])


def with_macro(drawn: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Append the unweighted mean over the counted targets as a last row.

    Parameters
    ----------
    drawn : shape (…, n_targets, n_metrics).
    counted : shape (n_targets,), False for a target with too few cases to score.

    Returns
    -------
    shape (…, n_targets + 1, n_metrics); targets that do not count are NaN, as is the mean of none.
    """
    drawn = np.where(counted[:, None], drawn, np.nan)
    if counted.any():
        macro = drawn[..., counted, :].mean(axis=-2, keepdims=True)
    else:
        macro = np.full_like(drawn[..., :1, :], np.nan)
    return np.concatenate([drawn, macro], axis=-2)


def threshold(
    y: NDArray[np.float64], p: NDArray[np.float64], specificity: float = SPECIFICITY
) -> float:
    """Return the lowest probability from which on a call keeps the wanted specificity.

    Parameters
    ----------
    y, p : shape (n,); NaN labels are left out.

    Returns
    -------
    A probability that occurs in `p`; infinity where even the highest calls too many negatives;
    NaN where one class is absent.
    """
    known = ~np.isnan(y)
    y, p = y[known], p[known]
    negatives = np.sort(p[y == 0])
    if len(negatives) == 0 or len(negatives) == len(p):
        return float("nan")
    candidates = np.unique(p)
    called = len(negatives) - np.searchsorted(negatives, candidates, side="left")
    kept = candidates[called / len(negatives) <= 1 - specificity + _ROUNDING]
    return float(kept[0]) if len(kept) else float("inf")


def thresholds(y: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each target's threshold for 95% specificity, shape (n_targets,)."""
    return np.array([threshold(y[:, k], p[:, k]) for k in range(y.shape[1])], np.float64)


def _score_sorted(
    y: NDArray[np.float64],
    p: NDArray[np.float64],
    weights: NDArray[np.float64],
    cut: float,
) -> NDArray[np.float64]:
    """Score one target, its records in order of falling probability; (n_weightings, n_metrics)."""
    result = np.full((weights.shape[1], len(METRICS)), np.nan)
    positive = y @ weights
    negative = weights.sum(axis=0) - positive
    both = (positive > 0) & (negative > 0)
    if not both.any():
        return result
    weights, positive, negative = weights[:, both], positive[both], negative[both]

    last_of_tie = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    called = np.cumsum(weights, axis=0)[last_of_tie]
    hits = np.cumsum(weights * y[:, None], axis=0)[last_of_tie]
    alarms = called - hits
    new_hits = np.diff(hits, axis=0, prepend=0)
    new_alarms = np.diff(alarms, axis=0, prepend=0)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)

    area = (new_alarms * (hits - new_hits / 2)).sum(axis=0)
    columns = {
        "auroc": area / (positive * negative),
        "auprc": (new_hits * precision).sum(axis=0) / positive,
        "brier": ((p - y) ** 2 @ weights) / (positive + negative),
    }
    if not np.isnan(cut):
        columns["sens_at_spec95"] = (y * (p >= cut)) @ weights / positive
        columns["specificity"] = ((1 - y) * (p < cut)) @ weights / negative
    for name, column in columns.items():
        result[both, METRICS.index(name)] = column
    return result
