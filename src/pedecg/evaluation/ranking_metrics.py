"""AUROC and average precision."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def areas(calls: Floats, hits: Floats, records: Floats, positives: Floats) -> dict[str, Floats]:
    """Return AUROC (ties count half) and AUPRC (step-wise average precision).

    Parameters
    ----------
    calls, hits : shape (n_steps, n_weightings), records and positives up to the end of each step
        of `ranked_cases.Ordered`; every weighting has both classes.
    records, positives : the same within each step.

    Returns
    -------
    Each of shape (n_weightings,).
    """
    ill, everyone = hits[-1], calls[-1]
    some = positives.any(axis=1)
    found, predicted = hits[some], calls[some]
    precision = np.divide(found, predicted, out=np.zeros_like(found), where=predicted > 0)
    alarms_below = np.einsum("sb,sb->b", records - positives, hits - positives / 2)
    return {
        "auroc": alarms_below / (ill * (everyone - ill)),
        "auprc": np.einsum("sb,sb->b", positives[some], precision) / ill,
    }
