"""Which P waves can be trusted, and P waves that begin too early for the delineator.

In a fast heart the T wave, the foot of QRS and P share one place: what may be either is no P. The
delineator learned few long PR intervals: where it sees no P, a bump that keeps its distance to QRS
up to 500 ms is looked for in the averaged beat.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import find_peaks

from pedecg.rules.beats import Values
from pedecg.signals import filters
from pedecg.signals.wave_foot import foot

LONGEST_PR_S = 0.5  # the longest PR that is measured
SHORTEST_PR_S = 0.06  # nearer to QRS lies the foot of QRS itself
FASTEST_RR_S = 0.26  # beyond 230 bpm P cannot be separated from T
FAST_RR_S, SHORT_P_S = 0.30, 0.045  # beyond 200 bpm a P shorter than this is the foot of QRS
SHARED_RR_S, SHARED = 0.45, 0.5  # in a faster heart than this, half of P within T: T itself
# Where fewer beats than this share have a P, it is looked for in the averaged beat.
FEW_P = 0.6
FEWEST_BEATS = 5  # an average of fewer still shows noise of the size of P
LOOKED_AT = ("II", "I", "V1", "aVF", "V5", "V2")
BAND_HZ = 0.7, 20.0  # without baseline wander and muscle noise; a P wave lies within
AFTER_T_S = 0.02  # P peaks at least so long after the end of T
BEFORE_QRS_S = 0.05  # … and before QRS
STEADY_RR = 0.85, 1.2  # of the median RR: the beats that are averaged
HALF_S = 0.07  # no P lasts longer from its peak
SHARE_OF_QRS, SMALLEST_MV = 0.03, 0.03  # a lower bump of the averaged beat is no P
LIKE, ENOUGH = 0.6, 0.7  # correlation of a beat's P with the averaged one; share of such beats
OVER_NOISE = 1.0  # P of the averaged beat over the SD of single beats at that place
MOVES_S = 0.03  # a P may come so much earlier or later in a single beat


def trusted(beats: pd.DataFrame) -> pd.DataFrame:
    """Return the beats without those P waves that may be T, or the foot of QRS.

    Parameters
    ----------
    beats : `beats.beat_table`.
    """
    r = beats["r_s"].to_numpy()
    if len(r) < 2:
        return beats
    rr = np.append(np.diff(r)[0], np.diff(r))
    p_on, p_off = beats["p_on_s"].to_numpy(), beats["p_off_s"].to_numpy()
    pr, length = beats["qrs_on_s"].to_numpy() - p_on, p_off - p_on
    t_on, t_off = (np.append(np.nan, beats[name].to_numpy()[:-1]) for name in ("t_on_s", "t_off_s"))
    shared = np.fmin(p_off, t_off) - np.fmax(p_on, t_on)
    doubtful = (
        (rr < FASTEST_RR_S)
        | (pr < SHORTEST_PR_S)
        | (pr > LONGEST_PR_S)
        | ((rr < FAST_RR_S) & (length < SHORT_P_S))
        | ((rr < SHARED_RR_S) & np.isfinite(t_on) & (shared > SHARED * length))
    )
    return beats.assign(
        p_on_s=np.where(doubtful, np.nan, p_on), p_off_s=np.where(doubtful, np.nan, p_off)
    )


def share(beats: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which beats have a P wave, of those whose P lies within the record.

    Returns
    -------
    shape (n,): the first beat is left out where it has no P and comes within half a second, or
    within a mean interval, of the record's start.
    """
    has = beats["p_on_s"].notna().to_numpy()
    r = beats["r_s"].to_numpy()
    near = len(r) > 1 and r[0] < max(LONGEST_PR_S, (r[-1] - r[0]) / (len(r) - 1))
    return has[1:] if near and not has[0] else has


