"""Digitised prints: each lead holds a few seconds of the record, one column of leads after another.

A print of 3 x 4 leads has 2.5 s of each; outside its strip a lead has no values, or zeros.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STILL_S = 0.35  # a longer segment without any change holds no ECG
LARGEST_SHARE = 0.6  # of the record: a lead that holds more is a rhythm strip, or whole
SHORTEST_S = 1.5  # a shorter strip of a child may hold one beat or none; columns have 2.5 s
FULL = 0.9  # of its strip a lead must have values
TOGETHER_S = 0.1  # leads of one column begin and end within this
FEWEST_LEADS = 3  # with a strip: fewer may be electrodes that came off


@dataclass(frozen=True)
class Column:
    """Leads that were recorded together: their rows, and the samples from start to stop."""

    rows: tuple[int, ...]
    start: int
    stop: int


def columns(signal_mv: NDArray[np.floating[Any]], fs_hz: float) -> list[Column]:
    """Return the columns of a print in order of time; empty where the record is none.

    Leads that run through the whole record, as a rhythm strip, belong to every column.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV; NaN or a constant where a lead holds nothing.
    """
    n_samples = signal_mv.shape[1]
    spans: dict[int, tuple[int, int]] = {}
    whole: list[int] = []
    for row, lead in enumerate(np.asarray(signal_mv)):
        present = np.flatnonzero(_moves(lead, fs_hz))
        if not len(present):
            continue
        start, stop = int(present[0]), int(present[-1]) + 1
        if len(present) < FULL * (stop - start) or stop - start < SHORTEST_S * fs_hz:
            continue
        if stop - start > LARGEST_SHARE * n_samples:
            whole.append(row)
        else:
            spans[row] = start, stop
    if len(spans) < FEWEST_LEADS:
        return []
    found: list[Column] = []
    for row, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        last = found[-1] if found else None
        if last is not None and max(start - last.start, abs(stop - last.stop)) <= (
            TOGETHER_S * fs_hz
        ):
            found[-1] = Column((*last.rows, row), last.start, min(stop, last.stop))
        else:
            found.append(Column((row,), start, stop))
    return [Column(tuple(sorted((*c.rows, *whole))), c.start, c.stop) for c in found]


def _moves(lead: NDArray[np.floating[Any]], fs_hz: float) -> NDArray[np.bool_]:
    """Mark the samples that have a value and are not part of a long constant segment."""
    finite = np.isfinite(lead)
    same = np.zeros(len(lead), bool)
    same[1:] = (lead[1:] == lead[:-1]) | ~(finite[1:] | finite[:-1])
    starts = np.flatnonzero(~same)
    lengths = np.diff(np.append(starts, len(lead)))
    return np.asarray(finite & np.repeat(lengths < STILL_S * fs_hz, lengths))
