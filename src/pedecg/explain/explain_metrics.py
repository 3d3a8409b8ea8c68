"""Metrics of explanations for ``metrics/explain.json``: sanity checks and regions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.evaluation import bootstrap
from pedecg.explain.beat_regions import REGIONS
from pedecg.explain.explain_settings import ExplainSettings

ALL = "all"
RANDOM = "random"
_PAIR = ["record_id", "target"]


def as_metrics(
    found: dict[str, pd.DataFrame], settings: ExplainSettings, model: str
) -> dict[str, Any]:
    """Return all figures, each with a 95% interval over patients.

    Parameters
    ----------
    found : the tables of `record_maps.together`.
    model : name of the network that was explained.
    """
    targets = [ALL, *dict.fromkeys(found["shares"]["target"])]
    return {
        "model": model,
        "seconds": settings.seconds,
        "explained": {t: len(_of(found["shares"], t)[_PAIR].drop_duplicates()) for t in targets},
        "checked": {t: len(_of(found["deleted"], t)[_PAIR].drop_duplicates()) for t in targets},
        "randomised_weights": {
            "meaning": "rank correlation with the map of the trained network, after its layers "
            "were randomised from the output down; another_training has another seed",
            **{
                target: _randomised(_of(found["randomised"], target), settings)
                for target in targets
            },
        },
        "deletion": {
            "meaning": "decrease in log odds beyond that when the same number of cells "
            "is deleted at random, mean over the deleted share from 0 to "
            f"{settings.fractions[-1]:g}",
            **{target: _deletion(_of(found["deleted"], target), settings) for target in targets},
        },
        "regions": {
            "meaning": "share of the map and share of time, means over the records explained",
            **{target: _regions(_of(found["shares"], target), settings) for target in targets},
        },
        "restored": {
            "meaning": "decrease in log odds when this part of every beat is replaced by "
            "the normal beat of that age",
            **{target: _restored(_of(found["restored"], target), settings) for target in targets},
        },
        "leads": {
            "meaning": "share of the map, mean over the records that have the lead",
            **{target: _leads(_of(found["leads"], target)) for target in targets},
        },
    }


def mean(
    values: "pd.Series[Any]", patients: "pd.Series[Any]", resamples: int, seed: int
) -> dict[str, Any]:
    """Return the mean of values with its 95% interval from a bootstrap over patients."""
    known = values.notna().to_numpy()
    x: NDArray[np.float64] = values[known].to_numpy(np.float64)
    if len(x) == 0:
        return {"value": None, "low": None, "high": None}
    weights = bootstrap.counts(
        pd.factorize(patients[known])[0].astype(np.int64), resamples, seed
    ).astype(np.float64)
    with np.errstate(invalid="ignore"):
        draws = x @ weights / weights.sum(axis=0)
    return bootstrap.estimate(float(x.mean()), draws)


def _of(table: pd.DataFrame, target: str) -> pd.DataFrame:
    return table if target == ALL else table[table["target"] == target]


def _randomised(rows: pd.DataFrame, settings: ExplainSettings) -> dict[str, Any]:
    return {
        str(method): {
            str(depth): _mean(one, "correlation", settings)
            for depth, one in of_method.groupby("depth", sort=False)
        }
        for method, of_method in rows.groupby("method", sort=False)
    }


def _deletion(rows: pd.DataFrame, settings: ExplainSettings) -> dict[str, Any]:
    wide = rows.pivot_table("area", [*_PAIR, "patient_id"], "map").reset_index()
    figures = {}
    for name in dict.fromkeys(rows["map"]):
        if name == RANDOM:
            continue
        more = wide.assign(more=wide[name] - wide[RANDOM])
        figures[str(name)] = {
            "logit_decrease": float(wide[name].mean()),
            "logit_decrease_at_random": float(wide[RANDOM].mean()),
            "more_than_random": _mean(more, "more", settings),
            "share_of_records_with_more": float((more["more"] > 0).mean()),
        }
    return figures


def _regions(rows: pd.DataFrame, settings: ExplainSettings) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for method, of_method in rows.groupby("method", sort=False):
        figures[str(method)] = {
            region: {
                "share": _mean(one, "share", settings),
                "time": time,
                "times_its_share_of_time": float(one["share"].mean() / (time or np.nan)),
            }
            for region in REGIONS
            for one in [of_method[of_method["region"] == region]]
            for time in [float(one["time"].mean())]
        }
    return figures


def _restored(rows: pd.DataFrame, settings: ExplainSettings) -> dict[str, Any]:
    return {
        region: _mean(rows[rows["region"] == region], "logit_decrease", settings)
        for region in REGIONS
        if len(rows)
    }


def _leads(rows: pd.DataFrame) -> dict[str, Any]:
    return {
        str(method): {
            str(lead): float(one["share"].mean())
            for lead, one in of_method.groupby("lead", sort=False)
        }
        for method, of_method in rows.groupby("method", sort=False)
    }


def _mean(rows: pd.DataFrame, column: str, settings: ExplainSettings) -> dict[str, Any]:
    return mean(rows[column], rows["patient_id"], settings.bootstrap, settings.seed)


def deletion_curves(deleted: pd.DataFrame, fractions: Sequence[float]) -> pd.DataFrame:
    """Return the mean decrease of the logit by target, map and deleted share, for `dvc plots`."""
    columns = {f"logit_decrease_{f:g}": f for f in fractions}
    long = deleted.melt(
        ["target", "map"], list(columns), var_name="deleted", value_name="logit_decrease"
    )
    long["deleted"] = long["deleted"].map(columns)
    mean_decrease = long.groupby(["target", "map", "deleted"], sort=False)["logit_decrease"].mean()
    return mean_decrease.reset_index().sort_values(["target", "map", "deleted"], ignore_index=True)
