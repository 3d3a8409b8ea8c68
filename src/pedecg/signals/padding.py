"""Padding: what a file holds before and after the recording, one constant value in every lead.

CODE-15% and others fill shorter recordings up to a fixed length with zeros, or repeat the last
value. The heart does not stand still there: nothing was recorded.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.core.records import EcgRecord

SHORTEST_S = 0.35  # even a coarse recorder of a quiet heart writes no longer segment without a step
FEWEST_SAMPLES = 3  # fewer are equal by chance; at rates below 9 Hz SHORTEST_S has fewer


def recorded(signal_mv: NDArray[np.floating[Any]], fs_hz: float) -> slice:
    """Return the samples between the padding at the start and at the end.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV; a segment without values in every lead is padding
        too.
    fs_hz : samples per second.

    Returns
    -------
    The whole record where there is no padding, and where nothing but padding is left.
    """
    n_samples = signal_mv.shape[1]
    whole = slice(0, n_samples)
    if n_samples < 2:
        return whole
    missing = np.isnan(signal_mv)
    left, right = signal_mv[:, :-1], signal_mv[:, 1:]
    still = ((left == right) | (missing[:, :-1] & missing[:, 1:])).all(axis=0)
    moving = np.flatnonzero(~still)
    if not len(moving):
        return whole
    shortest = max(SHORTEST_S * fs_hz, FEWEST_SAMPLES)
    before, after = moving[0] + 1, n_samples - 1 - moving[-1]
    start = int(before) if before >= shortest else 0
    stop = n_samples - int(after) if after >= shortest else n_samples
    return slice(start, stop)


def trimmed(record: EcgRecord) -> EcgRecord:
    """Return a record without its padding; the same object where it has none."""
    kept = recorded(record.signal, record.fs_hz)
    if kept == slice(0, record.signal.shape[1]):
        return record
    return replace(record, signal=np.ascontiguousarray(record.signal[:, kept]))
