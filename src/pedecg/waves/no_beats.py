"""What a delineator takes for beats and is none: T waves, calibration pulses, steps, triangles."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

Signal = NDArray[np.float64]
GLOBAL = "global"

# A step: the level changes within 16 ms and stays for 36 ms or more, which no QRS does.
STEP_S, SIDE_S = 0.008, (0.012, 0.048)
LEAST_STEP_MV = 0.1  # a smaller change is no calibration pulse and no switched electrode
SHARP = 0.9, 1.5  # of the change of level: the change within the 16 ms; more is a peak
LEAST_SHARE = 0.25  # of the lead's range, 1st to 99th percentile: less is no QRS either
FLAT = 0.18  # of the change, SD of the level on either side
STAYS, STAYS_S = 0.35, 0.075  # of the change is left so long before and after; a QRS is back
SHARE_OF_LEADS = 0.5  # in more leads than this; one electrode's step moves fewer
NEAR_S = 0.05  # a QRS that begins or ends so near to a step is the step
PULSE_S = 0.6  # two steps within this time are the ends of a pulse: what lies between is none
RINGS_S = 0.15  # after a pulse: what the delineator's filter leaves of it
# A QRS is much steeper than the rest of its record; a triangle is equally steep everywhere.
STEEPER = 2.5
SMOOTH_S = 0.012  # a QRS stays steep over it, noise does not
# A T wave taken for a beat follows one, with no P or T between them, and has no T of its own.
T_AFTER_S = 0.15, 0.45
T_SHARE = 0.62  # of the interval from the beat before to the beat after
T_FEWEST, T_SAME_S = 2, 0.06  # such beats, and how far their distance to the beat before differs
T_REGULAR = 0.2  # without them the interval differs from the usual one by no more than this share
P_BEFORE = 0.5  # of the other beats have a P wave; in ventricular tachycardia none has
TWICE_S = 0.12  # two QRS complexes so near to each other are one wave


def remove(waves: pd.DataFrame, signal_mv: NDArray[np.floating[Any]], fs_hz: float) -> pd.DataFrame:
    """Return the waves of heartbeats only, with T waves labelled T.

    Parameters
    ----------
    waves : columns of `tables.WAVES` except record_id; lead ``global`` and others.
    signal_mv : shape (n_leads, n_samples), usable leads, mV.
    fs_hz : samples per second.
    """
    if waves.empty:
        return waves
    signal = np.nan_to_num(np.atleast_2d(np.asarray(signal_mv, np.float64)))
    waves = _without_steps(waves, steps(signal, fs_hz))
    r_s = beats_of(waves)
    if not len(r_s) or not _steep(r_s, signal, fs_hz):
        return waves.iloc[:0]
    return _t_called_t(waves)


def beats_of(waves: pd.DataFrame) -> Signal:
    """Return the R peaks of all leads together, seconds, ascending.

    Returns
    -------
    Shape (n_beats,).
    """
    all_leads = (waves["lead"].to_numpy() == GLOBAL) & (waves["wave"].to_numpy() == "QRS")
    return np.sort(waves["peak_s"].to_numpy(np.float64)[all_leads])


def steps(signal: Signal, fs_hz: float) -> Signal:
    """Return the times at which half of the leads change their level at once, seconds, ascending.

    Parameters
    ----------
    signal : shape (n_leads, n_samples), mV; finite.
    """
    near, far = (max(1, round(s * fs_hz)) for s in SIDE_S)
    edge = max(1, round(STEP_S * fs_hz))
    length = far - near + 1
    n = signal.shape[1]
    late = round(STAYS_S * fs_hz)
    if n < 2 * late + 3:
        return np.empty(0)
    mean = uniform_filter1d(signal, length, axis=1)
    square = uniform_filter1d(signal**2, length, axis=1)
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    middle = np.arange(late, n - late)
    centre = near + length // 2
    before, after = middle - centre, middle + centre
    change = mean[:, after] - mean[:, before]
    stays = np.minimum(
        np.sign(change) * (mean[:, middle + late] - mean[:, before]),
        np.sign(change) * (mean[:, after] - mean[:, middle - late]),
    )
    change = np.abs(change)
    sudden = np.abs(signal[:, middle + edge] - signal[:, middle - edge])
    restless = np.maximum(spread[:, after], spread[:, before])
    low, top = np.percentile(signal, [1, 99], axis=1, keepdims=True)
    stepped = (
        (change > np.maximum(LEAST_STEP_MV, LEAST_SHARE * (top - low)))
        & (sudden > SHARP[0] * change)
        & (sudden < SHARP[1] * change)
        & (restless < FLAT * change)
        & (stays > STAYS * change)
    )
    has_signal = np.ptp(signal, axis=1) > LEAST_STEP_MV
    if not has_signal.any():
        return np.empty(0)
    at = middle[stepped[has_signal].mean(axis=0) > SHARE_OF_LEADS]
    groups = np.split(at, np.flatnonzero(np.diff(at) > far) + 1)
    return np.array([group.mean() for group in groups if len(group)]) / fs_hz


def _without_steps(waves: pd.DataFrame, at_s: Signal) -> pd.DataFrame:
    """Remove QRS complexes that are steps, and P and T that belong to one."""
    if not len(at_s):
        return waves
    onset = waves["onset_s"].fillna(waves["peak_s"]).to_numpy(np.float64)
    offset = waves["offset_s"].fillna(waves["peak_s"]).to_numpy(np.float64)
    holds = _any_within(onset - NEAR_S, offset + NEAR_S, at_s)
    pulses = np.flatnonzero(np.diff(at_s) < PULSE_S)
    for k in pulses:
        holds |= (offset > at_s[k]) & (onset < at_s[k + 1] + RINGS_S)
    is_qrs = (waves["wave"] == "QRS").to_numpy()
    all_leads = (waves["lead"] == GLOBAL).to_numpy() & is_qrs
    peaks = waves["peak_s"].to_numpy(np.float64)
    order = np.argsort(peaks[all_leads], kind="stable")
    r_s, none = peaks[all_leads][order], holds[all_leads][order]
    if not none.any():
        outside: pd.DataFrame = waves[~(holds & is_qrs)]
        return outside
    kind = waves["wave"].to_numpy()
    after = np.searchsorted(r_s, peaks)
    last, following = np.clip(after - 1, 0, None), np.clip(after, None, len(r_s) - 1)
    orphan = ((kind == "T") & (after > 0) & none[last]) | (
        (kind == "P") & (after < len(r_s)) & none[following]
    )
    kept: pd.DataFrame = waves[~(holds | orphan)]
    return kept


def _any_within(first: Signal, last: Signal, at: Signal) -> NDArray[np.bool_]:
    return np.asarray(np.searchsorted(at, last, "right") > np.searchsorted(at, first, "left"))


def _steep(r_s: Signal, signal: Signal, fs_hz: float) -> bool:
    """Return whether the QRS complexes are much steeper than the record is for most of its time."""
    smooth = uniform_filter1d(signal, max(1, round(SMOOTH_S * fs_hz)), axis=1)
    slope = np.sqrt(np.square(np.diff(smooth, axis=1)).sum(axis=0))
    reach = round(NEAR_S * fs_hz)
    at = np.clip(np.rint(r_s * fs_hz).astype(int), 0, len(slope) - 1)
    steepest = [slope[max(a - reach, 0) : a + reach + 1].max() for a in at]
    return bool(np.median(steepest) > STEEPER * np.median(slope))


def _t_called_t(waves: pd.DataFrame) -> pd.DataFrame:
    """Call those QRS complexes T that are the tall and narrow T wave of the beat before."""
    all_leads, kind = waves["lead"].to_numpy() == GLOBAL, waves["wave"].to_numpy()
    times = {name: waves[name].to_numpy(np.float64) for name in ("onset_s", "peak_s", "offset_s")}
    rows = {
        name: np.sort(times["peak_s"][all_leads & (kind == name)]) for name in ("P", "QRS", "T")
    }
    qrs = {name: values[all_leads & (kind == "QRS")] for name, values in times.items()}
    order = np.argsort(qrs["peak_s"], kind="stable")
    on, off = (
        np.where(np.isnan(qrs[end]), qrs["peak_s"], qrs[end])[order]
        for end in ("onset_s", "offset_s")
    )
    false = _t_waves(rows, on, off)
    if not false.any():
        return waves
    false_on, false_off = on[false], off[false]
    is_qrs = (waves["wave"] == "QRS").to_numpy()
    peaks = waves["peak_s"].to_numpy(np.float64)
    k = np.searchsorted(false_on - NEAR_S, peaks, "right") - 1
    within = is_qrs & (k >= 0) & (peaks <= false_off[np.clip(k, 0, None)] + NEAR_S)
    called = waves.copy()
    called.loc[within, "wave"] = "T"
    # Where the delineator found a T at that place too, it stands already.
    twice = np.zeros(len(called), bool)
    for lead in called["lead"].unique():
        at = (called["lead"] == lead).to_numpy()
        t_s = np.sort(peaks[at & (waves["wave"] == "T").to_numpy()])
        here = np.flatnonzero(at & within)
        twice[here] = _any_within(peaks[here] - 2 * NEAR_S, peaks[here] + 2 * NEAR_S, t_s)
    return called[~twice]


def _t_waves(rows: dict[str, Signal], on: Signal, off: Signal) -> NDArray[np.bool_]:
    """Return which QRS complexes are T waves, shape (n_beats,).

    Those within 120 ms after another are the same wave as that one.
    """
    r = rows["QRS"]
    twice = np.append(False, np.diff(r) < TWICE_S)
    single = np.flatnonzero(~twice)
    false = np.zeros(len(r), bool)
    if len(single) > 2:
        apart = rows | {"QRS": r[single]}
        false[single] = _t_of_apart(apart, on[single], off[single])
    if not false.any():
        return false
    return false | (twice & false[np.maximum(np.arange(len(r)) - 1, 0)])


def _t_of_apart(rows: dict[str, Signal], on: Signal, off: Signal) -> NDArray[np.bool_]:
    r = rows["QRS"]
    false = np.zeros(len(r), bool)
    coupling = np.append(np.nan, np.diff(r))
    cycle = np.append(coupling[:-1] + coupling[1:], np.nan)

    def between(first: Signal, last: Signal, kind: str) -> NDArray[np.bool_]:
        return _any_within(first, last, rows[kind])

    near = (coupling > T_AFTER_S[0]) & (coupling < T_AFTER_S[1])
    near &= ~(coupling > T_SHARE * cycle)
    before_off = np.append(-np.inf, off[:-1])
    next_on = np.append(on[1:], np.inf)
    no_p = ~between(before_off, on, "P")
    own_t = between(off + NEAR_S, next_on, "T")
    t_before = between(before_off + NEAR_S, on - NEAR_S, "T")
    candidate = near & no_p & ~own_t & ~t_before
    if candidate.sum() < T_FEWEST:
        return false
    usual = float(np.median(coupling[candidate]))
    same = near & no_p & (np.abs(coupling - usual) < T_SAME_S)
    if candidate.sum() < 0.5 * same.sum():
        return false
    last = -2
    for k in np.flatnonzero(candidate | same).tolist():
        if k - last > 1:  # the beat before a T wave is none itself
            false[k] = True
            last = k
    left = float(np.median(np.diff(r[~false])))
    irregular = np.abs(cycle - left) > T_REGULAR * left
    has_p = (~no_p)[~false]
    if has_p.mean() < P_BEFORE or irregular[false].mean() > 0.5:
        return np.zeros(len(r), bool)
    return false
