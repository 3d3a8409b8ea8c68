"""Calibration metrics: Brier score and its components, slope and intercept, ECE.

Bins hold about equally many records: most predictions of a rare disease lie close to zero, where
bins of equal width would see one heap.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pedecg.evaluation.calibration import logit

BINS = 10  # bins of the expected calibration error

_GROUPS = 512  # groups in which the calibration line is fitted, at most: bounds memory and time
_STEPS = 30  # of Newton, at most
_LARGEST = 50.0  # a slope or intercept beyond it stands for separated classes
_SMALL = 1e-8  # a smaller step has converged; a smaller curvature counts as this one

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def bins(p: Floats, number: int = BINS) -> Places:
    """Return each record's bin, cut at quantiles of `p`; equal values share a bin.

    Parameters
    ----------
    p : shape (n,), probabilities.

    Returns
    -------
    Shape (n,), from 0 to `number` - 1.
    """
    edges = np.percentile(p, np.linspace(0, 100, number + 1)[1:-1])
    return np.searchsorted(edges, p).astype(np.int64)


def bin_starts(p: Floats) -> Places:
    """Return where each bin begins in probabilities of falling order.

    Parameters
    ----------
    p : shape (n,), sorted probabilities.

    Returns
    -------
    Shape (n_bins,), the position of the first record of each bin.
    """
    return np.append(0, np.flatnonzero(np.diff(bins(p))) + 1).astype(np.int64)


def group_starts(n: int) -> Places:
    """Return where up to 512 groups of neighbours begin among n sorted records.

    Returns
    -------
    Shape (n_groups,), positions.
    """
    return np.unique(np.linspace(0, n, min(n, _GROUPS) + 1).astype(np.int64)[:-1])


def parts(
    records: Floats, positives: Floats, predicted: Floats, squares: Floats
) -> dict[str, Floats]:
    """Return Brier score, its three parts and the expected calibration error.

    Brier = reliability - resolution + uncertainty, apart from the variance within a bin.
    Murphy AH. J Appl Meteorol 1973;12:595-600. ECE: Naeini MP et al. AAAI 2015, here over bins of
    equal counts.

    Parameters
    ----------
    records, positives, predicted : shape (n_bins, n_weightings): how many records, how many of
        them positive, and the sum of their probabilities.
    squares : shape (n_weightings,), sum of squared errors.
    """
    total = records.sum(axis=0)
    prevalence = positives.sum(axis=0) / total
    gap = positives - predicted
    share = _over(positives, records)
    return {
        "brier": squares / total,
        "brier_reliability": (gap * _over(gap, records)).sum(axis=0) / total,
        "brier_resolution": (records * (share - prevalence) ** 2).sum(axis=0) / total,
        "brier_uncertainty": prevalence * (1 - prevalence),
        "ece": np.abs(gap).sum(axis=0) / total,
    }


def line(p: Floats, starts: Places, records: Floats, positives: Floats) -> dict[str, Floats]:
    """Return calibration slope and intercept; NaN where the classes are separated.

    The slope is that of a logistic model on the logit (1: neither too bold nor too shy), the
    intercept that of one with the slope held at 1 (0: neither too high nor too low on average).
    Van Calster B et al. BMC Med 2019;17:230. Neighbours in a group share their mean logit.

    Parameters
    ----------
    p : shape (n,), probabilities in falling order.
    starts : shape (n_groups,), where each group begins.
    records, positives : shape (n_groups, n_weightings).
    """
    sizes = np.diff(np.append(starts, len(p)))
    z = (np.add.reduceat(logit(p), starts) / sizes)[:, None]
    return {
        "calibration_slope": _slope(z, records, positives),
        "calibration_intercept": _intercept(z, records, positives),
    }


def _intercept(z: Floats, records: Floats, positives: Floats) -> Floats:
    shift = np.zeros(records.shape[1])
    wanted = positives.sum(axis=0)
    for _ in range(_STEPS):
        p = special.expit(z + shift)
        expected = records * p
        curvature = expected.sum(axis=0) - np.einsum("gb,gb->b", expected, p)
        step = np.clip((wanted - expected.sum(axis=0)) / np.maximum(curvature, _SMALL), -2, 2)
        shift += step
        if np.abs(step).max() < _SMALL:
            break
    return np.where(np.abs(shift) < _LARGEST, shift, np.nan)


def _slope(z: Floats, records: Floats, positives: Floats) -> Floats:
    """Fit slope and intercept of every weighting by Newton's method; return the slopes."""
    slope, shift = np.ones(records.shape[1]), np.zeros(records.shape[1])
    moved = np.full(records.shape[1], np.inf)
    powers = np.column_stack([np.ones_like(z), z, z * z]).T
    wanted = powers[:2] @ positives
    for _ in range(_STEPS):
        p = special.expit(slope * z + shift)
        expected = records * p
        g0, g1 = wanted - powers[:2] @ expected
        here, along, across = powers @ (expected * (1 - p))
        area = np.maximum(here * across - along**2, _SMALL)
        by_slope = np.clip((here * g1 - along * g0) / area, -1, 1)
        by_shift = np.clip((across * g0 - along * g1) / area, -3, 3)
        slope, shift = slope + by_slope, shift + by_shift
        moved = np.maximum(np.abs(by_slope), np.abs(by_shift))
        if moved.max() < _SMALL:
            break
    found = (moved < 1e-4) & (np.abs(slope) < _LARGEST) & (np.abs(shift) < _LARGEST)
    return np.where(found, slope, np.nan)


def _over(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))
