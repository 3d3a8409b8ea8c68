"""One model's figures: thresholds from validation, metrics on validation and test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg import params
from pedecg.evaluation import bootstrap, metrics
from pedecg.evaluation.cases import Cases

MACRO = "macro"


class Scoring(params.Section):
    """How figures are made of predictions."""

    bootstrap: int = Field(
        description="resamples of patients for the 95% intervals; 0: none", ge=0, le=10_000
    )
    seed: int = Field(description="of the resampling; all models share it, so that they pair", ge=0)
    min_positives: int = Field(
        description="a target with fewer positives, or fewer negatives, in a split gets no figure",
        ge=1,
    )


class EvaluateSettings(Scoring):
    """How every model is scored."""

    models: list[str] = Field(
        description="models to score: all of train.models and train_rules.models", min_length=1
    )


class Trained(params.Section):
    """What the training stages made: the part of their parameters that scoring needs."""

    seeds: list[int] = Field(description="one training each", min_length=1)


def trained_seeds() -> list[int]:
    """Return ``train.seeds``, and no other key of that section."""
    values = {"seeds": params.read_section("train.seeds")}
    return params.parse(values, "train", Trained, params.PARAMS_FILE.name).seeds


@dataclass(frozen=True)
class Scored:
    """One model on one split.

    Attributes
    ----------
    counted : shape (n_targets,), False where a target has too few cases.
    values : shape (n_targets + 1, n_metrics), of the probability averaged over seeds; the last
        row is the macro average over the counted targets. NaN where there is no figure.
    draws : shape (resamples, n_targets + 1, n_metrics).
    per_seed : shape (n_seeds, n_targets + 1, n_metrics), each seed with its own thresholds.
    """

    cases: Cases
    thresholds: NDArray[np.float64]
    counted: NDArray[np.bool_]
    values: NDArray[np.float64]
    draws: NDArray[np.float64]
    per_seed: NDArray[np.float64]


def score(
    cases: Cases,
    probabilities: NDArray[np.float64],
    cuts: NDArray[np.float64],
    seed_cuts: NDArray[np.float64],
    settings: Scoring,
) -> Scored:
    """Score one split at given thresholds.

    Parameters
    ----------
    probabilities : shape (n_seeds, n, n_targets).
    cuts : shape (n_targets,), thresholds for the probability averaged over seeds.
    seed_cuts : shape (n_seeds, n_targets), thresholds for each seed alone.
    """
    counted = enough(cases, settings.min_positives)
    mean = probabilities.mean(axis=0)
    weights = bootstrap.counts(cases.patients, settings.bootstrap, settings.seed)
    seeds = [metrics.values(cases.y, p, c) for p, c in zip(probabilities, seed_cuts, strict=True)]
    return Scored(
        cases=cases,
        thresholds=cuts,
        counted=counted,
        values=metrics.with_macro(metrics.values(cases.y, mean, cuts), counted),
        draws=metrics.with_macro(metrics.scores(cases.y, mean, weights, cuts), counted),
        per_seed=metrics.with_macro(np.array(seeds), counted),
    )


def enough(cases: Cases, at_least: int) -> NDArray[np.bool_]:
    """Return which targets have at least so many positives and so many negatives."""
    positives, negatives = (cases.y == 1).sum(axis=0), (cases.y == 0).sum(axis=0)
    return np.asarray(np.minimum(positives, negatives) >= at_least)


def fit_thresholds(
    cases: Cases, probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose thresholds for 95% specificity; call it with validation cases only.

    Returns
    -------
    Shape (n_targets,) for the probability averaged over seeds, and (n_seeds, n_targets).
    """
    cuts = metrics.thresholds(cases.y, probabilities.mean(axis=0))
    seed_cuts = np.array([metrics.thresholds(cases.y, one) for one in probabilities])
    return cuts, seed_cuts


def validation_and_test(
    validation: Cases,
    p_validation: NDArray[np.float64],
    test: Cases,
    p_test: NDArray[np.float64],
    settings: Scoring,
) -> dict[str, Scored]:
    """Score both splits at the thresholds of the validation split."""
    cuts, seed_cuts = fit_thresholds(validation, p_validation)
    return {
        "validation": score(validation, p_validation, cuts, seed_cuts, settings),
        "test": score(test, p_test, cuts, seed_cuts, settings),
    }


def as_metrics(scored: Scored, settings: Scoring) -> dict[str, Any]:
    """Return a split's figures for a metrics file.

    ``value`` with ``low`` and ``high`` belongs to the probability averaged over seeds and is the
    headline; ``seeds`` are the single trainings, with their mean and standard deviation.
    """
    cases = scored.cases
    targets: dict[str, Any] = {}
    for row, target in enumerate(cases.targets):
        known = cases.y[:, row][~np.isnan(cases.y[:, row])]
        positives = int(known.sum())
        about: dict[str, Any] = {
            "n": len(known),
            "positives": positives,
            "prevalence": positives / len(known) if len(known) else None,
        }
        if not scored.counted[row]:
            about["too_few"] = (
                f"{positives} positives and {len(known) - positives} negatives; "
                f"min_positives is {settings.min_positives}"
            )
        targets[target] = {
            **about,
            "threshold": scored.thresholds[row],
            **_figures(scored, row),
        }
    names = [t for t, counts in zip(cases.targets, scored.counted, strict=True) if counts]
    return {
        "records": len(cases.record_ids),
        "patients": cases.n_patients,
        "macro": {"targets": names, **_figures(scored, len(cases.targets))},
        "targets": targets,
    }


def as_table(scored_by_name: Mapping[str, Scored]) -> pd.DataFrame:
    """Return every model's (or cohort's) every metric in long form, for plots and for reading.

    Returns
    -------
    Columns model, target, n, positives, metric, value, low, high; n and positives are null for
    the macro average.
    """
    rows: list[dict[str, Any]] = []
    for model, scored in scored_by_name.items():
        known = (scored.cases.y >= 0).sum(axis=0).tolist()
        positives = (scored.cases.y == 1).sum(axis=0).tolist()
        for row, target in enumerate([*scored.cases.targets, MACRO]):
            about = {
                "model": model,
                "target": target,
                "n": known[row] if row < len(known) else None,
                "positives": positives[row] if row < len(known) else None,
            }
            for column, metric in enumerate(metrics.METRICS):
                drawn = scored.draws[:, row, column]
                estimate = bootstrap.estimate(scored.values[row, column], drawn)
                rows.append({**about, "metric": metric, **estimate})
    frame = pd.DataFrame(rows)
    return frame.astype({"n": "Int64", "positives": "Int64"})


def _figures(scored: Scored, row: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for column, metric in enumerate(metrics.METRICS):
        seeds = scored.per_seed[:, row, column]
        figures[metric] = {
            **bootstrap.estimate(scored.values[row, column], scored.draws[:, row, column]),
            "seeds": [float(value) for value in seeds],
            "mean": float(seeds.mean()),
            "sd": float(seeds.std(ddof=1)) if len(seeds) > 1 else None,
        }
    return figures
