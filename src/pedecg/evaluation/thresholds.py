"""Decision thresholds by four rules, fitted on the validation set.

A threshold lies midway between two probabilities that occur, so that no decision depends on the
last digits of a probability. Isotonic calibration gives most records one of a few values
(plateaus); within a plateau they differ by 1e-6 at most, to keep their order: no threshold lies
inside a plateau.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

RATE = 0.95  # of the two fixed rates that every model is scored at

_ROUNDING = 1e-12  # of a rate that equals the wanted one but for float64
# Probabilities so close are one value. Within a plateau of isotonic calibration they differ by up
# to 1e-6 (`calibration._ORDER`); averaging and a line on the logit leave that order of magnitude.
_PLATEAU = 2e-6


def candidates(
    y: NDArray[np.float64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return every threshold that differs, ascending, with sensitivity and specificity from it.

    The first lies midway between 0 and the lowest probability: every record is positive.

    Parameters
    ----------
    y, p : shape (n,), labels 0 or 1 and probabilities; both classes present.
    """
    lowest, highest = _plateaus(p)
    cuts = (np.append(0.0, highest[:-1]) + lowest) / 2
    positives, negatives = np.sort(p[y == 1]), np.sort(p[y == 0])
    sensitivity = 1 - np.searchsorted(positives, cuts, side="left") / len(positives)
    specificity = np.searchsorted(negatives, cuts, side="left") / len(negatives)
    return cuts, sensitivity, specificity


def at_specificity(y: NDArray[np.float64], p: NDArray[np.float64], rate: float = RATE) -> float:
    """Return the lowest threshold that keeps the specificity; infinity where none does.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    cuts, _, specificity = candidates(y, p)
    kept = cuts[specificity >= rate - _ROUNDING]
    return float(kept[0]) if len(kept) else float("inf")


def at_sensitivity(y: NDArray[np.float64], p: NDArray[np.float64], rate: float = RATE) -> float:
    """Return the highest threshold that keeps the sensitivity; the lowest always does.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    cuts, sensitivity, _ = candidates(y, p)
    return float(cuts[sensitivity >= rate - _ROUNDING][-1])


def at_youden(y: NDArray[np.float64], p: NDArray[np.float64], rate: float = RATE) -> float:
    """Return the threshold of the largest sensitivity + specificity - 1; of equals the highest.

    Youden WJ. Cancer 1950;3:32-35.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    cuts, sensitivity, specificity = candidates(y, p)
    return _highest_best(cuts, sensitivity + specificity)


def at_f1(y: NDArray[np.float64], p: NDArray[np.float64], rate: float = RATE) -> float:
    """Return the threshold of the largest F1; of equals the highest.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    cuts, sensitivity, specificity = candidates(y, p)
    positives = float(y.sum())
    hits, alarms = sensitivity * positives, (1 - specificity) * (len(y) - positives)
    return _highest_best(cuts, 2 * hits / (hits + alarms + positives))


Rule = Callable[[NDArray[np.float64], NDArray[np.float64], float], float]
RULES: Mapping[str, Rule] = {
    "f1": at_f1,
    "youden": at_youden,
    "sensitivity": at_sensitivity,
    "specificity": at_specificity,
}


def fit(y: NDArray[np.float64], p: NDArray[np.float64], rule: str, rate: float = RATE) -> float:
    """Return a threshold; NaN where one class is absent. Call it with validation cases only.

    Parameters
    ----------
    y : shape (n,), 1, 0 or NaN where not known; those are left out.
    p : shape (n,), probabilities.
    rule : a key of `RULES`.
    rate : sensitivity or specificity to keep, for the two rules that keep one.

    Returns
    -------
    A probability: records at or above it are positive. It lies midway between two that occur
    in `p`. Infinity where even the highest calls too many negatives.
    """
    known = ~np.isnan(y)
    y, p = y[known], p[known]
    if len(y) == 0 or y.min() == y.max():
        return float("nan")
    return RULES[rule](y, p, rate)


def _plateaus(p: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest probability of every plateau, ascending."""
    values = np.unique(p)
    following = np.searchsorted(values, values + _PLATEAU, "right").tolist()
    first = [0]
    while following[first[-1]] < len(values):
        first.append(following[first[-1]])
    last = np.array([*first[1:], len(values)]) - 1
    return values[first], values[last]


def _highest_best(cuts: NDArray[np.float64], worth: NDArray[np.float64]) -> float:
    return float(cuts[worth >= worth.max() - _ROUNDING][-1])
