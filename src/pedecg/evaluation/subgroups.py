"""Metrics by subgroup: age, leads, sex, quality, length and year of acquisition.

One set of resamples of the whole test split serves all groups, so that the gap between two groups
has an interval even where a patient has records in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from pedecg.core import age_groups, params
from pedecg.core.records import ALL_LEADS
from pedecg.evaluation import bootstrap, cases, evaluate, metrics
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Calibrated
from pedecg.evaluation.select_models import Selected

ALL = "all records"
REPORTED = ("auroc", "auprc", "sensitivity", "specificity", "brier", "calibration_intercept")
GAP = "auroc"

Floats = NDArray[np.float64]


class SubgroupSettings(params.Section):
    """Which groups of test records are looked at."""

    models: list[str] | None = Field(
        description="models of the run; null: the best network and the best model without signals "
        "on validation records, and the ensemble"
    )
    length_edges_s: list[float] = Field(
        description="edges of the groups of record lengths, s, ascending", min_length=1
    )
    noisy_share: float = Field(
        description="share of leads of low quality from which a record counts as noisy", gt=0, le=1
    )
    min_psqi: float = Field(
        description="smallest pSQI (share of power at 5-15 Hz) of a lead of good quality",
        ge=0,
        le=1,
    )
    min_bassqi: float = Field(
        description="smallest basSQI (1 - share of power below 1 Hz) of a lead of good quality",
        ge=0,
        le=1,
    )
    crossed: bool = Field(
        description="true: also pairs of factors, for example age group and sex (tables only)"
    )

    @field_validator("length_edges_s")
    @classmethod
    def _ascending(cls, edges: list[float]) -> list[float]:
        if sorted(set(edges)) != edges or edges[0] <= 0:
            raise ValueError(f"must rise from above 0 (found {edges})")
        return edges


def groups(
    records: pd.DataFrame,
    quality: pd.DataFrame,
    age_edges_days: Sequence[int],
    settings: SubgroupSettings,
) -> pd.DataFrame:
    """Return the group of each record by each factor.

    Parameters
    ----------
    records, quality : `tables.RECORDS` and `tables.QUALITY`.

    Returns
    -------
    Index record_id; one ordered categorical column per factor.
    """
    by_id = records.set_index("record_id")
    length_s = by_id["n_samples"] / by_id["fs_hz"]
    year = by_id["acquired_at"].str.extract(r"(?<!\d)((?:19|20)\d\d)(?!\d)")[0]
    ages = age_groups.names(age_edges_days)
    lengths = _length_names(settings.length_edges_s)
    bounds = [0, *settings.length_edges_s, np.inf]
    n_leads = by_id["leads"].str.count(" ") + 1
    fullest_first = [f"{n} leads" for n in range(len(ALL_LEADS), 0, -1)]
    found = {
        "age": _ordered(age_groups.assign(by_id["age_days"], age_edges_days), ages),
        "leads": _ordered(n_leads.astype(str) + " leads", fullest_first),
        "sex": _ordered(by_id["sex"], ["female", "male"]),
        "quality": _ordered(_quality(quality, by_id.index, settings), ["clean", "noisy"]),
        "length": _ordered(pd.cut(length_s, bounds, right=False, labels=lengths), lengths),
        "year": _ordered(year, sorted(year.dropna().unique())),
    }
    return pd.DataFrame(found)


@dataclass(frozen=True)
class GroupScores:
    """One model, group by group.

    Attributes
    ----------
    table : columns model, factor, group, target, n, positives, metric, value, low, high.
    gaps : columns model, target, factor, worse, better, difference, low, high, p, p_holm.
    """

    table: pd.DataFrame
    gaps: pd.DataFrame


def score(
    model: str,
    subjects: Cases,
    calibrated: Calibrated,
    group: pd.DataFrame,
    settings: SubgroupSettings,
    scoring: evaluate.Scoring,
) -> GroupScores:
    """Score every group, and every difference of AUROC between two groups of one factor.

    Parameters
    ----------
    group : as `groups` returns it.
    """
    factors = group.loc[list(subjects.record_ids)]
    weights = bootstrap.counts(subjects.patients, scoring.bootstrap, scoring.seed)
    members = {("all", ALL): np.ones(len(subjects.y), bool), **_members(factors, settings.crossed)}
    rows: list[dict[str, Any]] = []
    scored: dict[tuple[str, str], tuple[Floats, Floats]] = {}
    for (factor, name), here in members.items():
        some = subjects.rows(here)
        counted = evaluate.enough(some, scoring.min_positives)
        p, cuts = calibrated.p[0][here], calibrated.cuts[0]
        once = np.ones((int(here.sum()), 1), np.uint16)
        value = metrics.with_averages(some.y, p, once, cuts, counted)[0]
        drawn = metrics.with_averages(some.y, p, weights[here], cuts, counted)
        scored[factor, name] = value, drawn
        for k, target in enumerate(subjects.targets):
            about: dict[str, Any] = {
                "model": model,
                "factor": factor,
                "group": name,
                "target": target,
            }
            y = some.y[:, k]
            about |= {"n": int((y >= 0).sum()), "positives": int((y == 1).sum())}
            for metric in REPORTED:
                c = metrics.METRICS.index(metric)
                figure = bootstrap.estimate(value[k, c], drawn[:, k, c])
                if (
                    counted[k] or " x " not in factor
                ):  # crossed groups are many, and mostly too small
                    rows.append({**about, "metric": metric, **figure})
    return GroupScores(pd.DataFrame(rows), _gaps(model, subjects.targets, factors, scored))


def score_all(
    models: Sequence[Selected],
    test: Cases,
    seeds: Sequence[int],
    group: pd.DataFrame,
    settings: SubgroupSettings,
    scoring: evaluate.Scoring,
) -> dict[str, GroupScores]:
    """Return the `score` of each model, at its own calibration and thresholds."""
    found = {}
    for model in models:
        raw = cases.probabilities(model.predictions(), test, model.source)
        calibrated = evaluate.calibrated(model.calibration(), raw, seeds)
        found[model.name] = score(model.name, test, calibrated, group, settings, scoring)
    return found


def together(found: Mapping[str, GroupScores]) -> GroupScores:
    """Return the tables of all models as one."""
    return GroupScores(
        pd.concat([each.table for each in found.values()], ignore_index=True),
        pd.concat([each.gaps for each in found.values()], ignore_index=True),
    )


def as_metrics(found: Mapping[str, GroupScores]) -> dict[str, Any]:
    """Return the largest gap of each model and target, for a metrics file."""
    return {"largest_gap": {model: largest(each.gaps) for model, each in found.items()}}


def largest(gaps: pd.DataFrame) -> dict[str, Any]:
    """Return the largest gap of each target, for a metrics file."""
    found: dict[str, Any] = {}
    for target, factors in gaps.groupby("target", sort=False):
        row = factors.iloc[int(factors["difference"].to_numpy().argmax())]
        found[str(target)] = row.drop(["model", "target"]).to_dict()
    return found


def sentence(gaps: pd.DataFrame) -> str:
    """Say the largest gap of all targets, and whether chance could make it."""
    if gaps.empty:
        return "No two groups have enough cases to be compared"
    row = gaps.iloc[int(gaps["difference"].to_numpy().argmax())]
    certain = gaps[gaps["p_holm"] < 0.05]
    summary = (
        f"largest gap {row['difference']:.2f} AUROC ({row['target']}: {row['worse']} below "
        f"{row['better']})"
    )
    if certain.empty:
        return f"{summary}; no gap between groups is clearly larger than chance"
    names = ", ".join(f"{r.target} by {r.factor}" for r in certain.itertuples())
    return f"{summary}; clearly larger than chance: {names}"


def _gaps(
    model: str,
    targets: Sequence[str],
    group: pd.DataFrame,
    scored: Mapping[tuple[str, str], tuple[Floats, Floats]],
) -> pd.DataFrame:
    """Return every difference between two groups of a factor; Holm corrects them together."""
    column = metrics.METRICS.index(GAP)
    rows = []
    for k, target in enumerate(targets):
        for factor in group.columns:
            names = [name for name in group[factor].cat.categories if (factor, name) in scored]
            for pair in combinations(names, 2):
                values = [scored[factor, name][0][k, column] for name in pair]
                if not np.isfinite(values).all():
                    continue
                worse, better = (pair[i] for i in np.argsort(values, kind="stable"))
                drawn = scored[factor, better][1] - scored[factor, worse][1]
                difference = abs(values[0] - values[1])
                low, high = bootstrap.interval(drawn[:, k, column])
                p = bootstrap.p_value(difference, drawn[:, k, column])
                row = (model, target, factor, worse, better, difference, low, high, p)
                rows.append(row)
    names = ["model", "target", "factor", "worse", "better", "difference", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(p_holm=bootstrap.holm(frame["p"].to_list()))


def _members(group: pd.DataFrame, crossed: bool) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Return which records are in each group that holds any."""
    found = {
        (str(factor), str(name)): (group[factor] == name).to_numpy(bool)
        for factor in group.columns
        for name in group[factor].cat.categories
    }
    if crossed:
        for first, second in combinations(group.columns, 2):
            for a in group[first].cat.categories:
                for b in group[second].cat.categories:
                    both = found[str(first), str(a)] & found[str(second), str(b)]
                    found[f"{first} x {second}", f"{a}, {b}"] = both
    return {key: here for key, here in found.items() if here.any()}


def _quality(quality: pd.DataFrame, record_ids: pd.Index, settings: SubgroupSettings) -> pd.Series:
    flawed = (
        ~quality["usable"]
        | quality["flaw"].notna()
        | (quality["psqi"] < settings.min_psqi)
        | (quality["bassqi"] < settings.min_bassqi)
    )
    share = flawed.groupby(quality["record_id"]).mean().reindex(record_ids)
    words = pd.Series(np.where(share >= settings.noisy_share, "noisy", "clean"), record_ids)
    return words.where(share.notna())


def _ordered(names: pd.Series, order: Sequence[str]) -> pd.Series:
    """Return names as categories in this order, those without a name last."""
    filled = names.astype("object").where(names.notna(), age_groups.UNKNOWN).astype(str)
    known = [name for name in [*order, age_groups.UNKNOWN] if (filled == name).any()]
    return pd.Series(pd.Categorical(filled, known, ordered=True), names.index)


def _length_names(edges_s: Sequence[float]) -> list[str]:
    between = [f"{a:g} to {b:g} s" for a, b in pairwise(edges_s)]
    return [f"under {edges_s[0]:g} s", *between, f"{edges_s[-1]:g} s and more"]
