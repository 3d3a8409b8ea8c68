"""Confusion-matrix rates at a threshold."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rates(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> dict[str, Floats]:
    """Return the rates of two by two tables; NaN where a rate has no denominator.

    Parameters
    ----------
    tp, fp, fn, tn : counts of true and false positives and negatives, of one shape.

    Returns
    -------
    Name of each rate -> array of that shape.
    """
    sensitivity, specificity = divided(tp, tp + fn), divided(tn, tn + fp)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": divided(tp, tp + fp),
        "npv": divided(tn, tn + fn),
        "accuracy": divided(tp + tn, tp + fp + fn + tn),
        "f1": divided(2 * tp, 2 * tp + fp + fn),
        "youden": sensitivity + specificity - 1,
    }


def divided(above: Floats, below: Floats) -> Floats:
    """Return a quotient, NaN where it is over nothing.

    Parameters
    ----------
    above, below : shapes that broadcast.

    Returns
    -------
    The broadcast shape.
    """
    nothing = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), np.nan)
    return np.asarray(np.divide(above, below, out=nothing, where=below > 0))
