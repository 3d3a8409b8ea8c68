"""Registry of metrics, vectorised over bootstrap weights.

All weights one give the value itself, the counts of `bootstrap.counts` give its spread. Labels that
are not known (NaN) are left out of their target.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pedecg.evaluation import calibration_metrics, confusion_rates, ranked_cases, ranking_metrics

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One figure: how people call it, and which value of it is the best."""

    title: str
    best: Literal["high", "low", "one", "zero", "none"]


REGISTRY: Mapping[str, Metric] = {
    "auroc": Metric("AUROC", "high"),
    "auprc": Metric("AUPRC (chance: the prevalence)", "high"),
    "sens_at_spec95": Metric("sensitivity at 95% specificity", "high"),
    "spec_at_spec95": Metric("specificity reached there", "high"),
    "spec_at_sens95": Metric("specificity at 95% sensitivity", "high"),
    "sens_at_sens95": Metric("sensitivity reached there", "high"),
    "sensitivity": Metric("sensitivity at the chosen threshold", "high"),
    "specificity": Metric("specificity at the chosen threshold", "high"),
    "ppv": Metric("positive predictive value at the chosen threshold", "high"),
    "npv": Metric("negative predictive value at the chosen threshold", "high"),
    "accuracy": Metric("accuracy at the chosen threshold", "high"),
    "f1": Metric("F1 at the chosen threshold", "high"),
    "youden": Metric("Youden's J at the chosen threshold", "high"),
    "brier": Metric("Brier score", "low"),
    "brier_reliability": Metric("Brier score: reliability", "low"),
    "brier_resolution": Metric("Brier score: resolution", "high"),
    "brier_uncertainty": Metric("Brier score: uncertainty", "none"),
    "calibration_slope": Metric("calibration slope", "one"),
    "calibration_intercept": Metric("calibration intercept", "zero"),
    "ece": Metric("expected calibration error", "low"),
}
METRICS = tuple(REGISTRY)

# Operating points: the rule of each threshold, the rates reported at it, and their names.
POINTS: Mapping[str, Mapping[str, str]] = {
    "chosen": {
        name: name
        for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1", "youden")
    },
    "spec95": {"sensitivity": "sens_at_spec95", "specificity": "spec_at_spec95"},
    "sens95": {"specificity": "spec_at_sens95", "sensitivity": "sens_at_sens95"},
}

_CELLS_AT_ONCE = 2**19  # steps x weightings: about what fits the cache; no figure depends on it
_TABLE = ("tp", "fp", "fn", "tn")


def scores(y: Floats, p: Floats, weights: NDArray[np.uint16], cuts: Floats) -> Floats:
    """Score every target under every weighting of the records.

    Parameters
    ----------
    y : shape (n, n_targets), 1, 0 or NaN where not known.
    p : shape (n, n_targets), probabilities.
    weights : shape (n, n_weightings), how often each record counts.
    cuts : shape (n_targets, len(POINTS)), threshold from which a record is positive;
        NaN leaves the figures of that threshold open.

    Returns
    -------
    shape (n_weightings, n_targets, len(METRICS)); NaN where a weighting lacks one class.
    """
    return with_averages(y, p, weights, cuts, np.ones(y.shape[1], bool))[:, :-2]


def values(y: Floats, p: Floats, cuts: Floats) -> Floats:
    """Score every target once; shape (n_targets, len(METRICS)). See `scores`."""
    return np.asarray(scores(y, p, np.ones((len(y), 1), np.uint16), cuts)[0])


def with_averages(
    y: Floats,
    p: Floats,
    weights: NDArray[np.uint16],
    cuts: Floats,
    counted: NDArray[np.bool_],
) -> Floats:
    """Score every target, then their mean (macro), then all their decisions together (micro).

    Parameters
    ----------
    counted : shape (n_targets,), False for a target with too few cases to score: it is NaN, and
        in neither average.

    Returns
    -------
    shape (n_weightings, n_targets + 2, len(METRICS)).
    """
    result = np.full((weights.shape[1], y.shape[1] + 2, len(METRICS)), np.nan)
    scored = np.flatnonzero(counted)
    if len(scored) == 0:
        return result
    rows = np.arange(len(y))
    tables = np.zeros((weights.shape[1], len(POINTS), len(_TABLE)))
    for k in scored:
        result[:, k], table = _score(y[:, k], p[:, k], rows, weights, cuts[k])
        tables += table
    result[:, -2] = result[:, scored].mean(axis=1)
    together = y[:, scored].T.ravel(), p[:, scored].T.ravel(), np.tile(rows, len(scored))
    result[:, -1], _ = _score(*together, weights, np.full(len(POINTS), np.nan))
    for name, column in _at_points(tables).items():
        result[:, -1, METRICS.index(name)] = column
    return result


