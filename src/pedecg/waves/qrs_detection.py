"""QRS complexes from all leads together, from 40 to 300 beats per minute.

Most detectors are made for adults: a refractory time of 300 ms reports half the rate of an infant
above 200 bpm. Here the steepness of all usable leads is combined, beats may follow each other
after 160 ms, and what separates QRS from T is height, not a long wait. Thresholds follow the
record's own height, so noise alone would have beats too: a record whose beats do not stand out of
what lies between them has none.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d
from scipy.signal import find_peaks

from pedecg.signals import filters

Signal = NDArray[np.float64]

QRS_BAND_HZ = (6.0, 40.0)  # P and T waves lie mostly below it, mains hum above
REFINED_HZ = (2.0, 60.0)  # keeps the height of an R peak
REFRACTORY_S = 0.16  # a beat every 200 ms is 300 bpm; premature beats come a little earlier
SMOOTHING_S = 0.06  # about a child's QRS: its two or three slopes melt into one hump
LOCAL_S = 3.0  # the height of a typical QRS is taken over this long
THRESHOLD = 0.35  # of the local height; T waves of children reach about 0.25 in this band
SEARCH_BACK_THRESHOLD = 0.18  # about half of the threshold, as Pan and Tompkins search back
SEARCH_BACK_GAP = 1.6  # a pause longer than this many local RR intervals is searched again
T_WAVE_S = 0.36  # within this time after a beat a much lower hump is its T wave
T_WAVE_HEIGHT = 0.5  # of the QRS before it: a lower hump soon after a beat is T
SHORTEST_S = 1.0  # less holds too few beats to know a QRS from anything else
EDGE_S = 0.05  # a complex cut off by the record's end has no true peak
# Steepness between two QRS over that of the lower one, median of a record: up to 0.15 in the 12
# leads of LUDB (0.48 in its worst single lead); noise 0.86 to 0.94 in 12 leads, from 0.56 in one.
STANDS_OUT = 0.45
QRS_SHARE, QRS_S = 0.3, 0.12  # of an interval, s: a QRS is over by then, a slow wander is not
QRS_REACH_S = 0.06  # the smoothed steepness is highest this near to the R peak
SLOWEST_S = 3.0  # 20 bpm, a ventricle left to itself; a longer silence is not a rhythm
FLAT_MV_PER_S = 0.01  # a QRS of 0.02 mV rises at 1 mV/s; less is what a filter leaves of a step
# Heights are those of a typical segment of 2 s; where the heart pauses for most of the record,
# those of its upper tenth. Then the beats must be alike too: a movement is not a beat.
QUANTILES = (0.5, 0.9)
ALIKE, ALIKE_S = 0.8, 0.06  # correlation of a QRS with the median one; s on either side of R
FEWEST = 3  # beats of a longer record; one or two humps are an electrode's steps


def detect(signal_mv: NDArray[np.floating[Any]], fs_hz: float) -> NDArray[np.int64]:
    """Return the sample of the R peak (largest deflection of all leads) of every beat.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts; usable leads only. One noisy lead among
        several, robust to steps and spikes of tens of millivolts.
    fs_hz : samples per second, at least 100.

    Returns
    -------
    shape (n_beats,), ascending; empty where no lead has any signal, for less than a second and
    where the record shows no `heartbeat`.
    """
    if np.shape(signal_mv)[-1] < SHORTEST_S * fs_hz:
        return np.empty(0, np.int64)
    for quantile in QUANTILES:
        steepness = qrs_steepness(signal_mv, fs_hz, quantile)
        beats = _refine(_hump_peaks(steepness, fs_hz), signal_mv, fs_hz, quantile)
        if heartbeat(beats, steepness, fs_hz) and (
            quantile == QUANTILES[0] or alike(beats, signal_mv, fs_hz)
        ):
            return beats
    return beats[:0]


def alike(beats: NDArray[np.int64], signal_mv: NDArray[np.floating[Any]], fs_hz: float) -> bool:
    """Return whether most beats have one form, in all leads together.

    Parameters
    ----------
    beats : shape (n_beats,), samples of the R peaks.
    signal_mv : shape (n_leads, n_samples).
    """
    leads = np.nan_to_num(np.atleast_2d(np.asarray(signal_mv, np.float64)))
    reach = round(ALIKE_S * fs_hz)
    inside = beats[(beats >= reach) & (beats < leads.shape[1] - reach)]
    if len(inside) < FEWEST:
        return False
    cut = leads[:, inside[:, None] + np.arange(-reach, reach + 1)]
    cut -= cut.mean(axis=2, keepdims=True)
    usual = np.median(cut, axis=1, keepdims=True)
    size = np.sqrt((cut**2).sum(axis=(0, 2)) * (usual**2).sum())
    likeness = (cut * usual).sum(axis=(0, 2)) / np.maximum(size, 1e-12)
    return bool((likeness > ALIKE).mean() > 0.5)


def heartbeat(beats: NDArray[np.int64], steepness: Signal, fs_hz: float) -> bool:
    """Return whether these beats are a heart's and not the peaks of noise, of hum or of a step.

    A heart rests between two QRS complexes: for most of the time from the first beat to the last,
    what lies between two beats is much less steep than both. Noise, hum and wander go on. Time
    counts, not the number of intervals, since a noisy segment is full of short ones.

    Parameters
    ----------
    beats : shape (n_beats,), samples of the R peaks, ascending, from any detector.
    steepness : shape (n_samples,), as `qrs_steepness` returns it.
    """
    if len(beats) < min(FEWEST, len(steepness) // (SLOWEST_S * fs_hz)):
        return False
    if len(beats) < 2:  # a short record with no interval to judge by
        return True
    reach = round(QRS_REACH_S * fs_hz)
    tops = np.array([steepness[max(beat - reach, 0) : beat + reach + 1].max() for beat in beats])
    intervals = np.diff(beats)
    away = np.minimum(QRS_SHARE * intervals, QRS_S * fs_hz).astype(int)
    between = zip(beats[:-1] + away, beats[1:] - away, strict=True)
    rest = np.array([np.median(steepness[start:end]) for start, end in between])
    rests = rest < STANDS_OUT * np.minimum(tops[:-1], tops[1:])
    return bool(intervals[rests].sum() > 0.5 * intervals.sum())


def high(beats: NDArray[np.int64], steepness: Signal, fs_hz: float) -> NDArray[np.int64]:
    """Return those beats that are steep enough for a QRS of this record.

    Parameters
    ----------
    beats : shape (n_beats,), samples of the R peaks.
    steepness : shape (n_samples,), as `qrs_steepness` returns it.
    """
    reach = round(QRS_REACH_S * fs_hz)
    tops = [steepness[max(beat - reach, 0) : beat + reach + 1].max() for beat in beats]
    return np.asarray(beats[np.array(tops, float) > SEARCH_BACK_THRESHOLD])


def qrs_steepness(
    signal_mv: NDArray[np.floating[Any]], fs_hz: float, quantile: float = QUANTILES[0]
) -> Signal:
    """Return how steep all leads are together, smoothed; about 1 at a typical QRS.

    Each lead is divided by its own typical QRS slope and cut at three times that, so that neither
    a spike nor a lead with large amplitude outweighs the others; leads without clear peaks
    (noise, hum) count little.

    Parameters
    ----------
    quantile : of the heights of all segments of 2 s, the typical one.

    Returns
    -------
    shape (n_samples,), zeros where no lead has any signal.
    """
    slopes = np.abs(_slope(_tamed(signal_mv, fs_hz, quantile), fs_hz))
    heights = _typical_height(slopes, fs_hz, quantile)
    alive = heights * fs_hz > FLAT_MV_PER_S
    if not alive.any():
        return np.zeros(slopes.shape[1])
    slopes, heights = slopes[alive], heights[alive]
    weights = np.maximum(heights / (np.median(slopes, axis=1) + 0.02 * heights) - 3.0, 0.05)
    total = (weights[:, None] * np.minimum(slopes / heights[:, None], 3.0)).sum(axis=0)
    smooth = uniform_filter1d(total / weights.sum(), max(1, round(SMOOTHING_S * fs_hz)))
    relative: Signal = smooth / max(float(_typical_height(smooth, fs_hz, quantile)), 1e-12)
    return relative


def magnitude(
    signal_mv: NDArray[np.floating[Any]], fs_hz: float, quantile: float = QUANTILES[0]
) -> Signal:
    """Return the root mean square over leads, each brought to the height of the median lead.

    Equal heights keep one lead with huge amplitude from hiding the others.

    Returns
    -------
    shape (n_samples,), millivolts, >= 0; zeros where no lead has any signal.
    """
    leads = _tamed(signal_mv, fs_hz, quantile)
    heights = _typical_height(np.abs(leads), fs_hz, quantile)
    alive = heights > 0
    if not alive.any():
        return np.zeros(leads.shape[1])
    scaled = leads[alive] / heights[alive, None]
    size: Signal = np.median(heights[alive]) * np.sqrt(np.mean(scaled**2, axis=0))
    return size


def _tamed(
    signal_mv: NDArray[np.floating[Any]], fs_hz: float, quantile: float = QUANTILES[0]
) -> Signal:
    """Remove each lead's offset and cut what is far larger than its usual peaks."""
    leads = np.atleast_2d(np.array(signal_mv, np.float64))
    known = np.isfinite(leads)
    if known.all():
        centred = leads - np.median(leads, axis=1, keepdims=True)
    else:
        leads[~known] = np.nan
        leads[~known.any(axis=1)] = 0.0
        centred = np.nan_to_num(leads - np.nanmedian(leads, axis=1, keepdims=True))
    usual = _typical_height(np.abs(centred), fs_hz, quantile)[:, None]
    tamed: Signal = np.clip(centred, -3 * usual, 3 * usual)
    return tamed


