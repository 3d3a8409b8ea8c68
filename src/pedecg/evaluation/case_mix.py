"""Case mix of several cohorts alongside each other: ages, sexes, leads, prevalence."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pedecg.core.records import LEADS
from pedecg.evaluation.cases import Cases

# Where most children lie, without the extremes.
_AGE_QUANTILES = {"p5": 0.05, "median": 0.5, "p95": 0.95}


def table(cohorts: Mapping[str, tuple[pd.DataFrame, Cases]]) -> pd.DataFrame:
    """Return the case mix of each cohort: ages, sexes, leads, prevalence of each target.

    Parameters
    ----------
    cohorts : name -> (`tables.RECORDS`, the same records' cases).

    Returns
    -------
    Columns characteristic, unit and one per cohort.
    """
    columns = {name: _describe(records, subjects) for name, (records, subjects) in cohorts.items()}
    mix = pd.DataFrame(columns)
    mix.index = pd.MultiIndex.from_tuples(mix.index, names=["characteristic", "unit"])
    return mix.reset_index()


def _describe(records: pd.DataFrame, subjects: Cases) -> dict[tuple[str, str], float]:
    age = records["age_days"].astype("float64")
    described = {
        ("records", "count"): float(len(records)),
        ("patients", "count"): float(subjects.n_patients),
    }
    for name, quantile in _AGE_QUANTILES.items():
        described[f"age {name}", "days"] = float(age.quantile(quantile))
    described["female", "share of known"] = float((records["sex"].dropna() == "female").mean())
    described["twelve leads", "share"] = float(_has_twelve_leads(records).mean())
    described["sampling rate median", "Hz"] = float(records["fs_hz"].median())
    for row, target in enumerate(subjects.targets):
        known = subjects.y[:, row][~np.isnan(subjects.y[:, row])]
        described[f"{target} known", "records"] = float(len(known))
        described[target, "share of known"] = float(known.mean()) if len(known) else float("nan")
    return described


def _has_twelve_leads(records: pd.DataFrame) -> pd.Series:
    """Return which records hold the twelve leads, whatever electrodes they have besides."""
    return records["leads"].map(lambda leads: set(LEADS) <= set(leads.split()))
