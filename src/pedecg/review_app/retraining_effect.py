"""What the decisions did to a model: trained with and without them, on the same test patients."""

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, cases, compare, metrics

MACRO = "macro"


def effect(
    without: pd.DataFrame,
    with_decisions: pd.DataFrame,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    decided: Collection[str],
    *,
    resamples: int = 1000,
    seed: int = 0,
    min_positives: int = 5,
) -> dict[str, Any]:
    """Return AUROC with and without the decisions and the paired difference, per target.

    Parameters
    ----------
    without, with_decisions : `tables.PREDICTIONS` of the same model from two runs; probabilities
        are averaged over the seeds.
    labels, splits : the recorded labels and the split; the test set alone is scored.
    decided : records with a decision; no ECG of their patients is scored, so that the difference
        does not come from labels that were looked at.
    resamples : of patients, for the 95 % intervals.
    min_positives : a target with fewer positives or negatives gets no figure, and says so.

    Returns
    -------
    ``targets``: per target and for their mean (``macro``) the AUROC of both models and the
    difference with its interval; a target without a figure has a ``reason``.

    Raises
    ------
    PedecgError
        The predictions lack a test record or a target, or no test patient is left.
    """
    patients = dict(zip(splits["record_id"], splits["patient_id"], strict=True))
    looked_at = {patients[record] for record in decided if record in patients}
    test = splits[(splits["split"] == "test") & ~splits["patient_id"].isin(looked_at)]
    if test.empty:
        raise PedecgError("no test patient without a decision is left to compare the models on")
    scored = cases.of_records(labels, test)
    patient = np.unique(scored.patients, return_inverse=True)[1].astype(np.int64)
    drawn = bootstrap.counts(patient, resamples, seed)
    weights = np.concatenate([np.ones((len(patient), 1), np.uint16), drawn], axis=1)
    cuts = np.full((len(scored.targets), len(metrics.POINTS)), np.nan)
    known = {target: scored.y[:, k] for k, target in enumerate(scored.targets)}
    fewest = {target: int(min(np.nansum(y == 1), np.nansum(y == 0))) for target, y in known.items()}
    counted = np.array([fewest[target] >= min_positives for target in scored.targets])
    auroc = {}
    for name, predictions in (("without", without), ("with", with_decisions)):
        compare.check_labels(predictions, f"predictions {name} decisions", scored.targets)
        source = f"predictions {name} decisions"
        p = cases.probabilities(predictions, scored, source).mean(axis=0)
        values = metrics.with_averages(scored.y, p, weights, cuts, counted)
        auroc[name] = values[:, :-1, metrics.METRICS.index("auroc")]
    difference = auroc["with"] - auroc["without"]
    found: dict[str, Any] = {}
    for k, target in enumerate((*scored.targets, MACRO)):
        if target != MACRO and not counted[k]:
            reason = f"{fewest[target]} positives or negatives; expected at least {min_positives}"
            found[target] = {"without": None, "with": None, "difference": None, "reason": reason}
            continue
        low, high = bootstrap.interval(difference[1:, k])
        found[target] = {
            "without": _number(auroc["without"][0, k]),
            "with": _number(auroc["with"][0, k]),
            "difference": _number(difference[0, k]),
            "low": _number(low),
            "high": _number(high),
        }
    return {
        "records": len(scored.record_ids),
        "patients": scored.n_patients,
        "left_out_patients": int(
            splits.loc[splits["split"] == "test", "patient_id"].nunique() - scored.n_patients
        ),
        "targets": found,
    }


def as_text(found: dict[str, Any]) -> list[str]:
    """Return the effect as lines for a terminal."""
    lines = [
        f"AUROC on {found['records']} test ECGs of {found['patients']} patients without a decision "
        f"({found['left_out_patients']} test patients left out)",
        "",
        f"{'target':<18} without    with   difference (95 % interval, paired by patient)",
    ]
    for target, one in found["targets"].items():
        if one["difference"] is None:
            lines.append(f"{target:<18} not scored: {one.get('reason', 'no target has a figure')}")
            continue
        lines.append(
            f"{target:<18}   {one['without']:.3f}   {one['with']:.3f}       "
            f"{one['difference']:+.3f} ({one['low']:+.3f} to {one['high']:+.3f})"
        )
    return lines


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
