"""One table of a model on its own test set and on every external cohort."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

INTERNAL = "internal test set"
_INTERVALS = ("auroc", "calibration_slope")


def table(found: Mapping[str, dict[str, Any]]) -> pd.DataFrame:
    """Return a row for each cohort and target; the internal test set comes first.

    Parameters
    ----------
    found : external cohort -> what stage external_validation wrote of it. The figures of the
        internal test set are the same in all that have the target.

    Returns
    -------
    Columns cohort, target, label (the expression over the cohort's own labels), n, positives,
    auroc and calibration_slope with _low and _high, predicted and observed (mean probability and
    share of positives) and calibration_intercept (0: neither too high nor too low on average).
    A figure is null where a target has too few cases.
    """
    internal: dict[str, dict[str, Any]] = {}
    external: list[dict[str, Any]] = []
    for cohort, one in found.items():
        for target in one["mapping"] if one["external"] is not None else ():
            internal.setdefault(target, one["internal"]["targets"][target])
            figures = one["external"]["targets"][target]
            external.append(_row(cohort, target, one["mapping"][target], figures))
    rows = [_row(INTERNAL, target, target, figures) for target, figures in internal.items()]
    frame = pd.DataFrame([*rows, *external], columns=_COLUMNS)
    return frame.astype({"n": "Int64", "positives": "Int64"})


def _row(cohort: str, target: str, label: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    in_the_large = figures.get("calibration_in_the_large", {})
    row = {
        "cohort": cohort,
        "target": target,
        "label": label,
        "n": figures["n"],
        "positives": figures["positives"],
        "predicted": in_the_large.get("predicted"),
        "observed": in_the_large.get("observed"),
        "calibration_intercept": in_the_large.get("intercept"),
    }
    for metric in _INTERVALS:
        estimate = figures.get(metric) or {}
        row[metric] = estimate.get("value")
        row |= {f"{metric}_{end}": estimate.get(end) for end in ("low", "high")}
    return row


def for_forest_plot(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the AUROC of `table` as `evaluate.as_table` has it, a cohort in place of a model."""
    named = {"cohort": "model", "auroc": "value", "auroc_low": "low", "auroc_high": "high"}
    shown = rows.rename(columns=named).assign(metric="auroc")
    return shown[["model", "target", "n", "positives", "metric", "value", "low", "high"]]


def summary(model: str, found: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the macro AUROC of each cohort, small enough for a table of experiments."""
    return {"model": model, "auroc": {name: one["macro_auroc"] for name, one in found.items()}}


def sentence(model: str, found: Mapping[str, dict[str, Any]]) -> str:
    """Return the macro AUROC of every external cohort as a sentence."""
    shown = {
        name: one["macro_auroc"]
        for name, one in found.items()
        if one["macro_auroc"]["external"] is not None
    }
    if not shown:
        return "No target has enough cases in the internal and in an external cohort"
    parts = (
        f"{name} {one['external']:.3f} (internal {one['internal']:.3f})"
        for name, one in shown.items()
    )
    return f"{model}: macro AUROC on {', '.join(parts)}"


def sizes(found: Mapping[str, dict[str, Any]]) -> str:
    """Return the number of records and patients of every cohort."""
    scored = {name: one for name, one in found.items() if one["external"] is not None}
    first = [(INTERNAL, one["internal"]) for one in scored.values()][:1]
    counts = dict([*first, *((name, one["external"]) for name, one in scored.items())])
    return "; ".join(
        f"{name}: {one['records']:,} records of {one['patients']:,} patients"
        for name, one in counts.items()
    )


_COLUMNS = [
    "cohort", "target", "label", "n", "positives", "auroc", "auroc_low", "auroc_high", "predicted",
    "observed", "calibration_intercept", "calibration_slope", "calibration_slope_low",
    "calibration_slope_high",
]  # fmt: skip
