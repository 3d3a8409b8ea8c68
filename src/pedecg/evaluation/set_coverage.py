"""Coverage of prediction sets on records that they were not made from, and risk over coverage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pedecg.core import tables
from pedecg.evaluation import calibration, cases, external_validation, prediction_sets
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.external_validation import ExternalSettings
from pedecg.evaluation.prediction_sets import Categories, PredictionSets, Records, SetSettings

ALL = "all"  # ages together
COHORT = "cohort"  # column: name of an external cohort
_TAIL = 0.025  # of each side of a 95% interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OfRun:
    """The prediction sets of all models of a run.

    Attributes
    ----------
    sets : of each model.
    test : cases of the test split.
    coverage : of `table`, all models on the test split.
    calibrated : model -> calibrated probabilities of the test cases, shape (n, n_targets).
    """

    sets: dict[str, PredictionSets]
    test: Cases
    coverage: pd.DataFrame
    calibrated: dict[str, Floats]


def of_run(
    models: Sequence[str],
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    records: pd.DataFrame,
    age_edges_days: Sequence[int],
    settings: SetSettings,
) -> OfRun:
    """Make the sets of every model from validation records, and count their coverage on test.

    Parameters
    ----------
    labels, splits, records : `tables.LABELS`, `tables.SPLITS`, `tables.RECORDS`.
    """
    validation, test = (cases.of_split(labels, splits, name) for name in ("validation", "test"))
    sets, coverage, calibrated = {}, [], {}
    for model in models:
        source = f"predictions/{model}.parquet"
        predictions = tables.read(source, tables.PREDICTIONS)
        known = prediction_sets.records_of(predictions, validation, records, source)
        unseen = prediction_sets.records_of(predictions, test, records, source)
        sets[model] = prediction_sets.fit(model, known, age_edges_days, settings)
        coverage.append(table(sets[model], unseen))
        fitted = calibration.load(f"calibration/{model}.json")
        calibrated[model] = fitted.apply(unseen.probabilities)
    return OfRun(sets, test, pd.concat(coverage, ignore_index=True), calibrated)


def external(
    sets: Mapping[str, PredictionSets],
    names: Sequence[str],
    settings: ExternalSettings,
    folder: Path,
) -> pd.DataFrame | None:
    """Return `table` on every external cohort, of the models that were validated there.

    Parameters
    ----------
    names : of the external cohorts.
    settings : which of their records count, and the mapping of their labels.
    folder : holds a folder per cohort, with its records, labels and predictions.

    Returns
    -------
    The columns of `table` after a column cohort; None where no model was validated, or no label is
    known to the internal cohort and an external one.
    """
    found = []
    for name in names:
        records = tables.read(folder / name / "interim/records.parquet", tables.RECORDS)
        labels = tables.read(folder / name / "interim/labels.parquet", tables.LABELS)
        for file in sorted((folder / name / "predictions").glob("*.parquet")):
            made = sets[file.stem]
            predictions = tables.read(file, tables.PREDICTIONS)
            stored = tuple(predictions["record_id"].unique())
            cohort = external_validation.prepare(
                name, records, labels, stored, tuple(made.scores), settings
            )
            if cohort.cases is not None:
                there = prediction_sets.records_of(predictions, cohort.cases, records, str(file))
                of_cohort = table(made, there)
                of_cohort.insert(0, COHORT, name)
                found.append(of_cohort)
    return pd.concat(found, ignore_index=True) if found else None


def cohorts(external: pd.DataFrame | None) -> list[str]:
    """Return the names of the external cohorts in what `external` returned, each once."""
    return [] if external is None else list(external[COHORT].unique())


def table(sets: PredictionSets, records: Records) -> pd.DataFrame:
    """Return the coverage of every target and age group, and of all records together.

    Returns
    -------
    Columns model, target, group (age group, with the label where the sets are made by label),
    validation_records, n, covered, coverage with low and high (95%, Clopper and Pearson),
    expected_low and expected_high (see `expected`; of a single group), uncertain (share with both
    answers or none), empty (share with none), wrong_if_decided (share of the others).
    """
    age_group = sets.groups(records.age_days)
    rows = []
    for k, target in enumerate(records.cases.targets):
        known = ~np.isnan(records.cases.y[:, k])
        y, p = records.cases.y[known, k], records.probabilities[known, k]
        made = sets.of(target, p, age_group[known])
        group = sets.categories(age_group[known], y)
        fitted = np.array(sets.scores[target].category, str)
        for name, here, n_fitted in _groups(group, fitted):
            confidence = sets.confidence if name != ALL else np.nan
            row = _row(made[here], y[here], n_fitted, confidence)
            rows.append({"model": sets.model, "target": target, "group": name} | row)
    return pd.DataFrame(rows)


def _groups(group: Categories, fitted: Categories) -> Iterator[tuple[str, NDArray[np.bool_], int]]:
    """Yield each group that occurs, its records and the number of its validation records."""
    for name in sorted(set(group.tolist()), key=_first_day):
        yield name, group == name, int((fitted == name).sum())
    yield ALL, np.ones(len(group), bool), len(fitted)


def _first_day(group: str) -> tuple[int, str]:
    start = group.split("-")[0].split(" ")[0]
    return (int(start), group) if start.isdecimal() else (np.iinfo(np.int64).max, group)


def _row(
    made: prediction_sets.Sets, y: Floats, n_fitted: int, confidence: float
) -> dict[str, float | int]:
    right = prediction_sets.covered(made, y)
    n, hits = len(y), int(right.sum())
    low, high = clopper_pearson(hits, n)
    expected_low, expected_high = expected(n_fitted, n, confidence)
    size = made.sum(axis=1)
    decided = size == 1
    return {
        "validation_records": n_fitted,
        "n": n,
        "covered": hits,
        "coverage": hits / n if n else np.nan,
        "low": low,
        "high": high,
        "expected_low": expected_low,
        "expected_high": expected_high,
        "uncertain": float((~decided).mean()) if n else np.nan,
        "empty": float((size == 0).mean()) if n else np.nan,
        "wrong_if_decided": float((~right[decided]).mean()) if decided.any() else np.nan,
    }


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Return the exact 95% interval of a proportion; NaN of nothing.

    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413.
    """
    if n == 0:
        return float("nan"), float("nan")
    found = stats.binomtest(hits, n).proportion_ci(1 - 2 * _TAIL, method="exact")
    return float(found.low), float(found.high)


