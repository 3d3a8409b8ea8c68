"""Pacemaker spikes: too short for any heart, from rest and back to rest, in several leads."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pedecg.signals import filters

Array = NDArray[np.float64]
SHORT_S = 0.013  # a running median over this loses a spike
LONG_S = 0.040  # … and over this the steepest R too
MIN_FS_HZ = 200.0  # at 100 Hz one sample of noise has the shape of a spike
LEAST_MV = 0.1  # smaller deflections are noise on any recorder
TIMES_NOISE = 8.0  # over the usual roughness of the lead
LEAST_SHARE = 0.55  # of what happens within LONG_S, done within SHORT_S: a sharp R has under 0.4
BEFORE_S, AFTER_S = (0.024, 0.008), (0.008, 0.016)  # where the lead must be at rest
RESTLESS = 0.25  # of the spike's height: more is a QRS on its way up, or down again
APART_S = 0.010  # nearer tops are one spike
# A rhythm of spikes: so many, so often, and half of the intervals near the usual one, which is
# that of 240 to 30 beats per minute. A shorter interval lies between atrium and ventricle.
FEWEST, LONGEST_PAUSE_S = 3, 4.0
CYCLE_S, NEAR, MOSTLY = (0.25, 2.0), 0.12, 0.5  # s; of the usual interval; share of them
# Fewer spikes, of a pacemaker on demand: each starts a QRS, and none is an electrode's discharge or
# the narrow R of a newborn, which lasts longer in most leads.
ON_DEMAND_S = 10.0  # in which there is one at least
DISCHARGE_MV = 12.0  # no heart, and no lead of a pacemaker's beat on its own, reaches so far
QRS_AFTER_S = 0.016, 0.1  # in which the QRS that it starts is steep
QRS_STEEP = 0.5  # of the steepest 1% of the record
QRS_SHARE = 0.01  # that 1%
SHORT_IN_LEADS = 0.8  # as LEAST_SHARE, in half of the leads: a newborn's R under 0.7
# Replaced on either side of a spike's top: it lasts 2 ms at most, an amplifier smears it to twice.
MARGIN_S, MARGIN_SAMPLES = 0.006, 2


def spikes(signal_mv: NDArray[np.floating], fs_hz: float) -> Array:
    """Return the times of pacemaker spikes, seconds, ascending.

    Half of the leads must show a spike: a crackling electrode is not a pacemaker. The recorder must
    pass 100 Hz or more; behind a 40 Hz filter a spike has the shape of a narrow R.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), before any low-pass filter of ours; NaN counts as 0.
    """
    signal = np.nan_to_num(np.atleast_2d(np.asarray(signal_mv, float)))
    signal = signal[np.ptp(signal, axis=1) > 0]
    if not len(signal) or signal.shape[1] < 2 * LONG_S * fs_hz or fs_hz < MIN_FS_HZ:
        return np.empty(0)
    sharp = _off_median(signal, SHORT_S, fs_hz)
    noise = 1.4826 * np.median(sharp, axis=1, keepdims=True)
    excess = sharp / np.maximum(TIMES_NOISE * noise, LEAST_MV)
    half = max(1, len(excess) // 2)
    together = np.partition(excess, len(excess) - half, axis=0)[-half]
    tops = _tops(together, round(APART_S * fs_hz))
    lead = sharp[:, tops].argmax(axis=0)
    broad = _off_median_at(signal, LONG_S, fs_hz, lead, tops)
    short = sharp[lead, tops] >= LEAST_SHARE * broad
    lead, tops = lead[short], tops[short]
    rest = [_rests(signal[row], top, fs_hz) for row, top in zip(lead, tops, strict=True)]
    return np.asarray(tops[np.array(rest, bool)] / fs_hz)


def _half(length_s: float, fs_hz: float) -> int:
    return max(1, round(length_s * fs_hz / 2))


def _off_median(signal: Array, length_s: float, fs_hz: float) -> Array:
    width = 2 * _half(length_s, fs_hz) + 1
    # Row by row: SciPy's filter of one dimension takes a fifth of the time, for the same medians.
    medians = [ndimage.median_filter(lead, width, mode="nearest") for lead in signal]
    return np.asarray(np.abs(signal - np.stack(medians)))


def _off_median_at(
    signal: Array, length_s: float, fs_hz: float, lead: NDArray[np.int64], at: NDArray[np.int64]
) -> Array:
    """Return single values of `_off_median`, each of a lead at a sample, shape (n,)."""
    half = _half(length_s, fs_hz)
    samples = np.clip(at[:, None] + np.arange(-half, half + 1), 0, signal.shape[1] - 1)
    windows = np.sort(signal[lead[:, None], samples], axis=1)
    return np.asarray(np.abs(signal[lead, at] - windows[:, half]))


def _tops(trace: Array, apart: int) -> NDArray[np.int64]:
    highest = ndimage.maximum_filter1d(trace, 2 * max(apart, 1) + 1)
    return np.flatnonzero((trace == highest) & (trace > 1.0))


def _rests(signal: Array, top: int, fs_hz: float) -> bool:
    """Tell whether a lead is quiet before a spike, and back at that level after it."""
    start, end = (max(top - round(before * fs_hz), 0) for before in BEFORE_S)
    before = signal[start : end + 1]
    low, high = (top + round(after * fs_hz) for after in AFTER_S)
    after = signal[low : high + 1]
    if end <= start or not len(after):
        return False
    level = np.median(before)
    allowed = RESTLESS * abs(signal[top] - level)
    return bool(np.ptp(before) <= allowed and np.abs(after - level).min() <= allowed)


def is_rhythm(times_s: Array, length_s: float) -> bool:
    """Tell whether spikes come as a pacemaker gives them: discharges of an electrode do not.

    Parameters
    ----------
    times_s : as `spikes` returns them.
    length_s : of the record, seconds.
    """
    intervals = np.diff(times_s)
    intervals = intervals[intervals >= CYCLE_S[0]]
    if len(times_s) < max(FEWEST, length_s / LONGEST_PAUSE_S) or len(intervals) < FEWEST - 1:
        return False
    usual = float(np.median(intervals))
    near = np.abs(intervals - usual) <= NEAR * usual
    return bool(usual <= CYCLE_S[1] and near.mean() >= MOSTLY)


def is_on_demand(signal_mv: NDArray[np.floating], fs_hz: float, times_s: Array) -> bool:
    """Tell whether each of a few spikes starts a QRS, as those of a pacemaker on demand do.

    Parameters
    ----------
    signal_mv, times_s : as for `spikes`, and as it returns them.
    """
    signal = np.nan_to_num(np.atleast_2d(np.asarray(signal_mv, float)))
    if not len(times_s) or len(times_s) < np.floor(signal.shape[1] / fs_hz / ON_DEMAND_S):
        return False
    tops = np.rint(times_s * fs_hz).astype(np.int64)
    broad = _off_median(signal, LONG_S, fs_hz)[:, tops]
    short = _off_median(signal, SHORT_S, fs_hz)[:, tops] >= SHORT_IN_LEADS * broad
    slope = np.abs(np.diff(removed(signal, fs_hz, times_s), axis=1)).mean(axis=0)
    steep = QRS_STEEP * np.quantile(slope, 1.0 - QRS_SHARE)
    first, last = (round(after * fs_hz) for after in QRS_AFTER_S)
    starts = [bool((slope[top + first : top + last] >= steep).any()) for top in tops]
    mostly = short.mean(axis=0) >= MOSTLY
    return bool(broad.max() < DISCHARGE_MV and mostly.all() and all(starts))


def of_pacemaker(signal_mv: NDArray[np.floating], fs_hz: float) -> Array | None:
    """Return the times of a pacemaker's spikes, seconds: empty where there is no pacemaker.

    None where the record is too slow to show a spike.

    Parameters
    ----------
    signal_mv : as for `spikes`.
    """
    if fs_hz < MIN_FS_HZ:
        return None
    times_s = spikes(signal_mv, fs_hz)
    length_s = signal_mv.shape[1] / fs_hz
    if is_rhythm(times_s, length_s) or is_on_demand(signal_mv, fs_hz, times_s):
        return times_s
    return times_s[:0]


def removed(signal_mv: NDArray[np.floating], fs_hz: float, times_s: Array) -> Array:
    """Return the signal with a straight line in place of each spike.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), before any filter of ours.
    times_s : shape (n_spikes,), as `spikes` returns them.
    """
    margin = max(round(MARGIN_S * fs_hz), MARGIN_SAMPLES)
    marked = np.zeros(signal_mv.shape[1], bool)
    for top in np.rint(np.asarray(times_s) * fs_hz).astype(np.int64):
        marked[max(top - margin, 0) : top + margin + 1] = True
    return filters.bridge(signal_mv, np.broadcast_to(marked, signal_mv.shape))
