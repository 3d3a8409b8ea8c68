"""Comparison of models on the same patients: paired differences and main figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, calibration, cases, delong, evaluate, metrics
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import MACRO, MICRO, Scored, Scoring

COMPARED = ("auroc", "auprc", "sens_at_spec95", "brier")
HEADLINE = ("auroc", "auprc", "sens_at_spec95", "sensitivity", "specificity", "brier", "ece")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """All models on the same records.

    Attributes
    ----------
    cases : of the test split.
    test, validation : model -> its scores; validation without resamples.
    probabilities : model -> calibrated probabilities of the test cases, averaged over seeds, shape
        (n, n_targets).
    """

    cases: Cases
    test: dict[str, Scored]
    validation: dict[str, Scored]
    probabilities: dict[str, Floats]


def score(
    models: Sequence[str],
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    seeds: Sequence[int],
    settings: Scoring,
) -> Compared:
    """Score every model on validation and test, from its predictions and its calibration.

    Raises
    ------
    PedecgError
        A model has no predictions, or was trained for other targets than the labels hold.
    """
    test, validation = (cases.of_split(labels, splits, name) for name in ("test", "validation"))
    compared = Compared(test, {}, {}, {})
    for model in models:
        source = f"predictions/{model}.parquet"
        predictions = tables.read(source, tables.PREDICTIONS)
        check_labels(predictions, source, test.targets)
        fitted = calibration.load(f"calibration/{model}.json")
        raw = cases.probabilities(predictions, test, source)
        on_test = evaluate.calibrated(fitted, raw, seeds)
        raw = cases.probabilities(predictions, validation, source)
        on_validation = evaluate.calibrated(fitted, raw, seeds)
        compared.test[model] = evaluate.score(test, on_test, settings)
        compared.probabilities[model] = on_test.p[0]
        once = settings.model_copy(update={"bootstrap": 0})
        compared.validation[model] = evaluate.score(validation, on_validation, once)
    return compared


def check_labels(predictions: pd.DataFrame, source: str, targets: Sequence[str]) -> None:
    """Raise a `PedecgError` if a model was trained for other targets than the labels hold."""
    found = sorted(set(predictions["label"]))
    if found != sorted(targets):
        raise PedecgError(
            f"{source}: trained for targets {found}, labels hold {sorted(targets)}; retrain it"
        )


def best(validation: Mapping[str, Scored]) -> str | None:
    """Return the model with the largest macro AUROC on validation patients; None: no figures."""
    column = metrics.METRICS.index("auroc")
    on_validation = {model: scored.values[-2, column] for model, scored in validation.items()}
    known = {model: value for model, value in on_validation.items() if np.isfinite(value)}
    return max(known, key=known.__getitem__) if known else None


def summary(
    test: Mapping[str, Scored], validation: Mapping[str, Scored], cohort: str
) -> dict[str, Any]:
    """Return the headline figures: every model's macro AUROC on test, and one model in full.

    Small on purpose: this is what ``dvc metrics diff`` and ``dvc exp show`` put in their table.
    The one model is the best on validation patients, not on test patients, whom no choice may see.
    """
    column = metrics.METRICS.index("auroc")
    row = -2  # the macro average
    headline: dict[str, Any] = {
        "cohort": cohort,
        "auroc": {model: scored.values[row, column] for model, scored in test.items()},
    }
    chosen = best(validation)
    if chosen is not None:
        scored = test[chosen]
        low, high = bootstrap.interval(scored.draws[:, row, column])
        aurocs = dict(zip(scored.cases.targets, scored.values[:-2, column].tolist(), strict=True))
        headline["best"] = {"model": chosen, "low": low, "high": high, "auroc": aurocs}
    return headline


def figures(test: Mapping[str, Scored]) -> dict[str, Any]:
    """Return the figures that people ask for first, of every model and target, with intervals."""
    return {
        model: {
            name: {metric: scored.figure(row, metric) for metric in HEADLINE}
            for row, name in enumerate(scored.names)
        }
        for model, scored in test.items()
    }


def differences(test: Mapping[str, Scored], probabilities: Mapping[str, Floats]) -> pd.DataFrame:
    """Return every pair of models on every target: first minus second, with interval and p.

    The resamples are the same for all models (`bootstrap.counts`), so differences are paired. For
    AUROC of one target, DeLong's test is added, with patients as clusters. The p values of
    one metric are corrected together by Holm's method, over pairs and targets; the macro and micro
    averages, one question per pair, are families of their own.

    Parameters
    ----------
    probabilities : model -> probabilities of the cases, shape (n, n_targets).

    Returns
    -------
    Columns metric, target, first, second, difference, low, high, p, p_holm, p_delong,
    p_delong_holm.
    """
    rows: list[dict[str, Any]] = []
    by_ranks = _delong(test, probabilities)
    for metric in COMPARED:
        column = metrics.METRICS.index(metric)
        for first, second in combinations(test, 2):
            a, b = test[first], test[second]
            for row, target in enumerate(a.names):
                drawn = a.draws[:, row, column] - b.draws[:, row, column]
                difference = float(a.values[row, column] - b.values[row, column])
                low, high = bootstrap.interval(drawn)
                closed = by_ranks.get((first, second, target)) if metric == "auroc" else None
                rows.append(
                    {
                        "metric": metric,
                        "target": target,
                        "first": first,
                        "second": second,
                        "difference": difference,
                        "low": low,
                        "high": high,
                        "p": bootstrap.p_value(difference, drawn),
                        "p_delong": np.nan if closed is None else closed,
                    }
                )
    columns = ["metric", "target", "first", "second", "difference", "low", "high", "p", "p_delong"]
    frame = pd.DataFrame(rows, columns=columns)
    average = frame["target"].where(frame["target"].isin((MACRO, MICRO)), "one target")
    families = frame.groupby([frame["metric"], average])
    for p in ("p", "p_delong"):
        frame[f"{p}_holm"] = families[p].transform(lambda raw: bootstrap.holm(raw.to_list()))
    return frame


def _delong(
    test: Mapping[str, Scored], probabilities: Mapping[str, Floats]
) -> dict[tuple[str, str, str], float]:
    """Return DeLong's p by pair and target, for targets with enough cases."""
    models, found = list(test), {}
    test_cases, counted = test[models[0]].cases, test[models[0]].counted
    for k in np.flatnonzero(counted):
        p = np.array([probabilities[model][:, k] for model in models])
        areas = delong.areas(test_cases.y[:, k], p, test_cases.patients)
        for i, j in combinations(range(len(models)), 2):
            found[models[i], models[j], test_cases.targets[k]] = areas.p_value(i, j)
    return found


def sentence(figures: pd.DataFrame) -> str:
    """Return in one sentence which model ranks first by macro AUROC, and by how much."""
    macro = figures[(figures["target"] == MACRO) & (figures["metric"] == "auroc")]
    ranked = macro.dropna(subset="value").sort_values("value", ascending=False, kind="stable")
    if ranked.empty:
        return "No target has enough cases to be scored"
    best, *others = zip(ranked["model"], ranked["value"], strict=True)
    if not others:
        return f"{best[0]} reaches a macro AUROC of {best[1]:.3f}"
    return (
        f"{best[0]} ranks first with a macro AUROC of {best[1]:.3f}, "
        f"before {others[0][0]} with {others[0][1]:.3f}"
    )
