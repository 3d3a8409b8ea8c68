"""The rhythm of one record in measures: rate, pauses, premature beats, P waves, flutter, pacing."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.rules import atrial_waves, av_conduction, beat_origin, heart_rhythm, p_waves, pacing
from pedecg.rules.beats import FEWEST_BEATS, Values
from pedecg.rules.measured_value import Reading

COLUMNS = (
    "heart_rate_bpm", "qtc_rate_bpm", "longest_rr_ms", "shortest_rr_ms",
    "rr_sd_ms", "sdnn_ms", "rmssd_ms", "rr_change", "p_share",
    "rr_cv", "rr_p5_to_median", "rr_p95_to_median", "rr_short_share", "rr_turning_points",
    "rr_autocorrelation", "rr_entropy",
    "ectopic_share", "ventricular_ectopic_share", "atrial_ectopic_share", "bigeminy_share",
    "trigeminy_share", "base_rr_cv", "base_rr_change", "flutter", "flutter_regularity",
    "atrial_rate_bpm", "blocked_p_share", "av_dissociation", "paced_share",
    "ventricular_paced_share",
)  # fmt: skip
CYCLES = {2: "bigeminy_share", 3: "trigeminy_share"}
MOSTLY = 0.7  # of the beats
BLOCK_S = 0.25  # window in which a flat signal counts as not recorded
RECORDED = 0.2  # of the usual roughness between beats: padding has less
REGULAR_CHANGE = 0.06  # median change of RR: beyond it a P is not looked for in averaged beats


def rhythm(
    beats: pd.DataFrame,
    all_p: pd.DataFrame,
    leads: dict[str, NDArray[np.floating[Any]]],
    fs_hz: float,
    spikes_s: Values | None = None,
) -> tuple[pd.DataFrame, dict[str, Reading]]:
    """Return the beats to measure, with P waves that can be trusted, and the measures of rhythm.

    Parameters
    ----------
    beats : `beats.beat_table`, at least three beats.
    all_p : columns onset_s and offset_s of all P waves of all leads together, in order of time.
    leads : usable leads, each of shape (n_samples,), mV.
    fs_hz : samples per second.
    spikes_s : times of pacemaker spikes, seconds; None: nothing is known of them.

    Returns
    -------
    The beats of the usual form that are not premature, or all of them where these are fewer than
    three; and one `Reading` for each of `COLUMNS`, and for "wenckebach" as `av_conduction` has it.
    """
    beats, origins = _seen(_apart(beats), leads, fs_hz)
    r_s = beats["r_s"].to_numpy()
    found = beat_origin.shares(r_s, origins)
    found |= atrial_waves.flutter(beats, leads, fs_hz)
    found |= pacing.share(beats, spikes_s)
    trusted = p_waves.trusted(beats)
    flutter = atrial_waves.is_flutter(found, 60.0 / _median_rr(r_s), p_waves.share(trusted).mean())
    if flutter:
        trusted[["p_on_s", "p_off_s"]] = np.nan  # what looks like P are flutter waves
    elif found.get("base_rr_change", np.nan) < REGULAR_CHANGE and not found["paced_share"] > 0:
        trusted = p_waves.with_long_pr(trusted, leads, fs_hz)
    if not flutter:
        found |= av_conduction.conduction(trusted, all_p, origins.premature, leads, fs_hz)
    found["flutter"] = float(flutter)
    # Over whole cycles of bigeminy or trigeminy: 0.4 and 0.8 s by turns are 100 per minute.
    cycle = next((n for n, name in CYCLES.items() if found.get(name, 0.0) > MOSTLY), 1)
    base = origins.usual & ~origins.premature
    if found.get("wenckebach", 0.0) > 0:
        found |= dict.fromkeys(("atrial_ectopic_share", *CYCLES.values()), 0.0)
        found["ectopic_share"] = found["ventricular_ectopic_share"]
    spans = recorded(r_s, leads, fs_hz)
    rates = heart_rhythm.rhythm(r_s, p_waves.share(trusted), spans, cycle)
    valid = rates["heart_rate_bpm"].valid
    measured = trusted[base] if base.sum() >= FEWEST_BEATS else trusted
    return measured, rates | {name: Reading(value, valid=valid) for name, value in found.items()}


def _seen(
    beats: pd.DataFrame, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> tuple[pd.DataFrame, beat_origin.Origins]:
    """Leave out beats without a deflection, if three others are left; return beats and origins."""
    origins = _origins(beats, leads, fs_hz)
    if origins.empty.any() and (~origins.empty).sum() >= FEWEST_BEATS:
        beats = beats[~origins.empty].reset_index(drop=True)
        origins = _origins(beats, leads, fs_hz)
    return beats, origins


def _origins(
    beats: pd.DataFrame, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> beat_origin.Origins:
    qrs_s = (beats["qrs_off_s"] - beats["qrs_on_s"]).to_numpy(np.float64)
    return beat_origin.origins(beats["r_s"].to_numpy(), qrs_s, leads, fs_hz)


def _apart(beats: pd.DataFrame) -> pd.DataFrame:
    """Leave out beats that come sooner after another than any QRS can; three at least are left."""
    r_s = beats["r_s"].to_numpy()
    kept = np.append(True, np.diff(r_s) >= heart_rhythm.IMPOSSIBLE_S)
    return beats[kept].reset_index(drop=True) if kept.sum() >= FEWEST_BEATS else beats


def _median_rr(r_s: Values) -> float:
    return float(np.median(np.diff(r_s)))


def recorded(
    r_s: Values, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> tuple[float, float] | None:
    """Return from when to when a signal was recorded, seconds; zeros around it are padding.

    None where it cannot be determined.

    Parameters
    ----------
    r_s : shape (n_beats,), times of the R peaks, s.
    leads : lead -> signal, shape (n_samples,), mV.
    """
    block = round(BLOCK_S * fs_hz)
    if not leads:
        return None
    signal = np.stack(list(leads.values())).astype(np.float64)
    n = signal.shape[1] // block
    if n < 3 or block < 4:
        return None
    parts = signal[:, : n * block].reshape(len(signal), n, block)
    bend = np.abs(np.diff(parts, 2, axis=2)).mean(axis=2).max(axis=0)
    first, last = (min(int(t / BLOCK_S), n - 1) for t in (r_s[0], r_s[-1]))
    quiet = float(np.percentile(bend[first : last + 1], 10))
    alive = bend > RECORDED * quiet
    start, end = first, last
    while start > 0 and alive[start - 1]:
        start -= 1
    while end < n - 1 and alive[end + 1]:
        end += 1
    return start * BLOCK_S, signal.shape[1] / fs_hz if end == n - 1 else (end + 1) * BLOCK_S
