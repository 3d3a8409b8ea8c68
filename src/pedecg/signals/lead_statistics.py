"""Mean and spread of each lead, over the training patients and nobody else."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.signals.signal_store import MICROVOLTS_PER_MV, SignalStore


def of_leads(signals: SignalStore, positions: NDArray[np.int64]) -> dict[str, Any]:
    """Return mean and standard deviation of every lead over the records at `positions`.

    Only records that have the lead count for it. Counts are integers and so are their sums: the
    result is exact, whatever the order of the records. Every sample weighs the same; spikes need
    no robust estimator, since preprocessing has bridged what lies beyond ``preprocess.spike_mv``.

    Parameters
    ----------
    positions : shape (n,), records in the signal store.

    Returns
    -------
    ``leads``, ``mean_mv``, ``sd_mv`` (one entry per lead; 0 and 1 for a lead that no record has)
    and ``records`` (how many have it).
    """
    n, total, squares, records = (np.zeros(len(signals.leads), np.int64) for _ in range(4))
    for position in positions:
        has = signals.lead_mask[position]
        counts = signals.counts(position)[has].astype(np.int64)
        n[has] += counts.shape[1]
        total[has] += counts.sum(axis=1)
        squares[has] += np.einsum("ij,ij->i", counts, counts)
        records[has] += 1

    mean = total / np.maximum(n, 1)
    sd = np.sqrt(np.maximum(squares / np.maximum(n, 1) - mean**2, 0))
    return {
        "leads": list(signals.leads),
        "mean_mv": (mean / MICROVOLTS_PER_MV).tolist(),
        "sd_mv": np.where(sd > 0, sd / MICROVOLTS_PER_MV, 1.0).tolist(),
        "records": records.tolist(),
    }
