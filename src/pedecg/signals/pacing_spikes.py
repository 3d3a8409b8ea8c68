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
FEWEST, LONGEST_PAUSE_S = 3, 4.0  # spikes of a record, s from one to the next: fewer are not rhythm
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
    sharp, broad = (_off_median(signal, length, fs_hz) for length in (SHORT_S, LONG_S))
    noise = 1.4826 * np.median(sharp, axis=1, keepdims=True)
    excess = sharp / np.maximum(TIMES_NOISE * noise, LEAST_MV)
    half = max(1, len(excess) // 2)
    together = np.sort(excess, axis=0)[-half]
    tops = _tops(together, round(APART_S * fs_hz))
    lead = sharp[:, tops].argmax(axis=0)
    short = sharp[lead, tops] >= LEAST_SHARE * broad[lead, tops]
    rest = [_rests(signal[row], top, fs_hz) for row, top in zip(lead, tops, strict=True)]
    return np.asarray(tops[short & np.array(rest, bool)] / fs_hz)


def _off_median(signal: Array, length_s: float, fs_hz: float) -> Array:
    width = 2 * max(1, round(length_s * fs_hz / 2)) + 1
    return np.asarray(np.abs(signal - ndimage.median_filter(signal, (1, width), mode="nearest")))


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


def is_paced(times_s: Array, length_s: float) -> bool:
    """Tell whether a record's spikes are a pacemaker's: one alone is a disturbance.

    Parameters
    ----------
    times_s : as `spikes` returns them.
    length_s : of the record, seconds.
    """
    return len(times_s) >= max(FEWEST, length_s / LONGEST_PAUSE_S)


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
