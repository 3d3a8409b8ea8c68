"""Models against each other on the same patients: paired differences and the headline figures."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from pedecg import params
from pedecg.errors import PedecgError
from pedecg.evaluation import bootstrap, metrics
from pedecg.evaluation.evaluate import Scored

COMPARED = ("auroc", "auprc", "sens_at_spec95", "brier")
MACRO = "macro"


def trained_models() -> list[str]:
    """Return the models that the parameters train, with and without a network."""
    return [*params.read_section("train.models"), *params.read_section("train_rules.models")]


def check_models(evaluated: Sequence[str], trained: Sequence[str]) -> None:
    """Raise a `PedecgError` if a model is trained and not evaluated, or the other way round."""
    file = params.PARAMS_FILE.name
    forgotten = [model for model in trained if model not in evaluated]
    unknown = [model for model in evaluated if model not in trained]
    if forgotten:
        raise PedecgError(f"{file}: evaluate.models lacks {', '.join(forgotten)}, which is trained")
    if unknown:
        raise PedecgError(
            f"{file}: evaluate.models names {', '.join(unknown)}; "
            f"trained are {', '.join(trained)} (train.models and train_rules.models)"
        )


def check_labels(predictions: pd.DataFrame, source: str, targets: Sequence[str]) -> None:
    """Raise a `PedecgError` if a model was trained for other targets than the labels hold."""
    found = sorted(set(predictions["label"]))
    if found != sorted(targets):
        raise PedecgError(
            f"{source}: trained for targets {found}, labels hold {sorted(targets)}; retrain it"
        )


def summary(test: Mapping[str, Scored]) -> dict[str, Any]:
    """Return the headline figures on test: per model the macro AUROC, its interval, each target.

    Small on purpose: this is what ``dvc metrics diff`` and ``dvc exp show`` put in their table.
    """
    column = metrics.METRICS.index("auroc")
    headline: dict[str, Any] = {}
    for model, scored in test.items():
        names = [*scored.cases.targets, MACRO]
        low, high = bootstrap.interval(scored.draws[:, -1, column])
        headline[model] = {
            "auroc": dict(zip(names, scored.values[:, column].tolist(), strict=True)),
            "auroc_macro_low": low,
            "auroc_macro_high": high,
        }
    return headline


def differences(test: Mapping[str, Scored]) -> pd.DataFrame:
    """Return every pair of models on every target: first minus second, with interval and p.

    The resamples are the same for all models (`bootstrap.counts`), so differences are paired. The
    p values of one metric are corrected together by Holm's method, over pairs and targets; the
    macro averages, one question per pair, are a family of their own.

    Returns
    -------
    Columns metric, target, first, second, difference, low, high, p, p_holm.
    """
    rows: list[dict[str, Any]] = []
    for metric in COMPARED:
        column = metrics.METRICS.index(metric)
        for first, second in combinations(test, 2):
            a, b = test[first], test[second]
            for row, target in enumerate([*a.cases.targets, MACRO]):
                drawn = a.draws[:, row, column] - b.draws[:, row, column]
                difference = float(a.values[row, column] - b.values[row, column])
                low, high = bootstrap.interval(drawn)
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
                    }
                )
    columns = ["metric", "target", "first", "second", "difference", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    family = [frame["metric"], frame["target"] == MACRO]
    frame["p_holm"] = frame.groupby(family)["p"].transform(lambda p: bootstrap.holm(p.to_list()))
    return frame


def figures(test: Mapping[str, Scored]) -> pd.DataFrame:
    """Return every model's every metric on test in long form, for the forest plot and for reading.

    Returns
    -------
    Columns model, target, n, positives, metric, value, low, high; n and positives are null for
    the macro average.
    """
    rows: list[dict[str, Any]] = []
    for model, scored in test.items():
        known = (scored.cases.y >= 0).sum(axis=0).tolist()
        positives = (scored.cases.y == 1).sum(axis=0).tolist()
        for row, target in enumerate([*scored.cases.targets, MACRO]):
            about = {
                "model": model,
                "target": target,
                "n": known[row] if row < len(known) else None,
                "positives": positives[row] if row < len(known) else None,
            }
            for column, metric in enumerate(metrics.METRICS):
                drawn = scored.draws[:, row, column]
                estimate = bootstrap.estimate(scored.values[row, column], drawn)
                rows.append({**about, "metric": metric, **estimate})
    frame = pd.DataFrame(rows)
    return frame.astype({"n": "Int64", "positives": "Int64"})


def as_metrics(compared: pd.DataFrame) -> dict[str, Any]:
    """Return the differences by metric, pair and target, for a metrics file."""
    nested: dict[str, Any] = {}
    for row in compared.to_dict("records"):
        pair = f"{row.pop('first')} - {row.pop('second')}"
        place = nested.setdefault(row.pop("metric"), {}).setdefault(pair, {})
        place[row.pop("target")] = row
    return nested
