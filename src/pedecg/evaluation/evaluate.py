"""Evaluation of one model: calibration and thresholds from validation, metrics on both sets.

Every probability that is scored is calibrated. The headline of a model is the probability averaged
over its trainings; each training alone shows how far chance in training moves a figure.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import params
from pedecg.evaluation import bootstrap, cases, metrics
from pedecg.evaluation.calibration import Calibration
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.fit_calibration import CalibrationSettings

MACRO, MICRO = "macro", "micro"
_OF_PROBABILITIES = ("brier", "ece", "calibration_slope", "calibration_intercept")

Floats = NDArray[np.float64]


class Scoring(params.Section):
    """How figures are made of predictions."""

    bootstrap: int = Field(
        description="resamples of patients for the 95% intervals; 0: none", ge=0, le=10_000
    )
    seed: int = Field(
        description="seed of the resampling, the same for all models, so that differences are "
        "paired",
        ge=0,
    )
    min_positives: int = Field(
        description="smallest number of positives, and of negatives, in a split for which a metric "
        "is computed",
        ge=1,
    )


class EvaluateSettings(Scoring):
    """How every model is scored."""

    calibration: CalibrationSettings = Field(description="corrections and thresholds")
    challenge_classes: list[str] = Field(
        description="with train.task multiclass: classes whose mean F1 is the challenge score, for "
        "CinC 2017 normal, AF and other; empty: all"
    )


@dataclass(frozen=True)
class Calibrated:
    """Calibrated probabilities with the thresholds on them.

    Attributes
    ----------
    p : shape (1 + n_seeds, n, n_targets), the average over trainings first, then each training.
    cuts : shape (1 + n_seeds, n_targets, len(metrics.POINTS)), thresholds; NaN: none.
    """

    p: Floats
    cuts: Floats


@dataclass(frozen=True)
class Scored:
    """One model on one list of cases.

    Attributes
    ----------
    counted : shape (n_targets,), False where a target has too few cases.
    values : shape (n_targets + 2, n_metrics), of the probability averaged over seeds; rows are the
        targets, their mean (macro) and their pooled decisions (micro). NaN: no figure.
    draws : shape (resamples, n_targets + 2, n_metrics).
    per_seed : shape (n_seeds, n_targets + 2, n_metrics).
    """

    cases: Cases
    cuts: Floats
    counted: NDArray[np.bool_]
    values: Floats
    draws: Floats
    per_seed: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """Return what each row is about."""
        return (*self.cases.targets, MACRO, MICRO)

    def figure(self, row: int, metric: str) -> dict[str, Any]:
        """Return one figure with its interval."""
        column = metrics.METRICS.index(metric)
        return bootstrap.estimate(self.values[row, column], self.draws[:, row, column])


def calibrated(fitted: Calibration, raw: Floats, seeds: Sequence[int]) -> Calibrated:
    """Apply a model's calibration.

    Parameters
    ----------
    raw : shape (n_seeds, n, n_targets), one per training.
    """
    trainings: list[int | None] = [None, *seeds]
    sources = [raw.mean(axis=0), *raw]
    p = [fitted.apply(one, seed) for seed, one in zip(trainings, sources, strict=True)]
    rules = (None, "specificity", "sensitivity")  # in the order of metrics.POINTS
    cuts = [[fitted.thresholds(seed, rule) for rule in rules] for seed in trainings]
    return Calibrated(np.array(p), np.array(cuts).transpose(0, 2, 1))


def score(cases: Cases, calibrated_p: Calibrated, settings: Scoring) -> Scored:
    """Score cases at given thresholds."""
    counted = enough(cases, settings.min_positives)
    weights = bootstrap.counts(cases.patients, settings.bootstrap, settings.seed)
    once = np.ones((len(cases.y), 1), np.uint16)
    alone = [
        metrics.with_averages(cases.y, p, once, cuts, counted)[0]
        for p, cuts in zip(calibrated_p.p, calibrated_p.cuts, strict=True)
    ]
    return Scored(
        cases=cases,
        cuts=calibrated_p.cuts[0],
        counted=counted,
        values=alone[0],
        draws=metrics.with_averages(
            cases.y, calibrated_p.p[0], weights, calibrated_p.cuts[0], counted
        ),
        per_seed=np.array(alone[1:]),
    )


def score_patients(subjects: Cases, calibrated_p: Calibrated, settings: Scoring) -> Scored:
    """Score patients instead of records: the mean of their logits, at the records' thresholds."""
    patients, p = cases.by_patient(subjects, calibrated_p.p)
    return score(patients, Calibrated(p, calibrated_p.cuts), settings)


