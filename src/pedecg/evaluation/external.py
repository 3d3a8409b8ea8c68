"""A finished model in another hospital: the same thresholds, other patients.

Nothing is fitted here. Thresholds come from the model's own validation split, and the figures stand
beside those of its own test split.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy import optimize, special

from pedecg import params
from pedecg.errors import PedecgError
from pedecg.evaluation import bootstrap, metrics
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Scored

COHORTS = ("internal", "external")
_AGE_QUANTILES = {"p5": 0.05, "median": 0.5, "p95": 0.95}
_LOGIT_LIMIT = 30.0


class ExternalSettings(params.Section):
    """Which model meets which children, and how their labels translate."""

    model: str = Field(description="network to take there, one of train.models")
    age_from_days: int = Field(description="youngest child, days", ge=0)
    age_to_days: int = Field(description="oldest child, days, included", ge=0)
    mapping: str = Field(description="which of external_validation.mappings to use")
    mappings: dict[str, dict[str, str]] = Field(
        description="name -> target of the model -> expression over the external labels, of not, "
        "and, or, any(…), all(…); a target that is left out is not validated",
        min_length=1,
    )

    def chosen(self) -> dict[str, str]:
        """Return the mapping in use, or raise a `PedecgError` that names those there are."""
        if self.mapping not in self.mappings:
            raise PedecgError(
                f"{params.PARAMS_FILE.name}: external_validation.mapping {self.mapping!r} not "
                f"found; mappings are {', '.join(self.mappings)}"
            )
        return self.mappings[self.mapping]


def eligible(
    records: pd.DataFrame, stored: tuple[str, ...], settings: ExternalSettings
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the records to validate on, and how many were left out for which reason.

    Parameters
    ----------
    records : `tables.RECORDS` of the external cohort.
    stored : records that have a signal.
    """
    age = records["age_days"].astype("float64")
    reasons = {
        "age_unknown": age.isna(),
        "too_young": age < settings.age_from_days,
        "too_old": age > settings.age_to_days,
        "no_signal": ~records["record_id"].isin(stored),
    }
    kept = pd.Series(True, index=records.index)
    left_out = {}
    for reason, here in reasons.items():
        left_out[reason] = int((kept & here).sum())
        kept &= ~here
    if not kept.any():
        raise PedecgError(
            f"external cohort: no record of {settings.age_from_days} to {settings.age_to_days} "
            f"days is left; left out: {left_out}"
        )
    return records[kept].reset_index(drop=True), left_out


def check_targets(mapping: Mapping[str, str], targets: tuple[str, ...]) -> None:
    """Raise a `PedecgError` if the mapping is for targets that the model does not have."""
    unknown = [target for target in mapping if target not in targets]
    if unknown:
        raise PedecgError(
            f"{params.PARAMS_FILE.name}: external_validation.mapping is for {', '.join(unknown)}; "
            f"the model knows {', '.join(targets)}"
        )


def calibration_in_the_large(
    cases: Cases, p: NDArray[np.float64], row: int, weights: NDArray[np.uint16]
) -> dict[str, Any]:
    """Return how far the mean probability lies from the share of positives.

    ``intercept`` is that of a logistic model with the slope held at 1: 0 is calibrated, negative
    over-predicts. Steyerberg EW. Clinical Prediction Models, 2nd ed. 2019, chapter 15.
    """
    known = ~np.isnan(cases.y[:, row])
    y, p, weights = cases.y[known, row], p[known, row], weights[known].astype(np.float64)
    excess = p - y
    drawn = np.divide(excess @ weights, weights.sum(axis=0))
    return {
        "predicted": float(p.mean()),
        "observed": float(y.mean()),
        "excess": bootstrap.estimate(float(excess.mean()), drawn),
        "intercept": _intercept(y, p),
    }


def drop(internal: Scored, external: Scored, names: tuple[str, ...]) -> dict[str, Any]:
    """Return external minus internal test for every metric, targets by name and their mean.

    The two cohorts hold different patients, so that their resamples are independent. The mean is
    over the targets that both cohorts can score.
    """
    inside = [internal.cases.targets.index(name) for name in names]
    counted = internal.counted[inside] & external.counted
    value = metrics.with_macro(external.values[:-1] - internal.values[inside], counted)
    drawn = metrics.with_macro(external.draws[:, :-1] - internal.draws[:, inside], counted)
    return {
        target: {
            metric: bootstrap.estimate(value[row, column], drawn[:, row, column])
            for column, metric in enumerate(metrics.METRICS)
        }
        for row, target in enumerate([*names, "macro"])
    }


def case_mix(cohorts: Mapping[str, tuple[pd.DataFrame, Cases]]) -> pd.DataFrame:
    """Return who is in each cohort: ages, sexes, leads, prevalence of each target.

    Parameters
    ----------
    cohorts : name -> (`tables.RECORDS`, the same records' cases).

    Returns
    -------
    Columns characteristic, unit and one per cohort.
    """
    columns = {name: _describe(records, cases) for name, (records, cases) in cohorts.items()}
    table = pd.DataFrame(columns)
    table.index = pd.MultiIndex.from_tuples(table.index, names=["characteristic", "unit"])
    return table.reset_index()


def _describe(records: pd.DataFrame, cases: Cases) -> dict[tuple[str, str], float]:
    age = records["age_days"].astype("float64")
    n_leads = records["leads"].str.split().str.len()
    described = {
        ("records", "count"): float(len(records)),
        ("patients", "count"): float(cases.n_patients),
    }
    for name, quantile in _AGE_QUANTILES.items():
        described[f"age {name}", "days"] = float(age.quantile(quantile))
    described["female", "share of known"] = float((records["sex"].dropna() == "female").mean())
    described["twelve leads", "share"] = float((n_leads == 12).mean())
    described["sampling rate median", "Hz"] = float(records["fs_hz"].median())
    for row, target in enumerate(cases.targets):
        known = cases.y[:, row][~np.isnan(cases.y[:, row])]
        described[f"{target} known", "records"] = float(len(known))
        described[target, "share of known"] = float(known.mean()) if len(known) else float("nan")
    return described


def _intercept(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    if y.min() == y.max():
        return float("nan")
    logits = special.logit(np.clip(p, 1e-9, 1 - 1e-9))

    def excess(shift: float) -> float:
        return float((special.expit(logits + shift) - y).sum())

    return float(optimize.brentq(excess, -_LOGIT_LIMIT, _LOGIT_LIMIT))
