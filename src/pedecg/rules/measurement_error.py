"""How far measures lie from the truth, where a simulation knows it."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pedecg.core import age_groups

TOLERANCES = Path(__file__).with_suffix(".csv")
ALL = "all ages"
FEWEST = 5  # records; fewer have no SD worth a verdict
PREFIX = "read_"
OF_A_WAVE = ("p_ms", "pr_ms", "p_axis_deg")  # a heart may have none
COLUMNS = (
    "measure", "age", "records", "valid", "invented", "bias", "sd", "p2_5", "median", "p97_5",
    "bias_tolerance", "sd_tolerance", "within",
)  # fmt: skip


@dataclass(frozen=True)
class Tolerance:
    """Largest mean and SD of measured minus true, in the measure's unit."""

    bias: float
    sd: float


def tolerances(path: Path = TOLERANCES) -> dict[str, Tolerance]:
    """Read what the project promises of each measure."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {row["measure"]: Tolerance(float(row["bias"]), float(row["sd"])) for row in rows}


def table(rules: pd.DataFrame, truth: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Compare each measure with what a perfect reader would have measured.

    Parameters
    ----------
    rules : `tables.RULES`.
    truth : `tables.TRUTH` with columns ``read_<measure>``.
    records : `tables.RECORDS`, for the ages.

    Returns
    -------
    One row per measure and age group, columns `COLUMNS`. ``records`` have a true value, ``valid``
    of them a valid measured one; ``invented`` have a valid measure of what is not there, as a P
    in fibrillation. Bias (mean), SD and percentiles are of measured minus true, in the measure's
    unit; ``within`` is null where fewer than five records are valid.
    """
    age = records.set_index("record_id")["age_days"].reindex(rules["record_id"])
    group = age_groups.CLINICAL.assign(age.reset_index(drop=True)).to_numpy(str)
    true = truth.set_index("record_id").reindex(rules["record_id"]).reset_index(drop=True)
    known = rules["record_id"].isin(truth["record_id"]).to_numpy()
    rows = []
    for measure, tolerance in tolerances().items():
        right = true[PREFIX + measure].to_numpy(np.float64)
        valid = rules[f"valid_{measure}"].to_numpy(bool)
        off = rules[measure].to_numpy(np.float64) - right
        invented = valid & ~np.isfinite(right) & (measure in OF_A_WAVE)
        if measure.endswith("_axis_deg"):
            off = (off + 180.0) % 360.0 - 180.0
        for name in (ALL, *age_groups.CLINICAL.names):
            here = known & ((group == name) | (name == ALL))
            taken = off[here & valid & np.isfinite(right)]
            bias, sd = _mean_and_sd(taken)
            low, middle, high = _percentiles(taken)
            judged = len(taken) >= FEWEST
            rows.append((
                measure, name, int((here & np.isfinite(right)).sum()), len(taken),
                int(invented[here].sum()), bias, sd, low, middle, high,
                tolerance.bias, tolerance.sd,
                bool(abs(bias) <= tolerance.bias and sd <= tolerance.sd) if judged else None,
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summary(compared: pd.DataFrame) -> dict[str, Any]:
    """Return the figures over all ages, and which age groups lie outside the tolerance."""
    if not compared["records"].any():
        return {"records": 0, "within": None, "reason": "the truth belongs to another cohort"}
    everyone = compared[compared["age"] == ALL]
    judged = compared[compared["within"].notna()]
    outside = compared[compared["within"].eq(False) & (compared["age"] != ALL)]
    keys = ["records", "valid", "invented", "bias", "sd", "within"]
    return {
        "records": int(everyone["records"].max()),
        "measures": len(everyone),
        "within": int(everyone["within"].eq(True).sum()),
        "by_age": {
            name: {"judged": len(own), "within": int(own["within"].eq(True).sum())}
            for name, own in judged.groupby("age", sort=False)
        },
        "age_groups_outside": [f"{m}, {age}" for m, age in outside[["measure", "age"]].to_numpy()],
        "by_measure": {
            row["measure"]: {key: row[key] for key in keys} for row in everyone.to_dict("records")
        },
    }


def _mean_and_sd(values: np.ndarray) -> tuple[float, float]:
    if len(values) < 2:
        return np.nan, np.nan
    return float(values.mean()), float(values.std(ddof=1))


def _percentiles(values: np.ndarray) -> tuple[float, float, float]:
    if not len(values):
        return np.nan, np.nan, np.nan
    low, middle, high = np.percentile(values, [2.5, 50, 97.5])
    return float(low), float(middle), float(high)
