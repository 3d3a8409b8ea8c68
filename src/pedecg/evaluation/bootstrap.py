"""Confidence intervals from bootstrap resamples of patients.

Patients are drawn with replacement, never records: two ECGs of one child are not two pieces of
evidence. A resample is written as the number of times that each record counts, so that a metric
over all resamples is arithmetic on one array.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL_PERCENT = (2.5, 97.5)  # percentiles of a 95% interval


def counts(patients: NDArray[np.int64], resamples: int, seed: int) -> NDArray[np.uint16]:
    """Draw how often each record counts in each resample.

    Parameters
    ----------
    patients : shape (n,), codes 0 … n_patients - 1.
    resamples : how many; equal seeds and patients give equal resamples, whatever the model, so
        that differences between models are paired.

    Returns
    -------
    shape (n, resamples).
    """
    n_patients = int(patients.max()) + 1 if len(patients) else 0
    rng = np.random.default_rng(seed)
    drawn = np.empty((n_patients, resamples), np.uint16)
    for column in range(resamples):
        chosen = rng.integers(0, n_patients, n_patients)
        drawn[:, column] = np.bincount(chosen, minlength=n_patients)
    return drawn[patients]


def interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of the draws that exist; NaN where none does.

    Parameters
    ----------
    draws : shape (n_resamples,), the value in each resample; NaN where it does not exist.
    """
    there = draws[np.isfinite(draws)]
    if len(there) == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(there, LEVEL_PERCENT)
    return float(low), float(high)


def estimate(value: float, draws: NDArray[np.float64]) -> dict[str, Any]:
    """Return a value with its 95% interval, as metrics files write it.

    Parameters
    ----------
    draws : shape (n_resamples,), the value in each resample; NaN where it does not exist.
    """
    low, high = interval(draws)
    return {"value": float(value), "low": low, "high": high}


def p_value(difference: float, draws: NDArray[np.float64]) -> float:
    """Return the two-sided p of no difference, from the spread of paired bootstrap differences.

    The difference over its bootstrap standard deviation is referred to the normal distribution,
    which has no floor at 1/resamples and so survives a correction for multiplicity.
    Robin X et al. pROC. BMC Bioinformatics 2011;12:77 (bootstrap test).

    Parameters
    ----------
    draws : shape (n_resamples,), the difference in each resample.
    """
    there = draws[np.isfinite(draws)]
    if len(there) < 2 or not np.isfinite(difference):
        return float("nan")
    spread = float(np.std(there, ddof=1))
    if spread == 0.0:
        return 1.0 if difference == 0.0 else float("nan")
    return float(2 * special.ndtr(-abs(difference) / spread))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm's step-down; NaN stays NaN, uncounted.

    Holm S. Scand J Stat 1979;6:65-70.
    """
    p = np.asarray(p_values, np.float64)
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]
