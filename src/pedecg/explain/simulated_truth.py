"""Comparison of maps with the known location of simulated findings.

Which part of the beat a condition changes is read off its row in the simulation's table of
conditions: a finding that moves ST and T alone can only be seen there.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from pedecg.explain.explain_metrics import mean
from pedecg.simulation import conditions

# Effects of `conditions.csv` that are seen in one part of the beat alone.
ST_T = frozenset(
    {
        "st_add_mv", "t_v6_x", "t_v1_add_mv", "u_add_mv", "t_symmetry_add", "t_hump_add",
        "alternans_add",
    }
)  # fmt: skip
QRS = frozenset(
    {
        "voltage_x", "r_v1_x", "s_v1_x", "r_v6_x", "s_v6_x", "q_v6_x", "qrs_add_ms",
        "axis_add_deg", "late_add_mv", "lbbb_add", "fragmented_add",
    }
)  # fmt: skip
HEALTHY = frozenset({"sinus_arrhythmia", "early_repolarization"})  # no abnormality on its own
TARGET = "abnormal"  # the one target whose findings lie each in one part of the beat
REGION_OF = {"ST-T": ST_T, "QRS": QRS}
# A T that is not there has no amplitude, so that gradient x input cannot point to it: apart.
FLAT = "flat T"
MINIMUM = 3  # records; with fewer there is no figure


def score(
    shares: pd.DataFrame, restored: pd.DataFrame, truth: pd.DataFrame, resamples: int, seed: int
) -> dict[str, Any]:
    """Return how much of the maps lies where the finding is, compared with other records' maps.

    Parameters
    ----------
    shares : `explain_tables.SHARES`.
    restored : `explain_tables.RESTORED`.
    truth : `tables.TRUTH`.

    Returns
    -------
    ``findings``: for records predicted abnormal whose conditions all affect ST-T only (QRS only):
    the share of the map in that region, its share of the time, and the same share in the records
    whose conditions affect another region only. ``restored``: for the same records, the decrease of
    the logit when that region is replaced by the normal beat. ``diseases``: for true positives and
    for false positives, the share of ST-T. Nulls and a reason where the truth belongs to another
    cohort.
    """
    if not set(shares["record_id"]) <= set(truth["record_id"]):
        reason = "the truth belongs to another cohort"
        return {"reason": reason, "findings": None, "restored": None, "diseases": None}
    inside = truth.set_index("record_id")["conditions"].fillna("").map(_regions)
    shares = shares.assign(
        inside=shares["record_id"].map(inside), affected=_affected(shares, truth)
    )
    restored = restored.assign(inside=restored["record_id"].map(inside))

    def figures(rows: pd.DataFrame) -> dict[str, Any]:
        n = rows["record_id"].nunique()
        if n < MINIMUM:
            return {"records": n, "too_few": f"{n} of at least {MINIMUM} records"}
        share = mean(rows["share"], rows["patient_id"], resamples, seed)
        times = share["value"] / float(rows["time"].mean())
        return {"records": n, "share": share, "time": float(rows["time"].mean()), "times": times}

    def decreases(rows: pd.DataFrame) -> dict[str, Any]:
        n = rows["record_id"].nunique()
        if n < MINIMUM:
            return {"records": n, "too_few": f"{n} of at least {MINIMUM} records"}
        return {
            "records": n,
            "logit_decrease": mean(rows["logit_decrease"], rows["patient_id"], resamples, seed),
        }

    return {
        "findings": _by_method(shares, lambda rows: _findings(rows, figures)),
        "restored": _findings(restored, decreases),
        "diseases": _by_method(shares, lambda rows: _diseases(rows, figures)),
    }


def _by_method(
    shares: pd.DataFrame, figures: Callable[[pd.DataFrame], dict[str, Any]]
) -> dict[str, Any]:
    return {str(method): figures(rows) for method, rows in shares.groupby("method", sort=True)}


def _findings(
    rows: pd.DataFrame, figures: Callable[[pd.DataFrame], dict[str, Any]]
) -> dict[str, Any]:
    selected = rows[rows["target"] == TARGET]
    return {
        region: {
            f"conditions_in_{of}_alone": figures(
                selected[(selected["region"] == region) & (selected["inside"] == of)]
            )
            for of in (*REGION_OF, FLAT)
        }
        for region in REGION_OF
    }


def _diseases(
    rows: pd.DataFrame, figures: Callable[[pd.DataFrame], dict[str, Any]]
) -> dict[str, Any]:
    selected = rows[(rows["region"] == "ST-T") & rows["positive"]]
    return {
        str(target): {
            "truly_affected": figures(one[one["affected"] == 1]),
            "false_positives": figures(one[one["affected"] == 0]),
        }
        for target, one in selected.groupby("target", sort=True)
    }


def _affected(shares: pd.DataFrame, truth: pd.DataFrame) -> "pd.Series[Any]":
    columns = [name for name in truth.columns if name.startswith("true_")]
    long = truth.melt("record_id", columns, var_name="target", value_name="affected")
    long["target"] = long["target"].str.removeprefix("true_")
    joined = shares[["record_id", "target"]].merge(long, on=["record_id", "target"], how="left")
    return joined["affected"].set_axis(shares.index)


def _regions(written: str) -> str | None:
    """Return the one region that all conditions of ``name:severity;…`` change, `FLAT`, or None."""
    names = {part.split(":")[0] for part in written.split(";") if part} - HEALTHY
    known = conditions.conditions()
    if not names or any(known[name].rhythm for name in names):
        return None
    effects = {effect for name in names for effect in known[name].effects}
    if effects == {"t_v6_x"}:
        return FLAT
    return next((region for region, its in REGION_OF.items() if effects <= its), None)
