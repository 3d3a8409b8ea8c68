"""Agreement of readers beyond chance: Cohen's and Fleiss' kappa with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_BOOTSTRAP = 1000  # the percentile interval then has a Monte-Carlo error of about 0.01
_LEVELS = (2.5, 97.5)  # percent
FEWEST_CASES = 10  # an interval of fewer would mostly be undefined resamples


@dataclass(frozen=True)
class Kappa:
    """A kappa with its 95 % interval; NaN and a reason where it is undefined.

    Attributes
    ----------
    observed : share of agreeing pairs of answers.
    """

    value: float
    low: float
    high: float
    observed: float
    n_cases: int
    reason: str = ""


def cohen(
    first: NDArray[np.int64], second: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Cohen's kappa of two readers for each set of case weights.

    Parameters
    ----------
    first, second : shape (n_cases,), category of each case, whole numbers from 0.
    weights : shape (n_sets, n_cases), how often each case counts.

    Returns
    -------
    shape (n_sets,); NaN where both readers gave a single category throughout.

    Notes
    -----
    Cohen J. Educ Psychol Meas 1960;20:37-46.
    """
    n = weights.sum(axis=1)
    observed = (weights * (first == second)).sum(axis=1) / n
    expected = np.zeros(len(weights))
    for category in range(int(max(first.max(), second.max())) + 1):
        expected += (weights * (first == category)).sum(axis=1) * (
            weights * (second == category)
        ).sum(axis=1)
    return _beyond_chance(observed, expected / n**2)


def fleiss(counts: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Fleiss' kappa for each set of case weights; the number of readers may vary by case.

    Parameters
    ----------
    counts : shape (n_cases, n_categories), readers per category; at least two per case.
    weights : shape (n_sets, n_cases).

    Notes
    -----
    Fleiss JL. Psychol Bull 1971;76:378-382. With as many readers in every case this is his
    formula; otherwise agreement is averaged over cases, and categories are weighted by answers.
    """
    readers = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (readers * (readers - 1))
    observed = (weights * agreeing).sum(axis=1) / weights.sum(axis=1)
    answers = weights @ counts.astype(np.float64)
    share = answers / answers.sum(axis=1, keepdims=True)
    return _beyond_chance(observed, (share**2).sum(axis=1))


def of_pair(
    first: Sequence[str], second: Sequence[str], patients: Sequence[str], seed: int = 0
) -> Kappa:
    """Return Cohen's kappa of two readers over the cases that both answered.

    Parameters
    ----------
    first, second : answers, one per case.
    patients : whose each case is: the bootstrap draws patients, since cases of one are alike.
    """
    if not first:
        return _undefined("no case was answered by both", 0, np.nan)
    categories = sorted({*first, *second})
    a = np.array([categories.index(answer) for answer in first])
    b = np.array([categories.index(answer) for answer in second])
    weights = _weights(patients, seed)
    return _summary(cohen(a, b, weights), float((a == b).mean()), len(first))


def of_many(answers: Sequence[Sequence[str]], patients: Sequence[str], seed: int = 0) -> Kappa:
    """Return Fleiss' kappa over the cases with at least two answers.

    Parameters
    ----------
    answers : the answers to each case, of any number of readers.
    """
    kept = [
        (list(one), patient) for one, patient in zip(answers, patients, strict=True) if len(one) > 1
    ]
    if not kept:
        return _undefined("no case was answered by two readers", 0, np.nan)
    categories = sorted({answer for one, _ in kept for answer in one})
    counts = np.array([[one.count(category) for category in categories] for one, _ in kept])
    readers = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (readers * (readers - 1))
    weights = _weights([patient for _, patient in kept], seed)
    return _summary(fleiss(counts, weights), float(agreeing.mean()), len(kept))


def _beyond_chance(
    observed: NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    by_chance_alone = np.isclose(expected, 1.0)
    return np.where(
        by_chance_alone, np.nan, (observed - expected) / np.where(by_chance_alone, 1, 1 - expected)
    )


def _weights(patients: Sequence[str], seed: int) -> NDArray[np.float64]:
    """Return the sample itself and `N_BOOTSTRAP` draws of patients, shape (1 + n, n_cases)."""
    _, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    n = int(patient.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP)
    return np.concatenate([np.ones((1, len(patient))), drawn[:, patient]]).astype(np.float64)


def _summary(values: NDArray[np.float64], observed: float, n_cases: int) -> Kappa:
    if np.isnan(values[0]):
        return _undefined("all answers are the same", n_cases, observed)
    if n_cases < FEWEST_CASES:
        reason = f"{n_cases} cases: too few for an interval, at least {FEWEST_CASES}"
        return Kappa(float(values[0]), np.nan, np.nan, observed, n_cases, reason)
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(drawn, _LEVELS) if len(drawn) else (np.nan, np.nan)
    return Kappa(float(values[0]), float(low), float(high), observed, n_cases)


def _undefined(reason: str, n_cases: int, observed: float) -> Kappa:
    return Kappa(np.nan, np.nan, np.nan, observed, n_cases, reason)
