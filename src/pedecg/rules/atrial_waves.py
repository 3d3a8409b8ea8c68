"""Atrial flutter: waves that repeat 195 to 500 times a minute, whatever the ventricles do.

The QRS complexes are bridged, the rest is compared with itself at every delay: flutter repeats
after one atrial cycle and after two, in several leads. P and T of a sinus rhythm do not. The atria
of newborns flutter at around 440 per minute, 340 to 580 (Orphanet, idiopathic neonatal atrial
flutter), faster than those of adults.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.rules.beats import Values
from pedecg.signals import filters

LEADS = ("II", "III", "aVF", "V1", "I", "V2")  # where flutter waves are high
BAND_HZ = 3.0, 12.0  # without most of T, with the edges of a sawtooth
CYCLE_S = 0.12, 0.31  # 195 to 500 per minute
FAST_S = 0.165  # shorter cycles must be certain, see `is_flutter`
LONGEST_S = 30.0  # of a long record its middle; flutter does not change from minute to minute
MARGIN_S = 0.02  # on either side of QRS
CUT = 4.5  # times the median size: what is left of a premature beat is not flutter
MOVED = 0.06  # of the cycle
SLOWER = 0.75  # of the ventricles' interval: the atrial cycle is shorter, or it is conducted 1:1
FEWEST_BEATS = 4  # their T waves must average out
CERTAIN, CLEAR = 0.85, 0.65  # regularity, see `is_flutter`
ALWAYS = 0.9  # regularity from which a P before every QRS may be one more wave of flutter
P_ALWAYS, P_OFTEN = 0.92, 0.85  # share of beats with a P, from which it is a sinus rhythm
MORE_THAN_TWO = 2.4  # atrial waves for each QRS


def flutter(
    beats: pd.DataFrame, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> dict[str, float]:
    """Return how regularly atrial waves repeat, and how often.

    Parameters
    ----------
    beats : `beats.beat_table`.
    leads : usable leads, each of shape (n_samples,), mV.

    Returns
    -------
    flutter_regularity : correlation of the signal between QRS complexes with itself after one and
        after two atrial cycles (the lower of both), in the second best of six leads (of a single
        lead, in that one), 0 to 1. Typical flutter has 0.7 to 0.98, other rhythms 0 to 0.6; two
        equally high waves in every interval of a fast sinus rhythm can reach 0.8.
    atrial_rate_bpm : 60 over that cycle, within 4%; NaN where nothing repeats.
    """
    nothing = {"flutter_regularity": np.nan, "atrial_rate_bpm": np.nan}
    names = [name for name in LEADS if name in leads] or list(leads)[:2]
    if len(beats) < FEWEST_BEATS or not names:
        return nothing
    signal = np.stack([leads[name] for name in names]).astype(np.float64)
    between, bridged = _bridged(beats, signal, fs_hz)
    high = min(BAND_HZ[1], 0.4 * fs_hz)
    waves = filters.zero_phase(
        filters.butterworth(2, (BAND_HZ[0], high), "bandpass", fs_hz), bridged
    )
    first, last = _middle(waves.shape[1], fs_hz)
    waves, between = waves[:, first:last], between[first:last]
    usual = np.median(np.abs(waves), axis=1, keepdims=True)
    waves = np.clip(waves, -CUT * usual, CUT * usual) * between
    rr = np.diff(beats["r_s"].to_numpy())
    found = sorted((_best_cycle(row, between, fs_hz, np.median(rr)) for row in waves), reverse=True)
    regularity, cycle_s = found[min(1, len(found) - 1)]
    if not cycle_s:
        return {"flutter_regularity": 0.0, "atrial_rate_bpm": np.nan}
    return {"flutter_regularity": regularity, "atrial_rate_bpm": 60.0 / cycle_s}


def is_flutter(found: dict[str, float], rate_bpm: float, p_share: float) -> bool:
    """Return whether the atria flutter.

    Certain waves that repeat in every lead, where some beats have no P; still more certain ones,
    where the atria beat more than twice for each QRS, as T and P of a fast rhythm make two waves
    for each QRS; or clear ones, where that holds, few beats have a P, and the atria beat at no
    more than 365 per minute. Beyond that rate the atria must beat more than twice for each QRS:
    half an interval of a supraventricular tachycardia is as short, and T fills it.

    Parameters
    ----------
    found : as `flutter` returns it.
    rate_bpm : of the ventricles.
    p_share : share of beats with a P wave.
    """
    regularity, ratio = found["flutter_regularity"], found["atrial_rate_bpm"] / rate_bpm
    several, slow = ratio > MORE_THAN_TWO, found["atrial_rate_bpm"] * FAST_S <= 60.0
    return bool(
        (regularity >= CERTAIN and p_share < P_ALWAYS and (slow or several))
        or (regularity >= ALWAYS and several)
        or (regularity >= CLEAR and p_share < P_OFTEN and several and slow)
    )


def _bridged(beats: pd.DataFrame, signal: Values, fs_hz: float) -> tuple[NDArray[np.bool_], Values]:
    """Draw a straight line through every QRS; return where there is none, and the signal."""
    r = beats["r_s"].to_numpy()
    on = np.where(beats["qrs_on_s"].notna(), beats["qrs_on_s"], r - 0.05) - MARGIN_S
    off = np.where(beats["qrs_off_s"].notna(), beats["qrs_off_s"], r + 0.06) + MARGIN_S
    between, bridged = np.ones(signal.shape[1], bool), signal.copy()
    last = signal.shape[1] - 1
    for a, b in zip(on, off, strict=True):
        i, j = min(max(0, round(a * fs_hz)), last), min(last, round(b * fs_hz))
        if j > i:
            between[i : j + 1] = False
            share = np.arange(j - i + 1) / (j - i)
            bridged[:, i : j + 1] = signal[:, [i]] * (1 - share) + signal[:, [j]] * share
    return between, bridged


def _middle(n_samples: int, fs_hz: float) -> tuple[int, int]:
    length = min(n_samples, round(LONGEST_S * fs_hz))
    first = (n_samples - length) // 2
    return first, first + length


def _best_cycle(
    wave: Values, between: NDArray[np.bool_], fs_hz: float, rr_s: float
) -> tuple[float, float]:
    """Return the best correlation after one and two cycles, and the cycle, seconds; 0, 0: none."""
    shortest, longest = (round(s * fs_hz) for s in CYCLE_S)
    longest = min(longest, round(SLOWER * rr_s * fs_hz))
    best = (0.0, 0.0)
    like: dict[int, float] = {}

    def correlation(lag: int) -> float:
        if lag not in like:
            both = between[lag:] & between[:-lag]
            a, b = wave[lag:][both], wave[:-lag][both]
            size = float(np.sqrt((a**2).sum() * (b**2).sum()))
            like[lag] = float((a * b).sum()) / size if size > 0 else 0.0
        return like[lag]

    if 2 * longest + round(MOVED * longest) + 2 >= len(wave):
        return best
    for lag in range(shortest, longest + 1):
        one = correlation(lag)
        if one <= best[0] or one < correlation(lag - 1) or one < correlation(lag + 1):
            continue
        two = max(correlation(2 * lag + step) for step in (-1, 0, 1))
        if correlation(lag // 2) < 0 and min(one, two) > best[0]:
            best = (min(one, two), lag)
    if not best[1]:
        return best
    # What is left of QRS and T moves the best delay; after two cycles it shows the rate better.
    lag = int(best[1])
    near = max(1, round(MOVED * lag))
    twice = max(range(2 * lag - near, 2 * lag + near + 1), key=correlation)
    return best[0], 0.5 * twice / fs_hz
