"""P waves that no QRS follows, and P waves without relation to QRS.

The delineator looks for the P wave of each QRS and learned no other. Further P waves are found by
their form: the averaged P is compared with every segment of the signal between QRS complexes, once
as it is and once with the averaged QRS and T taken away, under which a P may hide.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import find_peaks

from pedecg.core import elementary
from pedecg.rules import blocked_p_in_t
from pedecg.rules.beats import Values
from pedecg.signals import filters

Flags = NDArray[np.bool_]

LEADS = ("II", "V1", "I", "aVF", "III", "V2")
BAND_HZ = 0.7, 20.0  # without baseline wander and muscle noise; a P wave lies within
FEWEST_P, FEWEST_BEATS = 3, 4  # fewer tell no relation between P and QRS
LONGEST_S = 120.0  # of a longer record its middle
MARGIN_S = 0.03  # of the averaged P on either side
LIKE = 0.85  # correlation with the averaged P, all leads together
SIZE = 0.5, 1.6  # of the averaged P
VISIBLE_MV = 0.04  # a lower P in every lead cannot be distinguished from noise
APART_S = 0.18  # two P waves are not nearer: 330 per minute
QRS_BEFORE_S, QRS_AFTER_S = 0.02, 0.06  # no P is detected so near to QRS
REST_S = 0.45  # after R, in which the averaged beat is taken away; less in a fast heart
LONGEST_PR_S = 0.5  # a P further before QRS is not conducted
# Complete block: regular P waves, regular QRS complexes, no steady distance between them.
P_REGULAR, QRS_REGULAR, PR_MOVES_S, MORE_P = 0.12, 0.1, 0.05, 1.15
# Dropped beat: the interval is longer than usual, the P without QRS comes after a usual interval.
LONGER, ON_TIME = 1.25, 0.15
MIDDLE, TWO_TO_ONE = 0.04, 0.8  # of the interval: half way; share of the intervals in 2:1 block
THIRD = 2 / 3  # of the interval: the second of two blocked P waves in 3:1 block, the first in T
SLOW_S = 1.0  # longer intervals can hold two blocked P waves
# Wenckebach 3:2 looks like bigeminy, but P waves come on time, one before each QRS and more.
TRAIN, FEWEST_BLOCKED = 0.06, 2  # SD of PP over their mean; blocked P waves
FEWEST_REGULAR = 5  # intervals: of fewer regularity is chance


def conduction(
    beats: pd.DataFrame,
    p_waves: pd.DataFrame,
    early: Flags,
    leads: dict[str, NDArray[np.floating[Any]]],
    fs_hz: float,
) -> dict[str, float]:
    """Return how many P waves have no QRS, and whether P and QRS are dissociated.

    Parameters
    ----------
    beats : `beats.beat_table`.
    p_waves : columns onset_s and offset_s of all P waves of all leads together, in order of time.
    early : shape (n_beats,), True for premature beats: the pause after one is not a block.
    leads : usable leads, each of shape (n_samples,), mV.

    Returns
    -------
    blocked_p_share : share of P waves on time that no QRS follows.
    av_dissociation : 1 where P waves and QRS complexes are regular, P waves are more and their
        distance to the next QRS varies; 0 otherwise.
    wenckebach : 1 where all P waves come at one interval, each QRS has one, and between some QRS
        complexes lies one more: beats that come early are conducted then, not premature. In 2:1
        conduction one more lies between all of them: 0.

    The first two are NaN where too few P waves are seen to know their form.
    """
    nothing = {"blocked_p_share": np.nan, "av_dissociation": np.nan, "wenckebach": 0.0}
    names = [name for name in LEADS if name in leads] or list(leads)[:2]
    known = np.stack(
        [p_waves[name].to_numpy(np.float64) for name in ("onset_s", "offset_s")], axis=1
    )
    known = known[~np.isnan(known).any(axis=1)]
    if len(beats) < FEWEST_BEATS or len(known) < FEWEST_P or not names:
        return nothing
    signal = np.stack([leads[name] for name in names]).astype(np.float64)
    length_s = signal.shape[1] / fs_hz
    start = max(0.0, (length_s - LONGEST_S) / 2)
    high = min(BAND_HZ[1], 0.4 * fs_hz)
    band = filters.butterworth(2, (BAND_HZ[0], high), "bandpass", fs_hz)
    smooth = filters.zero_phase(band, signal)
    inside = (known[:, 0] >= start) & (known[:, 0] < start + LONGEST_S)
    r = beats["r_s"].to_numpy()
    here = (r >= start) & (r < start + LONGEST_S)
    if inside.sum() < FEWEST_P or here.sum() < FEWEST_BEATS:
        return nothing
    at = all_p(beats[here], known[inside], smooth, fs_hz)
    if at is None:
        return nothing
    on = np.where(beats["qrs_on_s"].notna(), beats["qrs_on_s"], r - 0.04)[here]
    found = _relation(at, on, r[here], early[here])
    if found["blocked_p_share"] == 0 and not found["av_dissociation"] and not early.any():
        ends = beats["qrs_off_s"].to_numpy(np.float64)[here]
        if blocked_p_in_t.two_to_one(known[inside], ends, smooth, fs_hz):
            found["blocked_p_share"] = 0.5
    return found


def all_p(beats: pd.DataFrame, known: Values, smooth: Values, fs_hz: float) -> Values | None:
    """Return the onsets of all P waves, seconds, ascending; None where P is too low to be detected.

    Parameters
    ----------
    known : shape (n, 2), onset and offset of P waves, seconds.
    smooth : shape (n_leads, n_samples), mV, low-passed.
    """
    width = round((float(np.median(known[:, 1] - known[:, 0])) + 2 * MARGIN_S) * fs_hz)
    first = np.rint((known[:, 0] - MARGIN_S) * fs_hz).astype(int)
    first = first[(first >= 0) & (first + width < smooth.shape[1])]
    if len(first) < FEWEST_P or width < 4:
        return None
    cut = smooth[:, first[:, None] + np.arange(width)]
    form = _straightened(elementary.median(cut, axis=1))
    if np.ptp(form, axis=1).max() < VISIBLE_MV:
        return None
    blocked = _near_qrs(beats, smooth.shape[1], width, fs_hz)
    rest = _without_beats(beats, smooth, fs_hz)
    found = known[:, 0]
    # T as it is may look like P; only what the averaged T leaves may be a P within it.
    for signal, left_out in (
        (rest, blocked),
        (smooth, blocked | _within_t(beats, width, blocked, fs_hz)),
    ):
        starts = _matches(signal, form, left_out, fs_hz)
        onsets = starts / fs_hz + MARGIN_S
        new = [t for t in onsets if np.abs(found - t).min() > APART_S]
        found = np.sort(np.append(found, new))
    return found


def _straightened(windows: Values) -> Values:
    """Take away the straight line through the ends of each window, (…, n_times)."""
    n = windows.shape[-1]
    edge = max(1, n // 8)
    first, last = windows[..., :edge].mean(axis=-1), windows[..., -edge:].mean(axis=-1)
    straight = windows - first[..., None]
    straight -= (last - first)[..., None] * (np.arange(n) / (n - 1))
    return np.asarray(straight)


def _near_qrs(beats: pd.DataFrame, n: int, width: int, fs_hz: float) -> NDArray[np.bool_]:
    """Say at which samples no window may begin, as it would reach into a QRS, shape (n,)."""
    blocked = np.zeros(n, bool)
    r = beats["r_s"].to_numpy()
    on = np.where(beats["qrs_on_s"].notna(), beats["qrs_on_s"], r - 0.05) - QRS_BEFORE_S
    off = np.where(beats["qrs_off_s"].notna(), beats["qrs_off_s"], r + 0.06) + QRS_AFTER_S
    for a, b in zip(on, off, strict=True):
        blocked[max(0, round(a * fs_hz) - width + round(MARGIN_S * fs_hz)) : round(b * fs_hz)] = (
            True
        )
    blocked[n - width :] = True
    return blocked


def _within_t(
    beats: pd.DataFrame, width: int, blocked: NDArray[np.bool_], fs_hz: float
) -> NDArray[np.bool_]:
    """Say at which samples a window would have its middle within T, shape as `blocked`."""
    within = np.zeros_like(blocked)
    edges = np.stack([beats[name].to_numpy(np.float64) for name in ("t_on_s", "t_off_s")], axis=1)
    edges = edges[~np.isnan(edges).any(axis=1)]
    for first, last in np.rint(edges * fs_hz).astype(int) - width // 2:
        within[max(0, first) : max(0, last)] = True
    return within


def _without_beats(beats: pd.DataFrame, smooth: Values, fs_hz: float) -> Values:
    """Take the averaged QRS and T away from every beat."""
    r = np.rint(beats["r_s"].to_numpy() * fs_hz).astype(int)
    rr = np.diff(r)
    before, after = round(0.06 * fs_hz), round(min(REST_S * fs_hz, 0.6 * np.median(rr)))
    whole = r[(r >= before) & (r + after < smooth.shape[1])]
    if len(whole) < FEWEST_BEATS:
        return smooth
    reach = np.arange(-before, after + 1)
    cut = smooth[:, whole[:, None] + reach]
    level = np.median(cut[:, :, : before // 2 + 1], axis=2, keepdims=True)
    averaged = elementary.median(cut - level, axis=1)
    rest = smooth.copy()
    for peak in whole:
        rest[:, peak + reach] -= averaged
    return rest


def _matches(
    signal: Values, form: Values, blocked: NDArray[np.bool_], fs_hz: float
) -> NDArray[np.int64]:
    """Return where windows begin that look like the averaged P."""
    width = form.shape[1]
    step = max(1, round(0.008 * fs_hz))
    starts: NDArray[np.int64] = np.flatnonzero(~blocked)
    starts = starts[starts % step == 0]
    if not len(starts):
        return starts
    windows = _straightened(signal[:, starts[:, None] + np.arange(width)])
    along = (windows * form[:, None]).sum(axis=(0, 2))
    size = float((form**2).sum())
    norm = np.sqrt((windows**2).sum(axis=(0, 2)) * size)
    like, share = along / np.maximum(norm, 1e-12), along / max(size, 1e-12)
    like[(share < SIZE[0]) | (share > SIZE[1])] = 0.0
    trace = np.zeros(signal.shape[1] // step + 2)
    trace[starts // step + 1] = like
    tops, _ = find_peaks(trace, height=LIKE, distance=max(1, round(APART_S * fs_hz / step)))
    return np.asarray((tops - 1) * step)


def _relation(p_s: Values, qrs_on_s: Values, r_s: Values, early: Flags) -> dict[str, float]:
    """Relate P waves to QRS complexes; see `conduction`."""
    following = np.searchsorted(qrs_on_s, p_s)
    inside = (following > 0) & (following < len(qrs_on_s))
    p_s, following = p_s[inside], following[inside]
    distance = qrs_on_s[following] - p_s
    last = np.append(following[1:] != following[:-1], True)
    conducted = last & (distance <= LONGEST_PR_S)
    n_beats = len(r_s)
    p_of = np.full(n_beats, np.nan)
    p_of[following[conducted]] = p_s[conducted]
    more = np.bincount(following[~conducted], minlength=n_beats)
    extra = int((~conducted).sum())
    if extra >= FEWEST_BLOCKED and more.max() == 1 and _one_train(p_s, p_of):
        two_to_one = more[1:].min() == 1  # a blocked P in every interval: PR is constant
        return {
            "blocked_p_share": extra / len(p_s),
            "av_dissociation": 0.0,
            "wenckebach": float(not two_to_one),
        }
    return {
        "blocked_p_share": _blocked(p_s[~conducted], following[~conducted], p_of, more, r_s, early),
        "av_dissociation": float(_dissociated(p_s, distance[last], r_s)),
        "wenckebach": 0.0,
    }


def _one_train(p_s: Values, p_of: Values) -> bool:
    """Return whether every QRS but the first has its P, and all P waves come at one interval."""
    pp = np.diff(p_s)
    return bool(
        len(pp) >= FEWEST_REGULAR
        and np.isfinite(p_of[1:]).all()
        and np.std(pp) < TRAIN * np.mean(pp)
    )


def _dissociated(p_s: Values, pr_s: Values, r_s: Values) -> bool:
    """Return whether P and QRS are regular, P faster, and their interval is not constant."""
    if len(p_s) < FEWEST_REGULAR or len(r_s) < FEWEST_REGULAR:
        return False
    pp, rr = np.diff(p_s), np.diff(r_s)
    usual = float(np.median(pp))
    pp = pp / np.maximum(np.rint(pp / usual), 1)  # a P within QRS is not seen
    expected = (p_s[-1] - p_s[0]) / usual + 1
    middle = float(np.median(pr_s))
    return bool(
        np.std(pp) < P_REGULAR * usual
        and np.std(rr) < QRS_REGULAR * np.mean(rr)
        and np.median(np.abs(pr_s - middle)) > PR_MOVES_S
        and expected > MORE_P * len(r_s)
    )


def _blocked(
    extra_s: Values, interval: NDArray[np.int64], p_of: Values, more: NDArray[np.int64],
    r_s: Values, early: Flags,
) -> float:  # fmt: skip
    """Return the share of P waves that are blocked: on time for the atria, without a QRS.

    A bump that is no P may look like one; a blocked P also comes when the atria are due, between
    two P waves that are conducted. The interval is longer than those without a blocked P, or all
    intervals hold one, right in their middle (2:1 block) or at two thirds (3:1 block).
    """
    p_before, p_after = p_of[interval - 1], p_of[interval]
    whole = p_after - p_before
    place = (extra_s - p_before) / whole
    rr = np.diff(r_s)
    plain = ~early[1:] & ~early[:-1] & (more[1:] == 0)
    single = (more[interval] == 1) & np.isfinite(whole) & ~early[interval - 1] & ~early[interval]
    halved = single & (np.abs(place - 0.5) < MIDDLE)
    if plain.sum() >= 2:
        usual = float(np.median(rr[plain]))
        longer = rr[interval - 1] > LONGER * usual
        blocked = single & longer & (np.abs(extra_s - p_before - usual) < ON_TIME * usual)
    else:
        third = (more[interval] <= 2) & (np.abs(place - THIRD) < MIDDLE) & (whole > SLOW_S)
        blocked = halved & (halved.sum() >= TWO_TO_ONE * len(rr))
        blocked |= third & (third.sum() >= TWO_TO_ONE * len(rr))
    n_conducted = int(np.isfinite(p_of).sum())
    return float(blocked.sum() / max(blocked.sum() + n_conducted, 1))
