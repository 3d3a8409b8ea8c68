"""Leads that the recorder cut off at the end of its range: their peaks are "at least", not heights.

A recorder writes the same end value for as long as the wave lies beyond it. The rounded top of a
whole wave may be flat too, where the recorder's steps are coarse; but if a parabola stays within
one step over a plateau, it falls by at most nine steps at one plateau's length beyond its ends. A
wave that was cut falls by much more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLATEAU_SAMPLES = 3  # at the lead's extreme in a row; a peak that was sampled well has two at most
FEWEST_PLATEAUS = 2  # at exactly the same value: one may be chance, and moves no median beat
FALL_STEPS = 15.0  # of the recorder, at one plateau's length beyond both of its ends
# From the lead's median, mV: a lower plateau is a resting line, a higher one an electrode that came
# off, not a heart.
LEAST_MV, MOST_MV = 0.3, 12.0
# Where recorders end, mV: 16 bits at 10,000 per mV, and the usual ranges of amplifiers. At one of
# these two samples in a row are enough, as a child's R is narrow.
RANGES_MV = (3.2767, 3.28, 5.0, 10.0)
RANGE_TOLERANCE_MV = 0.004  # steps of up to 4 µV end this near to the nominal range
# A lead that exceeds `MOST_MV` so often does so with each beat; fewer are an artefact.
FEWEST_EXCESSES, EXCESSES_PER_S = 3, 0.5
APART_S = 0.2  # two excesses so near are of one beat
_SAME_MV = 1e-6  # rounding of float32: a step of any recorder is larger


@dataclass(frozen=True)
class Clipped:
    """Clipped leads of a record.

    Attributes
    ----------
    highest_mv, lowest_mv : by lead, where it was cut at the top or at the bottom, mV from its
        median.
    """

    highest_mv: dict[str, float]
    lowest_mv: dict[str, float]

    def __bool__(self) -> bool:
        return bool(self.highest_mv or self.lowest_mv)


NOT_CLIPPED = Clipped({}, {})


def clipped(signal_mv: NDArray[np.floating[Any]], leads: Sequence[str]) -> Clipped:
    """Find the leads whose extremes are plateaus.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV, as recorded: filtering rounds plateaus off. NaN
        where there is no value.
    leads : their names.
    """
    highest: dict[str, float] = {}
    lowest: dict[str, float] = {}
    for lead, row in zip(leads, np.asarray(signal_mv, np.float64), strict=True):
        values = row[np.isfinite(row)]
        if len(values) < PLATEAU_SAMPLES:
            continue
        middle = float(np.median(values))
        for sign, found in ((1.0, highest), (-1.0, lowest)):
            if _is_cut(sign * values, sign * middle):
                found[lead] = sign * float((sign * values).max()) - middle
    return Clipped(highest, lowest)


def with_excess(
    found: Clipped, signal_mv: NDArray[np.floating[Any]], leads: Sequence[str], fs_hz: float
) -> Clipped:
    """Add the leads that exceed 12 mV with each beat, as in a file of a wrong unit.

    What exceeds it is bridged as an artefact before measuring; of a wave that is left out so, no
    amplitude is known.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV, as recorded, without pacemaker spikes.
    leads : their names.
    """
    highest, lowest = dict(found.highest_mv), dict(found.lowest_mv)
    for lead, row in zip(leads, np.asarray(signal_mv, np.float64), strict=True):
        known = row[~np.isnan(row)]
        # Where all values lie within 12 mV, none is so far from their median.
        if not np.isfinite(known).any() or known.max() - known.min() < MOST_MV:
            continue
        away = np.nan_to_num(row - np.nanmedian(row))
        for sign, ends in ((1.0, highest), (-1.0, lowest)):
            at = np.flatnonzero(sign * away >= MOST_MV)
            count = 1 + int((np.diff(at) > APART_S * fs_hz).sum()) if len(at) else 0
            if count >= max(FEWEST_EXCESSES, EXCESSES_PER_S * len(row) / fs_hz):
                ends[lead] = sign * MOST_MV
    return Clipped(highest, lowest)


def _is_cut(values: NDArray[np.float64], middle: float) -> bool:
    top = float(values.max())
    if not LEAST_MV <= top - middle < MOST_MV:
        return False
    at_top = np.concatenate([[False], values >= top - _SAME_MV, [False]])
    starts = np.flatnonzero(at_top[1:] & ~at_top[:-1])
    ends = np.flatnonzero(~at_top[1:] & at_top[:-1])  # the first sample after each run
    lengths = ends - starts
    if lengths.max() < PLATEAU_SAMPLES - 1:
        return False
    before = top - values[np.maximum(starts - lengths, 0)]
    after = top - values[np.minimum(ends - 1 + lengths, len(values) - 1)]
    steep = np.minimum(before, after) >= FALL_STEPS * _step(values)
    at_range = min(abs(abs(top) - end) for end in RANGES_MV) <= RANGE_TOLERANCE_MV
    fewest = PLATEAU_SAMPLES - 1 if at_range else PLATEAU_SAMPLES
    return bool(((lengths >= fewest) & steep).sum() >= FEWEST_PLATEAUS)


def _step(values: NDArray[np.float64]) -> float:
    """Return the recorder's step, mV: the smallest change that it writes."""
    changes = np.abs(np.diff(values))
    changes = changes[changes > _SAME_MV]
    return float(changes.min()) if len(changes) else 0.0
