"""Scores of out-of-fold predictions, with 95% intervals over patients."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.benchmarks.benchmark_settings import ResamplingSettings
from pedecg.benchmarks.prepared_cohort import Prepared
from pedecg.evaluation import bootstrap, metrics, multiclass

Floats = NDArray[np.float64]
CHALLENGE_CLASSES = ("normal", "af", "other")  # CinC 2017's score leaves noisy recordings out
Score = Callable[[Floats, Floats], dict[str, Floats]]  # (n, k) and weights: figures per weighting


def probabilities(predictions: pd.DataFrame, prepared: Prepared) -> Floats:
    """Return out-of-fold probabilities of shape (n_repeats, n_records, n_targets)."""
    ids, targets = list(prepared.record_ids), list(prepared.targets)
    repeats = [
        rows.pivot_table("probability", "record_id", "label").loc[ids, targets]
        for _, rows in predictions.groupby("seed")
    ]
    return np.stack([table.to_numpy(np.float64) for table in repeats])


def with_means(
    by_model: Mapping[str, Floats], groups: Sequence[Sequence[str]]
) -> dict[str, Floats]:
    """Add the mean probability of each group of models that were all predicted.

    Parameters
    ----------
    by_model : model -> shape (n_repeats, n_records, n_targets), probabilities.

    Returns
    -------
    The same with one more entry per group.
    """
    means = {
        " + ".join(group): np.mean([by_model[name] for name in group], axis=0)
        for group in groups
        if all(name in by_model for name in group)
    }
    return {**by_model, **means}


def ranking(
    prepared: Prepared, by_model: Mapping[str, Floats], settings: ResamplingSettings
) -> dict[str, Any]:
    """Score several targets side by side: AUROC and AUPRC of each and their mean (macro).

    Parameters
    ----------
    by_model : model -> shape (n_repeats, n_records, n_targets), probabilities.
    """
    columns = {name: metrics.METRICS.index(name) for name in ("auroc", "auprc")}
    no_thresholds = np.full((len(prepared.targets), len(metrics.POINTS)), np.nan)

    def score(p: Floats, weights: Floats) -> dict[str, Floats]:
        scores = metrics.scores(prepared.truth, p, weights.astype(np.uint16), no_thresholds)
        figures = {
            f"{name}_{target}": scores[:, k, column]
            for name, column in columns.items()
            for k, target in enumerate(prepared.targets)
        }
        means = {
            f"{name}_macro": scores[:, :, column].mean(axis=1) for name, column in columns.items()
        }
        return means | figures

    return _about(prepared) | {"models": _scored(prepared, by_model, settings, score)}


def challenge(
    prepared: Prepared, by_model: Mapping[str, Floats], settings: ResamplingSettings
) -> dict[str, Any]:
    """Score classes of which one holds: challenge score of CinC 2017, F1 of each, accuracy.

    Parameters
    ----------
    by_model : model -> shape (n_repeats, n_records, n_targets), probabilities.
    """
    true = prepared.truth.argmax(axis=1)
    named = ("f1_challenge", "accuracy", *(f"f1 {name}" for name in prepared.targets))

    def score(p: Floats, weights: Floats) -> dict[str, Floats]:
        predicted = p.argmax(axis=1)
        matrices = multiclass.tables(true, predicted, len(prepared.targets), weights)
        scores = multiclass.scores(matrices, prepared.targets, CHALLENGE_CLASSES)
        return {name.replace(" ", "_"): scores[name] for name in named}

    return _about(prepared) | {"models": _scored(prepared, by_model, settings, score)}


def _about(prepared: Prepared) -> dict[str, Any]:
    positives = prepared.truth.sum(axis=0).astype(int).tolist()
    return {
        "records": len(prepared.labels),
        "patients": len(np.unique(prepared.patients)),
        "positives": dict(zip(prepared.targets, positives, strict=True)),
    }


def _scored(
    prepared: Prepared, by_model: Mapping[str, Floats], settings: ResamplingSettings, score: Score
) -> dict[str, Any]:
    """Score the mean over repeats, with its interval, and each repeat, with their mean and SD."""
    once = np.ones((len(prepared.labels), 1))
    drawn = bootstrap.counts(prepared.patients, settings.resamples, settings.seed).astype(float)
    scored = {}
    for model, repeats in by_model.items():
        p = repeats.mean(axis=0)
        values, draws = score(p, once), score(p, drawn)
        single = [score(repeat, once) for repeat in repeats]
        scored[model] = {"repeats": len(repeats)} | {
            name: bootstrap.estimate(float(value[0]), draws[name])
            | {
                "mean": float(np.mean([figures[name][0] for figures in single])),
                "sd": multiclass.spread(np.array([figures[name][0] for figures in single])),
            }
            for name, value in values.items()
        }
    return scored
