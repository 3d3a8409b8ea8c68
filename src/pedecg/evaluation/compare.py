"""Models against each other on the same patients: paired differences and the headline figures."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from pedecg import params
from pedecg.errors import PedecgError
from pedecg.evaluation import bootstrap, metrics
from pedecg.evaluation.evaluate import MACRO, Scored

COMPARED = ("auroc", "auprc", "sens_at_spec95", "brier")


def trained_models() -> list[str]:
    """Return the models that the parameters train, with and without a network, and the ensemble."""
    lists = ("models", "pretrained_models", "fused_models")
    keys = [*(f"train.{name}" for name in lists), "train_rules.models"]
    return [*(name for key in keys for name in params.read_section(key)), "ensemble"]


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


def summary(test: Mapping[str, Scored], cohort: str) -> dict[str, Any]:
    """Return the headline figures on test: per model the macro AUROC, its interval, each target.

    Small on purpose: this is what ``dvc metrics diff`` and ``dvc exp show`` put in their table.
    """
    column = metrics.METRICS.index("auroc")
    headline: dict[str, Any] = {"cohort": cohort}
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


def as_metrics(compared: pd.DataFrame) -> dict[str, Any]:
    """Return the differences by metric, pair and target, for a metrics file."""
    nested: dict[str, Any] = {}
    for row in compared.to_dict("records"):
        pair = f"{row.pop('first')} - {row.pop('second')}"
        place = nested.setdefault(row.pop("metric"), {}).setdefault(pair, {})
        place[row.pop("target")] = row
    return nested


def sentence(figures: pd.DataFrame) -> str:
    """Say in one sentence which model ranks first by macro AUROC, and by how much."""
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