def _slope(leads: Signal, fs_hz: float) -> Signal:
    slope: Signal = np.gradient(filters.zero_phase(_band(*QRS_BAND_HZ, fs_hz), leads), axis=-1)
    return slope


def _band(low_hz: float, high_hz: float, fs_hz: float) -> Signal:
    high_hz = min(high_hz, 0.45 * fs_hz)
    return filters.butterworth(2, (low_hz, high_hz), "bandpass", fs_hz)


def _typical_height(positive: Signal, fs_hz: float, quantile: float = QUANTILES[0]) -> Signal:
    """Return the median height of the peaks in successive segments of 2 s (each holds a beat).

    Another quantile of them where the median is not that of the beats.

    The 99th percentile stands for the peak: a spike of a few samples leaves it alone.

    Returns
    -------
    shape (...,), of positive's (..., n_samples).
    """
    length = round(2.0 * fs_hz)
    n = max(1, positive.shape[-1] // length)
    if positive.shape[-1] % n == 0:  # segments of one length: all at once
        parts = positive.reshape(*positive.shape[:-1], n, -1)
        heights = np.moveaxis(np.percentile(parts, 99, axis=-1), -1, 0)
    else:
        split = np.array_split(positive, n, axis=-1)
        heights = np.stack([np.percentile(part, 99, axis=-1) for part in split])
    if quantile == 0.5:  # to the bit the same median as ever
        return np.asarray(np.median(heights, axis=0))
    return np.asarray(np.quantile(heights, quantile, axis=0))


def _hump_peaks(steepness: Signal, fs_hz: float) -> NDArray[np.int64]:
    """Choose among the humps of the steepness those that are QRS complexes."""
    apart = max(1, round(REFRACTORY_S * fs_hz))
    humps: NDArray[np.int64] = find_peaks(steepness, height=0.05, distance=apart)[0]
    if not len(humps):
        return humps
    heights = steepness[humps]
    relative = heights / _local_height(steepness, fs_hz)[humps]
    chosen = relative > THRESHOLD
    _drop_t_waves(humps, heights, chosen, fs_hz)
    _search_back(humps, relative, chosen, fs_hz)
    beats: NDArray[np.int64] = humps[chosen]
    return beats


def _local_height(steepness: Signal, fs_hz: float) -> Signal:
    """Return the height of the QRS complexes around each sample, one wild second set aside."""
    window = round(fs_hz)
    step = max(1, window // 10)
    maxima = maximum_filter1d(steepness, window)[::step]
    spread = round(LOCAL_S * fs_hz / step) | 1
    smooth = np.asarray(median_filter(maxima, min(spread, len(maxima) | 1), mode="nearest"))
    at = np.minimum(np.arange(len(steepness)) // step, len(smooth) - 1)
    local: Signal = np.maximum(smooth[at], 0.2)
    return local


def _drop_t_waves(
    humps: NDArray[np.int64], heights: Signal, chosen: NDArray[np.bool_], fs_hz: float
) -> None:
    """Unmark (in place) humps soon after a beat and less than half as high."""
    last = -1
    for i in np.flatnonzero(chosen):
        soon = last >= 0 and humps[i] - humps[last] < T_WAVE_S * fs_hz
        if soon and heights[i] < T_WAVE_HEIGHT * heights[last]:
            chosen[i] = False
        else:
            last = int(i)


def _search_back(
    humps: NDArray[np.int64], relative: Signal, chosen: NDArray[np.bool_], fs_hz: float
) -> None:
    """Mark (in place) the highest lower hump in every pause that is too long for the rhythm."""
    beats = np.flatnonzero(chosen)
    if len(beats) < 3:
        return
    intervals = np.diff(humps[beats])
    usual = np.asarray(median_filter(intervals, min(9, len(intervals)), mode="nearest"))
    for before, after, rr in zip(beats[:-1], beats[1:], usual, strict=True):
        if humps[after] - humps[before] <= SEARCH_BACK_GAP * rr:
            continue
        away = max(0.5 * rr, T_WAVE_S * fs_hz)
        between = np.arange(before + 1, after)
        inside = (humps[between] - humps[before] > away) & (humps[after] - humps[between] > away)
        left = between[inside & (relative[between] > SEARCH_BACK_THRESHOLD)]
        if len(left):
            chosen[left[np.argmax(relative[left])]] = True


def _refine(
    beats: NDArray[np.int64], signal_mv: NDArray[np.floating[Any]], fs_hz: float, quantile: float
) -> NDArray[np.int64]:
    """Move each beat to the largest deflection of all leads within its complex."""
    refined = filters.zero_phase(_band(*REFINED_HZ, fs_hz), _tamed(signal_mv, fs_hz, quantile))
    size = magnitude(refined, fs_hz, quantile)
    reach, edge = round(0.05 * fs_hz), round(EDGE_S * fs_hz)
    inside = beats[(beats >= edge) & (beats < len(size) - edge)]
    starts = np.maximum(inside - reach, 0)
    peaks = [a + int(np.argmax(size[a : b + reach])) for a, b in zip(starts, inside, strict=True)]
    return _apart(np.array(peaks, np.int64), round(REFRACTORY_S * fs_hz))


def _apart(peaks: NDArray[np.int64], distance: int) -> NDArray[np.int64]:
    """Keep the first of peaks that have moved too close together."""
    kept: list[int] = []
    for peak in peaks:
        if not kept or peak - kept[-1] >= distance:
            kept.append(int(peak))
    return np.array(kept, np.int64)
