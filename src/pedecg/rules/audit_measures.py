"""How a cohort's measures lie against the limits for age and sex."""

from typing import Any

import numpy as np
import pandas as pd

from pedecg.core import age_groups
from pedecg.rules import norms

# measure of the limits -> its name in a picture
SHOWN = {
    "heart_rate": "Heart rate",
    "pr": "PR interval",
    "qrs": "QRS duration",
    "qtc_bazett": "QTc (Bazett)",
    "qrs_axis": "QRS axis",
}
UNITS = {"heart_rate": "bpm", "pr": "ms", "qrs": "ms", "qtc_bazett": "ms", "qrs_axis": "deg"}
ALL = "all ages"
BEYOND = 2.0537  # SD: the 2nd and 98th percentile


def children(rules: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Put age, sex and the valid measures of each record side by side.

    Returns
    -------
    Columns age_days, sex, and of each measure in `SHOWN` its value (``<measure>``, NaN where not
    valid) and ``z_<measure>``.
    """
    of_rules = records.set_index("record_id").reindex(rules["record_id"])
    table = pd.DataFrame(
        {"age_days": of_rules["age_days"].astype("Float64").to_numpy(np.float64, na_value=np.nan)}
    )
    table["sex"] = of_rules["sex"].to_numpy()
    for measure, column in columns(rules).items():
        values = rules[column].where(rules[f"valid_{column}"])
        table[measure] = values.to_numpy(np.float64)
        table[f"z_{measure}"] = rules[f"z_{measure}"].to_numpy(np.float64)
    return table


def columns(rules: pd.DataFrame) -> dict[str, str]:
    """Return the column of each shown measure for which the file of limits gave z-scores."""
    named = {measure: f"{measure}_{unit}" for measure, unit in UNITS.items()}
    return {measure: named[measure] for measure in SHOWN if f"z_{measure}" in rules}


def outside(table: pd.DataFrame) -> pd.DataFrame:
    """Count, by measure and age, how many lie beyond the limits of their age and sex.

    Returns
    -------
    measure, age, records (with a z-score), median, below_share (under the 2nd percentile; 2% in
    health), above_share (over the 98th).
    """
    groups = age_groups.NORMAL_LIMITS
    group = groups.assign(table["age_days"]).to_numpy(str)
    rows = []
    for measure in SHOWN:
        if f"z_{measure}" not in table:
            continue
        z = table[f"z_{measure}"].to_numpy()
        for name in (ALL, *groups.names):
            here = np.isfinite(z) & ((group == name) | (name == ALL))
            some = bool(here.any())
            rows.append((
                measure, name, int(here.sum()),
                float(np.median(table[measure].to_numpy()[here])) if some else np.nan,
                float((z[here] < -BEYOND).mean()) if some else np.nan,
                float((z[here] > BEYOND).mean()) if some else np.nan,
            ))  # fmt: skip
    names_of = ["measure", "age", "records", "median", "below_share", "above_share"]
    return pd.DataFrame(rows, columns=names_of)


def lines(limits: norms.Limits, measure: str, sex: str) -> pd.DataFrame:
    """Return the 2nd, 50th and 98th percentile over age, on even steps of log(age + 1 day)."""
    ages = np.expm1(np.linspace(0.0, np.log1p(6574.0), 200))
    known = [(age, limits.percentiles(measure, float(age), sex)) for age in ages]
    rows = [(age, p.p2, p.p50, p.p98) for age, p in known if p is not None]
    return pd.DataFrame(rows, columns=["age_days", "p2", "p50", "p98"])


def summary(counted: pd.DataFrame) -> dict[str, Any]:
    """Return the shares over all ages."""
    rows = counted[counted["age"] == ALL].set_index("measure")
    return {
        str(measure): {key: row[key] for key in ("records", "median", "below_share", "above_share")}
        for measure, row in rows.iterrows()
    }