def enough(cases: Cases, at_least: int) -> NDArray[np.bool_]:
    """Return which targets have at least so many positives and so many negatives.

    Returns
    -------
    Shape (n_targets,).
    """
    positives, negatives = (cases.y == 1).sum(axis=0), (cases.y == 0).sum(axis=0)
    return np.asarray(np.minimum(positives, negatives) >= at_least)


def warn_of_few(cases: Cases, at_least: int) -> None:
    """Name on stderr the targets without figures, and the parameter that decides it."""
    positives, negatives = (cases.y == 1).sum(axis=0), (cases.y == 0).sum(axis=0)
    without = [
        f"{target} ({found} positives, {absent} negatives)"
        for target, found, absent in zip(cases.targets, positives, negatives, strict=True)
        if min(found, absent) < at_least
    ]
    if without:
        empty = "; the tables are empty" if len(without) == len(cases.targets) else ""
        print(
            f"no figures on the test set for {', '.join(without)}{empty}: "
            f"evaluate.min_positives is {at_least}",
            file=sys.stderr,
        )


def as_metrics(scored: Scored, settings: Scoring) -> dict[str, Any]:
    """Return all figures for a metrics file.

    ``value`` with ``low`` and ``high`` belongs to the probability averaged over seeds; ``mean`` and
    ``sd`` are those of the single trainings.
    """
    subjects = scored.cases
    targets: dict[str, Any] = {}
    for row, target in enumerate(subjects.targets):
        about = _about(subjects.y[:, row], settings.min_positives)
        figures = _figures(scored, row) if scored.counted[row] else {}
        targets[target] = {**about, "threshold": scored.cuts[row, 0], **figures}
    names = [t for t, counts in zip(subjects.targets, scored.counted, strict=True) if counts]
    return {
        "records": len(subjects.record_ids),
        "patients": subjects.n_patients,
        MACRO: {"targets": names, **_figures(scored, len(subjects.targets))},
        MICRO: {"targets": names, **_figures(scored, len(subjects.targets) + 1)},
        "targets": targets,
    }


def before_calibration(subjects: Cases, raw: Floats, counted: NDArray[np.bool_]) -> dict[str, Any]:
    """Return what the raw probabilities, averaged over seeds, were worth as probabilities.

    Parameters
    ----------
    raw : shape (n_seeds, n, n_targets), probabilities.
    counted : shape (n_targets,), targets with enough cases.
    """
    rows = metrics.values(subjects.y, raw.mean(axis=0), np.full((len(subjects.targets), 3), np.nan))
    return {
        target: {name: rows[k, metrics.METRICS.index(name)] for name in _OF_PROBABILITIES}
        for k, target in enumerate(subjects.targets)
        if counted[k]
    }


def as_table(scored_by_name: Mapping[str, Scored]) -> pd.DataFrame:
    """Return every model's (or cohort's) every metric in long form, for plots and for reading.

    Returns
    -------
    Columns model, target, n, positives, metric, value, low, high; n and positives are null for
    the averages.
    """
    rows: list[dict[str, Any]] = []
    for model, scored in scored_by_name.items():
        known = (scored.cases.y >= 0).sum(axis=0).tolist()
        positives = (scored.cases.y == 1).sum(axis=0).tolist()
        for row, target in enumerate(scored.names):
            about = {
                "model": model,
                "target": target,
                "n": known[row] if row < len(known) else None,
                "positives": positives[row] if row < len(known) else None,
            }
            rows += [{**about, "metric": m, **scored.figure(row, m)} for m in metrics.METRICS]
    frame = pd.DataFrame(rows)
    return frame.astype({"n": "Int64", "positives": "Int64"})


def _about(y: Floats, min_positives: int) -> dict[str, Any]:
    known = y[~np.isnan(y)]
    positives = int(known.sum())
    negatives = len(known) - positives
    about: dict[str, Any] = {
        "n": len(known),
        "positives": positives,
        "prevalence": positives / len(known) if len(known) else None,
    }
    if min(positives, negatives) < min_positives:
        about["too_few"] = (
            f"{positives} positives and {negatives} negatives; min_positives is {min_positives}"
        )
    return about


def _figures(scored: Scored, row: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for column, metric in enumerate(metrics.METRICS):
        seeds = scored.per_seed[:, row, column]
        figures[metric] = {
            **scored.figure(row, metric),
            "mean": float(seeds.mean()),
            "sd": float(seeds.std(ddof=1)) if len(seeds) > 1 else None,
        }
    return figures
