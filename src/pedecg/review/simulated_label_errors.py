"""Performance of the noise review on the simulated cohort, where wrong labels are known."""

from typing import Any

import pandas as pd

FIRST = (50, 100, 200)  # candidates from the top of the list, at which precision is reported
_FIGURES = ("wrong", "precision", "highest_precision", "recall", "at_chance")
_PREFIX = "wrong_"


def score(ranked: pd.DataFrame, truth: pd.DataFrame) -> dict[str, Any]:
    """Return how many truly wrong labels are among the first candidates.

    Parameters
    ----------
    ranked : `tables.CANDIDATES`.
    truth : record_id and one column ``wrong_<target>`` per target, True where the recorded label
        contradicts the simulated heart.

    Returns
    -------
    For each depth of `FIRST`: how many are wrong, the share (precision), how large it could be at
    most, since few labels are wrong, the share of all wrong labels that are found (recall), and
    how many would be wrong at chance; per target the counts at depth 100. Nulls and a reason where
    the truth belongs to another cohort.
    """
    columns = [name for name in truth.columns if name.startswith(_PREFIX)]
    wrong = truth.melt("record_id", columns, var_name="label", value_name="wrong")
    wrong["label"] = wrong["label"].str.removeprefix(_PREFIX)
    known = ranked.merge(wrong, on=["record_id", "label"], how="left")["wrong"]
    if len(ranked) == 0 or known.isna().any():
        reason = "no candidates" if len(ranked) == 0 else "the truth belongs to another cohort"
        return {**_depths(None), "labels": len(ranked), "wrong": None, "reason": reason}
    hit = known.astype(bool).set_axis(ranked.index)
    targets = {}
    for target, rows in hit.groupby(ranked["label"], sort=True):
        first = rows[rows.index < 100]
        targets[str(target)] = {
            "labels": len(rows),
            "wrong": int(rows.sum()),
            "in_first_100": len(first),
            "wrong_in_first_100": int(first.sum()),
        }
    return {**_depths(hit), "labels": len(hit), "wrong": int(hit.sum()), "targets": targets}


def _depths(hit: pd.Series | None) -> dict[str, Any]:
    depths: dict[str, Any] = {}
    for depth in FIRST:
        if hit is None:
            depths[f"first_{depth}"] = dict.fromkeys(_FIGURES)
            continue
        found = int(hit.iloc[:depth].sum())
        seen, wrong = min(depth, len(hit)), int(hit.sum())
        depths[f"first_{depth}"] = {
            "wrong": found,
            "precision": found / seen,
            "highest_precision": min(wrong, seen) / seen,
            "recall": found / wrong if wrong else None,
            "at_chance": seen * float(hit.mean()),
        }
    return depths