def expected(n_fitted: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the range that holds the coverage of n records in 95% of repetitions.

    A record's true answer has a p value of rank / (n_fitted + 1) and is left out below
    e = 1 - confidence, that is at l = ceil(e (n_fitted + 1)) - 1 ranks. So the number covered is
    beta-binomial with n, n_fitted + 1 - l and l: chance in the validation and in the n records.
    Angelopoulos AN, Bates S. arXiv 2107.07511, section 3.2. With l = 0 all are covered. NaN where
    the confidence is, as for several groups together.
    """
    if np.isnan(confidence):
        return np.nan, np.nan
    # 1e-9: 0.1 * 30 is above 3 in float64.
    lost = int(np.ceil((1 - confidence) * (n_fitted + 1) - 1e-9)) - 1
    if lost <= 0 or n == 0:
        return 1.0, 1.0
    spread = stats.betabinom(n, n_fitted + 1 - lost, lost)
    return float(spread.ppf(_TAIL) / n), float(spread.ppf(1 - _TAIL) / n)


def as_metrics(
    coverage: pd.DataFrame, external: pd.DataFrame | None, settings: SetSettings
) -> dict[str, Any]:
    """Return the coverage of all ages together by model and target, and how many groups miss it.

    External figures are by cohort first. Age groups are in the tables of
    ``plots/prediction_sets``.
    """
    below = misses(coverage)
    return {
        "confidence": settings.confidence,
        "groups": len(coverage[coverage["group"] != ALL]),
        "groups_covered_less_than_chance_explains": len(below),
        "test": _all_ages(coverage),
        "external": _by_cohort(external),
        "external_minus_test": _by_cohort(None if external is None else loss(coverage, external)),
    }


def _by_cohort(table: pd.DataFrame | None) -> dict[str, Any] | None:
    if table is None:
        return None
    return {
        str(name): _all_ages(rows.drop(columns=COHORT))
        for name, rows in table.groupby(COHORT, sort=False)
    }


def _all_ages(table: pd.DataFrame) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for row in table[table["group"] == ALL].drop(columns="group").to_dict("records"):
        nested.setdefault(row.pop("model"), {})[row.pop("target")] = row
    return nested


def misses(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of groups that are covered less than chance explains."""
    return coverage[coverage["coverage"] < coverage["expected_low"] - 1e-9]


def loss(internal: pd.DataFrame, external: pd.DataFrame) -> pd.DataFrame:
    """Return how much less the sets cover on external cohorts, by model, target and group.

    Returns
    -------
    Columns cohort, model, target, group, n, internal, external, difference, low, high: external
    minus internal coverage with its 95% interval (Newcombe RG. Stat Med 1998;17:873-890, method 10,
    from the exact intervals of both).
    """
    keys = ["model", "target", "group"]
    both = external.merge(internal, on=keys, suffixes=("_external", "_internal"))
    difference = both["coverage_external"] - both["coverage_internal"]
    below = np.hypot(
        both["coverage_external"] - both["low_external"],
        both["high_internal"] - both["coverage_internal"],
    )
    above = np.hypot(
        both["high_external"] - both["coverage_external"],
        both["coverage_internal"] - both["low_internal"],
    )
    return both[[COHORT, *keys]].assign(
        n=both["n_external"], internal=both["coverage_internal"],
        external=both["coverage_external"], difference=difference,
        low=difference - below, high=difference + above,
    )  # fmt: skip


def risk_over_coverage(
    cases: Cases, calibrated: Mapping[str, Floats], points: int = 50
) -> pd.DataFrame:
    """Return the error rate among the surest records over their share, by model and target.

    A record is as sure as its calibrated probability is far from 0.5; its answer is the likelier
    one. Geifman Y, El-Yaniv R. NeurIPS 2017.

    Parameters
    ----------
    calibrated : model -> calibrated probabilities, shape (n, n_targets).

    Returns
    -------
    Columns model, target, coverage (share of records that are answered), risk (share of errors
    among them).
    """
    rows = []
    for model, p in calibrated.items():
        for k, target in enumerate(cases.targets):
            known = ~np.isnan(cases.y[:, k])
            y, of_target = cases.y[known, k], p[known, k]
            order = np.argsort(-np.abs(of_target - 0.5), kind="stable")
            wrong = ((of_target >= 0.5) != (y == 1))[order]
            n = len(wrong)
            counts = np.unique(np.ceil(np.linspace(0, n, points + 1)[1:]).astype(int))
            risks = np.cumsum(wrong)[counts - 1] / counts if n else []
            rows += [
                {"model": model, "target": target, "coverage": c / n, "risk": r}
                for c, r in zip(counts.tolist(), risks, strict=True)
            ]
    return pd.DataFrame(rows, columns=["model", "target", "coverage", "risk"])