def with_long_pr(
    beats: pd.DataFrame, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> pd.DataFrame:
    """Return the beats with P waves between T and QRS that the delineator did not see.

    Only where few beats have a P: then a bump is looked for in the averaged beat, in up to six
    leads, and kept where most single beats show it at the same distance to QRS. Fibrillation has
    no such bump.

    Parameters
    ----------
    beats : `beats.beat_table`, its P waves `trusted`.
    leads : usable leads, each of shape (n_samples,), mV.
    """
    names = [name for name in LOOKED_AT if name in leads] or list(leads)[:1]
    if not names or len(beats) < FEWEST_BEATS or share(beats).mean() >= FEW_P:
        return beats
    if float(np.median(np.diff(beats["r_s"].to_numpy()))) < SHARED_RR_S:
        return beats
    high = min(BAND_HZ[1], 0.4 * fs_hz)
    band = filters.butterworth(2, (BAND_HZ[0], high), "bandpass", fs_hz)
    smooth = filters.zero_phase(band, np.stack([leads[name] for name in names]).astype(np.float64))
    found = _in_averaged_beat(beats, smooth, fs_hz)
    return beats if found is None else found


def _in_averaged_beat(beats: pd.DataFrame, smooth: Values, fs_hz: float) -> pd.DataFrame | None:
    on, off, t_off = (beats[name].to_numpy() for name in ("qrs_on_s", "qrs_off_s", "t_off_s"))
    rr = np.diff(beats["r_s"].to_numpy())
    steady = (rr > STEADY_RR[0] * np.median(rr)) & (rr < STEADY_RR[1] * np.median(rr))
    end_before = np.where(np.isfinite(t_off), t_off, off + 0.5 * (np.nanmedian(rr) - 0.1))[:-1]
    room = on[1:] - end_before
    known = steady & np.isfinite(room) & np.isfinite(on[1:])
    if known.sum() < FEWEST_BEATS - 1:
        return None
    earliest = min(LONGEST_PR_S, float(np.median(room[known])))
    if earliest < BEFORE_QRS_S + AFTER_T_S:
        return None
    reach = np.arange(-round(earliest * fs_hz), 1)
    at = np.rint(on[1:] * fs_hz)
    rows = np.flatnonzero(known) + 1
    rows = rows[at[rows - 1] + reach[0] >= 0]
    if len(rows) < FEWEST_BEATS - 1:
        return None
    samples = at[rows - 1].astype(int)[:, None] + reach
    single = smooth[:, np.minimum(samples, smooth.shape[1] - 1)]  # (leads, beats, times)
    mean = np.median(single, axis=1)
    best = _best_bump(mean, single, smooth, fs_hz)
    if best is None:
        return None
    lead, peak = best
    like, moves = _in_single_beats(single[lead], mean[lead], peak, fs_hz)
    if (like > LIKE).mean() < ENOUGH:
        return None
    first, last = _feet(mean[lead], peak, round(HALF_S * fs_hz))
    seen = rows[like > LIKE]
    begins = (samples[like > LIKE, first] + moves[like > LIKE]) / fs_hz
    filled = beats.copy()
    index = filled.index[seen]
    filled.loc[index, "p_on_s"] = begins
    filled.loc[index, "p_off_s"] = begins + (last - first) / fs_hz
    return filled


def _best_bump(
    mean: Values, single: Values, smooth: Values, fs_hz: float
) -> tuple[int, int] | None:
    """Return lead and place of the bump that stands out most from the noise of single beats."""
    last = mean.shape[1] - round(BEFORE_QRS_S * fs_hz)
    best, best_ratio = None, OVER_NOISE
    for lead, wave in enumerate(mean):
        smallest = max(SMALLEST_MV, SHARE_OF_QRS * float(np.percentile(np.abs(smooth[lead]), 99)))
        for sign in (1.0, -1.0):
            peaks, about = find_peaks(sign * wave, prominence=smallest)
            for peak, prominence in zip(peaks, about["prominences"], strict=True):
                noise = float(np.std(single[lead][:, peak])) + 1e-6
                if peak <= last and prominence / noise > best_ratio:
                    best, best_ratio = (lead, int(peak)), float(prominence) / noise
    return best


def _in_single_beats(
    single: Values, mean: Values, peak: int, fs_hz: float
) -> tuple[Values, NDArray[np.int64]]:
    """Return how like each beat's P is to the averaged one, at its best place, and that place."""
    half, most = round(HALF_S * fs_hz), round(MOVES_S * fs_hz)
    low, high = max(peak - half, most), min(peak + half, len(mean) - 1 - most)
    form = mean[low : high + 1] - mean[low : high + 1].mean()
    best, moved = np.full(len(single), -1.0), np.zeros(len(single), np.int64)
    for move in range(-most, most + 1):
        part = single[:, low + move : high + 1 + move]
        part = part - part.mean(axis=1, keepdims=True)
        size = np.sqrt((part**2).sum(axis=1) * (form**2).sum())
        like = (part * form).sum(axis=1) / np.maximum(size, 1e-9)
        moved[like > best] = move
        best = np.maximum(best, like)
    return best, moved


def _feet(wave: Values, peak: int, reach: int) -> tuple[int, int]:
    """Return where a bump leaves and regains its rest, by the trapezium rule."""
    left, right = wave[max(peak - reach, 0) : peak + 1][::-1], wave[peak : peak + reach + 1]
    sign = 1.0 if wave[peak] > 0.5 * (left[-1] + right[-1]) else -1.0
    return peak - foot(sign * left), peak + foot(sign * right)