def _score(
    y: Floats, p: Floats, rows: NDArray[np.int64], weights: NDArray[np.uint16], cuts: Floats
) -> tuple[Floats, Floats]:
    """Score one list of cases.

    Parameters
    ----------
    rows : shape (n,), which row of the weights each case has.

    Returns
    -------
    Figures (n_weightings, n_metrics), NaN where one class is absent, and two by two tables
    (n_weightings, n_points, 4), NaN where there is no threshold.
    """
    figures = np.full((weights.shape[1], len(METRICS)), np.nan)
    tables = np.full((weights.shape[1], len(POINTS), len(_TABLE)), np.nan)
    known = p[~np.isnan(y)]
    falling = -np.sort(-known)
    if len(falling) == 0:
        return figures, tables
    bins, groups = (
        calibration_metrics.bin_starts(falling),
        calibration_metrics.group_starts(len(falling)),
    )
    n_positive = np.searchsorted(-falling, -np.nan_to_num(cuts, nan=np.inf), side="right")
    inner = n_positive[n_positive < len(falling)]
    cases = ranked_cases.order(y, p, rows, [bins, groups, inner])
    groups = np.unique(ranked_cases.snapped(groups, ranked_cases.first_of_ties(cases.p)))

    at_once = max(1, _CELLS_AT_ONCE // len(cases.starts))
    for start in range(0, weights.shape[1], at_once):
        chunk = slice(start, start + at_once)
        drawn = weights[:, chunk].astype(np.float64)
        records, positives = cases.sums(drawn)
        calls, hits = np.cumsum(records, axis=0), np.cumsum(positives, axis=0)
        both = (hits[-1] > 0) & (calls[-1] > hits[-1])
        if not both.any():
            continue
        table = _tables(calls, hits, cases.step_of(n_positive))
        table[:, np.isnan(cuts)] = np.nan
        of_bin, of_group = cases.step_of(bins), cases.step_of(groups)
        predicted = cases.totals(cases.p, bins, drawn)
        squares = cases.totals((cases.p - cases.y) ** 2, np.zeros(1, np.int64), drawn)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                **ranking_metrics.areas(calls, hits, records, positives),
                **_at_points(table),
                **calibration_metrics.parts(
                    _gather(records, of_bin), _gather(positives, of_bin), predicted, squares
                ),
                **calibration_metrics.line(
                    cases.p, groups, _gather(records, of_group), _gather(positives, of_group)
                ),
            }
        for name, column in found.items():
            figures[chunk, METRICS.index(name)] = np.where(both, column, np.nan)
        tables[chunk] = table
    return figures, tables


def _tables(calls: Floats, hits: Floats, predicted: NDArray[np.int64]) -> Floats:
    """Return tp, fp, fn, tn at each point, of which the first `predicted` steps are positive."""
    everyone, ill = calls[-1], hits[-1]
    last, some = np.maximum(predicted - 1, 0), (predicted > 0)[:, None]
    tp, calls = np.where(some, hits[last], 0), np.where(some, calls[last], 0)
    fp = calls - tp
    return np.stack([tp, fp, ill - tp, everyone - ill - fp], axis=-1).transpose(1, 0, 2)


def _at_points(tables: Floats) -> dict[str, Floats]:
    """Name the rates of tables of shape (n_weightings, n_points, 4) as the registry does."""
    rates = confusion_rates.rates(*np.moveaxis(tables, -1, 0))
    return {
        name: rates[rate][:, place]
        for place, point in enumerate(POINTS.values())
        for rate, name in point.items()
    }


def _gather(sums: Floats, starts: NDArray[np.int64]) -> Floats:
    return np.asarray(np.add.reduceat(sums, starts, axis=0))
